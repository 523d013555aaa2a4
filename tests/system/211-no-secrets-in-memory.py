"""No password and no HA1 is in the memory of any process but registrar-db, and no TLS key in any but keyd; nor keys of sound after it."""

import base64
import hashlib
import os
import re
import secrets
import subprocess
import time

from lab import certs, sip
from lab.attack import Pair, Phone
from lab.ipc import Neighbour
from lab.net import POSTERN_ADDRESS
from lab.office import Office
from lab.postern import DOMAIN, REALM, program

DEADLINE = 120

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


# ---- keys of sound ----------------------------------------------------------

TRANSACTIONS_S = 33         # RFC 3261's timers: a message is kept so long to be repeated


def sound_keys(pids, keys):
    """{role: which keys lie in its memory, as SDP has them or as bytes}."""
    texts = {f'{name} as {how}': text for name, key in keys.items()
             for how, text in (('text', base64.b64encode(key)[:20]), ('bytes', key[:16]))}
    data = {role: memory(pid) for role, pid in pids.items()}
    return {role: {name for name, text in texts.items() if text in data[role]} for role in data}


def plain_call(pair):
    """A call of another key: what the first one left in buffers that are used again is overwritten."""
    pair.reach('talk')
    pair.home.again(pair.desk)
    pair.leave('talk')


def test_keys_of_sound():
    """Those of a call that is over are in the memory of nobody who faces the network."""
    with Office() as office:
        office.postern.sql("UPDATE subscriber SET srtp = 'required' WHERE number = '201';\n")
        office.postern.in_effect()
        lab = office.lab
        home = Phone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, lab.homes['A'].public, True)
        desk = Phone(lab.office.phones[0], (lab.postern_host.address, 5060), 168)
        for phone in (home, desk):
            lab.on_close(lambda phone=phone: phone.__exit__())
            phone.register()
        pair = Pair(('SRTP', 'strict'), home, desk)
        pair.reach('talk')
        home.again(desk)
        keys = {'its key': home.mine.key, 'ours': home.theirs.key}
        got = sound_keys(office.postern.pids(), keys)
        print(f'during the call: {got}')
        assert all(any(word in name for word in keys for name in got[role]) for role in ('sigproxy', 'mediaproxy')), got
        pair.leave('talk')
        plain_call(pair)
        time.sleep(TRANSACTIONS_S)
        got = sound_keys(office.postern.pids(), keys)
        print(f'after it: {got}')
        # registrar-db kept them for sigproxy's next life, beside what is far more secret
        assert not any(names for role, names in got.items() if role != 'registrar-db'), got


# ---- TLS keys --------------------------------------------------------------

def private_numbers(key):
    """{name: bytes} of what is secret in a key file: the numbers, as openssl tells them."""
    text = certs.openssl('pkey', '-in', key, '-noout', '-text').decode()
    numbers = {}
    for name, body in re.findall(r'^(priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient):\s*\n'
                                 r'((?:    [0-9a-f:]+\n)+)', text, re.M):
        numbers[name] = bytes.fromhex(re.sub(r'[\s:]', '', body)).lstrip(b'\0')
    return numbers


def traces(data, numbers):
    """The names of what lies in data: any half of a number, in either order of bytes."""
    halves = [(name, half) for name, number in numbers.items()
              for half in (number[:len(number) // 2], number[len(number) // 2:])]
    return {name for name, half in halves if half in data or half[::-1] in data}


def leftovers(data, key, numbers):
    """What is left of the file: a line of its text, and of numbers that OpenSSL keeps turned round (all but Ed25519)."""
    with open(key, 'rb') as file:
        text = max(file.read().split(b'-----')[2].split()[:2], key=len)[24:]
    return [name for name, number in numbers.items() if len(numbers) > 1 and number in data] + [text] * (text in data)


def signed(office):
    """How many signatures keyd has made."""
    return next(p['status']['signed'] for p in office.postern.status()['processes'] if p['role'] == 'keyd')


def test_no_tls_key():
    """Where the private numbers lie, after start, after handshakes, and after keyd was restarted."""
    with Office(homes=(), settings=certs.plain()) as office:
        folder = office.lab.folder
        pairs = [certs.make(folder, kind, kind) for kind in ('p256', 'rsa2048', 'ed25519')]
        office.postern.settings.update(certs.settings(*pairs))
        office.postern.write_config()
        done = office.lab.postern_host.run([program(), 'reload', '--state', office.postern.state], timeout=15)
        assert 'new handshakes' in done.stdout, done.stderr
        numbers = {key: private_numbers(key) for _, key in pairs}
        assert [len(n) for n in numbers.values()] == [1, 6, 1], numbers
        with Neighbour(office.postern, 'keyd', 'sigproxy') as door:
            tbs = b' ' * 64 + b'TLS 1.3, server CertificateVerify\0' + bytes(32)
            for index, scheme in enumerate((0x0403, 0x0804, 0x0807)):
                assert door.ask('SIGN_ASK', id=1, index=index, scheme=scheme, tbs=tbs)['refusal'] == 0
        before = signed(office)
        for version in ('-tls1_2', '-tls1_3'):
            office.lab.office.phones[0].run(['openssl', 's_client', '-connect', f'{POSTERN_ADDRESS}:5062', version],
                                            input='', check=False, timeout=10)
        assert signed(office) == before + 2, 'no handshake'
        pids = office.postern.pids()
        seen = memory(pids['keyd'])
        for key, secret in numbers.items():
            assert traces(seen, secret), f'the scanner does not find {key} in keyd'
            assert not leftovers(seen, key, secret), f'keyd keeps {leftovers(seen, key, secret)} of {key}'
        for role in (*FACING, 'registrar-db'):
            data = memory(pids[role])
            for key, secret in numbers.items():
                assert not traces(data, secret), f'{role} knows {traces(data, secret)} of {key}'
            print(f'{role}: {len(data) >> 10} kB searched for {len(numbers)} keys: none found')
