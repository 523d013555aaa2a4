"""Lying checkpoints: what a captured sigproxy leaves behind for the next one, and planted rows of the table.

The figures asserted here are those of SECURITY.md, "What a captured process gains".
"""

import os
import signal
import subprocess
import time

from lab import saved
from lab.capture import Capture
from lab.captured import OK, Sigproxy, digest, invite_uri
from lab.office import password
from lab.siege import Siege
from lab.wait import until

OWN, OFFICE_HOST, ATTACKER = '192.168.10.2', '192.168.10.10', '203.0.113.66'
LIVE = 'SELECT ticket FROM live_call'
TOLD_S = 16                  # registrar-db believes no longer what it did not write


def granted(door, count):
    """Tickets of calls that 201's right answers bought."""
    tickets = []
    for _ in range(count):
        got = door.auth(digest(door.nonces()[0], 201, password(201), 'INVITE', invite_uri(168)))
        assert got['verdict'] == OK, f'{got}'
        tickets.append(got['ticket'])
    return tickets


def lies():
    """(name, state) of checkpoints that sigproxy must refuse whole, sending nothing."""
    outside = saved.leg(0, 'a0', saved.EXTERNAL, (ATTACKER, 4000))
    for name, where in (('loopback', '127.0.0.1'), ('multicast', '224.0.0.1'), ('broadcast', '255.255.255.255')):
        yield name, saved.call([outside, saved.leg(1, 'b0', saved.INTERNAL, (where, 9999))], 0, ending=True)
    for name, flow, where in (('own listener', saved.INTERNAL, (OWN, 5060)), ('stranger inside', saved.INTERNAL,
                                                                              (ATTACKER, 4000)),
                              ('own listener outside', saved.EXTERNAL, (OWN, 5070)),
                              ('no such listener', (1, 1, 9), (ATTACKER, 4000))):
        yield name, saved.call([outside, saved.leg(1, 'b0', flow, where)], 0, ending=True)
    same = saved.leg(1, 'a0', saved.INTERNAL, (OFFICE_HOST, 9999))
    yield 'one token for two legs', saved.call([outside, same], 0, ending=True)
    caller = saved.leg(0, 'c0', saved.EXTERNAL, (ATTACKER, 4000), state=saved.EARLY)
    for name, method in (('not an INVITE', 'MESSAGE'), ('another dialog', 'INVITE')):
        request = saved.invite('other' if method == 'INVITE' else 'd0', 168, method)
        callee = saved.leg(1, 'd0', saved.INTERNAL, (OFFICE_HOST, 9999), state=saved.CALLING, invite=request)
        yield name, saved.call([caller, callee], 0, talking=False, request=saved.invite('c0', 168))
    yield 'garbage', b'\xff' * 12000
    yield 'one byte', b'\0'


def talking(number, media=None):
    """A running call between the attacker's host and the office's, as a captured sigproxy describes it."""
    return saved.call([saved.leg(0, f'x{number}', saved.EXTERNAL, (ATTACKER, 4000), media),
                       saved.leg(1, f'y{number}', saved.INTERNAL, (OFFICE_HOST, 9999))],
                      (number << 32 | 77) if media else 0)


def watch(siege):
    """Everything that leaves the host, or stays on it by loopback."""
    host, lab = siege.office.lab.postern_host, siege.office.lab
    return [Capture(host, lab.path(f'forged-{name}.pcap'), interface=name, filter_='udp') for name in ('eth0', 'lo')]


def sent(captures):
    """(source port, destination) of every packet from the host itself."""
    for capture in captures:
        capture.stop()
    return {(p.source[1], tuple(p.destination)) for capture in captures for p in capture.packets()
            if p.source[0] in (OWN, '127.0.0.1')}


def restart(siege, role='sigproxy'):
    """Kill a role and wait for its next life, which the siege then takes for the right one."""
    time.sleep(1.6)                # runit waits when a process lived less than a second
    old = siege.postern.kill(role)
    siege.postern.wait_restarted(role, old)
    siege.pids[role] = siege.postern.pids()[role]
    siege.settle(role)


def kept(siege):
    """The tickets of the table."""
    return {row['ticket'] for row in siege.postern.rows('SELECT ticket FROM checkpoint')}


