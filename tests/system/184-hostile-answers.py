"""Everybody whom stunmon asks is an enemy but one STUN server: resolver, names, the other STUN servers.

The address stays the true one, nothing goes where it must not, and the process lives on.
"""

import ipaddress
import struct
import threading
import time

from lab.capture import Capture
from lab.net import Lab
from lab.postern import Postern
from lab.siege import rss_kb
from lab.stun import COOKIE, XOR_MAPPED_ADDRESS, looks_like
from lab.wait import until
from lab.zone import A, AAAA, SRV, Zone

SECONDS = 16
NAME = 'gate.example.net'
EVIL = ('one.example.net', 'two.example.net')
LIE = '192.0.2.99'
OTHER_ADDRESS, SUCCESS = 0x802c, 0x0101
CNAME = 5
# Where nobody may make us ask: ourselves, loopback, the office, link-local, multicast, nowhere.
INSIDE = ['127.0.0.1', '192.168.10.2', '192.168.10.10', '169.254.169.254', '224.0.0.1', '255.255.255.255', '0.0.0.0',
          '10.0.0.1', '100.64.0.1']


def qname(text):
    """A name in a DNS message."""
    return b''.join(bytes([len(part)]) + part.encode() for part in text.split('.')) + b'\0'


def row(kind, data, ttl=0, owner=b'\xc0\x0c'):
    """One resource record."""
    return owner + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def packed(*addresses):
    """A records of these."""
    return [row(A, ipaddress.ip_address(address).packed) for address in addresses]


def srv(port, target):
    """An SRV record."""
    return row(SRV, struct.pack('>HHH', 0, 0, port) + qname(target))


class HostileZone(Zone):
    """Each question gets forged answers, then the next of its repertory."""

    def __init__(self, host):
        self.given = {}
        super().__init__(host)

    def _serve(self):
        while True:
            try:
                data, source = self._sock.recvfrom(4096)
            except OSError:
                return
            for answer in (*self._forged(data), self._evil(data)):
                try:
                    self._sock.sendto(answer[:4096], source)
                except OSError:
                    pass

    @staticmethod
    def _whole(data, rows, flags=0x8580, identity=None):
        end = data.index(b'\0', 12) + 5
        return (identity or data[:2]) + struct.pack('>HHHHH', flags, 1, len(rows), 0, 0) + data[12:end] + b''.join(rows)

    def _forged(self, data):
        """Another transaction's, another question's, and what is no answer."""
        lie = packed(LIE)
        yield from (self._whole(data, lie, identity=struct.pack('>H', number)) for number in range(0, 65536, 4096))
        yield data[:2] + struct.pack('>HHHHH', 0x8580, 1, 1, 0, 0) + qname('other.example.net') + b'\0\1\0\1' + lie[0]
        yield b''
        yield data[:5]
        yield bytes(512)

    def _repertory(self, data):
        end = data.index(b'\0', 12) + 5
        name = data[12:end - 4]
        kind, = struct.unpack_from('>H', data, end - 4)
        loop = [row(CNAME, name), row(CNAME, b'\xc0\x0c')]
        chain = [row(CNAME, qname(f'c{n + 1}.example.net'), owner=qname(f'c{n}.example.net')) for n in range(60)]
        yield self._whole(data, loop + chain)
        yield self._whole(data, [row(kind, b'\xff' * 3)])
        yield data[:2] + struct.pack('>HHHHH', 0x8580, 1, 65535, 65535, 65535) + data[12:end]
        yield self._whole(data, [row(kind, b'\1\2\3\4', owner=b'\xc0\xff')])
        yield self._whole(data, [row(kind, b'\1\2\3\4', owner=struct.pack('>H', 0xc000 | end))])
        yield self._whole(data, packed(LIE), flags=0x8780)             # truncated
        if kind == SRV:
            yield self._whole(data, [srv(port, 'a.example.net') for port in (0, 25, 53, 1023)])
            yield self._whole(data, [srv(3478, target) for target in ('127.0.0.1', 'localhost', '192.168.10.10')])
            yield self._whole(data, [srv(3478, 'x' * 63 + '.' + 'y' * 63 + '.' + 'z' * 63 + '.' + 'w' * 60)] * 80)
            yield self._whole(data, [srv(40000, 'in.example.net')] * 4)
        elif kind == A:
            yield self._whole(data, packed(*INSIDE))
            yield self._whole(data, [row(A, b'\x7f\0\0\1', ttl) for ttl in (0xffffffff, 0x7fffffff, 0x80000000)])
            yield self._whole(data, packed(*('192.0.2.%d' % n for n in range(1, 220))))
        elif kind == AAAA:
            yield self._whole(data, [row(AAAA, ipaddress.ip_address(text).packed, 0xffffffff)
                                     for text in ('::1', 'fe80::1', '::ffff:127.0.0.1', 'ff02::1', 'fd00::1')])
        yield self._whole(data, [], flags=0x8583)

    def _evil(self, data):
        try:
            every = list(self._repertory(data))
        except (ValueError, struct.error):
            return b''
        key = data[12:]
        self.given[key] = self.given.get(key, -1) + 1
        return every[self.given[key] % len(every)]


