"""A phone that writes as one model does (models.py), over UDP, TCP or TLS, with sound if it is wanted."""

import re
import secrets
import select
import struct
import time

from . import digest, sip
from .tlsphone import context

LENGTH = re.compile(rb'^(?:content-length|l)[ \t]*:[ \t]*(\d+)', re.I | re.M)
REPEATED = ('via', 'from', 'to', 'call-id', 'cseq', 'record-route')


class Wire:
    """A UDP socket or a connection that carries whole messages."""

    def __init__(self, host, server, transport, port=0, tls=None):
        self.stream = transport != 'udp'
        self.server, self.buffer = server, b''
        self.sock = host.connect(server, 2) if self.stream else host.udp_socket(port)
        if transport == 'tls':
            self.sock = context(**tls or {}).wrap_socket(self.sock)
        self.local = self.sock.getsockname()

    def send(self, data):
        """One message."""
        if self.stream:
            self.sock.sendall(data)
        else:
            self.sock.sendto(data, self.server)

    def _cut(self):
        """The first whole message of a stream, or None; keepalives are dropped."""
        self.buffer = self.buffer.lstrip(b'\r\n')
        head, found, _ = self.buffer.partition(b'\r\n\r\n')
        if not found:
            return None
        size = len(head) + 4 + int(LENGTH.search(head)[1])
        if len(self.buffer) < size:
            return None
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def receive(self, seconds):
        """The next SIP message, or None."""
        deadline = time.monotonic() + seconds
        while True:
            data = self._cut() if self.stream else None
            if data:
                return data
            left = deadline - time.monotonic()
            waiting = self.stream and getattr(self.sock, 'pending', int)() > 0
            if left <= 0 or not (waiting or select.select([self.sock], [], [], left)[0]):
                return None
            data = self.sock.recv(65535)
            if self.stream:
                if not data:
                    raise ConnectionError('the server closed')
                self.buffer += data
            elif sip.looks_like(data):
                return data


class GivesUp(Exception):
    """The phone finds no challenge that it can answer."""


