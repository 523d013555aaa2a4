"""Digits: events of RFC 4733 pass with the sound, INFO passes, and each becomes the other where that is needed."""

import re
import secrets
import struct
import threading
import time
from dataclasses import replace

from lab import rtp, sip
from lab.agent import Agent, media_of, target
from lab.expect import hear_each_other
from lab.models import MODELS
from lab.office import Office, password

EVENTS = 101
PLAIN_SDP = ('v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n'
             'a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n')


def digits(packets):
    """[(event, packets, packets that end it, last duration)] of a stream, which must be one and unbroken."""
    seen = {}
    last = None
    for packet in packets:
        assert last is None or packet.ssrc == last.ssrc, 'another SSRC'
        assert last is None or (packet.sequence - last.sequence) & 0xffff == 1, (last.sequence, packet.sequence)
        last = packet
        if packet.payload_type == EVENTS:
            event, flags, duration = struct.unpack('>BBH', packet.payload)
            one = seen.setdefault(packet.timestamp, [event, 0, 0, 0])
            one[1] += 1
            one[2] += flags >> 7
            assert duration >= one[3], 'it grew shorter'
            one[3] = duration
    return [tuple(one) for _, one in sorted(seen.items())]


def pressed(phone, since):
    """The digits that the phone says it heard."""
    phone.control.pump(0.3, lambda: False)
    return [e['param'] for e in phone.events(since) if e['type'] == 'CALL_DTMF_START']


def press(phone, keys):
    """What its user types."""
    for key in keys:
        phone.control.command('sndcode', key)
        time.sleep(0.3)


def test_events_pass():
    """Between two real phones, both ways."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 0.5)
        marks = home.mark(), desk.mark()
        press(home, '15#')
        press(desk, '*90')
        time.sleep(0.5)
        assert pressed(desk, marks[1]) == list('15#'), pressed(desk, marks[1])
        assert pressed(home, marks[0]) == list('*90'), pressed(home, marks[0])


class InfoPhone(Agent):
    """A phone that knows no events and sends its digits by INFO."""

    def __init__(self, office, number, inside=False):
        lab = office.lab
        host = lab.office.phones[0] if inside else lab.homes['A'].phones[0]
        server = (lab.postern_host.address, 5060) if inside else (lab.office.public, 5070)
        super().__init__(host, server, replace(MODELS['T19P'], sdp=PLAIN_SDP), number, password(number))
        answer = self.register()
        assert sip.status(answer) == 200, answer.start

    def respond(self, request, status, reason, headers=(), body=b''):
        """As phones do, a 200 says what it takes."""
        super().respond(request, status, reason, [*([self.model.headers[0]] if status == 200 else []), *headers], body)

    def dial(self, number):
        """Call one that picks up by itself."""
        uri = self.text(self.model.aor).replace(f'sip:{self.number}@', f'sip:{number}@')
        call_id = secrets.token_hex(8)
        self.challenge = None
        answer = self.ask('INVITE', uri, f'<{uri}>', call_id, ['Content-Type: application/sdp'], self.sdp)
        assert answer and sip.status(answer) == 200, answer and answer.start
        assert b'telephone-event' not in answer.body, answer.body
        self.media = media_of(answer.body)
        self.dialog = {'uri': target(answer), 'to': answer.headers['to'][0], 'call_id': call_id, 'cseq': self.cseq}
        self.acknowledge(answer, self.dialog['uri'], self.dialog['to'], call_id, self.cseq)

    def info(self, kind, body):
        """Send a digit, without waiting for the answer."""
        d = self.dialog
        d['cseq'] += 1
        self.wire.send(self.request('INFO', d['uri'], d['to'], d['call_id'], d['cseq'],
                                    [f'Content-Type: application/{kind}'], body.encode()))

    def digit(self, kind, body):
        """The same; the status that answers it."""
        self.info(kind, body)
        return sip.status(self.final())


class Speaker(threading.Thread):
    """Sound without end from an agent's phone."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self._agent, self._done = agent, threading.Event()

    def run(self):
        start, number = time.monotonic(), 0
        while not self._done.wait(max(0, start + number * 0.02 - time.monotonic())):
            packet = rtp.make(0, number, number * 160, 201, b'\xff' * 160)
            self._agent.rtp.sendto(packet, self._agent.media)
            number += 1

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self._done.set()
        self.join()


