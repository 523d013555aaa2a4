"""STUN servers of bad character, in the test's own process: slow, lying, dead."""

import socket
import struct
import threading

from .stun import COOKIE, XOR_MAPPED_ADDRESS, looks_like

BINDING_SUCCESS = 0x0101


class OddServer:
    """Answers Binding Requests on one port of a host; what it is can be changed while it runs."""

    def __init__(self, host, port):
        self.address = (host.address, port)
        self.delay = 0.0
        self.says = None            # an address it says instead of the true one
        self.dead = False
        self.asked = 0
        self._sock = host.udp_socket(port)
        threading.Thread(target=self._serve, daemon=True).start()

    def __str__(self):
        return '%s:%d' % self.address

    def close(self):
        """Stop answering, for good."""
        self._sock.close()

    def _serve(self):
        while True:
            try:
                data, source = self._sock.recvfrom(2048)
            except OSError:
                return
            if not looks_like(data):
                continue
            self.asked += 1
            if not self.dead:
                threading.Timer(self.delay, self._answer, (data[8:20], source)).start()

    def _answer(self, transaction, source):
        ip, port = self.says or source[0], source[1]
        number, = struct.unpack('>I', socket.inet_aton(ip))
        value = struct.pack('>BBHI', 0, 1, port ^ (COOKIE >> 16), number ^ COOKIE)
        answer = struct.pack('>HHI', BINDING_SUCCESS, 12, COOKIE) + transaction \
            + struct.pack('>HH', XOR_MAPPED_ADDRESS, 8) + value
        try:
            self._sock.sendto(answer, source)
        except OSError:
            pass
