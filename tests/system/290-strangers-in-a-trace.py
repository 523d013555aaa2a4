"""Strangers who dial a traced number, or send nonsense that names it, take little room and no call's file."""

import itertools
import os
import time

from lab.expect import hear_each_other
from lab.office import Office
from lab.tracing import files, messages, trace
from lab.wait import until

DIALS = ('INVITE sip:201@sip.example.org SIP/2.0\r\nVia: SIP/2.0/UDP {0}:5060;branch=z9hG4bK{1};rport\r\n'
         'From: <sip:201@sip.example.org>;tag={1}\r\nTo: <sip:201@sip.example.org>\r\nCall-ID: {1}\r\n'
         'CSeq: {2} INVITE\r\nMax-Forwards: 70\r\nSubject: {3}\r\nContent-Length: 0\r\n\r\n')
SENT = 3000


def kept(office):
    """Bytes of all files."""
    return sum(os.path.getsize(path) for path in files(office.postern))


def flood(office, cseq, size=0):
    """As scanners do: each with a Call-ID of its own."""
    where, server = office.lab.attacker, (office.lab.office.public, 5070)
    with where.udp_socket(5060) as sock:
        for n in range(SENT):
            sock.sendto(DIALS.format(where.address, f'{cseq}{n}', cseq, 'a' * size).encode(), server)
            if n % 50 == 0:
                time.sleep(0.02)


def test_they_take_little():
    with Office() as office:
        home, desk = office.home('A'), office.desk()
        trace(office.postern, 'on', 201)
        home.call(desk)
        hear_each_other(home, desk, 0.5)
        call, = until(lambda: files(office.postern, '-call-'), 3, 'the call has a file')
        began = time.monotonic()
        for cseq, size in itertools.product(('1', 'one'), (0, 5000)):
            flood(office, cseq, size)
        seconds = time.monotonic() - began
        home.hang_up()
        desk.closed()
        until(lambda: any(row['sip.Request-Line'].startswith('BYE') for row in messages(call)), 3, 'its BYE is written')
        grown, named = kept(office), files(office.postern, '-call-')
        print(f'{4 * SENT} messages in {seconds:.1f} s: {grown} bytes, {len(named)} files of calls')
        assert named == [call], len(named)
        assert grown < 3_000_000, grown
        told, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
        assert told['trace_strangers'] > 3 * SENT, told
