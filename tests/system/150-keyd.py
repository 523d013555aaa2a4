"""keyd signs TLS handshakes and nothing else, however it is asked, and comes back when it is killed."""

import os
import struct
import subprocess
import time

from lab import certs
from lab.ipc import Neighbour, frame
from lab.net import Lab
from lab.postern import Postern
from lab.siege import RSS_KB, rss_kb
from lab.wait import until

OK, FORM, BUSY, KEY = range(4)
BURST, EACH_S = 200, 200
HEAD = b' ' * 64 + b'TLS 1.3, server CertificateVerify\0'
KINDS = ('p256', 'p384', 'rsa2048', 'ed25519')
# Scheme: which keys sign with it in TLS 1.2, in TLS 1.3; how openssl checks it.
SCHEMES = {0x0403: ('p256 p384', 'p256', 'sha256'), 0x0503: ('p256 p384', 'p384', 'sha384'),
           0x0603: ('p256 p384', '', 'sha512'), 0x0804: ('rsa2048', 'rsa2048', 'sha256 pss'),
           0x0805: ('rsa2048', 'rsa2048', 'sha384 pss'), 0x0806: ('rsa2048', 'rsa2048', 'sha512 pss'),
           0x0401: ('rsa2048', '', 'sha256'), 0x0501: ('rsa2048', '', 'sha384'), 0x0601: ('rsa2048', '', 'sha512'),
           0x0807: ('ed25519', 'ed25519', ''), 0x0201: ('', '', ''), 0x0203: ('', '', ''), 0xffff: ('', '', '')}


def tls13(size=32):
    """What a server signs in TLS 1.3."""
    return HEAD + os.urandom(size)


def tls12(curve=29, size=32):
    """What a server signs in TLS 1.2."""
    return os.urandom(64) + struct.pack('>BHB', 3, curve, size) + b'\4' + os.urandom(size - 1)


class Keys:
    """A Postern with a key of each kind, and us in sigproxy's place at keyd's door."""

    def __init__(self, kinds=KINDS):
        self.kinds = kinds

    def __enter__(self):
        self.lab = Lab(homes=(), office_phones=0).__enter__()
        self.pairs = [certs.make(self.lab.folder, kind, kind) for kind in self.kinds]
        self.postern = Postern(self.lab.postern_host, self.lab.folder, certs.settings(*self.pairs))
        self.lab.on_close(self.postern.stop)
        self.postern.up()
        until(lambda: 'keyd' in self.postern.pids(), 5, 'keyd runs')
        return self

    def __exit__(self, *_):
        self.lab.close()

    def door(self):
        """Knock as sigproxy; the chains that are told."""
        door = Neighbour(self.postern, 'keyd', 'sigproxy')
        told = [door.hear('KEY_CERT') for _ in self.kinds]
        return door, told

    def status(self):
        """keyd's own figures."""
        return next(p['status'] for p in self.postern.status()['processes'] if p['role'] == 'keyd')

    def verify(self, index, how, tbs, signature):
        """Does openssl accept this signature?"""
        paths = [self.lab.path(name) for name in ('tbs', 'signature', f'public-{index}')]
        for path, data in zip(paths, (tbs, signature)):
            with open(path, 'wb') as file:
                file.write(data)
        if not os.path.exists(paths[2]):
            with open(paths[2], 'wb') as file:
                file.write(certs.openssl('x509', '-in', self.pairs[index][0], '-noout', '-pubkey'))
        digest, pss = (how.split() + [None, None])[:2]
        options = ['-rawin'] + (['-digest', digest] if digest else [])
        if pss:
            options += ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', 'rsa_pss_saltlen:digest']
        done = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', paths[2], '-in', paths[0],
                               '-sigfile', paths[1], *options], capture_output=True)
        return done.returncode == 0


def ask(door, **fields):
    """(refusal, signature)."""
    said = door.ask('SIGN_ASK', **fields)
    assert said['id'] == fields['id'], said
    assert (said['refusal'] == OK) == bool(said['signature']), said
    return said['refusal'], said['signature']


def test_every_key_and_scheme():
    """A right structure is signed with the scheme that fits the key, and openssl accepts the signature."""
    with Keys() as keys:
        door, told = keys.door()
        for index, chain in enumerate(told):
            assert (chain['index'], chain['total']) == (index, len(KINDS)), chain
            assert chain['chain'] == certs.der(keys.pairs[index][0])
        number = good = 0
        for scheme, (in12, in13, how) in SCHEMES.items():
            for index, kind in enumerate(KINDS):
                for kinds, tbs in ((in12, tls12()), (in12, tls12(23, 65)), (in13, tls13()), (in13, tls13(48))):
                    number += 1
                    refusal, signature = ask(door, id=number, index=index, scheme=scheme, tbs=tbs)
                    assert refusal == (OK if kind in kinds.split() else KEY), (hex(scheme), kind, refusal)
                    if refusal == OK:
                        good += 1
                        assert keys.verify(index, how, tbs, signature), (hex(scheme), kind)
        status = keys.status()
        assert status['signed'] == good and status['asked'] == number
        assert status['refused_key'] == number - good
        assert [c['days_left'] in (59, 60) and c['names_domain'] for c in status['certificates']] == [True] * len(KINDS)
        print(f'{number} questions, {good} signatures, all of them right')


