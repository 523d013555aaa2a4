"""A call's checkpoint as sigproxy writes it (sigproxy/core/checkpoint.c): to make lying ones."""

import struct

from .ipc import put_address

VERSION = 8
EXTERNAL, INTERNAL = (1, 1, 0), (2, 1, 1)     # zone, transport, listener of a flow
CALLING, EARLY, CONFIRMED = range(1, 4)


def text(value):
    """A text or blob field."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack('>H', len(data)) + data


def party(number):
    """Who calls or is called."""
    return text(number) + text('') + b'\0\0\0' + text('') + bytes(4)      # any codec, any bandwidth


def leg(index, token, flow, remote, media=None, said=('203.0.113.10', 16384), state=CONFIRMED, invite=b''):
    """One leg: at remote by a listener; media: (port of ours, where its sound is sent)."""
    end = b'\0'
    if media:
        port, where = media
        end = b'\1' + b'\1\0\0\0\0\0' + struct.pack('>HH', port, port + 1) + put_address(said) * 2
        end += put_address(where) * 2 + put_address(None) + bytes(7)        # no SRTP, no video, no telephone-event
        end += bytes(13)                                                    # no ICE
    tag = '' if state == CALLING else f'tag{index}'
    rest = b'\0' * 4 if state == CONFIRMED else b'\0' * 8     # no session timer; nothing said reliably
    return (bytes([index, state]) + f'{token:<16}'.replace(' ', '_').encode() + bytes(flow) + put_address(remote)
            + b'\1' + end + text(f'sip:x@{remote[0]}:{remote[1]}' if ':' not in remote[0] else 'sip:x@x.example')
            + text('') + text(f'{token}@lie') + text('<sip:201@sip.example.org>')
            + text('<sip:168@sip.example.org>') + text(tag) + struct.pack('>IIIqB', 10, 10, 10, 0, 0) + bytes(34)
            + text(invite)
            + rest + put_address(None) * (2 if media else 1) + bytes(4) + text('')      # told of no address, no SDP
            + bytes(5))                                                         # of no trunk, without ICE


def call(legs, session, talking=True, ending=False, request=b'', channels=1):
    """A whole checkpoint; of a call that nobody transfers."""
    return (bytes([talking, ending]) + struct.pack('>H', 0) + party('201') + party('168')
            + struct.pack('>QB', session, 0) + b'\1\0' + b'\1\0' + b'\0\0\0' + bytes(29) + bytes([channels, 0]) + struct.pack('>Q', 1000)
            + bytes([1 if talking else 0, 0]) + text(request) + b'\0' + b'\0' + bytes([len(legs)]) + b''.join(legs))


def invite(token, number, method='INVITE', source='192.168.10.2:5060'):
    """A request as a leg of that token would have sent it."""
    return (f'{method} sip:{number}@192.168.10.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{token};rport'
            f'\r\nMax-Forwards: 70\r\nFrom: <sip:201@sip.example.org>;tag=evil\r\nTo: <sip:{number}@sip.example.org>'
            f'\r\nCall-ID: {token}@lie\r\nCSeq: 10 {method}\r\nContact: <sip:x@{source}>\r\n'
            'Content-Length: 0\r\n\r\n').encode()
