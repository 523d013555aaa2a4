"""kill -9 of sigproxy at each step of a real call: nobody hears it, nothing is lost."""

import os
import signal
import threading
import time

from lab.expect import does_not_hear, hear_each_other
from lab.office import Office
from lab.wait import until

PAUSE_S = 1.6                      # runit waits when a process lived less than a second
LONGEST_PAUSE_MS = 100             # of a phone's incoming sound; its packets come every 20 ms


def kill(office):
    """Kill sigproxy, wait for the next one; the time of the kill."""
    time.sleep(PAUSE_S)
    at = time.time()
    old = office.postern.kill('sigproxy')
    office.postern.wait_restarted('sigproxy', old)
    return at


def longest_pause_ms(phone, since, until_):
    """The longest pause in what a phone received between two moments."""
    times = sorted(p.time for p, _ in phone.ear.incoming() if since <= p.time <= until_)
    assert len(times) > 10, f'{phone.name} received {len(times)} packets'
    return max(b - a for a, b in zip(times, times[1:])) * 1000


def recorded(office, count=1):
    """So many calls are over, each with its record, none lives."""
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')
    records = office.postern.rows('SELECT * FROM call_record')
    assert len(records) == count, records
    return records


def sound_goes_on(office, home, desk):
    """Three kills: not one pause in either phone's sound, and live_call keeps the call."""
    start = time.time()
    for _ in range(3):
        kill(office)
        assert len(office.postern.rows('SELECT * FROM live_call')) == 1
    hear_each_other(home, desk)
    for phone in (home, desk):
        pause = longest_pause_ms(phone, start, time.time() - 0.5)
        print(f'{phone.name}: longest pause {pause:.0f} ms in three kills')
        assert pause < LONGEST_PAUSE_MS


def test_talk_then_the_caller_hangs_up():
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk)
        sound_goes_on(office, home, desk)
        home.hang_up()
        desk.closed()
        record = recorded(office)[0]
        assert record['status'] == 200 and record['reason'] == 'caller-hung-up', record
        assert record['duration_s'] >= 5 and record['caller_packets_in'] > 250, record


def test_talk_then_the_called_hangs_up():
    with Office() as office:
        home, desk = office.home(), office.desk()
        desk.call(home)
        hear_each_other(home, desk)
        sound_goes_on(office, home, desk)
        home.hang_up()
        desk.closed()
        assert recorded(office)[0]['reason'] == 'called-hung-up'


def test_hold_and_resume_after_it():
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        for holder, other in ((home, desk), (desk, home)):
            kill(office)
            holder.hold()
            does_not_hear(other, holder)
            kill(office)
            holder.resume()
            hear_each_other(home, desk)
        desk.hang_up()
        home.closed()
        recorded(office)


def test_while_it_rings():
    """It rings on, can be answered, and is a call like any other."""
    with Office() as office:
        home, desk = office.home(), office.desk(answer='manual')
        home.dial(desk.number)
        desk.wait('CALL_INCOMING')
        home.wait('CALL_RINGING')
        kill(office)
        time.sleep(0.5)
        desk.accept()
        home.wait('CALL_ESTABLISHED')
        hear_each_other(home, desk)
        home.hang_up()
        desk.closed()
        recorded(office)


def test_while_it_rings_then_the_caller_gives_up():
    with Office() as office:
        home, desk = office.home(), office.desk(answer='manual')
        home.dial(desk.number)
        desk.wait('CALL_INCOMING')
        home.wait('CALL_RINGING')
        kill(office)
        home.hang_up()
        desk.closed()
        recorded(office)


def dead(office):
    """Kill sigproxy; what comes next meets nobody, or waits in the socket."""
    time.sleep(PAUSE_S)
    office.postern.kill('sigproxy')


def test_dead_at_the_register():
    """The phone notices nothing but a delay, and the binding is there."""
    with Office() as office:
        dead(office)
        home = office.home()
        desk = office.desk()
        dead(office)
        home.call(desk)
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()
        recorded(office)


def test_dead_at_the_invite():
    """From either side: it is heard when the next one lives, once."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        for count, (one, other) in enumerate(((home, desk), (desk, home)), 1):
            dead(office)
            one.call(other)
            hear_each_other(one, other, 1)
            one.hang_up()
            other.closed()
            recorded(office, count)


def test_dead_at_the_ringing():
    """Killed while the INVITE is on its way to a phone that rings: it rings, and can be answered."""
    with Office() as office:
        home, desk = office.home(), office.desk(answer='manual')
        for count, delay_s in enumerate((0.002, 0.005, 0.01, 0.02), 1):
            time.sleep(PAUSE_S)
            home.dial(desk.number)
            time.sleep(delay_s)
            office.postern.kill('sigproxy')
            desk.wait('CALL_INCOMING', 10)
            desk.accept()
            home.wait('CALL_ESTABLISHED', 10)
            hear_each_other(home, desk, 1)
            home.hang_up()
            desk.closed()
            recorded(office, count)


def test_dead_at_the_answer():
    """The 200 meets nobody, or its ACK does: it is repeated, and the call stands."""
    with Office() as office:
        home, desk = office.home(), office.desk(answer='manual')
        for count, delay_s in enumerate((None, 0.001, 0.003, 0.01), 1):
            home.dial(desk.number)
            desk.wait('CALL_INCOMING')
            home.wait('CALL_RINGING')
            if delay_s is None:
                dead(office)
            else:
                time.sleep(PAUSE_S)
                pid = office.postern.pids()['sigproxy']
                threading.Timer(delay_s, os.kill, (pid, signal.SIGKILL)).start()
            desk.accept()
            home.wait('CALL_ESTABLISHED', 10)
            hear_each_other(home, desk, 1)
            one, other = (home, desk) if count % 2 else (desk, home)
            one.hang_up()
            other.closed()
            recorded(office, count)


def test_dead_at_the_reinvite():
    """Hold and resume of either side meet nobody at first."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        for holder, other in ((home, desk), (desk, home)):
            dead(office)
            holder.hold()
            does_not_hear(other, holder)
            dead(office)
            holder.resume()
            hear_each_other(home, desk, 1)
        desk.hang_up()
        home.closed()
        recorded(office)


def test_dead_at_the_bye():
    """The BYE of either side meets nobody: the phone repeats it, and both legs end."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        for count, (one, other) in enumerate(((home, desk), (desk, home)), 1):
            home.call(desk)
            hear_each_other(home, desk, 1)
            dead(office)
            one.hang_up()
            other.closed(10)
            recorded(office, count)


def test_both_at_once():
    """sigproxy and registrar-db: the table has what both forgot."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1)
        time.sleep(PAUSE_S)
        before = office.postern.pids()
        for role in ('registrar-db', 'sigproxy'):
            office.postern.kill(role)
        for role in ('registrar-db', 'sigproxy'):
            office.postern.wait_restarted(role, before[role])
        hear_each_other(home, desk)
        time.sleep(1)
        desk.hang_up()
        home.closed()
        recorded(office)