def test_info_becomes_events():
    """A desk phone that knows events calls one that does not; kill -9 of sigproxy in between changes nothing."""
    with Office() as office, InfoPhone(office, 201) as home:
        desk = office.desk()
        desk.dial(201)
        home.pick_up(home.ring())
        desk.wait('CALL_ESTABLISHED', 5)
        with Speaker(home):
            time.sleep(0.5)
            since = desk.mark()
            assert home.digit('dtmf-relay', 'Signal=5\r\nDuration=100\r\n') == 200
            assert home.digit('dtmf-relay', 'Signal=*\r\nDuration=100\r\n') == 200
            assert home.digit('dtmf', '0') == 200
            time.sleep(1)
            old = office.postern.kill('sigproxy')
            office.postern.wait_restarted('sigproxy', old)
            assert home.digit('dtmf-relay', 'Signal=#\r\nDuration=60\r\n') == 200
            time.sleep(0.5)
        assert pressed(desk, since) == list('5*0#'), pressed(desk, since)
        heard = digits([packet for _, packet in desk.ear.incoming()])
        print('| digit | packets | that end it | duration |')
        for one in heard:
            print('| %d | %d | %d | %d |' % one)
        assert [(event, ends, duration) for event, _, ends, duration in heard] == [
            (5, 3, 800), (10, 3, 800), (0, 3, 1280), (11, 3, 480)], heard


def digits_heard(phone, count):
    """The digits that come to it by INFO, each answered; the body of each says how long."""
    heard = []
    while len(heard) < count:
        message = phone.hear(lambda m: m.start.startswith('INFO '), 3)
        assert message, heard
        assert message.headers['content-type'] == ['application/dtmf-relay'], message.headers
        signal, duration = re.fullmatch(rb'Signal=(.)\r\nDuration=(\d+)\r\n', message.body).groups()
        assert 40 <= int(duration) <= 500, message.body
        heard.append(signal.decode())
        phone.respond(message, 200, 'OK')
    return heard


def both_ways(office, home, desk):
    """What one types the other hears; kill -9 of the relay and of sigproxy in between changes nothing."""
    with Speaker(home):
        time.sleep(0.3)
        for role in (None, 'mediaproxy', 'sigproxy'):
            if role:
                time.sleep(1.5)
                old = office.postern.kill(role)
                office.postern.wait_restarted(role, old)
                time.sleep(0.5)
            since = desk.mark()
            assert home.digit('dtmf-relay', 'Signal=7\r\nDuration=100\r\n') == 200
            time.sleep(0.3)
            press(desk, '4#')
            heard = digits_heard(home, 2)
            print(f'after kill of {role}: {pressed(desk, since)} by events, {heard} by INFO')
            assert heard == ['4', '#'] and pressed(desk, since) == ['7'], (heard, pressed(desk, since))


def test_both_ways_when_the_caller_has_no_events():
    """An offer without events reaches the desk with them, since its phone takes INFO."""
    with Office() as office, InfoPhone(office, 201) as home:
        desk = office.desk()
        home.dial(168)
        both_ways(office, home, desk)


def test_both_ways_when_the_called_one_has_none():
    """An answer without events reaches the desk with them."""
    with Office() as office, InfoPhone(office, 201) as home:
        desk = office.desk()
        desk.dial(201)
        home.pick_up(home.ring())
        desk.wait('CALL_ESTABLISHED', 5)
        both_ways(office, home, desk)


def test_info_passes():
    """To a phone without events as it came, the body byte for byte."""
    with Office() as office, InfoPhone(office, 201) as home, InfoPhone(office, 168, inside=True) as desk:
        desk.call(201, home)
        for kind, body in (('dtmf-relay', b'Signal=7\r\nDuration=250\r\n'), ('dtmf', b'7')):
            desk.info(kind, body.decode())
            message = home.hear(lambda m: m.start.startswith('INFO '), 3)
            assert message and message.body == body, message
            assert message.headers['content-type'] == [f'application/{kind}'], message.headers
            home.respond(message, 200, 'OK')
            assert sip.status(desk.final()) == 200
