"""Datagrams with a source that is not the sender's."""

import socket
import struct


def packet(source, destination, payload):
    """A whole IPv4 UDP packet (the kernel fills in the header's sum; UDP goes without)."""
    udp = struct.pack('>HHHH', source[1], destination[1], 8 + len(payload), 0) + payload
    return struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source[0]), socket.inet_aton(destination[0])) + udp


class Forger:
    """Sends from a host as if somebody else did; at most 1472 bytes each."""

    def __init__(self, host, server):
        self._sock = host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
        self._server = server

    def send(self, source, payload):
        """One datagram to the server from source, (address, port)."""
        self._sock.sendto(packet(source, self._server, payload), (self._server[0], 0))

    def close(self):
        self._sock.close()
