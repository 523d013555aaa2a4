"""STUN: messages (RFC 8489, as far as the tests read them) and a real server (coturn)."""

import heapq
import hmac
import select
import socket
import struct
import threading
import time
import zlib
from collections import namedtuple

from .wait import until

Stun = namedtuple('Stun', 'type transaction attributes')

COOKIE = 0x2112a442
BINDING_REQUEST = 0x0001
SOFTWARE, XOR_MAPPED_ADDRESS = 0x8022, 0x0020
PORT = 3478


def looks_like(data):
    """RFC 7983 first byte 0-3, and the magic cookie."""
    return len(data) >= 20 and data[0] < 4 and struct.unpack_from('>I', data, 4)[0] == COOKIE


def parse(data):
    """Split one message; attributes by type."""
    kind, length = struct.unpack_from('>HH', data)
    attributes, at = {}, 20
    while at + 4 <= min(20 + length, len(data)):
        name, size = struct.unpack_from('>HH', data, at)
        attributes[name] = data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return Stun(kind, data[8:20], attributes)


def mapped(message):
    """The (ip, port) of XOR-MAPPED-ADDRESS, IPv4."""
    _, family, port, address = struct.unpack('>BBHI', message.attributes[XOR_MAPPED_ADDRESS])
    return socket.inet_ntoa(struct.pack('>I', address ^ COOKIE)), port ^ (COOKIE >> 16)


def request(sock, server, transaction=b'lab-lab-lab-'):
    """Ask server from sock for its mapping; None when no answer comes within the socket's timeout."""
    sock.sendto(struct.pack('>HHI', BINDING_REQUEST, 0, COOKIE) + transaction, server)
    try:
        return mapped(parse(sock.recvfrom(2048)[0]))
    except TimeoutError:
        return None


def check(ufrag, password, theirs='labs', nominate=False, more=b'', transaction=b'check-check-'):
    """A connectivity check (RFC 8445 7.2) to who has this ufrag and password."""
    def attribute(kind, value):
        return struct.pack('>HH', kind, len(value)) + value + bytes(-len(value) % 4)

    body = attribute(0x0006, f'{ufrag}:{theirs}'.encode()) + attribute(0x0024, struct.pack('>I', 1862270975))
    body += attribute(0x802a, b'tiebreak') + (attribute(0x0025, b'') if nominate else b'') + more

    def head(size):
        return struct.pack('>HHI', BINDING_REQUEST, size, COOKIE) + transaction

    body += attribute(0x0008, hmac.digest(password.encode(), head(len(body) + 24) + body, 'sha1'))
    crc = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554e
    return head(len(body) + 8) + body + attribute(0x8028, struct.pack('>I', crc))


SECOND_ADDRESS = '203.0.113.201'


def start_behaviour_server(lab):
    """The same with a second address and port, which it tells as OTHER-ADDRESS (RFC 5780)."""
    lab.second_stun_address(SECOND_ADDRESS)
    return start_server(lab, '--listening-ip', SECOND_ADDRESS, '--alt-listening-port', str(PORT + 1))


def start_server(lab, *more):
    """Run coturn, STUN only, on the laboratory's stun host; return (address, port)."""
    host = lab.stun
    with open(lab.path('stun.log'), 'wb') as log:
        host.spawn(['turnserver', '--stun-only', '-n', '--no-cli', '--no-tls', '--no-dtls',
                    '--listening-ip', host.address, '--listening-port', str(PORT),
                    '--log-file', 'stdout', '--simple-log', '--pidfile', lab.path('stun.pid'),
                    '--userdb', lab.path('stun.db'), *more],
                   stdout=log, stderr=log)
    server = (host.address, PORT)
    with host.udp_socket() as sock:
        sock.settimeout(0.1)
        until(lambda: request(sock, server), 10, 'coturn answers')
    return server


class SlowServer:
    """A STUN server that answers after `delay` seconds, or (None) not at all; it may change at any time."""

    def __init__(self, lab, delay=0.0):
        self.delay, self._late, self._over = delay, [], False
        self.asked = 0
        self._sock = lab.stun.udp_socket(PORT)
        self.address = self._sock.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        lab.on_close(self.stop)

    def stop(self):
        """End it."""
        self._over = True
        self._thread.join()
        self._sock.close()

    def _serve(self):
        while not self._over:
            left = self._late[0][0] - time.monotonic() if self._late else 0.1
            if select.select([self._sock], [], [], max(0, min(left, 0.1)))[0]:
                self._take(*self._sock.recvfrom(2048))
            while self._late and self._late[0][0] <= time.monotonic():
                self._sock.sendto(*heapq.heappop(self._late)[1:])

    def _take(self, data, source):
        if not looks_like(data) or parse(data).type != BINDING_REQUEST:
            return
        self.asked += 1
        if self.delay is not None:
            heapq.heappush(self._late, (time.monotonic() + self.delay, answer(data, source), source))


def answer(data, source):
    """The success response to a Binding Request that came from source."""
    address = struct.unpack('>I', socket.inet_aton(source[0]))[0] ^ COOKIE
    value = struct.pack('>BBHI', 0, 1, source[1] ^ (COOKIE >> 16), address)
    return struct.pack('>HHI', 0x0101, 4 + len(value), COOKIE) + data[8:20] \
        + struct.pack('>HH', XOR_MAPPED_ADDRESS, len(value)) + value
