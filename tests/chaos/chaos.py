"""kill -9 of a random process again and again, under load; then the books are checked.

The load: registrations one by one, short calls by SIPp, standing calls by SIPp, and one
standing call of two real phones whose sound is watched. Only what was acknowledged counts:
a REGISTER that got its 200, a call whose caller got 200 to INVITE and to BYE.
"""

import bisect
import collections
import os
import random
import re
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'load'), os.path.join(HERE, '..', 'system')]

import sipp  # noqa: E402  (the paths above come first)
from lab import certs, sip  # noqa: E402
from lab.phone import Phone  # noqa: E402
from lab.postern import DOMAIN, Postern  # noqa: E402
from lab.wait import Late, until  # noqa: E402
from loadnet import GATE_INSIDE, GATE_PUBLIC, INSIDE, LoadNet, OUTSIDE, phone_address  # noqa: E402

ROLES = ('sigproxy', 'mediaproxy', 'stunmon', 'registrar-db', 'keyd', 'tracer')
KILL_EVERY_S = 2.0
REGISTRATIONS_S, CALLS_S, STANDING = 20, 2, 30
TALK_S = 10
SETTLE_S = 40               # the longest transaction ends
DESK, HOME, CALLEE, STAYER = '168', '169', '170', '171'
CALLEE_PORT, CALLER_PORT, STAYER_PORT = 6060, 5080, 5082
FIRST_REGISTERED, FIRST_CALLER, FIRST_STAYER = 20000, 60000, 70000
SETTINGS = {('address', 'external'): GATE_PUBLIC, ('address', 'public'): GATE_PUBLIC,
            ('media', 'channels'): 200, ('media', 'ports'): '16384-17183',
            ('media', 'internal_ports'): '20000-20799'}


def password(number):
    """The password of a number."""
    return f'Quay-{number}-lantern-7c1f'


def insert(postern, numbers, internet):
    """Subscribers, all in one transaction."""
    values = ',\n'.join(f"('{n}','SIP-{n}','SIP-{n}','{password(n)}',{internet})" for n in numbers)
    postern.sql(f'BEGIN;\nINSERT INTO subscriber(number, name, username, password, internet) VALUES\n{values};\n'
                'COMMIT;\n', seconds=120)


class Registrar(threading.Thread):
    """Registers one number after the other at a rate; remembers who got a 200."""

    def __init__(self, host, count):
        super().__init__(daemon=True)
        self.acknowledged, self.attempts, self._lock = set(), 0, threading.Lock()
        self._socks = [host.udp_socket(7000 + i) for i in range(40)]
        self._numbers = iter(range(FIRST_REGISTERED, FIRST_REGISTERED + count))
        self._begun = time.monotonic()

    def run(self):
        workers = [threading.Thread(target=self._work, args=(sock,), daemon=True) for sock in self._socks]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _next(self):
        with self._lock:
            number = next(self._numbers, None)
        if number is not None:
            due = self._begun + (number - FIRST_REGISTERED) / REGISTRATIONS_S
            time.sleep(max(0, due - time.monotonic()))
        return number

    def _work(self, sock):
        with sock:
            while (number := self._next()) is not None:
                for _ in range(3):
                    self.attempts += 1
                    answer = sip.register(sock, (GATE_PUBLIC, 5070), DOMAIN, number, f'SIP-{number}',
                                          password(number), expires=3600)
                    if answer is not None and sip.status(answer) == 200:
                        self.acknowledged.add(str(number))
                        break


class Killer(threading.Thread):
    """Kills a random role at a steady pace, or stops it for 1 to 3 s: the watchdog's limit is 2."""

    def __init__(self, postern, seconds, seed, stop):
        super().__init__(daemon=True)
        self._postern, self._end, self._stop_only = postern, time.monotonic() + seconds, stop
        self._random = random.Random(seed)
        self.kills, self._roles = [], []

    def run(self):
        while time.monotonic() < self._end:
            time.sleep(KILL_EVERY_S)
            role = self._next_role()
            try:
                pid = self._postern.pids()[role]
                self.kills.append((time.time(), role))
                self._strike(pid)
            except (KeyError, ProcessLookupError, ValueError):
                continue            # it is between two lives

    def _next_role(self):
        """In random order, but each as often as the others."""
        if not self._roles:
            self._roles = self._random.sample(ROLES, len(ROLES))
        return self._roles.pop()

    def _strike(self, pid):
        if not self._stop_only:
            os.kill(pid, signal.SIGKILL)
            return
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self._random.uniform(1, 3))
        os.kill(pid, signal.SIGCONT)

    def count(self):
        """How often each role was killed."""
        return {role: sum(1 for _, r in self.kills if r == role) for role in ROLES}


