"""A phone in a call goes to another network: its password moves the call there, and nothing else does."""

import re
import secrets
import struct
import threading
import time
import uuid

from lab import sip
from lab.net import Home
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.tlsoffice import TlsOffice
from lab.wait import until

BACK_S = 3.0
QUIET_S = 1.5


class Roamer:
    """One laptop: a number, an instance-id, sound without end, and two sockets wherever it is."""

    def __init__(self, server, number, host):
        self.server, self.number, self.password = server, number, password(number)
        self.instance = f'<urn:uuid:{uuid.uuid4()}>'
        self.tag, self.call_id, self.register_id = (secrets.token_hex(8) for _ in range(3))
        self.cseq, self.target, self.to, self.media = 0, None, None, None
        self.heard_at, self._spoken = 0.0, 0
        self.go_to(host)
        for work in (self._speak, self._listen):
            threading.Thread(target=work, daemon=True).start()

    def go_to(self, host):
        """Another network; what went to the old one is gone."""
        self.address, self.sip, self.rtp = host.address, host.udp_socket(5060), host.udp_socket(10000)
        self.rtp.settimeout(0.2)

    # -- sound --------------------------------------------------------------

    def _speak(self):
        while True:
            if self.media:
                self._spoken += 1
                try:
                    self.rtp.sendto(struct.pack('>BBHII', 0x80, 0, self._spoken & 0xffff, self._spoken * 160,
                                                self.number) + bytes(160), self.media)
                except OSError:
                    return              # the laboratory is gone
            time.sleep(0.02)

    def _listen(self):
        while True:
            try:
                self.rtp.recv(2048)
                self.heard_at = time.time()
            except TimeoutError:
                pass

    # -- SIP ----------------------------------------------------------------

    def _send(self, method, uri, to, call_id, headers, body):
        contact = f'<sip:{self.number}@{self.address}:5060>;+sip.instance="{self.instance}"'
        lines = [f'{method} {uri} SIP/2.0',
                 f'Via: SIP/2.0/UDP {self.address}:5060;branch=z9hG4bK{secrets.token_hex(6)};rport', 'Max-Forwards: 70',
                 f'From: <sip:{self.number}@{DOMAIN}>;tag={self.tag}', f'To: {to}', f'Call-ID: {call_id}',
                 f'CSeq: {self.cseq} {method}', f'Contact: {contact}', *headers, f'Content-Length: {len(body)}']
        self.sip.sendto('\r\n'.join(lines).encode() + b'\r\n\r\n' + body, self.server)

    def _final(self, method):
        """The answer to what was asked last."""
        wanted = f'{self.cseq} {method}'
        answers = sip.answers(self.sip, 3, lambda m: sip.final(m) and m.headers['cseq'][0] == wanted)
        return next((m for m in answers if sip.final(m) and m.headers['cseq'][0] == wanted), None)

    def ask(self, method, uri, to, call_id, headers=(), body=b''):
        """Ask, prove who it is if that is wanted, and return the last answer."""
        self.cseq += 1
        self._send(method, uri, to, call_id, headers, body)
        answer = self._final(method)
        if answer is None or sip.status(answer) != 401:
            return answer
        value = sip.digest(answer.headers['www-authenticate'][0], method, uri, f'SIP-{self.number}', self.password)
        self.cseq += 1
        self._send(method, uri, to, call_id, [*headers, f'Authorization: {value}'], body)
        return self._final(method)

    def register(self):
        """REGISTER from where it is now."""
        answer = self.ask('REGISTER', f'sip:{DOMAIN}', f'<sip:{self.number}@{DOMAIN}>', self.register_id,
                          ['Expires: 60', 'User-Agent: laptop'])
        assert answer and sip.status(answer) == 200, answer and answer.start
        return self

    @property
    def sdp(self):
        """Where it is now."""
        return ('v=0\r\no=- 7 {0} IN IP4 {1}\r\ns=-\r\nc=IN IP4 {1}\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n'
                .format(self.cseq, self.address)).encode()

    def call(self, number):
        """INVITE, or with the dialog it has re-INVITE or UPDATE, and its ACK."""
        uri = f'sip:{number}@{DOMAIN}'
        self._took(self.ask('INVITE', uri, f'<{uri}>', self.call_id, ['Content-Type: application/sdp'], self.sdp))
        self._ack()

    def offer_again(self, method):
        """re-INVITE or UPDATE from where it is now."""
        answer = self.ask(method, self.target, self.to, self.call_id, ['Content-Type: application/sdp'], self.sdp)
        if method == 'UPDATE' and answer and sip.status(answer) == 501:
            return                      # says the desk, which knows no UPDATE; the proof counts all the same
        self._took(answer)
        if method == 'INVITE':
            self._ack()

    def _took(self, answer):
        assert answer and sip.status(answer) == 200, answer and answer.start
        body = answer.body.decode()
        self.target, self.to = re.search('<([^>]+)>', answer.headers['contact'][0])[1], answer.headers['to'][0]
        self.media = (re.search(r'c=IN IP4 (\S+)', body)[1], int(re.search(r'm=audio (\d+)', body)[1]))

    def _ack(self):
        self._send('ACK', self.target, self.to, self.call_id, (), b'')

    def hears_bye(self):
        """The desk hung up, and that comes where it is."""
        return any(m.start.startswith('BYE ') for m in sip.answers(self.sip, 3, lambda m: m.start.startswith('BYE ')))


