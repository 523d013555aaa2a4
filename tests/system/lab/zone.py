"""A DNS server with one table, in the test's own process: A, AAAA and SRV (RFC 1035, 2782)."""

import ipaddress
import struct
import threading

A, AAAA, SRV = 1, 28, 33
NAME_ERROR, SERVER_FAILURE = 3, 2
PORT = 53


def _name(text):
    return b''.join(bytes([len(part)]) + part.encode() for part in text.strip('.').split('.') if part) + b'\0'


def _question(data):
    """The asked name, its type and where the question ends."""
    at, parts = 12, []
    while data[at]:
        parts.append(data[at + 1:at + 1 + data[at]].decode('latin-1').lower())
        at += 1 + data[at]
    kind, = struct.unpack_from('>H', data, at + 1)
    return '.'.join(parts), kind, at + 5


def _record(kind, value):
    if kind == SRV:
        priority, weight, port, target = value
        return struct.pack('>HHH', priority, weight, port) + _name(target)
    return ipaddress.ip_address(value).packed


class Zone:
    """table: {(name, type): [values]}; may be changed at any time. A name in no row is NXDOMAIN."""

    def __init__(self, host, ttl=5):
        self.address = host.address
        self.table = {}
        self.ttl = ttl
        self.failing = False
        self._sock = host.udp_socket(PORT)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        """Stop answering, for good."""
        self._sock.close()

    def _serve(self):
        while True:
            try:
                data, source = self._sock.recvfrom(4096)
            except OSError:
                return
            try:
                self._sock.sendto(self._answer(data), source)
            except (IndexError, struct.error, OSError):
                continue

    def _answer(self, data):
        name, kind, end = _question(data)
        values = self.table.get((name, kind), [])
        code = 0
        if self.failing:
            code, values = SERVER_FAILURE, []
        elif not any(known == name for known, _ in self.table):
            code = NAME_ERROR
        head = data[:2] + struct.pack('>HHHHH', 0x8580 | code, 1, len(values), 0, 0)
        rows = b''.join(b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, self.ttl, len(record)) + record
                        for record in (_record(kind, value) for value in values))
        return head + data[12:end] + rows