def scenario(lab, name, seconds):
    """caller.xml with another time of talk, which says whom it served."""
    with open(os.path.join(HERE, '..', 'load', 'caller.xml')) as file:
        text = file.read()
    text = text.replace('milliseconds="10000"', f'milliseconds="{int(seconds * 1000)}"')
    head, tail = text.rsplit('<recv response="200"/>', 1)
    text = head + '<recv response="200"><action><log message="done [field0] end"/></action></recv>' + tail
    path = lab.path(name + '.xml')
    with open(path, 'w') as file:
        file.write(text)
    return path[:-len('.xml')]


def callers(lab, name, port, numbers, rate, seconds, called):
    """Start SIPp callers; give it and the file that lists who was served."""
    accounts, served = lab.path(name + '.csv'), lab.path(name + '.served')
    sipp.write_accounts(accounts, [(n, f'SIP-{n}', password(n), phone_address(i)) for i, n in enumerate(numbers)])
    load = sipp.start(lab.outside, scenario(lab, name, seconds), lab.folder, f'{GATE_PUBLIC}:5070', '-t', 'ui',
                      '-ip_field', '2', '-inf', accounts, '-i', OUTSIDE, '-p', str(port), '-s', called,
                      '-r', str(rate), '-m', str(len(numbers)), '-l', str(len(numbers)),
                      '-set', 'domain', DOMAIN, '-set', 'port', str(port), '-auth_uri', f'{called}@{DOMAIN}',
                      '-trace_logs', '-log_file', served)
    return load, served


def served_by(path):
    """The numbers whose calls went well from INVITE to the answer of the BYE."""
    if not os.path.exists(path):
        return set()
    with open(path) as file:
        return set(re.findall(r'done (\d+) end', file.read()))


def two_phones(lab):
    """Two real phones in a call that lasts."""
    phones = []
    for number, host, server, tone in ((HOME, lab.outside, f'{GATE_PUBLIC}:5070', 420),
                                       (DESK, lab.inside, f'{GATE_INSIDE}:5060', 620)):
        phone = Phone(number, server, lab.folder, host=host, username=f'SIP-{number}', password=password(number),
                      domain=DOMAIN, tone=tone, sip_port=5066)
        phone.start()
        lab.on_close(phone.stop)
        phone.register()
        phones.append(phone)
    phones[0].call(phones[1])
    return phones


def gaps(phone, kills, seconds):
    """The longest pause of a phone's incoming sound after each kill of a role, in ms: p50, p99, worst by role."""
    times = sorted(p.time for p, _ in phone.ear.incoming())
    pauses = {}
    for at, role in kills:
        around = times[bisect.bisect(times, at - 0.1):bisect.bisect(times, at + seconds)]
        pauses.setdefault(role, []).append(max((b - a for a, b in zip(around, around[1:])), default=seconds) * 1000)
    return {role: 'p50 %.0f, p99 %.0f, max %.0f of %d' % (*(sorted(found)[int(part * (len(found) - 1))]
                                                            for part in (0.5, 0.99, 1)), len(found))
            for role, found in pauses.items()}


def failures(log):
    """Why SIPp counts calls as failed: what was said instead, how often. None of these was acknowledged.

    A registrar-db killed between challenge and answer knows the nonce no more and challenges again
    (stale=true). A phone answers once more, this scenario does not: "UDP retransmission timeout".
    """
    if not os.path.exists(log):
        return {}
    with open(log, errors='replace') as file:
        return dict(collections.Counter(re.findall(r'(?:Aborting call on [\w ]*?(?= for Call-I))'
                                                   r"|(?<=received ')SIP/2\.0 [3-6]\d\d[^\r\n']*", file.read())))