def hostile():
    """What a captured sigproxy would like to have signed."""
    right13, right12 = tls13(), tls12(23, 65)
    yield 'a digest', os.urandom(32)
    yield 'one byte', b'a'
    yield 'as much as goes', b' ' * 512
    yield "a client's CertificateVerify", right13.replace(b'server', b'client')
    yield 'a certificate', b'\x30\x82\x01\x00' + os.urandom(256)
    yield "a server's finished", HEAD.replace(b'CertificateVerify', b'Finished') + os.urandom(32)
    yield 'an exported label', b' ' * 64 + b'TLS 1.3, exported authenticator\0' + os.urandom(32)
    for size in (0, 20, 31, 33, 47, 49, 64):
        yield f'a transcript of {size} bytes', HEAD + os.urandom(size)
    for at in range(len(HEAD)):
        yield f'byte {at} of 1.3', right13[:at] + bytes([right13[at] ^ 1]) + right13[at + 1:]
    yield 'finite-field parameters', os.urandom(64) + b'\1\0' + os.urandom(256)
    for curve in (0, 1, 21, 22, 26, 31, 256, 0xff01, 23 + 256):
        yield f'curve {curve}', tls12(curve, 65)
    for curve, size in ((23, 64), (23, 66), (23, 33), (24, 65), (25, 97), (29, 65), (29, 33), (30, 32), (29, 31)):
        yield f'a point of {size} on {curve}', tls12(curve, size)
    yield 'one byte more', right12 + b'\0'
    yield 'one byte less', right12[:-1]
    yield 'a compressed point', right12[:68] + b'\2' + right12[69:]
    yield 'an explicit curve', right12[:64] + b'\1' + right12[65:]


def test_nothing_else_is_signed():
    """Each form wrong in one place, schemes that do not fit, keys that are not there; the door stays open."""
    with Keys(('p256',)) as keys:
        door, _ = keys.door()
        count = 0
        for name, tbs in hostile():
            count += 1
            assert ask(door, id=count, index=0, scheme=0x0403, tbs=tbs) == (FORM, b''), name
        for index in range(1, 8):
            assert ask(door, id=index, index=index, scheme=0x0403, tbs=tls13()) == (KEY, b''), index
        assert ask(door, id=7, index=0, scheme=0x0403, tbs=tls13())[0] == OK
        status = keys.status()
        assert (status['signed'], status['refused_form'], status['refused_key']) == (1, count, 7), status
        assert 'signature-refused' in keys.postern.logs()
        print(f'{count} structures refused')


def test_signatures_are_metered():
    """Asked as fast as it goes: a burst, then 200 a second; the answer to the rest is a refusal at once."""
    with Keys(('p256',)) as keys:
        door, _ = keys.door()
        pid = keys.postern.pids()['keyd']
        before, start = rss_kb(pid), time.monotonic()
        counts = [0] * 4
        for turn in range(40):
            for number in range(250):
                door.say('SIGN_ASK', id=turn * 250 + number, index=0, scheme=0x0403, tbs=tls13())
            for number in range(250):
                said = door.hear('SIGN_SAY')
                assert said['id'] == turn * 250 + number
                counts[said['refusal']] += 1
        seconds = time.monotonic() - start
        print(f'10000 questions in {seconds:.2f} s: {counts[OK]} signed, {counts[BUSY]} refused')
        assert counts[FORM] == counts[KEY] == 0
        assert BURST <= counts[OK] <= BURST + EACH_S * (seconds + 0.1), counts
        # It does not forget by a new connection.
        start = time.monotonic()
        again, _ = keys.door()
        rest = sum(ask(again, id=n, index=0, scheme=0x0403, tbs=tls13())[0] == OK for n in range(200))
        assert rest <= 1 + EACH_S * (time.monotonic() - start + 0.5), rest
        time.sleep(0.5)
        assert ask(again, id=1, index=0, scheme=0x0403, tbs=tls13())[0] == OK
        # A flood whose answers nobody reads fills nothing.
        data = b''.join(frame_of(n) for n in range(2000))
        mute, _ = keys.door()
        mute.sock.settimeout(5)
        try:
            for _ in range(20):
                mute.sock.sendall(data)
        except (TimeoutError, ConnectionError) as error:
            print(f'unread answers: {error}')
        until(lambda: keys.status()['asked'] > 10000, 10, 'keyd answers its admin')
        assert keys.postern.pids()['keyd'] == pid
        assert rss_kb(pid) - before <= RSS_KB


def frame_of(number):
    """A whole question."""
    return frame('SIGN_ASK', {'id': number, 'index': 0, 'scheme': 0x0403, 'tbs': HEAD + bytes(32)})


def test_killed_keyd_is_back():
    """kill -9: the chains are told again, and it signs again."""
    with Keys(('p256', 'rsa2048')) as keys:
        time.sleep(1)                     # runit lets a process that ran a second start at once
        old = keys.postern.kill('keyd')
        start = time.monotonic()
        keys.postern.wait_restarted('keyd', old)
        door, told = keys.door()
        assert ask(door, id=1, index=1, scheme=0x0804, tbs=tls13())[0] == OK
        print(f'keyd signs again {(time.monotonic() - start) * 1000:.0f} ms after kill -9')
        assert len(told) == 2


def test_its_memory():
    """Locked, not dumpable, small."""
    with Keys(('p256', 'rsa2048')) as keys:
        pid = keys.postern.pids()['keyd']
        with open(f'/proc/{pid}/status') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        print(f"locked {status['VmLck'].strip()}, resident {status['VmRSS'].strip()}")
        assert int(status['VmLck'].split()[0]) >= 256
        assert int(status['VmRSS'].split()[0]) < 24 * 1024
        # of a process that is not dumpable all belongs to root
        assert os.stat(f'/proc/{pid}/mem').st_uid == 0
        with open(f'/proc/{pid}/net/unix') as _:
            kinds = [os.readlink(f'/proc/{pid}/fd/{fd}').split(':')[0] for fd in os.listdir(f'/proc/{pid}/fd')]
        assert set(kinds) <= {'socket', 'anon_inode', 'pipe', '/dev/null'}, kinds
