"""A phone with BLF keys and a lamp, under a test's full control: SUBSCRIBE, NOTIFY, MESSAGE."""

import re
import secrets
import time

from . import sip
from .postern import DOMAIN
from .rawphone import RawPhone

DIALOG = ['Event: dialog', 'Accept: application/dialog-info+xml']
MWI = ['Event: message-summary', 'Accept: application/simple-message-summary']


def cseq(message):
    """The number of a message's CSeq."""
    return int(message.headers['cseq'][0].split()[0])


class Key:
    """One subscription: its dialog as the phone knows it, and what it was told."""

    def __init__(self, phone, number, event):
        self.phone, self.number, self.event = phone, number, event
        self.call_id, self.tag = secrets.token_hex(10), secrets.token_hex(4)
        self.uri = f'sip:{number}@{DOMAIN}'
        self.to, self.cseq, self.state, self.version = f'<{self.uri}>', 0, '', -1
        self.body = b''
        self.ended = None                # the reason, once it was terminated

    def request(self, expires, headers=()):
        """A SUBSCRIBE inside the dialog, or the first one."""
        self.cseq += 1
        ip, port = self.phone.local
        lines = [f'SUBSCRIBE {self.uri} SIP/2.0',
                 f'Via: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{secrets.token_hex(6)};rport', 'Max-Forwards: 70',
                 f'From: <sip:{self.phone.number}@{DOMAIN}>;tag={self.tag}', f'To: {self.to}',
                 f'Call-ID: {self.call_id}', f'CSeq: {self.cseq} SUBSCRIBE',
                 f'Contact: <sip:{self.phone.number}@{ip}:{port}>', *self.event, f'Expires: {expires}', *headers,
                 'Content-Length: 0']
        return '\r\n'.join(lines).encode() + b'\r\n\r\n'

    def ask(self, expires=600):
        """SUBSCRIBE, with digest when challenged; the final status."""
        for headers in ((), None):
            if headers is None:
                value = sip.digest(answer.headers['www-authenticate'][0], 'SUBSCRIBE', self.uri, self.phone.username,
                                   self.phone.password)
                headers = [f'Authorization: {value}']
            self.phone.send(self.request(expires, headers))
            answer = self.phone.take(lambda m: sip.status(m) and m.headers['call-id'][0] == self.call_id
                                     and cseq(m) == self.cseq and sip.final(m))
            if not answer or sip.status(answer) != 401:
                break
        if answer and sip.status(answer) == 200:
            self.to = answer.headers['to'][0]
            self.uri = answer.headers['contact'][0].split('<')[1].split('>')[0]
        return answer and sip.status(answer)

    def hear(self, notify):
        """Take in what a NOTIFY says."""
        state = notify.headers['subscription-state'][0]
        self.body = notify.body
        if state.startswith('terminated'):
            self.ended = state.partition('reason=')[2]
        if not notify.body.startswith(b'<?xml'):
            return
        text = notify.body.decode()
        version = int(re.search(r'version="(\d+)"', text[20:])[1])
        assert version > self.version, f'{version} after {self.version}'
        self.version, self.state = version, re.search(r'<state>(\w+)', text)[1]

    def until(self, wanted, seconds=5.0):
        """Listen until wanted(self) is true; fails after so long."""
        self.phone.listen(seconds, lambda: wanted(self))
        assert wanted(self), f'key {self.number}: {self.state} v{self.version} {self.ended} {self.body!r}'
        return self


class Watcher(RawPhone):
    """A RawPhone that answers NOTIFY for its keys and keeps what else it hears."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.keys, self.inbox, self.strange = [], [], 0
        self.takes_all = False           # NOTIFYs it knows nothing of, too

    def key(self, number, event=DIALOG, expires=600):
        """Watch a number; returns (status, key)."""
        key = Key(self, number, list(event))
        self.keys.append(key)
        return key.ask(expires), key

    def reply(self, request, status, reason='OK'):
        """Answer a request."""
        lines = [f'SIP/2.0 {status} {reason}', *(f'Via: {via}' for via in request.headers['via']),
                 *(f'{name.title()}: {request.headers[name][0]}' for name in ('from', 'to', 'call-id', 'cseq')),
                 'Content-Length: 0']
        self.send('\r\n'.join(lines).encode() + b'\r\n\r\n')

    def _hear(self, data):
        self.received.append(data)
        if not sip.looks_like(data):
            return
        message = sip.parse(data)
        if not message.start.startswith('NOTIFY '):
            self.inbox.append(message)
            return
        key = next((k for k in self.keys if k.call_id == message.headers['call-id'][0]), None)
        if not key or key.ended:
            self.strange += 1
            self.reply(message, *((200, 'OK') if self.takes_all else (481, 'No such subscription')))
            return
        self.reply(message, 200)
        if cseq(message) > getattr(key, 'heard', 0):
            key.heard = cseq(message)
            key.hear(message)

    def listen(self, seconds, done=lambda: False):
        """Take in what comes until done() is true."""
        deadline = time.monotonic() + seconds
        while not done() and (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(min(left, 0.1) or 0.01)
            try:
                self._hear(self.sock.recv(65535))
            except TimeoutError:
                pass

    def take(self, wanted, seconds=3.0):
        """The first message that is no NOTIFY for which wanted(message) is true, or None."""
        def find():
            return next((m for m in self.inbox if wanted(m)), None)
        self.listen(seconds, find)
        message = find()
        if message:
            self.inbox.remove(message)
        return message

    def text(self, number, body, content_type='text/plain'):
        """MESSAGE with digest; the final status."""
        uri, call_id = f'sip:{number}@{DOMAIN}', secrets.token_hex(10)
        answer = None
        for number_ in (1, 2):
            headers = [f'Content-Type: {content_type}']
            if answer:
                value = sip.digest(answer.headers['www-authenticate'][0], 'MESSAGE', uri, self.username, self.password)
                headers.append(f'Authorization: {value}')
            self.send(sip.request('MESSAGE', uri, self.local, from_=self.number, headers=headers, body=body,
                                  call_id=call_id, cseq=number_))
            answer = self.take(lambda m: sip.status(m) and m.headers['call-id'][0] == call_id
                               and cseq(m) == number_ and sip.final(m), 8)
            if not answer or sip.status(answer) != 401:
                break
        return answer and sip.status(answer)
