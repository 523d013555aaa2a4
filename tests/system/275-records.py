"""Records of calls: one for each, complete, whichever process dies in it; one for each refusal, with the rule; kept as told."""

import os
import signal
import threading
import time

from lab.expect import hear_each_other
from lab.office import Office
from lab.wait import until

ROLES = ('sigproxy', 'mediaproxy', 'registrar-db', 'stunmon')
PAUSE_S = 1.2                      # runit waits when a process lived less than a second


def records(office, count):
    """So many calls are over, each once."""
    rows = office.records()
    assert len(rows) == count and len({row['ticket'] for row in rows}) == count, [row['ticket'] for row in rows]
    return rows


def ended(row):
    assert (row['status'], row['reason'], row['ended_by']) == (200, 'caller-hung-up', 'caller'), row


def is_complete(row, caller, called, ended_by='caller'):
    """Who, to whom, from where, when, how it ended and by whom, the rule, and how it sounded."""
    ended(row)
    assert (row['caller'], row['called'], row['verdict']) == (str(caller), str(called), 'granted'), row
    assert row['from_source'] and row['called_source'] and row['call_id'] and row['relayed'] == 1, row
    assert row['granted'] <= row['answered'] <= row['ended'] and row['duration_s'] >= 1, row
    assert (row['status'], row['reason'], row['ended_by']) == (200, f'{ended_by}-hung-up', ended_by), row
    assert row['number_class'] == 'internal' and row['rule'], row
    assert row['media_verdict'] == 'ok' and row['caller_mos'] >= 1 and row['called_mos'] >= 1, row
    for side in ('caller', 'called'):
        assert row[f'{side}_packets_in'] > 50 and row[f'{side}_packets_out'] > 50 and row[f'{side}_learnt'], row


def all_killed(office):
    """Each process is killed, one after the other, and lives again."""
    for role in ROLES:
        old = office.postern.kill(role)
        office.postern.wait_restarted(role, old)


def at_the_end(office, role, delay_s):
    """kill -9 of a role so long from now, by a thread; what it gives is waited for."""
    pid = office.postern.pids()[role]
    timer = threading.Timer(delay_s, os.kill, (pid, signal.SIGKILL))
    timer.start()
    return lambda: (timer.join(), office.postern.wait_restarted(role, pid))


def test_each_process_dies_in_a_call():
    """kill -9 of each in the middle of a call, then of each at the moment of a call's end."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1)
        all_killed(office)
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()
        is_complete(*records(office, 1), 201, 168)
        count = 1
        for role in ('registrar-db', 'mediaproxy', 'sigproxy'):
            for delay_s in (0.0, 0.002, 0.006):
                home.call(desk)
                hear_each_other(home, desk, 1)
                restarted = at_the_end(office, role, delay_s)
                home.hang_up()
                desk.closed(10)
                restarted()
                count += 1
                row = records(office, count)[-1]
                print(role, delay_s, {k: v for k, v in row.items() if v not in (None, '', 0)})
                ended(row)
