"""RTP packets (RFC 3550): reading and, for the attacker, making them."""

import struct
from collections import namedtuple

Rtp = namedtuple('Rtp', 'payload_type sequence timestamp ssrc payload')


def looks_like(data):
    """RFC 7983: first byte 128-191; and not RTCP (packet types 192-223 with the marker bit)."""
    return len(data) >= 12 and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223


def parse(data):
    """Split one RTP packet."""
    first, second, sequence, timestamp, ssrc = struct.unpack_from('>BBHII', data)
    start = 12 + 4 * (first & 15)
    if first & 0x10:
        start += 4 + 4 * struct.unpack_from('>H', data, start + 2)[0]
    stop = len(data) - data[-1] if first & 0x20 else len(data)
    return Rtp(second & 0x7f, sequence, timestamp, ssrc, data[start:stop])


def make(payload_type, sequence, timestamp, ssrc, payload):
    """One RTP packet."""
    return struct.pack('>BBHII', 0x80, payload_type, sequence & 0xffff,
                       timestamp & 0xffffffff, ssrc) + payload
