"""5,000 messages a second of strangers: registered phones call, memory stays where it was."""

import itertools
import random
import threading
import time

from lab import sip
from lab.expect import hear_each_other
from lab.forge import Forger
from lab.office import Office
from lab.postern import DOMAIN

NETWORK = '198.51.100.128/25'
RATE = 5000
ALONE = True                       # it takes all of a core, and measures memory
SLACK_KIB = 1024                   # pages that a process may touch for the first time meanwhile
SOURCES_KIB = 4096                 # and those of the tables of sources, fixed at start (guard.h, nonces.h)
ROLES = ('sigproxy', 'registrar-db', 'mediaproxy', 'stunmon')


def own_addresses(lab, server):
    """send(data) from 128 addresses that the attacker really has: he gets the challenges."""
    socks = itertools.cycle([lab.attacker.udp_socket(5060, address) for address in lab.attacker_addresses(NETWORK)])
    return lambda data: next(socks).sendto(data, server)


def forged_addresses(lab, server):
    """send(data) from ever new addresses, all forged: each is a source never seen before."""
    forger, source = Forger(lab.attacker, server), random.Random(1)
    return lambda data: forger.send((f'100.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(1, 255)}',
                                     5060), data)


class Flood(threading.Thread):
    """Strangers: REGISTERs of all kinds, and garbage."""

    def __init__(self, send, seconds):
        super().__init__(daemon=True)
        self._send, self._seconds, self._messages = send, seconds, self._make()
        self._done = threading.Event()
        self.sent = 0

    @staticmethod
    def _make():
        """Distinct messages enough for a second."""
        uri = f'sip:{DOMAIN}'
        fake = ('Authorization: Digest username="SIP-{0}", realm="SMO-SIP", nonce="{1}", uri="' + uri
                + '", response="{2}", algorithm=MD5, qop=auth, nc=00000001, cnonce="a"')
        messages = []
        for number in range(RATE):
            source = random.Random(number)
            local, user = ('198.51.100.129', 5060), str(200 + number % 5)
            kind = number % 5
            if kind < 2:
                messages.append(sip.request('REGISTER', uri, local, to=f'sip:{user}@{DOMAIN}', from_=user))
            elif kind == 2:
                line = fake.format(user, source.randbytes(32).hex(), source.randbytes(16).hex())
                messages.append(sip.request('REGISTER', uri, local, to=f'sip:{user}@{DOMAIN}', from_=user,
                                            headers=[line]))
            elif kind == 3:
                messages.append(source.randbytes(source.randrange(1, 1200)))
            else:
                whole = bytearray(sip.request('INVITE', f'sip:{user}@{DOMAIN}', local))
                whole[source.randrange(len(whole))] = source.randrange(256)
                messages.append(bytes(whole))
        return messages

    def run(self):
        started = time.monotonic()
        while not self._done.is_set() and (past := time.monotonic() - started) < self._seconds:
            due = int(past * RATE)
            while self.sent < due:
                self._send(self._messages[self.sent % RATE])
                self.sent += 1
            time.sleep(0.002)

    def stop(self):
        self._done.set()
        self.join()


def resident(office):
    """KiB of memory each role holds (all that is not shared with a file: VmRSS counts those too)."""
    kib = {}
    for role, pid in office.postern.pids().items():
        with open(f'/proc/{pid}/status') as file:
            kib[role] = next(int(line.split()[1]) for line in file if line.startswith('VmRSS:'))
    return kib


def call_during(flood_of, seconds, slack):
    """The flood, calls both ways under it, and what it left."""
    with Office() as office:
        home, desk, pids = office.home(), office.desk(), office.postern.pids()
        flood = Flood(flood_of(office.lab, (office.lab.office.public, 5070)), seconds)
        flood.start()
        try:
            time.sleep(1.0)            # the first second fills what is filled lazily
            before, started = resident(office), time.monotonic()
            home.call(desk)
            took = time.monotonic() - started
            hear_each_other(home, desk, 2)
            home.hang_up()
            desk.closed()
            desk.call(home)
            hear_each_other(desk, home, 1)
            desk.hang_up()
            home.closed()
            flood.join(seconds + 1)
            after = resident(office)
        finally:
            flood.stop()
        print(f'{flood.sent} messages sent; the call was up in {took:.2f} s; KiB {before} then {after}')
        sigproxy, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
        print({key: sigproxy[key] for key in ('messages', 'malformed', 'silenced', 'challenges', 'server_transactions')})
        assert flood.sent > seconds * RATE * 0.8, f'only {flood.sent} sent: no flood'
        assert sigproxy['messages'] > flood.sent * 0.5, 'most of the flood did not arrive: nothing was tested'
        assert took < 3.0, f'the call took {took:.1f} s'
        assert office.postern.pids() == pids, 'a process died'
        for role in ROLES:
            assert after[role] - before[role] <= slack, f'{role} grew from {before[role]} to {after[role]} KiB'
        assert sigproxy['server_transactions'] < 50, 'the strangers hold transactions'


def test_from_many_addresses():
    call_during(own_addresses, 10.0, SLACK_KIB)


def test_from_forged_addresses():
    """Every table of sources fills up to its limit: that much, no more."""
    call_during(forged_addresses, 6.0, SOURCES_KIB)
