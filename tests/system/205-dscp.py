"""What packets are marked with: EF for sound, AF41 for pictures, CS3 for SIP, by IPv4, IPv6, UDP, TCP and TLS; or nothing."""

import importlib
import socket
import struct
import time

from lab import pcap, sip
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.net import POSTERN_ADDRESS, POSTERN_ADDRESS6
from lab.office import DOMAIN, Home, Office, password
from lab.tlsoffice import TlsOffice

BOTH = {('address', 'external'): f'{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}'}
OWN = {POSTERN_ADDRESS, POSTERN_ADDRESS6}
EF, AF41 = 46, 34
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


def streams(path):
    """{port: (set of DSCP, set of RTP payload types)} of what left Postern's RTP ports; RTCP counts to its stream's port."""
    seen = {}
    for _, _, frame in pcap.frames(path):
        packet = frame[14:]
        if len(packet) < 40 or packet[0] != 0x45 or packet[9] != socket.IPPROTO_UDP:
            continue
        port = struct.unpack('>H', packet[20:22])[0]
        if socket.inet_ntoa(packet[12:16]) != POSTERN_ADDRESS or not 16384 <= port <= 17599:
            continue
        marked, types = seen.setdefault(port & ~1, (set(), set()))
        marked.add(packet[1] >> 2)
        if port % 2 == 0 and packet[28] >> 6 == 2:
            types.add(packet[29] & 127)
    return seen


def test_pictures():
    """Two homes with picture, RTP and RTCP; the relay that was restarted marks them as well."""
    see = importlib.import_module('207-streams').see_each_other
    with Office(homes=(Home('A'), Home('B'))) as office:
        one, two = office.home('A', video=True), office.home('B', video=True)
        one.call(two)
        for _ in range(2):
            capture = Capture(office.lab.postern_host, office.lab.path('pictures.pcap'))
            see(one, two, since=time.time())
            capture.stop()
            seen = {port: one for port, one in streams(capture.path).items() if one[1]}     # not the spares
            print(seen)
            assert sorted(len(marked) for marked, _ in seen.values()) == [1] * 4, seen
            kinds = sorted((*marked, max(types) >= 96) for marked, types in seen.values())
            assert kinds == [(AF41, True)] * 2 + [(EF, False)] * 2, seen
            time.sleep(1.5)
            old = office.postern.kill('mediaproxy')
            office.postern.wait_restarted('mediaproxy', old)
        one.hang_up()
        two.closed()


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
