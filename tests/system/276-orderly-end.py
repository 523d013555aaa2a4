"""postern down in the moment of a call's end: nothing of it comes back with postern up, and its record is there."""

import os
import signal
import time

from lab.expect import hear_each_other
from lab.office import Office


def test_a_call_that_ends_with_everything():
    """registrar-db is stopped, so that it has not heard of the end when everything is ended."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 0.5)
        pid = office.postern.pids()['registrar-db']
        os.kill(pid, signal.SIGSTOP)
        home.hang_up()
        desk.closed()
        time.sleep(0.5)                    # the relay has told its counters
        began = time.monotonic()
        office.postern.down()              # runsv(8) sends SIGTERM and has it go on
        took = time.monotonic() - began
        print(f'down took {took:.1f} s')
        assert took < 4
        office.postern.up()
        assert not office.postern.rows('SELECT * FROM live_call') and not office.postern.rows('SELECT * FROM checkpoint')
        record, = office.postern.rows('SELECT * FROM call_record')
        assert (record['reason'], record['ended_by']) == ('caller-hung-up', 'caller'), record
        assert record['caller_packets_in'] > 0 and record['media_verdict'] == 'ok', record
