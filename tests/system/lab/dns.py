"""A tiny DNS server (RFC 1035): one A record for each name it knows, which a test may change."""

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
        """NOERROR with the record, NOERROR without one for other types, NXDOMAIN for other names."""
        name, kind, end = question(data)
        self.asked.append((name, kind))
        if kind == TYPE_SRV and name in self.services:
            return self._answer_service(data, end, self.services[name])
        address = self.names.get(name) if kind == TYPE_A else None
        flags = 0x8580 if name in self.names else 0x8583
        record = b''
        if address:
            record = b'\xc0\x0c' + struct.pack('>HHIH4B', TYPE_A, CLASS_IN, TTL_S, 4, *map(int, address.split('.')))
        return data[:2] + struct.pack('>HHHHH', flags, 1, bool(address), 0, 0) + data[12:end] + record

    @staticmethod
    def _answer_service(data, end, servers):
        """SRV records (RFC 2782)."""
        records = b''
        for priority, weight, port, target in servers:
            name = b''.join(bytes([len(label)]) + label.encode() for label in target.split('.')) + b'\0'
            records += b'\xc0\x0c' + struct.pack('>HHIHHHH', TYPE_SRV, CLASS_IN, TTL_S, 6 + len(name),
                                                  priority, weight, port) + name
        return data[:2] + struct.pack('>HHHHH', 0x8580, 1, len(servers), 0, 0) + data[12:end] + records
