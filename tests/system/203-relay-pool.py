"""Two relay processes: calls are spread, one that dies takes nothing with it, one that stays away is gone round."""

import os
import signal
import time

from lab.expect import does_not_hear, hear_each_other
from lab.net import Home
from lab.office import Office
from lab.wait import until

TWO = {('media', 'processes'): 2, ('media', 'channels'): 20}
HALF = 16384 + 300                   # the second process's first port outside


def relays(office):
    """Instance number to what postern status says of that mediaproxy."""
    return {p['instance']: p for p in office.postern.status()['processes'] if p['role'] == 'mediaproxy'}


def sessions(office):
    """How many calls each instance has."""
    return [(relay['status'] or {}).get('sessions') for _, relay in sorted(relays(office).items())]


def port_outside(phone):
    """The relay's port that this phone at home hears."""
    (port,) = {p.source[1] for p, _ in phone.ear.incoming()[-10:]}
    return port


def gap_ms(phone, moment):
    """The longest pause in the phone's incoming sound around that moment."""
    times = sorted(p.time for p, _ in phone.ear.incoming() if moment - 0.5 < p.time)
    return max(b - a for a, b in zip(times, times[1:])) * 1000


class Two:
    """An office with two calls, one at each instance."""

    def __init__(self):
        self.office = Office(homes=(Home('A'), Home('B')), office_phones=2, settings=TWO)

    def __enter__(self):
        office = self.office.__enter__()
        until(lambda: len(relays(office)) == 2, 5, 'both relays are shown')
        self.calls = [(office.home('A'), office.desk(0)), (office.home('B'), office.desk(1))]
        for home, desk in self.calls:
            home.call(desk)
            hear_each_other(home, desk, 1)
        assert sessions(office) == [1, 1], sessions(office)
        self.ports = [port_outside(home) for home, _ in self.calls]
        assert self.ports[0] < HALF <= self.ports[1], self.ports
        return self

    def __exit__(self, *what):
        self.office.__exit__(*what)

    def supervise(self, order, instance):
        """sv up or sv down of one instance."""
        folder = os.path.join(self.office.postern.state, 'service', f'mediaproxy-{instance}')
        self.office.postern.host.run(['sv', order, folder])


def test_killed():
    """kill -9 of one: its call comes back on the same ports, the other one's hears nothing of it."""
    with Two() as two:
        office = two.office
        time.sleep(1.2)                                # runit waits when it lived for less than a second
        for instance in (1, 0):
            pids = {n: relay['pid'] for n, relay in relays(office).items()}
            moment = time.time()
            os.kill(pids[instance], signal.SIGKILL)
            until(lambda: relays(office)[instance]['pid'] not in (None, pids[instance]), 5, 'it runs again')
            until(lambda: sessions(office) == [1, 1], 3, 'its call is there again')
            assert relays(office)[1 - instance]['pid'] == pids[1 - instance]
            time.sleep(1.2)
            for home, desk in two.calls:
                hear_each_other(home, desk, 1)
            assert [port_outside(home) for home, _ in two.calls] == two.ports
            gaps = [gap_ms(home, moment) for home, _ in two.calls]
            print(f'instance {instance} killed: longest pause of its call {gaps[instance]:.0f} ms, '
                  f'of the other one {gaps[1 - instance]:.0f} ms')
            assert gaps[1 - instance] < 150, gaps
        for home, desk in two.calls:
            home.hang_up()
            desk.closed()
        assert len(office.records()) == 2
        assert sessions(office) == [0, 0], sessions(office)


def test_away():
    """One stays down: new calls use the other one; its own come back when it does."""
    with Two() as two:
        office = two.office
        (first_home, first_desk), (home, desk) = two.calls
        two.supervise('down', 1)
        until(lambda: relays(office)[1]['pid'] is None, 5, 'it is down')
        does_not_hear(home, desk)
        hear_each_other(first_home, first_desk, 1)
        first_home.hang_up()
        first_desk.closed()
        for _ in range(2):
            first_home.call(first_desk)
            hear_each_other(first_home, first_desk, 1)
            assert port_outside(first_home) < HALF
            first_home.hang_up()
            first_desk.closed()
        two.supervise('up', 1)
        until(lambda: sessions(office) == [0, 1], 5, 'it has its call again')
        hear_each_other(home, desk)
        assert port_outside(home) == two.ports[1]
        home.hang_up()
        desk.closed()
        assert len(office.records()) == 4
