"""Capturing what passes an interface, and searching and sorting it afterwards."""

import os
import select
import subprocess
import time

from . import pcap, rtp, sip, stun
from .host import end

DNS_PORT = 53


class Capture:
    """tcpdump on one interface of a host, written packet by packet to a file."""

    def __init__(self, host, path, interface='eth0', filter_=''):
        self.path = path
        command = ['tcpdump', '-i', interface, '-n', '--immediate-mode', '-U', '-Z', 'root',
                   '-B', '8192', '-w', path, *filter_.split()]
        self._process = host.spawn(command, stderr=subprocess.PIPE)
        self._await_start()

    def _await_start(self):
        """tcpdump says 'listening on' when packets are being caught."""
        said = b''
        deadline = time.monotonic() + 10
        while b'listening on' not in said:
            ready, _, _ = select.select([self._process.stderr], [], [], deadline - time.monotonic())
            chunk = os.read(self._process.stderr.fileno(), 4096) if ready else b''
            if not chunk:
                raise RuntimeError(f'tcpdump did not start: {said.decode()}')
            said += chunk

    def stop(self):
        """End the capture; the file stays."""
        end(self._process)
        self._process.stderr.close()

    def packets(self):
        """Every UDP packet so far."""
        return list(pcap.udp_packets(self.path))

    def search(self, forbidden, source=None):
        """Where any of the byte strings occurs: a list of (time, string, UDP or raw packet).

        The IP payload of every frame is searched, whatever the protocol. With source,
        only packets that this address sent.
        """
        found = []
        for when, link, frame in pcap.frames(self.path):
            packet = pcap.ip_packet(link, frame)
            if not packet or (source and packet[12:16] != source_bytes(source)):
                continue
            payload = packet[(packet[0] & 15) * 4:]
            lowered = payload.lower()
            found += [(when, text, payload) for text in forbidden if text.lower() in lowered]
        return found

    def sip(self):
        """The SIP messages, as (packet, message)."""
        return [(p, sip.parse(p.payload)) for p in self.packets() if sip.looks_like(p.payload)]

    def rtp(self):
        """The RTP packets, as (packet, rtp packet)."""
        return [(p, rtp.parse(p.payload)) for p in self.packets()
                if rtp.looks_like(p.payload) and DNS_PORT not in (p.source[1], p.destination[1])]

    def stun(self):
        """The STUN messages, as (packet, message)."""
        return [(p, stun.parse(p.payload)) for p in self.packets() if stun.looks_like(p.payload)]


def source_bytes(address):
    """An IPv4 address as the four bytes of a header."""
    return bytes(int(part) for part in address.split('.'))