class Agent:
    """One phone of a model, with a number and its password."""

    def __init__(self, host, server, model, number, password, transport='udp', typed=None, port=0, rtp_port=0):
        """typed is what stands in its server or domain field: the server's address and port by default."""
        self.model, self.number, self.password = model, number, password
        self.username = f'SIP-{number}'
        self.wire = Wire(host, server, transport, port, model.tls)
        self.rtp = host.udp_socket(rtp_port)
        ip, port = self.wire.local
        self.words = {'server': typed or f'{server[0]}:{server[1]}', 'number': number, 'ip': ip,
                      'local': f'{ip}:{port}', 'T': transport.upper(), 'token': secrets.token_hex(8),
                      'transport': '' if transport == 'udp' else f';transport={transport.upper()}'}
        self.tag = secrets.token_hex(4)
        self.sizes = []                  # (bytes of a request, bytes of its 401)
        self.challenge, self.nc = None, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.sock.close()
        self.rtp.close()

    def text(self, template):
        """A template of the model with this phone's words in it."""
        return template.format(**self.words)

    @property
    def sdp(self):
        """Its offer or answer."""
        return self.model.sdp.format(ip=self.words['ip'], port=self.rtp.getsockname()[1]).encode()

    # -- requests -----------------------------------------------------------

    def request(self, method, uri, to, call_id, cseq, headers=(), body=b''):
        """The bytes of a request."""
        name = f'"{self.number}" ' if self.model.display else ''
        rport = ';rport' if self.model.rport else ''
        via = f'Via: SIP/2.0/{self.words["T"]} {self.words["local"]};branch=z9hG4bK{secrets.token_hex(6)}{rport}'
        lines = [f'{method} {uri} SIP/2.0', via,
                 f'From: {name}<{self.text(self.model.aor)}>;tag={self.tag}', f'To: {to}', f'Call-ID: {call_id}',
                 f'CSeq: {cseq} {method}', f'Contact: {self.text(self.model.contact)}', *self.model.headers,
                 f'User-Agent: {self.model.user_agent}', *headers, f'Content-Length: {len(body)}']
        return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body

    def hear(self, wanted, seconds=2.0):
        """The first message for which wanted(message) is true, or None."""
        deadline = time.monotonic() + seconds
        while (data := self.wire.receive(deadline - time.monotonic())) is not None:
            message = sip.parse(data)
            if wanted(message):
                self.last_bytes = data
                return message
        return None

    def final(self, seconds=3.0):
        """The next final response."""
        return self.hear(sip.final, seconds)

    def choose(self, answer):
        """The parameters of the challenge that this model takes."""
        offered = [digest.parameters(value) for value in answer.headers['www-authenticate']]
        if not self.model.several and len(offered) > 1:
            raise GivesUp(f'{len(offered)} challenges')
        for challenge in offered:
            if challenge.get('algorithm', 'MD5') in self.model.digests:
                return challenge
        raise GivesUp(f'none of {self.model.digests}')

    def authorization(self, method, uri, body=None):
        """The header that answers the challenge it has, counting its uses."""
        self.nc += 1
        self.sent = digest.credentials(self.challenge, method, uri, self.username, self.password, nc=self.nc, body=body)
        return 'Authorization: ' + self.sent

    def ask(self, method, uri, to, call_id, headers=(), body=b'', cseq=1):
        """Send a request and, after a 401, the same with an answer; the last response."""
        known = [self.authorization(method, uri)] if self.challenge else []
        first = self.request(method, uri, to, call_id, cseq, [*known, *headers], body)
        self.wire.send(first)
        answer = self.final()
        if answer is None or sip.status(answer) != 401:
            return answer
        self.sizes.append((len(first), len(self.last_bytes)))
        if method == 'INVITE':
            self.acknowledge(answer, uri, to, call_id, cseq)
        self.challenge, self.nc = self.choose(answer), 0
        again = [self.authorization(method, uri), *headers]
        self.wire.send(self.request(method, uri, to, call_id, cseq + 1, again, body))
        self.cseq = cseq + 1
        return self.final()

    def acknowledge(self, answer, uri, to, call_id, cseq):
        """ACK; of a refusal with the To that it gave and, as it must be, the INVITE's own branch."""
        ack = self.request('ACK', uri, answer.headers['to'][0], call_id, cseq)
        if sip.status(answer) >= 300:
            branch = re.search(r'branch=[^;]+', answer.headers['via'][0])[0]
            ack = re.sub(rb'branch=\w+', branch.encode(), ack, count=1)
        self.wire.send(ack)

    def register(self, expires=None, headers=()):
        """REGISTER; the last response."""
        uri, aor = self.text(self.model.server), f'<{self.text(self.model.aor)}>'
        expires = self.model.expires if expires is None else expires
        self.register_id = getattr(self, 'register_id', None) or self.text(self.model.call_id)
        self.register_cseq = getattr(self, 'register_cseq', 0) + 2
        return self.ask('REGISTER', uri, aor, self.register_id, [f'Expires: {expires}', *headers],
                        cseq=self.register_cseq)

    # -- calls --------------------------------------------------------------

    def call(self, number, callee, seconds=3.0):
        """Call a number; callee answers it. Both then have a dialog; returns the INVITE it heard."""
        uri = re.sub(rf'(?<=sip:){self.number}@', f'{number}@', self.text(self.model.aor))
        to, call_id = f'<{uri}>', secrets.token_hex(8) + f'@{self.words["ip"]}'
        headers = ['Content-Type: application/sdp', 'Supported: replaces']
        self.challenge = None            # as phones do: INVITE first without
        self.wire.send(self.request('INVITE', uri, to, call_id, 1, headers, self.sdp))
        answer = self.final()
        assert answer and sip.status(answer) == 401, answer and answer.start
        self.acknowledge(answer, uri, to, call_id, 1)
        self.challenge, self.nc = self.choose(answer), 0
        self.wire.send(self.request('INVITE', uri, to, call_id, 2,
                                    [*headers, self.authorization('INVITE', uri)], self.sdp))
        invite = callee.ring()
        assert self.hear(lambda m: sip.status(m) == 180, seconds), 'no 180'
        callee.pick_up(invite)
        answer = self.final(seconds)
        assert answer and sip.status(answer) == 200, answer and answer.start
        self.dialog = {'uri': target(answer), 'to': answer.headers['to'][0], 'call_id': call_id, 'cseq': 2}
        self.media = media_of(answer.body)
        self.wire.send(self.request('ACK', self.dialog['uri'], self.dialog['to'], call_id, 2))
        assert callee.hear(lambda m: m.start.startswith('ACK '), seconds), 'no ACK at the callee'
        return invite

    def respond(self, request, status, reason, headers=(), body=b''):
        """An answer to a request, with what it repeats of it."""
        names = {'via': 'Via', 'call-id': 'Call-ID', 'cseq': 'CSeq', 'record-route': 'Record-Route', 'from': 'From'}
        lines = [f'SIP/2.0 {status} {reason}']
        for name in REPEATED:
            for value in request.headers.get(name, ()):
                if name == 'to':
                    value += '' if ';tag=' in value else f';tag={self.tag}'
                lines.append(f'{names.get(name, "To")}: {value}')
        lines += [f'Contact: {self.text(self.model.contact)}', f'User-Agent: {self.model.user_agent}', *headers,
                  f'Content-Length: {len(body)}']
        self.wire.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

    def ring(self, seconds=3.0):
        """Wait for an INVITE and ring."""
        invite = self.hear(lambda m: m.start.startswith('INVITE '), seconds)
        assert invite, f'{self.number}: no INVITE'
        assert invite.start.split()[1] == self.text(self.model.contact)[1:-1], f'not its Contact: {invite.start}'
        self.respond(invite, 100, 'Trying')
        self.respond(invite, 180, 'Ringing', [self.model.headers[0]])
        return invite

    def pick_up(self, invite):
        """Answer it."""
        self.respond(invite, 200, 'OK', ['Content-Type: application/sdp'], self.sdp)
        self.media = media_of(invite.body)
        self.dialog = {'uri': target(invite), 'to': invite.headers['from'][0],
                       'call_id': invite.headers['call-id'][0], 'cseq': 1}

    def hang_up(self, other, seconds=3.0):
        """BYE, heard and answered by the other one."""
        d = self.dialog
        own = self.tag if ';tag=' in d['to'] else ''
        assert own, d
        self.wire.send(self.request('BYE', d['uri'], d['to'], d['call_id'], d['cseq'] + 1))
        bye = other.hear(lambda m: m.start.startswith('BYE '), seconds)
        assert bye, 'no BYE at the other side'
        other.respond(bye, 200, 'OK')
        answer = self.final(seconds)
        assert answer and sip.status(answer) == 200, answer and answer.start

    # -- sound --------------------------------------------------------------

    def speak(self, packets=5):
        """Send packets of sound to where the other side's SDP said."""
        for number in range(packets):
            self.rtp.sendto(struct.pack('>BBHII', 0x80, 0, number, number * 160, self.number) + bytes(160), self.media)

    def hears(self, other, seconds=2.0):
        """Do packets of the other phone come through?"""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and select.select([self.rtp], [], [], left)[0]:
            data = self.rtp.recv(2048)
            if len(data) == 172 and struct.unpack('>I', data[8:12])[0] == other.number:
                return True
        return False


def target(message):
    """The URI of its Contact."""
    return re.search(r'<([^>]+)>', message.headers['contact'][0])[1]


def media_of(body):
    """(address, port) of an SDP with one stream."""
    text = body.decode()
    return re.search(r'c=IN IP4 (\S+)', text)[1], int(re.search(r'm=audio (\d+)', text)[1])


def talk(one, other):
    """Both send until both hear each other."""
    for _ in range(20):
        one.speak(2)
        other.speak(2)
        if other.hears(one, 0.1) and one.hears(other, 0.1):
            return
        time.sleep(0.02)
    raise AssertionError('no sound both ways')


__all__ = ['Agent', 'GivesUp', 'talk']
