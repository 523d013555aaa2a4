"""Homes' routers forget a call's TCP connection as well as its sound, and the office forwards nothing but SIP.

Nothing can be sent to such a phone before it sends something itself: its router drops it. Its next packet shows it
that the connection is gone, whether its router gives it the old port again or another one: our end is closed by then.
So it connects anew, and is heard from that packet on.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from lab import pcap
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.linphone import Linphone
from lab.net import Home, flush_connections
from lab.office import DOMAIN, Office, SIP_PORT, SIP_TCP_PORT, TONES, password
from lab.wait import until

DEADLINE = 240
BY_HAND = {'test_baresip': 'POSTERN_FORGETS'}
BACK_S = 2.0
DEAD_S = 4.5            # until our end of the connection is closed: a second of silence, three of our question
OTHERS = {'udp': range(32000, 32100), 'tcp': range(33000, 33100)}
KEEPALIVE_S = 7
PING = b'\r\n\r\n'


def linphone(office, name, number):
    """At home, by TCP; it connects anew at once when its connection is reset, as hardware phones do."""
    phone = Linphone(number, office.server(False, 'tcp'), office.lab.folder, host=office.lab.homes[name].phones[0],
                     username=f'SIP-{number}', password=password(number), domain=DOMAIN, tone=TONES[number],
                     transport='tcp', keepalive_s=KEEPALIVE_S)
    office.lab.on_close(phone.stop)
    return phone.start().register()


def payload(packet):
    """What a TCP segment in an IPv4 packet carries."""
    segment = packet[(packet[0] & 15) * 4:]
    return segment[(segment[12] >> 4) * 4:]


def forget(site, others):
    """Every mapping; these get other ports from then on. No rule lets anything in unasked."""
    rules = '; '.join(f'add rule ip nat postrouting oifname "wan" meta l4proto {kind} masquerade to :{OTHERS[kind][0]}-{OTHERS[kind][-1]}'
                      for kind in others)
    site.router.run(['nft', f'flush chain ip nat postrouting; {rules}; add rule ip nat postrouting oifname "wan" masquerade'])
    flush_connections(site.router)


class Story:
    """One home's call."""

    def __init__(self, office, name, home, desk, others):
        self.name, self.home, self.desk, self.others = name, home, desk, others
        self.site = office.lab.homes[name]
        self.capture = Capture(self.site.router, office.lab.path(f'wan{name}.pcap'), 'wan', f'tcp and src host {self.site.public}')
        office.lab.on_close(self.capture.stop)
        home.call(desk)
        hear_each_other(home, desk, 1)

    def sent(self, since):
        """When its phone sent by TCP."""
        return [when for when, _, _ in pcap.frames(self.capture.path) if when > since]

    def pings(self):
        """How many keepalives it sent."""
        return sum(payload(pcap.ip_packet(link, frame)) == PING for _, link, frame in pcap.frames(self.capture.path))

    def forget(self):
        """Right after a keepalive, so that the next one is far."""
        had = self.pings()
        until(lambda: self.pings() > had, KEEPALIVE_S + 5, f'{self.name}: sends a keepalive', 0.05)
        time.sleep(0.3)
        self.at = time.time()
        forget(self.site, self.others)

    def measure(self, first_within, new_within):
        """Seconds from the packet by which it is reached again until both hear each other."""
        first = until(lambda: self.sent(self.at + 0.1), first_within, f'{self.name}: its first packet', 0.05)[0]
        assert first - self.at > DEAD_S, f'{self.name}: too soon: {first - self.at:.2f} s'
        back = {phone.name: until(lambda p=phone: [r.time for r, _ in p.ear.incoming(first)], new_within,
                                  f'{phone.name} hears again', 0.05)[0] for phone in (self.desk, self.home)}
        hear_each_other(self.home, self.desk, 1)
        came = [t for t in self.sent(self.at + 0.1) if t < max(back.values()) + 0.05]
        print(f'{self.name}: first packet {first - self.at:.2f} s after, then heard in '
              + ', '.join(f'{name} {when - first:.2f} s' for name, when in back.items()))
        return max(back.values()) - first, max(back.values()), came

    def end(self):
        """Hang up."""
        self.home.hang_up()
        self.desk.closed()


def check(office):
    """The records say where the sound went."""
    for record in office.records():
        assert record['media_verdict'] == 'ok', record
        assert 'in mid-call its sound moved' in record['caller_evidence'], record


def test_linphone():
    """Its connection gets the old port again, or another one as its sound does; from its keepalive on."""
    with Office(homes=[Home('A'), Home('B')], forward=[SIP_PORT, SIP_TCP_PORT], office_phones=2) as office:
        stories = [Story(office, name, linphone(office, name, 201 + i), office.desk(i), others)
                   for i, (name, others) in enumerate((('A', ['udp']), ('B', ['udp', 'tcp'])))]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Story.forget, stories))
            back = list(pool.map(lambda story: story.measure(KEEPALIVE_S + 5, 15), stories))
        assert all(seconds <= BACK_S for seconds, _, _ in back), back
        for story in stories:
            story.end()
        check(office)


def test_baresip():
    """It waits up to a minute before it connects anew; from that on."""
    with Office(homes=[Home('A')], forward=[SIP_PORT, SIP_TCP_PORT]) as office:
        home = office.home('A', transport='tcp', interval=60)
        story = Story(office, 'A', home, office.desk(), OTHERS)
        story.at = time.time()
        forget(story.site, OTHERS)
        _, heard, came = story.measure(70, 100)
        # The SYN is the first after a long pause.
        gap, begun = max((later - earlier, later) for earlier, later in zip(came, came[1:]))
        print(f'{gap:.1f} s until it connected; heard {heard - begun:.2f} s after that')
        assert heard - begun <= BACK_S
        story.end()
        check(office)
