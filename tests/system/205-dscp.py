"""What packets are marked with: EF for sound, CS3 for SIP, by IPv4 and IPv6, UDP, TCP and TLS; or nothing."""

import socket
import struct

from lab import pcap, sip
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.net import POSTERN_ADDRESS, POSTERN_ADDRESS6
from lab.office import DOMAIN, Home, Office, password
from lab.tlsoffice import TlsOffice

BOTH = {('address', 'external'): f'{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}'}
OWN = {POSTERN_ADDRESS, POSTERN_ADDRESS6}
SIP = {5060: 'internal', 5070: 'external', 5071: 'tls'}


def marks(path):
    """{(family, protocol, kind of port): set of DSCP} of all packets that left Postern."""
    seen = {}
    for _, link, frame in pcap.frames(path):
        packet = frame[14:]
        if not packet:
            continue
        if packet[0] >> 4 == 4:
            family, dscp, protocol = 4, packet[1] >> 2, packet[9]
            source, body = socket.inet_ntoa(packet[12:16]), packet[(packet[0] & 15) * 4:]
        elif packet[0] >> 4 == 6 and len(packet) >= 44:
            family, dscp, protocol = 6, (struct.unpack('>H', packet[:2])[0] >> 6) & 63, packet[6]
            source, body = socket.inet_ntop(socket.AF_INET6, packet[8:24]), packet[40:]
        else:
            continue
        if source not in OWN or protocol not in (socket.IPPROTO_UDP, socket.IPPROTO_TCP):
            continue
        port = struct.unpack('>H', body[:2])[0]
        # the handshake and bare ACKs are the kernel's own
        if protocol == socket.IPPROTO_TCP and len(body) <= (body[12] >> 4) * 4:
            continue
        name = SIP.get(port) or ('rtp' if 16384 <= port <= 17599 else None)
        if name:
            seen.setdefault((family, 'tcp' if protocol == socket.IPPROTO_TCP else 'udp', name), set()).add(dscp)
    return seen


def talk(one, other):
    one.call(other)
    hear_each_other(one, other, 0.5)
    one.hang_up()
    other.closed()


def test_marked():
    with TlsOffice(homes=(Home('A'), Home('B')), v6=True, settings=BOTH) as office:
        capture = Capture(office.lab.postern_host, office.lab.path('marks.pcap'))
        host = office.lab.homes['A'].phones[0]
        six = office.home('A', address=host.address6, server=f'[{POSTERN_ADDRESS6}]:5070', transport='tcp')
        four = office.home('B', transport='tls', ca=office.certificate)
        desk = office.desk()
        talk(six, desk)
        talk(four, desk)
        with office.lab.homes['A'].phones[0].udp_socket() as sock:
            sip.register(sock, (office.lab.office.public, 5070), DOMAIN, 203, 'SIP-203', password(203))
        capture.stop()
        seen = marks(capture.path)
        print(seen)
        assert seen == {(6, 'tcp', 'external'): {24}, (4, 'tcp', 'tls'): {24}, (4, 'udp', 'internal'): {24},
                        (4, 'udp', 'external'): {24}, (6, 'udp', 'rtp'): {46}, (4, 'udp', 'rtp'): {46}}, seen


def test_off():
    off = {('media', 'dscp_audio'): 0, ('media', 'dscp_video'): 0, ('listen', 'dscp'): 0}
    with Office(settings=off) as office:
        capture = Capture(office.lab.postern_host, office.lab.path('marks.pcap'))
        talk(office.home(), office.desk())
        capture.stop()
        seen = marks(capture.path)
        assert {'internal', 'external', 'rtp'} == {kind for _, _, kind in seen}, seen
        assert set().union(*seen.values()) == {0}, seen
