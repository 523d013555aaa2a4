"""codec, sip, core, ipc and base call no system function (design section 5).

Looked up in the built libraries: what their objects need from elsewhere.
"""

import os
import re
import subprocess

from house import PROGRAMS, write_tree

LIBRARIES = [('common', 'base'), ('common', 'codec'), ('common', 'ipc'), ('sigproxy', 'sip')] + \
    [(program, 'core') for program in PROGRAMS if program != 'postern']
FORBIDDEN = re.compile(r'''^(?:
    uv_\w+ | sqlite3_\w+ | SSL_\w+ | BIO_\w+ | ares_\w+ | seccomp_\w+ | log_\w+ | door_\w+ | doors_\w+ | clock_\w+ |
    socket | socketpair | bind | connect | listen | accept4? | shutdown | [gs]etsockopt |
    (?:send|recv)(?:msg|mmsg|to|from)? | open(?:at|at2)?(?:64)? | creat(?:64)? | p?readv?(?:64)? | p?writev?(?:64)? |
    close | ioctl | fcntl(?:64)? | f?stat(?:64)? | unlink(?:at)? | rename | mmap(?:64)? | poll | select | epoll_\w+ |
    time | gettimeofday | ftime | clock | localtime(?:_r)? | gmtime(?:_r)? | mktime | strftime | sleep | usleep |
    nanosleep | alarm | timer_\w+ | getenv | secure_getenv | setenv | random | srandom | rand | srand | [dlm]rand48 |
    getrandom | getentropy | fork | vfork | exec\w+ | system | popen | kill | raise | signal | sigaction | exit | _exit |
    abort | atexit | pthread_\w+ | thrd_\w+ | dlopen | getaddrinfo | gethostby\w+ | getpw\w+ | getuid | getpid |
    fopen(?:64)? | fdopen | fread | fwrite | fputs | fputc | fprintf | v?printf | puts | putchar | perror | syslog |
    __(?:v?f?printf|fread|read|recv|recvfrom|poll|open\w*)_chk | stdout | stderr | stdin | setlocale | strtok
    )$''', re.X)
# Memory is taken where tables are made; parsers and messages take none.
NO_MEMORY = {('common', 'ipc'), ('sigproxy', 'sip'), ('common', 'codec')}
MEMORY = re.compile(r'^(?:malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf|__v?asprintf_chk|free)$')
# The digest contexts are made once, at start.
MEMORY_ALSO = {'digest.c.o'}
# timerq is ours, POSIX timers are timer_create and friends.
OURS = re.compile(r'^timer_is_armed$')


def libraries(build):
    """Yield (folder, path of the built library)."""
    for program, layer in LIBRARIES:
        folder = os.path.join(build, program, layer)
        names = [n for n in os.listdir(folder) if n.endswith('.a')] if os.path.isdir(folder) else []
        if not names:
            yield (program, layer), None
        for name in names:
            yield (program, layer), os.path.join(folder, name)


def undefined(library):
    """Yield (object, symbol) that the library wants from elsewhere."""
    text = subprocess.run(['nm', '--undefined-only', library], capture_output=True, text=True, check=True).stdout
    member, wanted = '?', []
    for line in text.splitlines():
        if line.endswith(':'):
            member = line[:-1]
        elif line.strip().startswith('U '):
            wanted.append((member, line.split()[-1]))
    defined = subprocess.run(['nm', '--defined-only', library], capture_output=True, text=True, check=True).stdout
    own = {line.split()[-1] for line in defined.splitlines() if len(line.split()) == 3}
    return [(member, symbol) for member, symbol in wanted if symbol not in own]


def check(root, build=None):
    """The complaints."""
    build = build or os.environ.get('POSTERN_BUILD', os.path.join(root, 'build'))
    for (program, layer), library in libraries(build):
        if library is None:
            yield f'{program}/{layer}: no library in {build}'
            continue
        for member, symbol in undefined(library):
            if FORBIDDEN.match(symbol) and not OURS.match(symbol):
                yield f'{program}/{layer}: {member} calls {symbol}'
            elif (program, layer) in NO_MEMORY and MEMORY.match(symbol) and member not in MEMORY_ALSO:
                yield f'{program}/{layer}: {member} takes memory with {symbol}'


def planted(root):
    """Compile faults into libraries; yield (name, what must be complained of)."""
    faults = {
        'common/codec': 'extern long time(long *); long codec(void) { return time(0); }',
        'sigproxy/core': 'extern int uv_run(void *); int core(void *l) { return uv_run(l); }',
        'sigproxy/sip': 'extern void *malloc(unsigned long); void *sip(void) { return malloc(3); }',
        'mediaproxy/core': 'extern long send(int, void *, long, int); long m(void *p) { return send(1, p, 2, 0); }',
        'common/base': 'int base(void) { return 1; }', 'common/ipc': 'int ipc(void) { return 1; }',
        'stunmon/core': 'int stun(void) { return 1; }', 'registrar-db/core': 'int reg(void) { return 1; }',
    }
    build = os.path.join(root, 'build')
    for folder, text in faults.items():
        write_tree(build, {f'{folder}/x.c': text + '\n'})
        at = os.path.join(build, folder)
        subprocess.run(['cc', '-c', '-fno-builtin', '-o', 'x.c.o', 'x.c'], cwd=at, check=True)
        subprocess.run(['ar', 'rc', 'libx.a', 'x.c.o'], cwd=at, check=True)
    yield 'codec reads the clock', 'common/codec: x.c.o calls time'
    yield 'core runs a loop', 'sigproxy/core: x.c.o calls uv_run'
    yield 'the parser takes memory', 'sigproxy/sip: x.c.o takes memory with malloc'
    yield 'core sends', 'mediaproxy/core: x.c.o calls send'
