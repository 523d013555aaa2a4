"""An office under siege: a hostile process at the doors of its neighbours; afterwards all must be well."""

import time

from . import certs, sip
from .expect import hear_each_other
from .ipc import Neighbour
from .office import Office, password
from .postern import DOMAIN
from .wait import Late, until

RSS_KB = 16 * 1024                 # what any attack may add to a process
REFILL_S = 70                      # phones that were guessed at are let in again within


def rss_kb(pid):
    """Resident memory."""
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))


class Siege:
    """An office with two phones; afterwards nobody has died or grown, and everything works."""

    def __init__(self, as_, settings=()):
        self.as_, self.office = as_, Office(settings={**certs.plain(), **dict(settings)})
        self.began = time.monotonic()

    def __enter__(self):
        self.office.__enter__()
        self.postern = self.office.postern
        self.desk, self.home = self.office.desk(), self.office.home()
        self.works()
        self.pids = self.postern.pids()
        self.rss = {role: rss_kb(pid) for role, pid in self.pids.items()}
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.alive()
                self.recover()
        finally:
            self.office.__exit__()

    def attack(self, to):
        """Take the attacker's door of another process."""
        return Neighbour(self.postern, to, self.as_)

    def status(self, role):
        """The status of one process, as postern status gives it."""
        return next(p for p in self.postern.status()['processes'] if p['role'] == role)

    def number(self, role, key):
        """A number out of a process's status, wherever in it."""
        def find(value):
            if isinstance(value, dict):
                if key in value:
                    return value[key]
                value = list(value.values())
            if isinstance(value, list):
                return next((found for item in value if (found := find(item)) is not None), None)
            return None
        return find(self.status(role))

    def alive(self):
        """The same processes as before, none grown beyond its bound."""
        assert self.postern.pids() == self.pids, f'{self.pids} became {self.postern.pids()}'
        for role, pid in self.pids.items():
            grown = rss_kb(pid) - self.rss[role]
            print(f'{role}: grown by {grown} kB')
            assert grown <= RSS_KB, f'{role} has grown by {grown} kB'

    def recover(self):
        """The captured process is restarted, and that is all it takes."""
        old = self.postern.kill(self.as_)
        self.postern.wait_restarted(self.as_, old)
        self.works()
        others = {role: pid for role, pid in self.pids.items() if role != self.as_}
        assert others.items() <= self.postern.pids().items(), 'another process was restarted'

    def works(self):
        """A registration and a call with sound both ways."""
        with self.office.lab.homes['A'].phones[0].udp_socket() as sock:
            server = (self.office.lab.office.public, 5070)

            def registers():
                answer = sip.register(sock, server, DOMAIN, 203, 'SIP-203', password(203))
                return answer and sip.status(answer) == 200
            until(registers, REFILL_S, 'a phone registers', 0.2)
        deadline = time.monotonic() + REFILL_S
        while True:
            try:
                self.home.call(self.desk)
                break
            except Exception:     # 201's own budget was emptied too, or the public address is not known again
                if time.monotonic() > deadline:
                    raise
                time.sleep(2)
        hear_each_other(self.home, self.desk, 1)
        self.home.hang_up()
        self.desk.closed()

    def settle(self, role, seconds=10):
        """Wait until a process answers its administrator: it has read what was sent before."""
        try:
            until(lambda: self.status(role), seconds, f'{role} answers', 0.1)
        except StopIteration:
            raise Late(f'{role} says nothing') from None
