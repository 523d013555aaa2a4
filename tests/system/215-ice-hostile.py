"""Whom the relay believes where a phone with ICE is: who signs with the call's password, wherever he is, and nobody else."""

import os
import re
import select
import struct
import time

from lab import rtp, stun
from lab.agent import Agent, talk
from lab.models import MODELS
from lab.net import Home
from lab.office import Office, password
from lab.wait import until

REBOUND = range(41000, 41100)
SPRAYED = range(16384, 16984)
WAIT_S = 0.4


class IceAgent(Agent):
    """A phone that offers ICE, one candidate for its RTP port, and checks when it is told to."""

    @property
    def sdp(self):
        """Its offer."""
        ip, port = self.words['ip'], self.rtp.getsockname()[1]
        return super().sdp + (f'a=ice-ufrag:labs\r\na=ice-pwd:passwordOfTheLaboratory\r\n'
                              f'a=candidate:1 1 UDP 2130706431 {ip} {port} typ host\r\n').encode()

    def learn(self, body):
        """What the answer says of ICE."""
        text = body.decode()
        assert 'a=ice-lite\r\n' in text, text
        self.ufrag, = re.findall(r'a=ice-ufrag:(\S+)', text)
        self.secret, = re.findall(r'a=ice-pwd:(\S+)', text)
        candidates = re.findall(r'a=candidate:\S+ (\d) UDP \d+ (\S+) (\d+) typ host\r\n', text)
        assert candidates == [('1', self.media[0], str(self.media[1]))], text

    def final(self, seconds=3.0):
        """The next final response, kept."""
        self.answer = super().final(seconds)
        return self.answer

    def check(self, sock=None, secret=None, nominate=True):
        """A check; (what it was mapped to, bytes of the answer for each of the question), or None."""
        transaction = os.urandom(12)
        ask = self.asked = stun.check(self.ufrag, secret or self.secret, nominate=nominate, transaction=transaction)
        return self.send(ask, sock or self.rtp)

    def send(self, ask, sock):
        """Send it; the same."""
        sock.sendto(ask, self.media)
        deadline = time.monotonic() + WAIT_S
        while (left := deadline - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
            data = sock.recv(2048)
            if stun.looks_like(data):
                message = stun.parse(data)
                assert message.type == 0x0101 and message.transaction == ask[8:20], data
                return stun.mapped(message), len(data) / len(ask)
        return None


def call(office):
    """The home, with ICE, has called the desk."""
    lab, public = office.lab, (office.lab.office.public, 5070)
    home = IceAgent(lab.homes['A'].phones[0], public, MODELS['T19P'], 201, password(201))
    desk = Agent(lab.office.phones[0], (lab.postern_host.address, 5060), MODELS['T19P'], 168, password(168))
    for phone in (home, desk):
        phone.register()
    invite = home.call(168, desk)
    assert b'ice' not in invite.body and b'candidate' not in invite.body, invite.body
    home.learn(home.answer.body)
    return home, desk


def strangers_questions(home):
    """STUN that must neither be answered nor believed; the first two know what only the two phones were told."""
    return [stun.check(home.ufrag, 'notThePasswordOfTheCall22', nominate=True),
            stun.check(home.ufrag, '', nominate=True),
            stun.check('guessed1', home.secret, nominate=True),
            struct.pack('>HHI', 1, 0, stun.COOKIE) + b'lab-lab-lab-',
            struct.pack('>HHI', 0x0111, 0, stun.COOKIE) + b'lab-lab-lab-']


def spray(office, home, times):
    """To every port of the range; packets sent, and how many came back."""
    sent = 0
    with office.lab.attacker.udp_socket(home.rtp.getsockname()[1]) as sock:
        for number in range(times):
            sound = rtp.make(0, 7 + number, 160 * number, home.number, b'STRANGER' * 20)
            for port in SPRAYED:
                for data in (*strangers_questions(home), sound):
                    sock.sendto(data, (home.media[0], port))
                    sent += 1
        time.sleep(0.3)
        got = 0
        while select.select([sock], [], [], 0)[0]:
            sock.recv(2048)
            got += 1
    return sent, got


def hears_nothing_of_strangers(phone):
    """No packet of theirs came to the phone."""
    while select.select([phone.rtp], [], [], 0)[0]:
        assert b'STRANGER' not in phone.rtp.recv(2048)


def sound_to(sock, desk, since, seconds=2.0):
    """Seconds until the desk's sound came to this socket."""
    desk.rtp.setblocking(False)
    while time.monotonic() < since + seconds:
        desk.speak(1)
        if select.select([sock], [], [], 0.005)[0]:
            data = sock.recv(2048)
            if len(data) == 172 and struct.unpack('>I', data[8:12])[0] == desk.number:
                return time.monotonic() - since
    raise AssertionError('no sound')


def test_only_the_password_moves_the_sound():
    """A spray of everything else moves nothing; a home that rebinds, or has another line, is followed at once."""
    with Office(homes=(Home('A'), Home('B'))) as office:
        home, desk = call(office)
        sent, got = spray(office, home, 1)
        assert got == 0, f'{got} answers to {sent} packets'
        assert home.check(secret='notThePasswordOfTheCall22') is None
        mapped, ratio = home.check()
        print(f'{sent} packets of a stranger: {got} answers; a check: {ratio:.2f} bytes for each byte')
        assert mapped[0] == office.lab.homes['A'].public and ratio < 1.5, (mapped, ratio)
        talk(home, desk)
        assert spray(office, home, 1)[1] == 0
        hears_nothing_of_strangers(desk)
        talk(home, desk)

        office.lab.rebind(office.lab.homes['A'], REBOUND)
        since = time.monotonic()
        mapped, _ = home.check()
        assert mapped[1] in REBOUND, mapped
        print(f'home rebound: its sound after {sound_to(home.rtp, desk, since):.3f} s')
        talk(home, desk)

        with office.lab.homes['B'].phones[0].udp_socket(12000) as line:
            since = time.monotonic()
            assert home.check(line, nominate=False)          # proves, but does not choose
            assert home.check(line)[0][0] == office.lab.homes['B'].public
            print(f'by another line: after {sound_to(line, desk, since):.3f} s')
            until(lambda: 'media-nominated' in log(office), 3, 'sigproxy knows')
            time.sleep(0.3)
            old = office.postern.pids()['mediaproxy']
            office.postern.kill('mediaproxy')
            office.postern.wait_restarted('mediaproxy', old)
            print(f'after kill -9: {sound_to(line, desk, time.monotonic(), 4):.3f} s')
            assert spray(office, home, 1)[1] == 0
            sound_to(line, desk, time.monotonic())
            hears_nothing_of_strangers(desk)


def no_sound_to(sock, desk, home):
    """The desk speaks, its phone at home hears it and this socket nothing."""
    sound_to(home.rtp, desk, time.monotonic())
    assert not select.select([sock], [], [], 0)[0], sock.recv(2048)


def test_a_check_that_was_seen_moves_nothing():
    """Somebody on the way sends the phone's own check again from his address: in the call, and after kill -9 of the relay."""
    with Office() as office, office.lab.attacker.udp_socket(23456) as thief:
        home, desk = call(office)
        assert home.check()
        talk(home, desk)
        assert home.send(home.asked, thief) is None
        no_sound_to(thief, desk, home)
        seen = home.asked
        assert home.send(seen, home.rtp)                     # a phone repeats what was not answered
        for _ in range(40):
            assert home.check()
        assert home.send(seen, thief) is None
        no_sound_to(thief, desk, home)
        until(lambda: 'media-nominated' in log(office), 3, 'sigproxy knows')
        old = office.postern.pids()['mediaproxy']
        office.postern.kill('mediaproxy')
        office.postern.wait_restarted('mediaproxy', old)
        sound_to(home.rtp, desk, time.monotonic(), 4)
        for ask in (seen, home.asked):
            assert home.send(ask, thief) is None
        no_sound_to(thief, desk, home)
        assert home.check()
        talk(home, desk)


def log(office):
    """sigproxy's."""
    with open(f'{office.postern.state}/log/sigproxy/current', errors='replace') as file:
        return file.read()