def two_networks():
    """The same private addresses in both would be just as well; here they differ, as they mostly do."""
    return Office(homes=[Home('A'), Home('B', lan='10.20.30'), Home('C')])


def talking(office):
    """A laptop at home in a call with the desk, heard both ways."""
    desk = office.desk()
    laptop = Roamer((office.lab.office.public, 5070), 201, office.lab.homes['A'].phones[0]).register()
    laptop.call(desk.number)
    both_hear(laptop, desk, time.time(), 5)
    return laptop, desk


def both_hear(laptop, desk, since, seconds):
    """Seconds until both heard each other after that moment."""
    back = until(lambda: desk.ear.incoming(since), seconds, 'the desk hears the laptop')[0][0].time
    until(lambda: laptop.heard_at > since, seconds, 'the laptop hears the desk')
    return max(back, laptop.heard_at) - since


def goes_mobile(office, laptop, desk):
    """It is elsewhere, speaks from there, and is a stranger until it proves who it is."""
    laptop.go_to(office.lab.homes['B'].phones[0])
    time.sleep(0.3)
    began = time.time()
    time.sleep(QUIET_S)
    assert not desk.ear.incoming(began), 'the relay took sound from an address that proved nothing'


def moves_by(office, laptop, desk, what, prove):
    """How long it took from the first packet of the proof."""
    goes_mobile(office, laptop, desk)
    asked = time.time()
    prove()
    took = both_hear(laptop, desk, asked, BACK_S + 2)
    print(f'{what} from another network: heard both ways after {took:.2f} s')
    assert took <= BACK_S
    desk.hang_up()
    assert laptop.hears_bye(), 'the BYE went elsewhere'
    assert office.postern.logs().count('call-moved') == 1


def test_re_invite_from_another_network():
    with two_networks() as office:
        laptop, desk = talking(office)
        moves_by(office, laptop, desk, 're-INVITE', lambda: laptop.offer_again('INVITE'))


def test_update_from_another_network():
    with two_networks() as office:
        laptop, desk = talking(office)
        moves_by(office, laptop, desk, 'UPDATE', lambda: laptop.offer_again('UPDATE'))


def test_register_takes_the_call_along():
    """Known by its instance-id; a stranger to the call who registers the same number does not get it."""
    with two_networks() as office:
        laptop, desk = talking(office)
        Roamer((office.lab.office.public, 5070), 201, office.lab.homes['C'].phones[0]).register()
        time.sleep(0.5)
        assert 'call-moved' not in office.postern.logs(), 'another device of the number got the call'
        moves_by(office, laptop, desk, 'REGISTER', laptop.register)


def test_a_tls_phone_is_back_after_the_office_moved():
    """Its new connection has the call, and it is told the new address in it."""
    with TlsOffice() as office:
        desk = office.desk()
        phone = office.tls_phone(201, office.lab.homes['A'].phones[0]).connect().register()
        desk.dial(201)
        assert phone.hear_request('INVITE')
        phone.answer(200, 'OK')
        desk.wait('CALL_ESTABLISHED')
        office.lab.change_office_address()
        new = office.lab.office.public
        until(lambda: f'"public_address":"{new}"' in office.postern.status_text(), 20, 'the change is seen', 0.1)
        phone.server = office.tls_server
        phone.connect().register()
        back = time.monotonic()
        invite = phone.hear_request('INVITE')
        if invite and new not in invite.body.decode():      # it is mute, and was asked where it sends its sound
            phone.answer(488, 'Not Acceptable Here')
            invite = phone.hear_request('INVITE')
        assert invite and f'c=IN IP4 {new}' in invite.body.decode(), invite
        assert f'@{new}:5071' in invite.headers['contact'][0], invite.headers['contact']
        phone.answer(200, 'OK')
        until(lambda: '"calls_readdressed":1' in office.postern.status_text(), 3, 'it knows', 0.1)
        print(f'told {time.monotonic() - back:.2f} s after its REGISTER')
        desk.hang_up()
        assert phone.hear_request('BYE')
