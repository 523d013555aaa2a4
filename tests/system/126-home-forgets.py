"""Homes' routers forget their mappings in mid-call while the office forwards nothing but SIP: sound is soon back.

Whose router gives the old ports again is heard by itself. Whose router gives others is heard from the next packet of
its signalling on that shows its password: its sound from the new port is dropped by the office's router until then.
Where the signalling goes on, since its connection outlived it, from the moment itself on. Whose router gives each peer
another port from then on cannot be heard, and its record says why. Who is muted in that moment is heard from its next
word on, though its signalling tells nothing, once its RTCP is missed.
"""

import re
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import rtp
from lab.expect import hear_each_other
from lab.matrix import proves
from lab.net import Home, flush_connections
from lab.office import Office, SIP_PORT, SIP_TCP_PORT
from lab.spray import Spray
from lab.wait import until

DEADLINE = 150
BACK_S = 2.0
GRANT_S = 30
REFRESH = 0.9                # of its grant, then baresip registers anew
BEFORE_S = 2.5               # so long before that the router forgets
MUTED_S = 4                  # before it does
GONE_S = 28                  # after which its RTCP, which is dropped as well, is missed
RTP = range(16384, 16984)
MARK = b'STRANGER' * 20


@dataclass
class Kind:
    """A home and what its router does."""
    name: str
    ports: range = None          # the new ones; None: the old
    stun: bool = False
    transport: str = 'udp'
    each_peer: bool = False      # gets another one
    muted: bool = False          # the phone, meanwhile


KINDS = [Kind('keeps'), Kind('others', range(30000, 31000)), Kind('others, STUN', range(31000, 32000), True),
         Kind('others, TCP', range(32000, 33000), False, 'tcp'), Kind('each peer', range(1024, 65536), each_peer=True),
         Kind('others, muted', range(33000, 34000), False, 'tcp', muted=True)]


class ManyDesks(Office):
    """A desk for each home."""

    INSIDE, OUTSIDE = (168, 169, 170, 171, 172, 173), (201, 202, 203, 204, 205, 206)


def media():
    """RTP of a stranger, and RTCP with BYE."""
    report = struct.pack('>BBHI8sIII', 0x80, 200, 6, 0x5747, MARK[:8], 0, 1, 160) + struct.pack('>BBHI', 0x81, 203, 1, 0x5747)
    return [rtp.make(0, 1, 160, 0x5747, MARK), report]


def registered(phone):
    """When its REGISTERs with a digest left home."""
    return [p.time for p, m in phone.ear._capture.sip() if m.start.startswith('REGISTER ') and 'authorization' in m.headers]


