"""A phone that lives by itself: it answers what it is asked, speaks where it is told, and counts what it hears."""

import re
import secrets
import struct
import threading
import time

from . import rtp, sip
from .agent import Wire
from .postern import DOMAIN

EVENTS = 101
PICTURE = 96
STEP_S = 0.02
REPORT_S = 5.0


class Stream:
    """One line of its SDP: a socket, where to send, and when something came."""

    def __init__(self, host, port, payload_type, ssrc):
        self.sock, self.control = host.udp_socket(port), host.udp_socket(port + 1)
        self.sock.setblocking(False)
        self.control.setblocking(False)
        self.payload_type, self.ssrc, self.sequence = payload_type, ssrc, 0
        self.target, self.muted, self.came = None, False, []

    def send(self, payload_type=None, payload=bytes(160)):
        """The next packet, if it knows where to."""
        self.sequence += 1
        if self.target:
            kind = self.payload_type if payload_type is None else payload_type
            self.sock.sendto(rtp.make(kind, self.sequence, self.sequence * 160, self.ssrc, payload), self.target)

    def report(self):
        """An empty receiver report."""
        if self.target:
            self.control.sendto(struct.pack('>BBHI', 0x80, 201, 1, self.ssrc), (self.target[0], self.target[1] + 1))

    def receive(self):
        """Note what is here: (when, SSRC, payload type)."""
        try:
            while True:
                data = self.sock.recv(2048)
                if rtp.looks_like(data):
                    packet = rtp.parse(data)
                    if packet.payload_type != 20 and len(packet.payload) > 0:
                        self.came.append((time.time(), packet.ssrc, packet.payload_type))
        except BlockingIOError:
            pass