class HostileStun:
    """Says a lie and, as its OTHER-ADDRESS, one inner address after the other; and sends what is malformed."""

    def __init__(self, host, port):
        self.answers = 0
        self._sock = host.udp_socket(port)
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _address(kind, ip, port, mask):
        number = int(ipaddress.ip_address(ip)) ^ mask
        return struct.pack('>HHBBHI', kind, 8, 0, 1, port ^ (mask >> 16), number)

    def _all(self, transaction, source):
        """Malformed ones, each with the right transaction; the last one is whole."""
        true = self._address(XOR_MAPPED_ADDRESS, source[0], source[1], COOKIE)
        lie = self._address(XOR_MAPPED_ADDRESS, LIE, source[1], COOKIE)
        inner, port = INSIDE[self.answers % len(INSIDE)], (3478, 25, 5060, 0)[self.answers % 4]
        bodies = [b'', lie[:-1], lie[:2] + b'\xff\xff' + lie[4:], b'\0\1' * 100, lie * 100,
                  struct.pack('>HH', 0x7fff, 0), self._address(XOR_MAPPED_ADDRESS, inner, port, COOKIE),
                  true + self._address(OTHER_ADDRESS, inner, port, 0)]
        for body in bodies[:-1]:
            for size in (len(body), 0xffff, 4):
                yield struct.pack('>HHI', SUCCESS, size, COOKIE) + transaction[:-1] + b'?' + body
        yield struct.pack('>HHI', SUCCESS, len(bodies[-1]), COOKIE) + transaction + bodies[-1]

    def _serve(self):
        while True:
            try:
                data, source = self._sock.recvfrom(2048)
            except OSError:
                return
            if looks_like(data):
                for answer in self._all(data[8:20], source):
                    self._sock.sendto(answer, source)
                self.answers += 1


def stunmon(postern):
    """What it says of itself."""
    return next(p for p in postern.status()['processes'] if p['role'] == 'stunmon')


def destinations(capture, source):
    """Where this host's UDP went."""
    return {p.destination for p in capture.packets() if p.source[0] == source}


def test_resolver_names_and_servers_are_enemies():
    with Lab(office_phones=0) as lab:
        servers = f'{lab.stun.address}:3478, {lab.stun.address}:3479, {", ".join(EVIL)}'
        postern = Postern(lab.postern_host, lab.folder, {
            ('address', 'public'): 'stun', ('address', 'stun'): servers, ('address', 'name'): NAME,
            ('address', 'stun_interval_s'): 5})
        postern.resolver = lab.stun.address
        lab.on_close(postern.stop)
        zone, honest, enemy = HostileZone(lab.stun), Honest(lab.stun, 3478), HostileStun(lab.stun, 3479)
        wire = Capture(lab.postern_host, lab.path('wire.pcap'), 'eth0', 'udp')
        loop = Capture(lab.postern_host, lab.path('lo.pcap'), 'lo', 'udp')
        postern.up()
        postern.wait_public(lab.office.public)
        pid = stunmon(postern)['pid']
        time.sleep(SECONDS / 2)
        before = rss_kb(pid)
        time.sleep(SECONDS / 2)
        until(lambda: len([k for k in zone.given if zone.given[k] > 2]) > 2, 20, 'the repertory was given')
        said = stunmon(postern)
        assert said['pid'] == pid, 'stunmon died'
        assert said['status']['public'] == lab.office.public and said['status']['public_state'] == 'known', said['status']
        assert [line['address'] for line in said['status']['history'] if line['address']] == [lab.office.public], said
        assert rss_kb(pid) - before < 300, f'{before} kB, then {rss_kb(pid)}'
        went = destinations(wire, postern.host.address)
        print(f'{sum(zone.given.values())} answers of DNS, {enemy.answers} of STUN, {honest.asked} honest ones; '
              f'{len(went)} destinations')
        assert enemy.answers > 2, enemy.answers
        went.discard((lab.office.public, 5070))        # does the router turn it back?
        bad = {d for d in went if d[0] in INSIDE or (d[1] < 1024 and d[1] != 53) or d[0] == lab.office.public}
        assert not bad, bad
        assert not loop.packets(), loop.packets()
        assert LIE not in {d[0] for d in went}


class Honest(HostileStun):
    """Says the truth and nothing else."""

    @property
    def asked(self):
        """So often."""
        return self.answers

    def _all(self, transaction, source):
        body = self._address(XOR_MAPPED_ADDRESS, source[0], source[1], COOKIE)
        yield struct.pack('>HHI', SUCCESS, len(body), COOKIE) + transaction + body
