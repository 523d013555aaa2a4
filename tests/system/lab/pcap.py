"""Reading capture files: the classic pcap format, Ethernet and Linux cooked frames, UDP."""

import socket
import struct
from collections import namedtuple

Udp = namedtuple('Udp', 'time source destination payload')    # addresses as (ip, port)

ETHERNET, COOKED, COOKED_2 = 1, 113, 276
_IP_OFFSET = {ETHERNET: 14, COOKED: 16, COOKED_2: 20}
_TYPE_OFFSET = {ETHERNET: 12, COOKED: 14, COOKED_2: 0}


def frames(path):
    """Yield (time, link type, frame) for each whole record; a half-written one ends the file."""
    with open(path, 'rb') as file:
        data = file.read()
    if len(data) < 24:
        return
    magic = struct.unpack_from('<I', data)[0]
    order = '<' if magic in (0xa1b2c3d4, 0xa1b23c4d) else '>'
    fraction = 1e-9 if magic in (0xa1b23c4d, 0x4d3cb2a1) else 1e-6
    link = struct.unpack_from(order + 'I', data, 20)[0]
    at = 24
    while at + 16 <= len(data):
        seconds, parts, kept, _ = struct.unpack_from(order + 'IIII', data, at)
        at += 16
        if at + kept > len(data):
            return
        yield seconds + parts * fraction, link, data[at:at + kept]
        at += kept


def ip_packet(link, frame):
    """The IPv4 packet inside a frame, or None."""
    start, type_at = _IP_OFFSET[link], _TYPE_OFFSET[link]
    if frame[type_at:type_at + 2] != b'\x08\x00':
        return None
    return frame[start:]


def udp6(time, link, frame):
    """The IPv6 UDP packet inside a frame, whole and without extension headers, or None."""
    start, type_at = _IP_OFFSET[link], _TYPE_OFFSET[link]
    packet = frame[start:]
    if frame[type_at:type_at + 2] != b'\x86\xdd' or len(packet) < 48 or packet[6] != socket.IPPROTO_UDP:
        return None
    source, destination = struct.unpack_from('>HH', packet, 40)
    return Udp(time, (socket.inet_ntop(socket.AF_INET6, packet[8:24]), source),
               (socket.inet_ntop(socket.AF_INET6, packet[24:40]), destination), packet[48:])


def udp_packets(path):
    """Yield every UDP packet of a capture, IPv4 fragments put together."""
    parts = {}
    for time, link, frame in frames(path):
        packet = ip_packet(link, frame)
        if not packet and (sixth := udp6(time, link, frame)):
            yield sixth
        if not packet or packet[9] != socket.IPPROTO_UDP:
            continue
        header = (packet[0] & 15) * 4
        total, ident, fragment = struct.unpack_from('>HHH', packet, 2)
        body = packet[header:total]
        key = (packet[12:20], ident)
        if fragment & 0x3fff:
            parts.setdefault(key, {})[(fragment & 0x1fff) * 8] = body
            if fragment & 0x2000:
                continue
            body = b''.join(piece for _, piece in sorted(parts.pop(key).items()))
        if len(body) < 8:
            continue
        source, destination = struct.unpack_from('>HH', body)
        yield Udp(time, (socket.inet_ntoa(packet[12:16]), source),
                  (socket.inet_ntoa(packet[16:20]), destination), body[8:])
