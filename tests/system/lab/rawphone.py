"""A phone under a test's full control: it registers as a phone does and says what the test wants."""

import re
import secrets

from . import sip
from .postern import DOMAIN

# The parts of a request that its answer repeats.
REPEATED = re.compile(rb'^(?:via|v|from|f|to|t|call-id|i|cseq|record-route)[ \t]*:.*(?:\r\n[ \t]+.*)*\r\n', re.I | re.M)
KEEPALIVE = b'branch=z9hG4bKk'       # of OPTIONS that Postern itself sends
SDP = ('v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n'
       'm=audio 10000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n')


class RawPhone:
    """One UDP socket on a laboratory host, with a number and the means to prove it."""

    def __init__(self, host, server, number, password, port=5060):
        self.sock = host.udp_socket(port)
        self.local, self.server = self.sock.getsockname(), server
        self.number, self.username, self.password = number, f'SIP-{number}', password
        self.received = []               # every datagram, as it came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    @property
    def sdp(self):
        """A plain offer or answer."""
        return SDP.format(self.local[0]).encode()

    def register(self):
        """REGISTER with digest; the phone can then be called."""
        answer = sip.register(self.sock, self.server, DOMAIN, self.number, self.username, self.password)
        assert answer and sip.status(answer) == 200, f'{self.number}: {answer and answer.start}'
        return self

    def send(self, data):
        """One datagram to the server."""
        self.sock.sendto(data, self.server)

    def hear(self, wanted, seconds=2.0):
        """The first message from now on for which wanted(message) is true, or None."""
        self.sock.settimeout(0.05)
        for _ in range(int(seconds / 0.05) or 1):
            try:
                while True:
                    data = self.sock.recv(65535)
                    if KEEPALIVE in data:
                        continue         # it is a phone that answers none
                    self.received.append(data)
                    if sip.looks_like(data) and wanted(sip.parse(data)):
                        return sip.parse(data)
            except TimeoutError:
                pass
        return None

    def hear_request(self, method, seconds=2.0):
        """The next request of this method, or None."""
        return self.hear(lambda m: m.start.startswith(method + ' '), seconds)

    def invite(self, number, headers=(), from_display='', body=None, expand=None):
        """INVITE with digest; returns the bytes sent last.

        headers are lines written as they are, without line end; expand(text) may still
        alter the whole head.
        """
        uri, call_id, tag = f'sip:{number}@{DOMAIN}', secrets.token_hex(10), secrets.token_hex(4)
        body = self.sdp if body is None else body

        def make(cseq, more):
            lines = [f'INVITE {uri} SIP/2.0',
                     f'Via: SIP/2.0/UDP {self.local[0]}:{self.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
                     'Max-Forwards: 70',
                     f'From: {from_display}<sip:{self.number}@{DOMAIN}>;tag={tag}',
                     f'To: <{uri}>', f'Call-ID: {call_id}', f'CSeq: {cseq} INVITE',
                     f'Contact: <sip:{self.number}@{self.local[0]}:{self.local[1]}>',
                     'Content-Type: application/sdp', *more, f'Content-Length: {len(body)}']
            return '\r\n'.join(lines) + '\r\n\r\n'

        self.send(make(1, []).encode() + body)
        challenge = self.hear(lambda m: sip.status(m) == 401)
        assert challenge, 'no challenge'
        value = sip.digest(challenge.headers['www-authenticate'][0], 'INVITE', uri, self.username, self.password)
        self.call_id, self.uri, self.tag = call_id, uri, tag
        head = make(2, [f'Authorization: {value}', *headers])
        data = (expand(head) if expand else head).encode('latin-1') + body
        self.send(data)
        return data

    def answer(self, status, headers=(), body=b'', tag='rawphone'):
        """Answer the newest request heard, with these header lines besides the repeated ones."""
        request = [data for data in self.received if not data.startswith(b'SIP/2.0')][-1]
        head = request.partition(b'\r\n\r\n')[0] + b'\r\n'
        repeated = b''.join(REPEATED.findall(head))
        repeated = re.sub(rb'(?im)^(to:(?:(?!;tag=)[^\r\n])*)\r\n', rb'\1;tag=' + tag.encode() + b'\r\n', repeated)
        lines = [*headers, f'Content-Length: {len(body)}']
        self.send(f'SIP/2.0 {status} Answer\r\n'.encode() + repeated
                  + ''.join(line + '\r\n' for line in lines).encode() + b'\r\n' + body)
