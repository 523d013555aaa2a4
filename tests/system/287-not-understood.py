"""What nobody can parse is in the trace of the number that it names, with why, and without secrets."""

import re
import time

from lab.office import Office
from lab.tracing import fields, files, trace
from lab.wait import until

NONSENSE = ('INVITE sip:168@sip.example.org SIP/2.0\r\nVia: SIP/2.0/{2} {0};branch=z9hG4bK{1};rport\r\n'
            'From: <sip:{1}@sip.example.org>;tag=a\r\nTo: <sip:168@sip.example.org>\r\nCall-ID: {1}@nonsense\r\n'
            'CSeq: one INVITE\r\nAuthorization: Digest username="SIP-{1}", response="0123456789abcdef"\r\n'
            'Content-Length: 0\r\n\r\n')


def shown(office, word):
    """(comment, text) of each packet in the traces whose file has that word."""
    names = ('frame.comment', 'udp.payload')
    return [(row['frame.comment'], bytes.fromhex(row['udp.payload'].replace(':', '')).decode())
            for path in files(office.postern, word) for row in fields(path, names)]


def test_it_is_traced():
    with Office() as office:
        phone, server = office.lab.homes['A'].phones[0], (office.lab.office.public, 5070)
        trace(office.postern, 'on', 201)
        time.sleep(0.5)
        with phone.udp_socket(5070) as sock:
            for number in (2010, 201):
                sock.sendto(NONSENSE.format('192.168.1.10:5070', number, 'UDP').encode(), server)
            sock.settimeout(3)
            assert sock.recv(4096).startswith(b'SIP/2.0 400 ')
        until(lambda: shown(office, '-trace-201-'), 3, 'it is written')
        (why, text), *others = [row for row in shown(office, '-trace-201-') if row[1].startswith('INVITE')]
        print(why, text)
        assert not others and 'not understood: ' in why and 'CSeq' in why, (why, others)
        assert 'From: <sip:201@sip.example.org>;tag=a\r\n' in text and 'CSeq: one INVITE' in text
        path, = files(office.postern, '-trace-201-')
        ladder = trace(office.postern, 'show', path)
        assert re.search(r'<- INVITE -+\|  not understood: Malformed CSeq\n', ladder), ladder
        assert re.search(r'\r\nAuthorization:x+\r\n', text) and 'response' not in text
