"""Homes' routers give other ports in mid-call while the office forwards SIP only, in every state of phone and call."""

import time
from concurrent.futures import ThreadPoolExecutor

from lab import certs, rtp
from lab.livephone import EVENTS, LivePhone
from lab.net import Home, flush_connections
from lab.office import Office, SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, password
from lab.spray import Spray
from lab.wait import until

BY_HAND = {'test_muted_keys': 'POSTERN_EAR', 'test_neighbours': 'POSTERN_EAR'}
DEADLINE = 120
BACK_S = 4.0                  # 1.4 where nothing else runs
FORWARD = [SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT]
# So many that a router seldom has one for two phones' words to our SIP port, which would give one of them another there.
PORTS = 1000


class Crowd(Office):
    """A desk for each phone at home."""

    INSIDE, OUTSIDE = tuple(range(150, 170)), tuple(range(201, 221))


class Talk:
    """A phone at home in a call with a desk; both are heard."""

    def __init__(self, office, index, transport='udp', home=None, place=0):
        lab = office.lab
        self.office, self.index, self.site = office, index, lab.homes[home or f'H{index}']
        number, desk = office.OUTSIDE[index], office.INSIDE[index]
        self.phone = LivePhone(self.site.phones[place], (lab.office.public, 5071 if transport == 'tls' else 5070), number,
                               password(number), transport, rtp_port=10000 + 20 * place)
        self.desk = LivePhone(lab.office.phones[0], (lab.postern_host.address, 5060), desk, password(desk), port=5100 + index,
                              rtp_port=20000 + 20 * index)
        for phone in (self.desk, self.phone):
            lab.on_close(phone.stop)
            phone.register()
        if transport != 'udp':          # its connection is picked up again, from whichever side
            self.site.router.run(['nft', f'add rule ip nat prerouting iifname "wan" tcp dport 1024-65535 dnat to {self.phone.ip}'])
        self.phone.call(desk)
        self.back(time.time(), 8)
        time.sleep(3)                   # who never paused is told from who does

    def back(self, since, seconds=BACK_S):
        """Both hear each other, and nobody else, so soon after that moment."""
        took = []
        for listener, speaker in ((self.desk, self.phone), (self.phone, self.desk)):
            heard = until(lambda a=listener, b=speaker: a.heard(b.sound.ssrc, since), seconds, f'{listener.number} hears', 0.02)
            took.append(f'{heard[0] - since:.2f} s')
        return took

    def flush(self, first=31000):
        """The router forgets all, and gives these ports from now on; to connections their own."""
        rule = 'add rule ip nat postrouting oifname "wan"'
        self.site.router.run(['nft', f'flush chain ip nat postrouting; {rule} meta l4proto udp masquerade to '
                              f':{first}-{first + PORTS - 1}; {rule} masquerade'])
        flush_connections(self.site.router)
        time.sleep(1.2)

    def registers(self):
        """It shows its password by its new port; both are heard soon."""
        since = time.time()
        self.phone.register()
        return self.back(since + 0.05)


def flushed_twice(office, i):
    talk = Talk(office, i)
    talk.flush()
    talk.phone.register()
    talk.flush(33000)
    return talk.registers()


def new_ssrc(office, i):
    """With each SDP that it gets."""
    talk = Talk(office, i)
    talk.phone.new_ssrc = True
    talk.flush()
    return talk.registers()


def held(office, i, who, transport):
    """Flushed in a hold; with the end of that it is missed, and asked."""
    talk = Talk(office, i, transport)
    holder = getattr(talk, who)
    holder.offer('sendonly')
    talk.flush()
    if transport == 'udp':              # the others' connection outlives it
        talk.phone.register()
    time.sleep(3)
    since = time.time()
    holder.offer('sendrecv')
    return talk.back(since)


def other_ports(office, i, transport):
    """In each answer."""
    talk = Talk(office, i, transport)
    talk.phone.fresh_ports = True
    talk.flush()
    return talk.registers() if transport == 'udp' else talk.back(time.time())


