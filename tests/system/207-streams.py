"""Several streams of a call: video through two NATs with real phones, and fax by UDPTL after a re-INVITE."""

import select
import struct
import time

from lab import sip
from lab.agent import Agent
from lab.models import MODELS
from lab.net import Home
from lab.office import Office, password
from lab.wait import until

AUDIO, VIDEO = 0, 96               # PCMU, and from here on what is dynamic
FAX = (f'm=image {{port}} {{proto}} t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n'
       'a=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n')
ONE_PAUSE_S = 1.5                  # runit waits when a process lived less than a second


# ---- video ----


def count(phone, since=0.0):
    """(packets of sound, packets of picture) that reached a phone."""
    types = [r.payload_type for _, r in phone.ear.incoming(since)]
    return types.count(AUDIO), sum(t >= VIDEO for t in types)


def see_each_other(*phones, since):
    """Sound and picture come to both."""
    for phone in phones:
        until(lambda p=phone: all(n >= 10 for n in count(p, since)), 10, f'{phone.name} hears and sees the other')
        print(f'{phone.name}: {count(phone, since)} packets of sound and picture')


def test_video_call_of_two_homes_outlives_both_processes():
    """Each stream by its own ports; after kill -9 both go on."""
    with Office(homes=(Home('A'), Home('B'))) as office:
        one, two = office.home('A', video=True), office.home('B', video=True)
        begin = time.time()
        one.call(two)
        see_each_other(one, two, since=begin)
        for phone in (one, two):
            ports = {(p.destination[1], r.payload_type >= VIDEO) for p, r in phone.ear.incoming(begin)}
            assert len(ports) == 2 and len({port for port, _ in ports}) == 2, ports
        for role in ('mediaproxy', 'sigproxy'):
            time.sleep(ONE_PAUSE_S)
            old = office.postern.pids()[role]
            assert office.postern.kill(role) == old
            office.postern.wait_restarted(role, old)
            see_each_other(one, two, since=time.time())
        one.hang_up()
        two.closed()


def test_audio_survives_a_refused_video():
    """The desk has no picture: it answers that line with port 0."""
    with Office() as office:
        home, desk = office.home(video=True), office.desk()
        begin = time.time()
        home.call(desk)
        for phone in (home, desk):
            until(lambda p=phone: count(p, begin)[0] >= 25, 10, f'{phone.name} hears the other')
            assert count(phone)[1] == 0
        home.hang_up()
        desk.closed()


# ---- fax ----


class FaxPhone(Agent):
    """A phone that can turn a call into fax."""

    lines = None

    def open_fax(self, host):
        """A socket for fax, beside the one for sound."""
        self.fax = host.udp_socket(0)
        return self

    @property
    def sdp(self):
        if self.lines is None:
            return super().sdp
        ip = self.words['ip']
        head = f'v=0\r\no=- 2 2 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n'
        return (head + self.lines).encode()

    def reinvite(self, lines, other, status, answer=None):
        """Offer these lines; the other one gives this answer. What each was told: (offer, answer)."""
        d = self.dialog
        d['cseq'] += 1
        self.lines, other.lines = lines, answer
        self.wire.send(self.request('INVITE', d['uri'], d['to'], d['call_id'], d['cseq'],
                                    ['Content-Type: application/sdp'], self.sdp))
        invite = other.hear(lambda m: m.start.startswith('INVITE '), 3)
        assert invite, 'no re-INVITE'
        if status == 200:
            other.respond(invite, 200, 'OK', ['Content-Type: application/sdp'], other.sdp)
        else:
            other.respond(invite, status, 'Not Acceptable Here')
        said = self.final(3)
        assert said and sip.status(said) == status, said and said.start
        self.acknowledge(said, d['uri'], d['to'], d['call_id'], d['cseq'])
        assert other.hear(lambda m: m.start.startswith('ACK '), 3), 'no ACK'
        return invite.body.decode(), said.body.decode()

    def send_fax(self, to, number):
        """One UDPTL packet: an indicator, numbered."""
        self.fax.sendto(struct.pack('>HB', number, 3) + b'\xc0\x01' + bytes([self.number % 256]) + b'\0\0', to)

    def gets_fax(self, other, seconds=0.2):
        """How many of the other's packets are here."""
        n = 0
        while select.select([self.fax], [], [], seconds)[0]:
            n += self.fax.recv(2048)[5:6] == bytes([other.number % 256])
        return n


def image_port(body):
    """(address, port) of the fax line, or None."""
    for line in body.splitlines():
        if line.startswith('m=image '):
            port = int(line.split()[1])
    address = [line.split()[2] for line in body.splitlines() if line.startswith('c=')][0]
    return (address, port) if port else None


def fax_phones(office):
    """Registered at two homes, in a call with sound."""
    phones = []
    for number, name in ((201, 'A'), (202, 'B')):
        host = office.lab.homes[name].phones[0]
        phone = FaxPhone(host, (office.lab.office.public, 5070), MODELS['T19P'], number, password(number))
        answer = phone.register()
        assert answer and sip.status(answer) == 200, answer and answer.start
        phones.append(phone.open_fax(host))
    phones[0].call(202, phones[1])
    return phones


def fax_line(phone, proto='udptl'):
    """Its offer or answer of fax."""
    return FAX.format(port=phone.fax.getsockname()[1], proto=proto)


def fax_both_ways(one, two, to_one, to_two):
    """Packets of both reach the other; each sends to where it was told."""
    got = [0, 0]
    for number in range(40):
        one.send_fax(to_two, number)
        two.send_fax(to_one, number)
        got[0] += one.gets_fax(two, 0.02)
        got[1] += two.gets_fax(one, 0.02)
        if number >= 15 and min(got) >= 10:
            break
    print(f'{got[0]} and {got[1]} UDPTL packets of {number + 1} came through')
    assert min(got) >= 10, got


def test_fax_takes_the_place_of_sound():
    with Office(homes=(Home('A'), Home('B'))) as office:
        one, two = fax_phones(office)
        offer, answer = two.reinvite(fax_line(two, 'UDPTL'), one, 200, fax_line(one, 'UDPTL'))
        assert 'a=rtcp' not in offer + answer and 'm=audio' not in offer, offer
        fax_both_ways(one, two, image_port(answer), image_port(offer))
        old = office.postern.pids()['mediaproxy']
        office.postern.kill('mediaproxy')
        office.postern.wait_restarted('mediaproxy', old)
        fax_both_ways(one, two, image_port(answer), image_port(offer))
        one.hang_up(two)


def test_fax_is_added_beside_sound_and_refused_at_first():
    with Office(homes=(Home('A'), Home('B'))) as office:
        one, two = fax_phones(office)
        audio = 'm=audio 30000 RTP/AVP 0\r\n'
        silent = 'm=audio 0 RTP/AVP 0\r\n'
        two.reinvite(audio + fax_line(two), one, 488)
        offer, answer = two.reinvite(audio + fax_line(two), one, 200, audio + FAX.format(port=0, proto='udptl'))
        assert image_port(answer) is None and image_port(offer), answer
        offer, answer = two.reinvite(silent + fax_line(two), one, 200, silent + fax_line(one))
        fax_both_ways(one, two, image_port(answer), image_port(offer))
        one.hang_up(two)