class LivePhone:
    """A number at a host, by UDP, TCP or TLS."""

    def __init__(self, host, server, number, password, transport='udp', port=5060, rtp_port=10000, video=False):
        self.number, self.password, self.transport, self.port = number, password, transport, port
        self.instance, self.tag = f'urn:uuid:{secrets.token_hex(16)}', secrets.token_hex(6)
        self.register_id, self.cseq, self.branch = secrets.token_hex(8), 0, 0
        self.call_id, self.target, self.remote, self.local = secrets.token_hex(8), None, None, None
        self.video, self.rtp_port, self.direction = video, rtp_port, 'sendrecv'
        self.fresh_ports = False         # another port in SDP for each answer; it listens and sends by the first
        self.new_ssrc = False            # with each SDP that it gets
        self.asked, self.answers = [], []
        self.version, self.keys, self._stop = 0, [], False
        self._lock = threading.RLock()
        self.server = server
        self.go_to(host)
        threading.Thread(target=self._live, daemon=True).start()

    def go_to(self, host):
        """Another network, or a new connection."""
        with self._lock:
            ssrc = getattr(self, 'sound', None) and self.sound.ssrc or self.number
            old = getattr(self, 'streams', [])
            self.host = host
            if old and old[0].host_name == host.name:
                self.wire.sock.close()
            else:
                self.streams = [Stream(host, self.rtp_port, 0, ssrc)]
                if self.video:
                    self.streams.append(Stream(host, self.rtp_port + 2, PICTURE, ssrc + 1000))
                for stream, was in zip(self.streams, old):
                    stream.sequence, stream.muted, stream.target, stream.came = was.sequence, was.muted, was.target, was.came
                for stream in self.streams:
                    stream.host_name = host.name
            self.wire = Wire(host, self.server, self.transport, self.port if self.transport == 'udp' else 0, {})
            self.sound = self.streams[0]
            self.ip, self.sip_port = self.wire.local

    def stop(self):
        """No more of it."""
        self._stop = True

    # -- its life -----------------------------------------------------------

    def _live(self):
        next_packet = next_report = time.monotonic()
        while not self._stop:
            try:
                with self._lock:
                    while (data := self.wire.receive(0.001)) is not None:
                        self._take(data)
                    for stream in self.streams:
                        stream.receive()
                    if time.monotonic() >= next_packet:
                        next_packet = max(next_packet + STEP_S, time.monotonic() - 0.2)
                        self._speak()
                    if time.monotonic() >= next_report:
                        next_report += REPORT_S
                        for stream in self.streams:
                            stream.report()
            except (OSError, ValueError):
                time.sleep(0.01)        # the connection is gone
            time.sleep(0.003)

    def _speak(self):
        if self.direction in ('inactive', 'recvonly'):
            return
        for stream in self.streams:
            if stream is self.sound and self.keys:
                self._press(stream)
            elif not stream.muted:
                stream.send()

    def _press(self, stream):
        key, n = self.keys[0]
        stream.send(EVENTS, struct.pack('>BBH', key, 0x8a if n <= 3 else 10, 160 * (12 - n)))
        self.keys[0] = (key, n - 1)
        if n == 1:
            self.keys.pop(0)

    def press(self, *keys):
        """Each for 160 ms: eight packets, the last three its end."""
        with self._lock:
            self.keys += [(key, 8) for key in keys]

    # -- SIP ----------------------------------------------------------------

    @property
    def contact(self):
        """Where it is at home."""
        return f'<sip:{self.number}@{self.ip}:{self.sip_port};transport={self.transport}>'

    def sdp(self, answering=False):
        """What it offers and answers."""
        self.version += 1
        port = self.rtp_port + (10 * self.version if self.fresh_ports and answering else 0)
        lines = ['v=0', f'o=- 7 {self.version} IN IP4 {self.ip}', 's=-', f'c=IN IP4 {self.ip}', 't=0 0',
                 f'm=audio {port} RTP/AVP 0 {EVENTS}', f'a=rtpmap:{EVENTS} telephone-event/8000', f'a={self.direction}']
        if self.video:
            lines += [f'm=video {self.rtp_port + 2} RTP/AVP {PICTURE}', f'a=rtpmap:{PICTURE} VP8/90000']
        return ('\r\n'.join(lines) + '\r\n').encode()

    def _told(self, body):
        text = body.decode()
        address = re.search(r'c=IN IP4 (\S+)', text)[1]
        for stream, port in zip(self.streams, re.findall(r'm=(?:audio|video) (\d+)', text)):
            stream.target = (address, int(port)) if port != '0' else None
        if self.new_ssrc:
            self.sound.ssrc += 1

    def _take(self, data):
        message = sip.parse(data)
        code = sip.status(message)
        if code is not None:
            if code >= 200:
                self.answers.append(message)
            return
        method = message.start.split()[0]
        if method == 'ACK':
            return
        lines = ['SIP/2.0 200 OK']
        for name in ('via', 'from', 'to', 'call-id', 'cseq', 'record-route'):
            for value in message.headers.get(name, ()):
                if name == 'to' and ';tag=' not in value:
                    value += f';tag={self.tag}'
                lines.append(f'{name.title()}: {value}')
        body = b''
        if method == 'INVITE':
            self.asked.append((time.time(), message))
            if self.call_id != message.headers['call-id'][0]:
                self.call_id, self.remote = message.headers['call-id'][0], message.headers['from'][0]
                self.local = message.headers['to'][0] + f';tag={self.tag}'
            self.target = re.search(r'<([^>]+)>', message.headers['contact'][0])[1]
            self._told(message.body)
            said = re.search(rb'a=(sendonly|recvonly|inactive)', message.body)
            self.direction = {b'sendonly': 'recvonly', b'recvonly': 'sendonly'}.get(said[1], 'inactive') if said else 'sendrecv'
            body = self.sdp(True)
            lines.append('Content-Type: application/sdp')
        lines += [f'Contact: {self.contact}', f'Content-Length: {len(body)}']
        self.wire.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

    def _send(self, method, uri, remote, local, call_id, cseq, headers, body):
        lines = [f'{method} {uri} SIP/2.0',
                 f'Via: SIP/2.0/{self.transport.upper()} {self.ip}:{self.sip_port};branch=z9hG4bK{secrets.token_hex(6)};rport',
                 'Max-Forwards: 70', f'From: {local}', f'To: {remote}', f'Call-ID: {call_id}', f'CSeq: {cseq} {method}',
                 f'Contact: {self.contact};+sip.instance="<{self.instance}>"', 'User-Agent: live', *headers,
                 f'Content-Length: {len(body)}']
        with self._lock:
            self.wire.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

    def _final(self, method, cseq, seconds=4.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                for answer in self.answers:
                    if answer.headers['cseq'][0] == f'{cseq} {method}':
                        return answer
            time.sleep(0.005)
        return None

    def ask(self, method, uri, remote, local, call_id, headers=(), body=b''):
        """With its digest, if that is wanted; the final answer."""
        self.cseq += 1
        self._send(method, uri, remote, local, call_id, self.cseq, headers, body)
        answer = self._final(method, self.cseq)
        if answer is None or sip.status(answer) != 401:
            return answer
        value = sip.digest(answer.headers['www-authenticate'][0], method, uri, f'SIP-{self.number}', self.password)
        self.cseq += 1
        self._send(method, uri, remote, local, call_id, self.cseq, [*headers, f'Authorization: {value}'], body)
        return self._final(method, self.cseq)

    def register(self, expires=60):
        """From where it is now."""
        own = f'<sip:{self.number}@{DOMAIN}>'
        answer = self.ask('REGISTER', f'sip:{DOMAIN}', own, f'{own};tag={self.tag}', self.register_id, [f'Expires: {expires}'])
        assert answer and sip.status(answer) == 200, f'{self.number}: {answer and answer.start}'
        return self

    def call(self, number):
        """Until it is answered."""
        uri = f'sip:{number}@{DOMAIN}'
        self.local, self.remote = f'<sip:{self.number}@{DOMAIN}>;tag={self.tag}', f'<{uri}>'
        self._offer(uri)
        return self

    def offer(self, direction='sendrecv'):
        """A hold, or its end."""
        self.direction = direction
        self._offer(self.target)

    def _offer(self, uri):
        answer = self.ask('INVITE', uri, self.remote, self.local, self.call_id, ['Content-Type: application/sdp'], self.sdp())
        assert answer and sip.status(answer) == 200, f'{self.number}: {answer and answer.start}'
        self.remote, self.target = answer.headers['to'][0], re.search(r'<([^>]+)>', answer.headers['contact'][0])[1]
        with self._lock:
            self._told(answer.body)
        self._send('ACK', self.target, self.remote, self.local, self.call_id, self.cseq, (), b'')

    def hang_up(self):
        """BYE."""
        return self.ask('BYE', self.target, self.remote, self.local, self.call_id)

    def heard(self, ssrc=None, since=0.0, nr=0):
        """When something came after that moment."""
        with self._lock:
            return [t for t, s, _ in list(self.streams[nr].came) if t > since and ssrc in (None, s)]