def moves(office, i, muted):
    """To another network, and soon to a third one, whose routers move ports."""
    talk = Talk(office, i)
    talk.phone.sound.muted = muted
    time.sleep(1.5)
    talk.phone.go_to(office.lab.homes['X'].phones[i % 2])
    talk.phone.register()
    time.sleep(0.7)
    talk.phone.go_to(office.lab.homes['Y'].phones[i % 2])
    if not muted:
        return talk.registers()
    talk.phone.register()
    time.sleep(5)
    since = time.time()
    talk.phone.sound.muted = False
    return talk.back(since)


def heard_after_a_hold(office, i):
    """Muted before it; heard, it is not asked when its signalling alone gets another port."""
    talk = Talk(office, i)
    talk.phone.sound.muted = True
    time.sleep(6.5)
    talk.desk.offer('sendonly')
    time.sleep(0.5)
    talk.phone.sound.muted = False
    talk.desk.offer('sendrecv')
    took = talk.back(time.time())
    time.sleep(0.5)                     # until the relay has told of it
    asked = len(talk.phone.asked)
    talk.phone.port += 1
    talk.phone.go_to(talk.phone.host)
    talk.phone.register()
    time.sleep(1.5)
    assert len(talk.phone.asked) == asked, 'it was heard, and asked all the same'
    return took


STORIES = [(flushed_twice,), (new_ssrc,), (held, 'desk', 'udp'), (held, 'phone', 'udp'), (held, 'phone', 'tcp'), (held, 'desk', 'tls'),
           (other_ports, 'udp'), (other_ports, 'tls'), (moves, False), (moves, True), (heard_after_a_hold,)]


def play(office, stories):
    """All at once."""
    def one(numbered):
        index, (story, *words) = numbered
        return story(office, index, *words)
    with ThreadPoolExecutor(len(stories)) as pool:
        for (story, *words), said in zip(stories, pool.map(one, enumerate(stories)), strict=True):
            print(story.__name__, *words, said)


def test_found_in_any_state():
    homes = [Home(f'H{i}') for i in range(len(STORIES))] + [Home('X', phones=2), Home('Y', phones=2)]
    with Crowd(homes=homes, forward=FORWARD, settings=certs.plain()) as office:
        for name, first in (('X', 30000), ('Y', 33000)):
            office.lab.rebind(office.lab.homes[name], range(first, first + PORTS))
        play(office, STORIES)


def muted_key(office, i, transport):
    """Muted; its RTCP is missed; a key, another one, and it speaks."""
    talk = Talk(office, i, transport)
    time.sleep(11)                      # it has sent RTCP by then
    talk.phone.sound.muted = True
    time.sleep(3)
    talk.flush()
    time.sleep(30)
    came = []
    for key in (5, 7):
        since = time.time()
        talk.phone.press(key)
        time.sleep(1.5)
        came.append(sum(at > since and kind == EVENTS for at, _, kind in talk.desk.sound.came))
    assert came[0] > 0 and came[1] == 8, came
    since = time.time()
    talk.phone.sound.muted = False
    return came, talk.back(since)


def test_muted_keys():
    with Crowd(homes=[Home('H0'), Home('H1')], forward=FORWARD, settings=certs.plain()) as office:
        play(office, [(muted_key, 'tcp'), (muted_key, 'tls')])


def test_neighbours():
    """Five phones of one home, one of them muted, and one host that sends to all our ports."""
    with Crowd(homes=[Home('N', phones=6)], forward=FORWARD) as office:
        with ThreadPoolExecutor(5) as pool:
            talks = list(pool.map(lambda k: Talk(office, k, home='N', place=k), range(5)))
            talks[4].phone.sound.muted = True
            thief = Spray(talks[0].site.phones[5], office.lab.office.public, [5070, *range(16384, 16430)],
                          [rtp.make(0, n, 160 * n, 0xbadbad + n // 5, bytes(160)) for n in range(500)], 400, 0, 40000)
            time.sleep(8)
            talks[0].flush()
            muted = pool.submit(talks[4].phone.register)
            print(list(pool.map(Talk.registers, talks[:4])))
            muted.result()
        time.sleep(3)
        since = time.time()
        talks[4].phone.sound.muted = False
        print(talks[4].back(since), thief.stop())
        for talk in talks:
            for listener, speaker in ((talk.desk, talk.phone), (talk.phone, talk.desk)):
                assert {ssrc for _, ssrc, _ in listener.sound.came} == {speaker.number}, listener.number
