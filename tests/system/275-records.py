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
    """kill -9 of each in the middle of a call, then of those that tell of it at the moment of its end."""
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
        for role, delay_s in (('registrar-db', 0.0), ('registrar-db', 0.004), ('sigproxy', 0.0), ('sigproxy', 0.006),
                              ('mediaproxy', 0.002)):
            home.call(desk)
            hear_each_other(home, desk, 1)
            restarted = at_the_end(office, role, delay_s)
            home.hang_up()
            desk.closed(10)
            restarted()
            count += 1
            row = records(office, count)[-1]
            ended(row)
            if role == 'registrar-db':      # what the others counted is told to the next one
                is_complete(row, 201, 168)


def test_refusals_and_retention():
    """A refused call is one record with the rule's name; old records go, as [store] keep_records_days says."""
    with Office(settings={('store', 'keep_records_days'): 30}) as office:
        home, desk = office.home(), office.desk()
        for number, verdict, kind, status, reason in (
                ('0900123456', 'denied: no premium calls', 'premium', 403, 'denied'),
                ('00990555', 'denied: no international calls', 'international', 403, 'denied'),
                ('777', 'no such number', 'internal', 404, 'no-such-number'),
                ('169', 'no device registered', 'internal', 480, 'no-device')):
            for phone, zone in ((desk, 'office'), (home, 'internet')):
                before = len(office.postern.rows('SELECT ticket FROM call_record'))
                phone.dial(number)
                phone.closed()
                rows = until(lambda: office.postern.rows(
                    f"SELECT * FROM call_record WHERE called = '{number}' AND caller = '{phone.number}'"), 3,
                    f'{phone.number} to {number} is recorded')
                assert len(rows) == 1 and rows[0]['verdict'].startswith(verdict), rows
                assert rows[0]['rule'] == f'class national: {zone}' and rows[0]['number_class'] == kind, rows
                assert (rows[0]['status'], rows[0]['reason']) == (status, reason), rows
                assert len(office.postern.rows('SELECT ticket FROM call_record')) == before + 1
        office.postern.sql("UPDATE call SET ended_at = ended_at - 31 * 86400 WHERE called LIKE '0%';\n")
        old = office.postern.kill('registrar-db')     # it looks when it starts, then every hour
        office.postern.wait_restarted('registrar-db', old)
        until(lambda: len(office.postern.rows('SELECT ticket FROM call_record')) == 4, 8, 'the old records are gone')
        assert {row['called'] for row in office.postern.rows('SELECT called FROM call_record')} == {'777', '169'}