class Story:
    """One home's call, from its beginning to its record."""

    def __init__(self, office, index):
        self.office, self.kind, self.router = office, KINDS[index], office.lab.homes[f'H{index}']
        self.desk = office.desk(index)
        self.home = office.home(f'H{index}', with_stun=self.kind.stun, transport=self.kind.transport, interval=GRANT_S)
        self.began = time.time()
        self.home.call(self.desk)
        if self.kind.transport == 'tcp':        # its connection is picked up again, from whichever side
            self.router.router.run(['nft', f'add rule ip nat prerouting iifname "wan" tcp dport 1024-65535 dnat to {self.home.address}'])

    def forget(self):
        """Shortly before it registers anew."""
        hear_each_other(self.home, self.desk, 1)
        forgets_at = self.began + REFRESH * GRANT_S - BEFORE_S
        if self.kind.muted:
            time.sleep(14)              # it has sent RTCP by then
            self.mute()
            forgets_at = time.time() + MUTED_S
        time.sleep(max(0.0, forgets_at - time.time()))
        self.at = time.time()
        if self.kind.each_peer:
            self.router.router.run(['nft', 'flush chain ip nat postrouting; add rule ip nat postrouting oifname "wan" '
                                    'masquerade fully-random'])
        elif self.kind.ports:
            self.office.lab.rebind(self.router, self.kind.ports)
        flush_connections(self.router.router)
        if self.kind.muted:
            time.sleep(GONE_S)
            self.at = time.time()
            self.home.host.run(['nft', 'delete table ip mute'])

    def mute(self):
        """Its phone sends no sound; its signalling goes on."""
        self.home.host.run(['nft', 'add table ip mute; add chain ip mute out { type filter hook output priority 0; }; '
                            'add rule ip mute out meta l4proto udp drop'])

    def heard_after(self, listener, since):
        """Seconds until it heard something again after the longest gap."""
        def times():
            heard = [p.time for p, _ in listener.ear.incoming(self.at - 0.2)]
            return heard if heard and heard[-1] > max(self.at, since) + 1.5 else None
        heard = until(times, 8, f'{self.kind.name}: {listener.name} hears again', 0.05)
        if self.kind.muted:
            return next(t for t in heard if t > since) - since
        gap, end = max((later - earlier, later) for earlier, later in zip(heard, heard[1:]))
        return end - since if gap > 0.3 else gap

    def measure(self):
        """Seconds from what lets us hear of it until both hear each other."""
        since = self.at
        if self.kind.ports:
            times = until(lambda: [t for t in registered(self.home) if t > self.at] if self.kind.transport == 'udp' else
                          [self.at], GRANT_S, f'{self.kind.name}: registers', 0.05)
            since = times[0]
        if self.kind.each_peer:
            return self.why_not()
        back = {phone.name: self.heard_after(phone, since) for phone in (self.desk, self.home)}
        hear_each_other(self.home, self.desk, 0.5)
        print(f'{self.kind.name}: back after ' + ', '.join(f'{name} {s:.2f} s' for name, s in back.items())
              + f'; {since - self.at:.2f} s passed before')
        return max(back.values())

    def why_not(self):
        """The verdict is in; no seconds."""
        until(lambda: self.office.postern.rows("SELECT ticket FROM live_call WHERE caller_media = 'moved-in-call'"), 9,
              'it is known why', 0.2)
        return 0.0

    def check_record(self, record):
        """Heard to the end; and if it moved, from where to where."""
        print(f'{self.kind.name}: record: {record["media_verdict"]}, {record["media_evidence"] or "nothing"}')
        if self.kind.each_peer:
            assert record['media_verdict'] == 'moved-in-call' and proves(record['caller_evidence']), record
            found = self.office.postern.asked('explain', str(record['ticket']), '--state', self.office.postern.state).stdout
            assert 'moved-in-call' in found and record['caller_evidence'].split('; ')[1] in ' '.join(found.split()), found
            return
        assert record['media_verdict'] == 'ok', record
        moved = re.fullmatch(r'in mid-call its sound moved from [0-9.]+:(\d+) to [0-9.]+:(\d+); it was not heard for [0-9.]+ s',
                             record['caller_evidence'])
        assert bool(moved) == bool(self.kind.ports), record
        assert not moved or int(moved[2]) in self.kind.ports, record


def test_the_router_forgets():
    """All homes at once; a stranger at every port of the office meanwhile."""
    homes = [Home(f'H{i}') for i in range(len(KINDS))]
    with ManyDesks(homes=homes, forward=[SIP_PORT, SIP_TCP_PORT], office_phones=len(KINDS)) as office:
        stories = [Story(office, i) for i in range(len(KINDS))]
        sprays = [Spray(office.lab.attacker, office.lab.office.public, to, media(), 2000, 0, port)
                  for to, port in ((RTP, 4000), ([5070], 4001))]
        with ThreadPoolExecutor(len(KINDS)) as pool:
            list(pool.map(Story.forget, stories))
            back = list(pool.map(Story.measure, stories))
        said = [spray.stop() for spray in sprays]
        print(f'{sum(sent for sent, _ in said)} packets sprayed')
        assert not any(got for _, got in said), said
        for story in stories:
            for phone in (story.home, story.desk):
                assert not phone.ear.search([MARK[:32]]), f'{phone.name} heard the stranger'
            story.home.hang_up()
            story.desk.closed()
        assert max(back) <= BACK_S, back
        for story, record in zip(stories, sorted(office.records(), key=lambda record: record['caller']), strict=True):
            story.check_record(record)
