"""codec, sip, core, ipc and base call no system function (design section 5).

Looked up in the built objects: what each needs from elsewhere.
"""

import json
import os
import re
import subprocess

from house import PROGRAMS, write_tree

LAYERS = [('common', 'base'), ('common', 'codec'), ('common', 'ipc'), ('sigproxy', 'sip')] + \
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
NO_MEMORY = {'common/ipc', 'sigproxy/sip', 'common/codec'}
MEMORY = re.compile(r'^(?:malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf|__v?asprintf_chk|free)$')
# The digest contexts are made once, at start.
MEMORY_ALSO = {'common/codec/digest.c'}
# timerq is ours, POSIX timers are timer_create and friends.
OURS = re.compile(r'^timer_is_armed$')


def objects(root, build):
    """{folder: [(source, object file)]} of what the build compiles there."""
    found = {f'{program}/{layer}': [] for program, layer in LAYERS}
    try:
        with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
            commands = json.load(file)
    except FileNotFoundError:
        commands = []
    for command in commands:
        source = os.path.relpath(os.path.join(command['directory'], command['file']), root)
        if os.path.dirname(source) in found:
            found[os.path.dirname(source)].append((source, os.path.join(command['directory'], command['output'])))
    return found


def symbols(path, which):
    """The symbols an object defines, or wants from elsewhere."""
    text = subprocess.run(['nm', which, path], capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in text.splitlines() if line.strip()]


def check(root, build=None):
    """The complaints."""
    build = build or os.environ.get('POSTERN_BUILD', os.path.join(root, 'build'))
    for folder, built in objects(root, build).items():
        if not built:
            yield f'{folder}: nothing of it is built in {build}'
            continue
        own = {name for _, path in built for name in symbols(path, '--defined-only')}
        for source, path in built:
            for symbol in symbols(path, '--undefined-only'):
                if symbol in own:
                    continue
                if symbol.startswith('randombytes') and folder != 'common/base':
                    yield f'{source} asks the kernel for {symbol}'
                elif FORBIDDEN.match(symbol) and not OURS.match(symbol):
                    yield f'{source} calls {symbol}'
                elif folder in NO_MEMORY and MEMORY.match(symbol) and source not in MEMORY_ALSO:
                    yield f'{source} takes memory with {symbol}'


def planted(root):
    """Compile faults; yield (name, what must be complained of)."""
    faults = {
        'common/codec': 'extern long time(long *); long codec(void) { return time(0); }',
        'sigproxy/core': 'extern int uv_run(void *); int core(void *l) { return uv_run(l); }',
        'sigproxy/sip': 'extern void *malloc(unsigned long); void *sip(void) { return malloc(3); }',
        'mediaproxy/core': 'extern long send(int, void *, long, int); long m(void *p) { return send(1, p, 2, 0); }',
        'common/base': 'int send(void); int send(void) { return 1; } int base(void) { return send(); }',
        'common/ipc': 'int ipc(void) { return 1; }', 'registrar-db/core': 'int reg(void) { return 1; }',
        'keyd/core': 'int key(void) { return 1; }',
        'tracer/core': 'int trace(void) { return 1; }',
    }
    build = os.path.join(root, 'build')
    commands = []
    for folder, text in faults.items():
        write_tree(root, {f'{folder}/x.c': text + '\n', f'build/{folder}/x': ''})
        subprocess.run(['cc', '-c', '-fno-builtin', '-o', os.path.join(build, folder, 'x.o'),
                        os.path.join(root, folder, 'x.c')], check=True)
        commands.append({'directory': build, 'file': f'../{folder}/x.c', 'output': f'{folder}/x.o'})
    write_tree(build, {'compile_commands.json': json.dumps(commands)})
    yield 'codec reads the clock', 'common/codec/x.c calls time'
    yield 'core runs a loop', 'sigproxy/core/x.c calls uv_run'
    yield 'the parser takes memory', 'sigproxy/sip/x.c takes memory with malloc'
    yield 'core sends', 'mediaproxy/core/x.c calls send'
    yield 'a folder that is not built', f'stunmon/core: nothing of it is built in {build}'