def test_what_a_captured_sigproxy_leaves():
    """Only calls that were granted leave a checkpoint; a lying one is refused whole; an admin ends the rest."""
    with Siege('sigproxy') as siege:
        with Sigproxy(siege.postern) as door:
            forged = list(lies())
            time.sleep(TOLD_S)
            early = granted(door, 1)   # with it the time is over to tell of calls that a crash took
            siege.settle('registrar-db', 30)
            until(lambda: siege.number('registrar-db', 'waiting') == 0, 20, 'it is written', 0.1)
            tickets = granted(door, len(forged) + 2)
            honest = tickets[-1]
            start = tickets[0] - 4000
            for n in range(8000):      # before, behind and between those that were given
                if start + n not in tickets + early:
                    door.say('CALL_SAVE', ticket=start + n, version=saved.VERSION, state=talking(n))
            for ticket in (1, 2**63 - 1, *range(100, 200)):
                door.say('CALL_SAVE', ticket=ticket, version=saved.VERSION, state=talking(ticket % 1000))
            for ticket, (_, state) in zip(tickets, forged):
                for _ in range(20):
                    door.say('CALL_SAVE', ticket=ticket, version=saved.VERSION, state=state)
            ended = tickets[-2]
            door.say('CALL_SAVE', ticket=ended, version=saved.VERSION, state=talking(1))
            door.say('CALL_NOTE', ticket=ended, state=5, status=200)
            door.say('CALL_GONE', ticket=ended)
            siege.settle('registrar-db', 30)
            until(lambda: siege.number('registrar-db', 'waiting') == 0, 20, 'all is written', 0.1)
            for _ in range(200):       # a replay of what is over
                door.say('CALL_SAVE', ticket=ended, version=saved.VERSION, state=talking(1))
            door.say('CALL_SAVE', ticket=honest, version=saved.VERSION, state=talking(2, (16500, ('127.0.0.1', 9999))))
            siege.settle('registrar-db', 30)
            until(lambda: siege.number('registrar-db', 'waiting') == 0, 20, 'all is written', 0.1)
            of_ours = kept(siege)
            print(f'{len(of_ours)} kept of 8300 saved; {len(tickets)} calls were granted')
            assert of_ours == set(tickets) - {ended}, f'{of_ours ^ set(tickets)}'
            captures = watch(siege)
            restart(siege)
        until(lambda: kept(siege) == {honest}, 10, 'the lies are refused', 0.2)
        assert siege.number('sigproxy', 'calls') == 1
        time.sleep(1)
        packets = sent(captures)
        wrong = [where for _, where in packets if where in ((OFFICE_HOST, 9999), (ATTACKER, 4000))
                 or where[0].startswith(('127.', '224.', '255.'))]
        print(f'packets because of lies: {len(wrong)}')
        assert not wrong, f'{wrong}'
        # The one that was well made stays (its sound goes to its phone's own address only), until an admin ends it.
        assert [row['ticket'] for row in siege.postern.rows(LIVE)] == [honest]
        siege.postern.sql("UPDATE call SET state = 'ended', reason = 'admin', ended_at = unixepoch() "
                          'WHERE ended_at IS NULL;\n')
        restart(siege)
        until(lambda: not kept(siege), 5, 'it is gone', 0.1)
        assert siege.number('sigproxy', 'calls') == 0 and not siege.postern.rows(LIVE)


def plant(siege, count, state_of):
    """Rows of calls and their checkpoints in the table, under tickets of the past."""
    calls = ''.join(f"({n},'201','','168','granted','external','','x',1,'granted')," for n in range(1, count + 1))
    rows = ''.join(f"({n},{saved.VERSION},x'{state_of(n).hex()}')," for n in range(1, count + 1))
    siege.postern.sql('BEGIN IMMEDIATE; INSERT INTO call(ticket, caller, caller_name, called, verdict, from_zone, '
                      f'from_source, call_id, granted_at, state) VALUES {calls[:-1]};'
                      f'INSERT INTO checkpoint(ticket, version, state) VALUES {rows[:-1]}; COMMIT;\n', 30)


def test_thousands_of_planted_checkpoints():
    """5000 rows, well made, all about to hang up on the attacker: registrar-db sealed none, so none is told."""
    with Siege('registrar-db') as siege:
        def state_of(n):
            return saved.call([saved.leg(0, f'x{n}', saved.EXTERNAL, (ATTACKER, 1024 + n)),
                               saved.leg(1, f'y{n}', saved.INTERNAL, (OFFICE_HOST, 9999))], 0, ending=True,
                              channels=0)
        plant(siege, 5000, state_of)
        captures = watch(siege)
        # A sigproxy that lives would take none of them: it stands still and is killed.
        old = siege.pids['sigproxy']
        subprocess.run(['sv', 'down', os.path.join(siege.postern.state, 'service', 'watchdog')], check=True)
        os.kill(old, signal.SIGSTOP)
        restart(siege, 'registrar-db')
        start = time.monotonic()
        os.kill(old, signal.SIGKILL)
        siege.postern.wait_restarted('sigproxy', old)
        siege.pids['sigproxy'] = siege.postern.pids()['sigproxy']
        siege.settle('sigproxy', 20)
        seconds = time.monotonic() - start
        assert seconds < 5, f'sigproxy answers after {seconds:.1f} s'
        until(lambda: len(kept(siege)) < 5000, 20, 'they are dropped, as many at once as there is room for', 0.5)
        restored = siege.number('sigproxy', 'calls_restored')
        print(f'{seconds:.1f} s until sigproxy answers; restored {restored}')
        assert restored == 0
        aimed = [where for _, where in sent(captures) if where[0] == ATTACKER]
        assert not aimed, f'{len(aimed)} packets to the attacker'
