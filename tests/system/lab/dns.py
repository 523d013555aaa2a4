"""A tiny DNS server (RFC 1035, 2782): an A record for each name it knows, which a test may change, and SRV records."""

import struct
import threading

ADDRESS = '203.0.113.53'
PORT = 53
TYPE_A, TYPE_SRV, CLASS_IN = 1, 33, 1
TTL_S = 1


def question(data):
    """Name and type that a query asks for, and where the question ends."""
    labels, at = [], 12
    while size := data[at]:
        labels.append(data[at + 1:at + 1 + size].decode('ascii', 'replace'))
        at += 1 + size
    kind, _ = struct.unpack_from('>HH', data, at + 1)
    return '.'.join(labels).lower(), kind, at + 5


def encoded(name):
    """A name as labels."""
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'


class Dns:
    """Answers on the internet of a laboratory until that ends."""

    def __init__(self, lab, **names):
        """names: the first label of NAME.test -> address."""
        self.names = {f'{label}.test': address for label, address in names.items()}
        self.services = {}          # '_sip._udp.NAME.test' -> [(priority, weight, port, target)]
        self.asked = []
        self.host = lab.public_host('dns', ADDRESS)
        self._sock = self.host.udp_socket(PORT)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        lab.on_close(self.close)

    @property
    def server(self):
        """As baresip's configuration has it."""
        return f'{ADDRESS}:{PORT}'

    def close(self):
        """End it; its thread ends with the next packet, or with the test."""
        self._sock.close()

    def _serve(self):
        while True:
            try:
                data, source = self._sock.recvfrom(4096)
                self._sock.sendto(self._answer(data), source)
            except OSError:
                return
            except (IndexError, struct.error):
                continue

    def _answer(self, data):
        """NOERROR with the records, NOERROR without any for other types, NXDOMAIN for other names."""
        name, kind, end = question(data)
        self.asked.append((name, kind))
        values = []
        if kind == TYPE_A and name in self.names:
            values = [bytes(map(int, self.names[name].split('.')))]
        elif kind == TYPE_SRV:
            values = [struct.pack('>HHH', priority, weight, port) + encoded(target)
                      for priority, weight, port, target in self.services.get(name, ())]
        flags = 0x8580 if name in self.names or name in self.services else 0x8583
        records = b''.join(b'\xc0\x0c' + struct.pack('>HHIH', kind, CLASS_IN, TTL_S, len(value)) + value
                           for value in values)
        return data[:2] + struct.pack('>HHHHH', flags, 1, len(values), 0, 0) + data[12:end] + records