def register_callees(lab):
    """The office phones of SIPp, from the very port it answers at."""
    with lab.inside.udp_socket(CALLEE_PORT) as sock:
        for number in (CALLEE, STAYER):
            answer = sip.register(sock, (GATE_INSIDE, 5060), DOMAIN, number, f'SIP-{number}', password(number),
                                  expires=3600)
            assert answer is not None and sip.status(answer) == 200, number
    sipp.start(lab.inside, 'callee', lab.folder, None, '-i', INSIDE, '-p', str(CALLEE_PORT), '-aa')


def one_column(postern, query):
    """The first column of a query, as texts."""
    return {str(next(iter(row.values()))) for row in postern.rows(query)}


def books(postern, registrar, short, standing):
    """What was acknowledged against what the tables say."""
    bound = one_column(postern, 'SELECT number FROM registration')
    recorded = one_column(postern, 'SELECT DISTINCT caller FROM call_record WHERE answered IS NOT NULL')
    stayers = {str(FIRST_STAYER + i) for i in range(STANDING)}
    for number in sorted((served_by(short) | served_by(standing)) - recorded):
        print('no record of an answered call:', postern.rows(f"SELECT * FROM call WHERE caller = '{number}'"))
    return {'registrations_acknowledged': len(registrar.acknowledged),
            'registrations_lost': len(registrar.acknowledged - bound),
            'standing_calls_dropped': len(stayers - served_by(standing)),
            'short_calls_served': len(served_by(short)),
            'calls_without_record': len((served_by(short) | served_by(standing)) - recorded)}


def chaos(seconds, seed, stop=False):
    """Run it; give what is to be zero and what is only told. stop: SIGSTOP and SIGCONT instead of kill -9."""
    with LoadNet() as lab:
        postern = Postern(lab.postern_host, lab.folder, {**SETTINGS, **certs.plain()})
        lab.on_close(postern.stop)
        postern.up()
        count, short_count = REGISTRATIONS_S * seconds, CALLS_S * seconds
        insert(postern, range(FIRST_REGISTERED, FIRST_REGISTERED + count), 1)
        insert(postern, range(FIRST_CALLER, FIRST_CALLER + short_count), 1)
        insert(postern, [*range(FIRST_STAYER, FIRST_STAYER + STANDING), HOME], 1)
        insert(postern, [DESK, CALLEE, STAYER], 0)
        postern.in_effect()
        register_callees(lab)
        home, desk = two_phones(lab)
        stay, stayed = callers(lab, 'stayer', STAYER_PORT, range(FIRST_STAYER, FIRST_STAYER + STANDING), 10,
                               seconds + 10, STAYER)
        until(lambda: len(postern.rows('SELECT ticket FROM live_call')) == STANDING + 1, 15, 'calls stand')
        registrar, killer = Registrar(lab.outside, count), Killer(postern, seconds, seed, stop)
        short, shorts = callers(lab, 'caller', CALLER_PORT, range(FIRST_CALLER, FIRST_CALLER + short_count), CALLS_S,
                                TALK_S, CALLEE)
        registrar.start()
        killer.start()
        killer.join()
        registrar.join(SETTLE_S)
        still = len(postern.rows(f"SELECT ticket FROM live_call WHERE caller = '{HOME}'"))
        home.hang_up()
        desk.closed(10)
        try:
            until(lambda: short.done() and stay.done(), SETTLE_S, 'all SIPp calls end', 0.5)
        except Late:
            pass
        try:
            until(lambda: not postern.rows('SELECT ticket FROM live_call'), SETTLE_S, 'no call is live', 1)
        except Late:
            pass
        return {**books(postern, registrar, shorts, stayed), 'phones_call_dropped': 1 - still,
                'live_calls_left': len(postern.rows('SELECT ticket FROM live_call')),
                'calls_hung': short.counts()['open'] + stay.counts()['open'],
                'short_calls_failed': short.counts()['failed'], 'failed_why': failures(short.log),
                'kills': killer.count(),
                'gap_ms_home': gaps(home, killer.kills, 4 if stop else 1.5),
                'gap_ms_desk': gaps(desk, killer.kills, 4 if stop else 1.5)}


MUST_BE_ZERO = ('registrations_lost', 'standing_calls_dropped', 'phones_call_dropped', 'calls_without_record',
                'live_calls_left', 'calls_hung')


def wrong(outcome):
    """The books that do not balance."""
    return {name: outcome[name] for name in MUST_BE_ZERO if outcome[name]}
