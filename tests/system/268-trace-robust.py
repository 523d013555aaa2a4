"""A trace lasts through kills of every process it needs, and a tracer that hangs or has no room delays no call."""

import os
import signal
import time

from lab.expect import hear_each_other
from lab.office import Office
from lab.tracing import files, messages, trace
from lab.wait import until


def tracer(office):
    """tracer's own figures."""
    one, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'tracer']
    return one


def talk(office, home, desk):
    """One call, with sound."""
    home.call(desk)
    hear_each_other(home, desk, 0.5)
    home.hang_up()
    desk.closed()
    office.records()


def test_a_call_through_kills():
    """tracer, then sigproxy, then mediaproxy are killed while it runs: its BYE, and its packets, are still traced."""
    with Office() as office:
        postern = office.postern
        home, desk = office.home('A'), office.desk()
        trace(postern, 'on', 201)
        home.call(desk)
        hear_each_other(home, desk, 0.5)
        for role in ('tracer', 'sigproxy', 'mediaproxy'):
            pid = postern.kill(role)
            postern.wait_restarted(role, pid)
            until(lambda: all(p['answers'] for p in postern.status()['processes']), 5, 'all answer')
        assert '201' in trace(postern, 'list')
        hear_each_other(home, desk, 0.5)
        before = sum(os.path.getsize(path) for path in files(postern, '-call-'))
        until(lambda: sum(os.path.getsize(path) for path in files(postern, '-call-')) > before + 2000, 3,
              'packets are still written')
        home.hang_up()
        desk.closed()
        office.records()
        # One name of the call in all its files: the last 16 digits.
        keys = {os.path.basename(path)[-23:-7].split('-')[-1] for path in files(postern, '-call-')}
        assert len(keys) == 1, files(postern, '-call-')
        rows = [row for path in files(postern, '-call-') for row in messages(path)]
        requests = [row['sip.Request-Line'].split(' ')[0] for row in rows]
        assert requests.count('BYE') == 2 and requests.count('INVITE') == 3, requests
        trace(postern, 'off', 201)
        assert 'nothing' in trace(postern, 'list')


def test_it_delays_nothing():
    """tracer stands still, then may keep next to nothing: calls are as before, what is lost is counted."""
    with Office(settings={('trace', 'keep_mb'): 1, ('trace', 'file_mb'): 1}) as office:
        postern = office.postern
        home, desk = office.home('A'), office.desk()
        trace(postern, 'on', 'all')
        pid = postern.pids()['tracer']
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        talk(office, home, desk)
        assert time.monotonic() - began < 6
        # The watchdog ends one that hangs; its successor knows what is traced.
        postern.wait_restarted('tracer', pid)
        until(lambda: tracer(office)['traces'], 5, 'it is still traced')
        big = os.path.join(postern.state, 'trace', '20000101-000000-trace-1.pcapng')
        with open(big, 'wb') as file:
            file.write(bytes(2 << 20))
        pid = postern.kill('tracer')
        postern.wait_restarted('tracer', pid)
        until(lambda: not os.path.exists(big), 5, 'what is too much is deleted')
        talk(office, home, desk)
        until(lambda: files(postern, '-call-'), 3, 'the call is written')
        assert tracer(office)['bytes_kept'] <= 1 << 20


def test_refusals():
    """In words, and with what to do."""
    with Office(homes=(), office_phones=0) as office:
        def refused(*words):
            done = trace(office.postern, *words, check=False)
            assert done.returncode != 0, words
            return done.stderr
        assert 'tracer may not dial' in refused('on', 168, '--hep')
        assert 'tracer may not dial' in refused('on', 168, '--hep', '192.168.10.9:9060')
        assert 'no such trace' in refused('off', 7)
        assert '--for takes' in refused('on', 168, '--for', '1w')
        assert '--profile takes' in refused('on', 168, '--profile', 'sound')
        assert 'usage' in refused('on')
        for number in range(100, 116):
            trace(office.postern, 'on', number)
        assert 'so many traces' in refused('on', 99)
        trace(office.postern, 'off', 'all')
        assert 'has no traces yet' in trace(office.postern, 'show')
