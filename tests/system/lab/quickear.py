"""An ear that costs little: RTP is read from the phone's interface while it is listened to, and not kept."""

import select
import socket
import struct
import time

from . import rtp, tone
from .hear import Heard

ETHERTYPE_IPV4 = 0x0800
HEADER = 14                      # Ethernet


def open_ear(host):
    """A raw socket at the host's interface."""
    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_IPV4))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(('eth0', ETHERTYPE_IPV4))
        return sock
    return host.inside(make)


def to_host(frame, address):
    """(source, RTP packet) of a frame that reached the address with RTP in it, or None."""
    packet = frame[HEADER:]
    if packet[9] != socket.IPPROTO_UDP or packet[16:20] != address:
        return None
    header = (packet[0] & 15) * 4
    source_port, _, length = struct.unpack_from('>HHH', packet, header)
    payload = packet[header + 8:header + length]
    if not rtp.looks_like(payload):
        return None
    return (socket.inet_ntoa(packet[12:16]), source_port), rtp.parse(payload)


class QuickEar:
    """Listens when it is asked to, and to several at once (listen)."""

    def __init__(self, host):
        self.sock = open_ear(host)
        self.address = socket.inet_aton(host.address)
        self.taken = []

    def stop(self):
        """End listening."""
        self.sock.close()

    def flush(self):
        """Forget what came before now."""
        self.taken = []
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(2048)

    def take(self):
        """One frame that is there."""
        heard = to_host(self.sock.recv(2048), self.address)
        # Punching packets and comfort noise are no sound.
        if heard and tone.decode(heard[1].payload_type, heard[1].payload):
            self.taken.append(heard)

    def heard(self):
        """What was taken since the last flush(): its newest stream."""
        if not self.taken:
            return Heard(0, 0, 0.0, 0.0, [], set())
        ssrc = self.taken[-1][1].ssrc
        stream = {packet.sequence: packet for _, packet in self.taken if packet.ssrc == ssrc}
        base = next(iter(stream))
        order = sorted(stream, key=lambda sequence: (sequence - base + 0x8000) & 0xffff)
        lost = ((order[-1] - order[0]) & 0xffff) + 1 - len(order)
        samples = [s for key in order for s in tone.decode(stream[key].payload_type, stream[key].payload)]
        return Heard(len(order), lost, len(order) / 50, tone.rms(samples), samples,
                     {source for source, _ in self.taken})


def listen(ears, packets, patience):
    """Listen to several at once, until each has taken so many packets or patience is over."""
    for ear in ears:
        ear.flush()
    deadline = time.monotonic() + patience
    while any(len(ear.taken) < packets for ear in ears):
        left = deadline - time.monotonic()
        ready = select.select([ear.sock for ear in ears], [], [], max(0, left))[0]
        if left <= 0 or not ready:
            break
        for ear in ears:
            if ear.sock in ready:
                ear.take()
    return [ear.heard() for ear in ears]
