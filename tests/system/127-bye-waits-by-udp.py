"""A home's router forgets its phone by UDP, then the desk hangs up: the phone hears of it when it registers.

Nothing of the call but that BYE is kept meanwhile, and that not in registrar-db.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.expect import hear_each_other
from lab.net import Home, flush_connections
from lab.office import Office, RTP_RANGE, SIP_PORT
from lab.wait import until

DEADLINE = 150
TOLD_S = 2.0                 # from its REGISTER on
REPEATED_S = 4.0             # so often (RFC 3261, T2), where it went all the time
REFRESH = 0.9                # of its grant, then baresip registers anew
SENT_S = 32                  # a BYE is repeated so long (RFC 3261, timer F)


@dataclass
class Kind:
    """A home, what its router does, and when its phone is back."""
    name: str
    grant_s: int
    ports: range = None      # the new ones; None: the old, if they are free

    def is_late(self):
        """After its BYE was given up."""
        return REFRESH * self.grant_s > SENT_S + 10


KINDS = [Kind('other port, soon', 30, range(30000, 30100)), Kind('other port, late', 60, range(31000, 31100)),
         Kind('old port, soon', 30), Kind('old port, late', 60)]


class ManyDesks(Office):
    """A desk for each home."""

    INSIDE, OUTSIDE = (168, 169, 170, 171), (201, 202, 203, 204)

    def counts(self):
        """sigproxy's own numbers."""
        return next(p['status'] for p in self.postern.status()['processes'] if p['role'] == 'sigproxy')


class Story:
    """One home's call."""

    def __init__(self, office, index):
        self.office, self.kind, self.site = office, KINDS[index], office.lab.homes[f'H{index}']
        self.desk = office.desk(index)
        self.home = office.home(f'H{index}', interval=self.kind.grant_s)
        self.home.call(self.desk)

    def heard(self, start):
        """When requests that begin so passed at the phone, with a digest or none needed."""
        return [p.time for p, m in self.home.ear._capture.sip() if p.time > self.at and m.start.startswith(start)
                and (start == 'BYE ' or 'authorization' in m.headers)]

    def forget_and_hang_up(self):
        """The phone hears nothing of it."""
        hear_each_other(self.home, self.desk, 1)
        if self.kind.ports:
            self.office.lab.rebind(self.site, self.kind.ports)
        else:
            flush_connections(self.site.router)
        self.at = time.time()
        self.desk.hang_up()

    def most(self):
        """Seconds."""
        return TOLD_S if self.kind.ports or self.kind.is_late() else TOLD_S + REPEATED_S

    def wait_told(self):
        """Seconds from its REGISTER to its BYE."""
        registered = until(lambda: self.heard('REGISTER '), self.kind.grant_s, f'{self.kind.name}: registers', 0.05)[0]
        self.home.closed(8)
        told = until(lambda: self.heard('BYE '), 2, f'{self.kind.name}: its BYE is seen', 0.05)[0]
        print(f'{self.kind.name}: registered {registered - self.at:.1f} s after, told {1000 * (told - registered):.0f} ms from then')
        assert told > registered - 0.1 and told - registered < self.most(), (told, registered)
        assert not self.kind.is_late() or registered - self.at > SENT_S, 'its BYE was still being sent'


def test_the_desk_hangs_up_on_forgotten_homes():
    """Soon: the BYE is still repeated, to where nobody is. Late: it is not any more."""
    homes = [Home(f'H{i}') for i in range(len(KINDS))]
    with ManyDesks(homes=homes, forward=[SIP_PORT, RTP_RANGE], office_phones=len(KINDS)) as office:
        with ThreadPoolExecutor(len(KINDS)) as pool:
            stories = list(pool.map(lambda index: Story(office, index), range(len(KINDS))))
            list(pool.map(Story.forget_and_hang_up, stories))
            assert len(office.records()) == len(KINDS)
            counts = office.counts()
            assert counts['byes_owed'] == len(KINDS) and counts['calls'] == counts['legs'] == 0, counts
            assert not office.postern.rows('SELECT ticket FROM checkpoint')
            list(pool.map(Story.wait_told, stories))
        until(lambda: office.counts()['byes_owed'] == 0, 3, 'all answered')
        assert office.postern.logs().count('bye-waits') == sum(kind.is_late() for kind in KINDS)
        assert 'bye-not-heard' not in office.postern.logs()
