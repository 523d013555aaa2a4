"""No password and no HA1 is in the memory of any process but registrar-db, however hard one looks."""

import hashlib
import os
import secrets
import subprocess

from lab import sip
from lab.office import Office
from lab.postern import DOMAIN, REALM

COUNT = 1000
FIRST = 30000
FACING = ('sigproxy', 'mediaproxy', 'stunmon')
PAGE = 4096


def memory(pid):
    """All that is readable in a process's memory, without pages of zeros."""
    kept = []
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            first, last = (int(end, 16) for end in span.split('-'))
            if 'r' not in mode or '[v' in line:      # vvar, vsyscall: the kernel's
                continue
            kept.append(b'\n')
            for at in range(first, last, 256 * PAGE):
                mem.seek(at)
                try:
                    part = mem.read(min(256 * PAGE, last - at))
                except OSError:
                    continue
                if part.strip(b'\0'):
                    kept.append(part)
    return b''.join(kept)


def search(office, name, data, texts):
    """Which of the texts are in data, in any case of letters."""
    patterns, path = office.lab.path('patterns'), office.lab.path(name)
    for where, what in ((patterns, b'\n'.join(text.encode() for text in texts)), (path, data)):
        with open(where, 'wb') as file:
            file.write(what + b'\n')
    done = subprocess.run(['grep', '-a', '-o', '-i', '-F', '-f', patterns, path], capture_output=True,
                          env={**os.environ, 'LC_ALL': 'C'}, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.decode('latin-1').split())


def found(office, role, pid, words, hashes):
    """Which words lie in a process's memory as text, and which hashes as digits or bytes."""
    data = memory(pid)
    return (search(office, f'memory-{role}', data, [*words, *hashes])
            | search(office, f'hex-{role}', data.hex().encode(), hashes))


def planted(office, pid):
    """The scanner finds what is put there: the configuration's domain, as text and as bytes."""
    data = memory(pid)
    return (search(office, 'memory', data, [DOMAIN])
            and search(office, 'hex', data.hex().encode(), [DOMAIN.encode().hex()]))


def test_no_secrets():
    words = {FIRST + n: secrets.token_urlsafe(15) for n in range(COUNT)}
    hashes = [make(f'SIP-{number}:{REALM}:{word}'.encode()).hexdigest()
              for number, word in words.items() for make in (hashlib.md5, hashlib.sha256)]
    with Office() as office:
        office.postern.sql(''.join(
            'INSERT INTO subscriber(number, name, username, password, internet) VALUES '
            f"('{number}','S','SIP-{number}','{word}',1);\n" for number, word in words.items()), 30)
        office.postern.in_effect()
        server, pids = (office.lab.office.public, 5070), office.postern.pids()
        with office.lab.homes['A'].phones[0].udp_socket(5062) as sock:
            for number, word in words.items():
                answer = sip.register(sock, server, DOMAIN, number, f'SIP-{number}', word)
                assert answer and sip.status(answer) == 200, f'{number}: {answer and answer.start}'
        last = [f'SIP-{FIRST + COUNT - 1}']
        assert found(office, 'sigproxy', pids['sigproxy'], last, ['0' * 15 + 'f' * 17]) >= set(last), \
            'the scanner does not find what sigproxy has just handled'
        for role in FACING:
            assert planted(office, pids[role]), f'the scanner does not find the domain in {role}'
            got = found(office, role, pids[role], words.values(), hashes)
            print(f'{role}: {len(memory(pids[role])) >> 10} kB searched for {len(words)} passwords and '
                  f'{len(hashes)} HA1s: {len(got)} found')
            assert not got, f'{role} knows {sorted(got)[:3]}'
        got = found(office, 'registrar-db', pids['registrar-db'], words.values(), hashes)
        print(f'registrar-db, for comparison: {len(got)} found')
        assert office.postern.pids() == pids
