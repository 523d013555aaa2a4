"""A phone by TLS under a test's full control: Python's ssl, one connection, SIP as a phone says it."""

import re
import secrets
import select
import socket
import ssl
import time

from . import sip
from .postern import DOMAIN
from .rawphone import REPEATED, SDP

# What a Yealink T41P of its time can: TLS 1.2 at most, no GCM, signatures by PKCS#1.
T41P_TLS = {'most': ssl.TLSVersion.TLSv1_2, 'ciphers': 'ECDHE-RSA-AES128-SHA:AES128-SHA'}
YEALINK_T41P = {**T41P_TLS, 'agent': 'Yealink SIP-T41P 36.72.0.57', 'headers': (
                    'Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, '
                    'PUBLISH, UPDATE, MESSAGE', 'Allow-Events: talk,hold,conference,refer,check-sync',
                    'Supported: replaces')}


def context(least=None, most=None, ciphers=None, ca=None):
    """A client's SSL context; without ca it believes anybody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        made.load_verify_locations(ca)
    if most is not None and most < ssl.TLSVersion.TLSv1_2:
        made.set_ciphers('ALL:@SECLEVEL=0')
    if ciphers:
        made.set_ciphers(f'{ciphers}:@SECLEVEL=0')
    if least is not None:
        made.minimum_version = least
    elif most is not None:
        made.minimum_version = ssl.TLSVersion.TLSv1
    if most is not None:
        made.maximum_version = most
    return made


class TlsPhone:
    """One connection of one number; reconnect() makes the next one."""

    def __init__(self, host, server, number, password, *, agent='lab', headers=(), source=None, **tls):
        self.host, self.server, self.number, self.source = host, server, number, source
        self.username, self.password = f'SIP-{number}', password
        self.agent, self.headers = agent, headers
        self._context = context(**tls)
        self.sock, self._buffer, self.received = None, b'', []
        self._registrations = 0
        self._call_id = secrets.token_hex(10)

    # -- the connection ---------------------------------------------------

    def connect(self, seconds=5.0):
        """TCP, then TLS; raises what ssl raises."""
        raw = self.host.inside(lambda: socket.create_connection(
            self.server, seconds, source_address=(self.source, 0) if self.source else None))
        try:
            self.sock = self._context.wrap_socket(raw, server_hostname=DOMAIN)
        except BaseException:
            raw.close()
            raise
        self.local, self._buffer = self.sock.getsockname(), b''
        return self

    def close(self):
        """End the connection."""
        if self.sock:
            self.sock.close()
        self.sock = None

    def is_open(self):
        """Is the connection still there, as far as the kernel knows?"""
        if not self._readable(0):
            return True
        self._read(0)
        return self.sock is not None

    def _readable(self, seconds):
        poll = select.poll()                # select() ends at 1,024 descriptors
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _read(self, seconds):
        if not self.sock.pending() and not self._readable(seconds):
            return
        self.sock.settimeout(2)
        try:
            data = self.sock.recv(65536)
        except (ssl.SSLError, ConnectionError):
            data = b''
        if not data:
            self.close()
        self._buffer += data

    def _next(self):
        """The next whole message in the buffer, or None."""
        self._buffer = self._buffer.lstrip(b'\r\n')
        head, found, rest = self._buffer.partition(b'\r\n\r\n')
        length = re.search(rb'(?im)^(?:content-length|l)\s*:\s*(\d+)', head)
        size = int(length.group(1)) if length else 0
        if not found or len(rest) < size:
            return None
        self._buffer = rest[size:]
        return head + found + rest[:size]

    def _take(self, data):
        """Keep a message; Postern's own OPTIONS are answered as a phone does, and not told."""
        if data.startswith(b'OPTIONS '):
            head = data.partition(b'\r\n\r\n')[0] + b'\r\n'
            self.send('SIP/2.0 200 OK\r\n' + b''.join(REPEATED.findall(head)).decode() + 'Content-Length: 0\r\n\r\n')
            return False
        self.received.append(data)
        return True

    def hear(self, wanted, seconds=3.0):
        """The first message from now on for which wanted(message) is true, or None."""
        deadline = time.monotonic() + seconds
        while True:
            data = self._next()
            if data is not None:
                if self._take(data) and wanted(sip.parse(data)):
                    return sip.parse(data)
                continue
            left = deadline - time.monotonic()
            if left <= 0 or self.sock is None:
                return None
            self._read(left)

    def hear_request(self, method, seconds=3.0):
        """The next request of this method, or None."""
        return self.hear(lambda m: m.start.startswith(method + ' '), seconds)

    def hear_final(self, method, seconds=5.0):
        """The next final answer to a request of this method."""
        return self.hear(lambda m: (sip.status(m) or 0) >= 200 and m.headers['cseq'][0].endswith(method), seconds)

    def send(self, text, body=b''):
        """One message."""
        self.sock.sendall(text.encode() + body)

    def ping(self, seconds=3.0):
        """CR LF CR LF: is it answered (RFC 5626 4.4.1)?"""
        self.hear(lambda m: False, 0)
        self.sock.sendall(b'\r\n\r\n')
        deadline = time.monotonic() + seconds
        while self.sock and time.monotonic() < deadline:
            if self._buffer.startswith(b'\r\n'):
                return True
            data = self._next()
            if data is not None:
                self._take(data)
            else:
                self._read(0.1)
        return False

    # -- SIP --------------------------------------------------------------

    def contact(self):
        """Its Contact: where it is inside its home."""
        return f'<sip:{self.number}@{self.local[0]}:{self.local[1]};transport=TLS>'

    def _head(self, method, uri, to, tag, call_id, cseq, *more):
        return '\r\n'.join([
            f'{method} {uri} SIP/2.0',
            f'Via: SIP/2.0/TLS {self.local[0]}:{self.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
            'Max-Forwards: 70', f'From: <sip:{self.number}@{DOMAIN}>;tag={tag}', f'To: {to}',
            f'Call-ID: {call_id}', f'CSeq: {cseq} {method}', f'Contact: {self.contact()}',
            f'User-Agent: {self.agent}', *self.headers, *more]) + '\r\n'

    def _proof(self, answer, method, uri):
        challenge = answer.headers['www-authenticate'][0]
        return f'Authorization: {sip.digest(challenge, method, uri, self.username, self.password)}'

    def register(self, expires=300):
        """REGISTER with digest; the final answer is 200."""
        answer = self.ask_register(expires).hear_final('REGISTER')
        if answer and sip.status(answer) == 401:
            answer = self.ask_register(expires, answer).hear_final('REGISTER')
        assert answer and sip.status(answer) == 200, f'{self.number}: {answer.start if answer else "silence"}'
        return self

    def ask_register(self, expires=300, challenge=None):
        """Send a REGISTER, with an answer to this challenge if there is one."""
        uri, aor = f'sip:{DOMAIN}', f'<sip:{self.number}@{DOMAIN}>'
        proof = [self._proof(challenge, 'REGISTER', uri)] if challenge else []
        self._registrations += 1
        self.send(self._head('REGISTER', uri, aor, 'reg', self._call_id, self._registrations,
                             f'Expires: {expires}', *proof, 'Content-Length: 0') + '\r\n')
        return self

    def dial(self, number, scheme='sip'):
        """INVITE with digest; returns at once after the challenge was answered."""
        self.uri, self.tag, self.call_id = f'{scheme}:{number}@{DOMAIN}', secrets.token_hex(4), secrets.token_hex(10)
        self.to, self.cseq = f'<{self.uri}>', 1
        body = SDP.format(self.local[0]).encode()
        tail = ('Content-Type: application/sdp', f'Content-Length: {len(body)}')
        self.send(self._head('INVITE', self.uri, self.to, self.tag, self.call_id, 1, *tail) + '\r\n', body)
        answer = self.hear_final('INVITE')
        assert answer and sip.status(answer) == 401, answer and answer.start
        self._ack(answer)
        self.cseq = 2
        self.send(self._head('INVITE', self.uri, self.to, self.tag, self.call_id, 2,
                             self._proof(answer, 'INVITE', self.uri), *tail) + '\r\n', body)

    def _ack(self, answer):
        uri = self.uri
        if sip.status(answer) < 300:
            uri = self.target = re.search(r'<([^>]*)>', answer.headers['contact'][0]).group(1)
        via = answer.headers['via'][0] if sip.status(answer) >= 300 else None
        text = self._head('ACK', uri, answer.headers['to'][0], self.tag, self.call_id, self.cseq, 'Content-Length: 0')
        if via:
            text = re.sub(r'branch=[^;\r]*', 'branch=' + re.search(r'branch=([^;\s]*)', via).group(1), text, count=1)
        self.send(text + '\r\n')

    def established(self):
        """The final answer to dial() is 200: ACK."""
        answer = self.hear_final('INVITE', 8)
        assert answer and sip.status(answer) == 200, answer and answer.start
        self.to = answer.headers['to'][0]
        self._ack(answer)
        return self

    def answer(self, status, reason='Answer', body=None):
        """Answer the newest request heard; 200 to an INVITE brings SDP."""
        request = [data for data in self.received if not data.startswith(b'SIP/2.0')][-1]
        head = request.partition(b'\r\n\r\n')[0] + b'\r\n'
        invite = head.startswith(b'INVITE')
        if body is None:
            body = SDP.format(self.local[0]).encode() if invite and status == 200 else b''
        repeated = b''.join(REPEATED.findall(head)).decode()
        repeated = re.sub(r'(?im)^(to:(?:(?!;tag=)[^\r\n])*)\r\n', r'\1;tag=callee\r\n', repeated)
        lines = [f'Contact: {self.contact()}', *(['Content-Type: application/sdp'] if body else []),
                 f'Content-Length: {len(body)}']
        self.send(f'SIP/2.0 {status} {reason}\r\n{repeated}' + '\r\n'.join(lines) + '\r\n\r\n', body)
        if invite and status == 200:
            message = sip.parse(request)
            self.call_id = message.headers['call-id'][0]
            self.to, self.tag, self.cseq = message.headers['from'][0], 'callee', 100
            self.target = re.search(r'<([^>]*)>', message.headers['contact'][0]).group(1)
            self.callee_of = message.headers['to'][0]

    def bye(self):
        """End the call; the final answer, after a challenge if there was one."""
        proof = []
        for _ in range(2):
            self.cseq += 1
            text = self._head('BYE', self.target, self.to, self.tag, self.call_id, self.cseq, *proof,
                              'Content-Length: 0')
            if self.tag == 'callee':
                text = re.sub(r'(?m)^From: .*\r$', f'From: {self.callee_of};tag=callee\r', text)
            self.send(text + '\r\n')
            answer = self.hear_final('BYE')
            assert answer, f'{self.number}: no answer to BYE'
            if sip.status(answer) != 401:
                break
            proof = [self._proof(answer, 'BYE', self.target)]
        return sip.status(answer)
