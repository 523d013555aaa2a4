"""5,000 messages a second of strangers: registered phones call, memory stays where it was.

POSTERN_FLOOD=60 makes the flood at full speed last for a minute.
"""

import itertools
import os
import random
import threading
import time

from lab import sip
from lab.expect import hear_each_other
from lab.forge import Forger
from lab.office import Office
from lab.postern import DOMAIN
from lab.spray import Spray

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


# -- more than can be handled ------------------------------------------------------

SECONDS = int(os.environ.get('POSTERN_FLOOD', 3))
FORGED = '100.96.0.0/18'           # sources enough for every budget, few enough for the router's own table
GROWTH = 0.05


def mixture():
    """REGISTER with and without an answer, INVITE, OPTIONS, and what is none of them."""
    local, messages = ('100.96.0.1', 5060), Flood._make()[:600]
    for number in range(400):
        method, user = ('INVITE', 'OPTIONS')[number % 2], 200 + number % 5
        messages.append(sip.request(method, f'sip:{user}@{DOMAIN}', local, from_=str(number)))
    random.Random(2).shuffle(messages)
    return messages


def load_of(office):
    """(seconds of CPU of each role, messages handled by sigproxy, datagrams its sockets dropped)."""
    cpu = {}
    for role, pid in office.postern.pids().items():
        with open(f'/proc/{pid}/stat') as file:
            fields = file.read().rpartition(') ')[2].split()
        cpu[role] = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    handled, = [p['status']['messages'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
    table = office.lab.postern_host.run(['cat', '/proc/net/udp']).stdout.splitlines()[1:]
    dropped = sum(int(line.split()[-1]) for line in table if line.split()[1].endswith(f':{5070:04X}'))
    return cpu, handled, dropped


def place_call(one, other, patience):
    """A call with sound; seconds until it was up."""
    started = time.monotonic()
    one.call(other, patience)
    took = time.monotonic() - started
    hear_each_other(one, other, 1)
    one.hang_up()
    other.closed()
    return took


def test_at_full_speed():
    """As fast as this machine can send: a phone that is registered calls and is called.

    It comes from the office's side of the router, which would be its bottleneck.
    """
    with Office(office_phones=2) as office:
        home, desk, pids = office.home(), office.desk(), office.postern.pids()
        sender, postern = office.lab.office.phones[1], office.lab.postern_host.address
        spray = Spray(sender, postern, [5070], mixture(), 0, 0, 5060, forged=FORGED)
        time.sleep(1.0 + SECONDS // 10)    # what is filled lazily, up to its limit
        began, before, (cpu, handled, dropped) = time.monotonic(), resident(office), load_of(office)
        took, sizes = [], []
        # Few calls: each uses some 30 KiB of the pools for the first time, which is not the flood's.
        for part in range(1, 1 + (3 if SECONDS > 10 else 1)):
            took += [place_call(home, desk, 20), place_call(desk, home, 20)]
            time.sleep(max(0.0, began + SECONDS * part / 3 - time.monotonic()))
            sizes.append(resident(office)['sigproxy'])
        past, after = time.monotonic() - began, resident(office)
        cpu_after, handled_after, dropped_after = load_of(office)
        sent, _ = spray.stop()
        busy = ', '.join(f'{role} {(cpu_after[role] - cpu[role]) / past:.2f}' for role in ROLES)
        print(f'{sent} sent, {sent / (past + 1):.0f} a second; handled {(handled_after - handled) / past:.0f} a second, '
              f'dropped by the socket {(dropped_after - dropped) / past:.0f} a second; cores: {busy}')
        print(f'{len(took)} calls in {past:.0f} s, up after {min(took):.2f} to {max(took):.2f} s; '
              f'KiB {before} then {after}; sigproxy in between {sizes}')
        assert office.postern.pids() == pids, 'a process died'
        for role in ROLES:
            assert after[role] <= before[role] * (1 + GROWTH), f'{role} grew from {before[role]} to {after[role]} KiB'
        assert sent / (past + 1) > 2 * RATE, 'no flood'
