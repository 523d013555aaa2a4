"""A killed process and phones by TCP: the sound stays, the dead connection is never used."""

import time

from lab.expect import does_not_hear, hear_each_other
from lab.office import Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT
from lab.wait import until

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)
PAUSE_S = 1.6                      # runit waits when a process lived less than a second


def kill(office, role):
    """Kill a role and wait for the next one."""
    time.sleep(PAUSE_S)
    old = office.postern.kill(role)
    office.postern.wait_restarted(role, old)
    time.sleep(0.3)


def test_a_call_outlives_sigproxy():
    """The phone's next request comes by a new connection, proves who it is, and moves the call there."""
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        home.call(desk)
        hear_each_other(home, desk)
        kill(office, 'sigproxy')
        hear_each_other(home, desk)
        home.hold()
        does_not_hear(desk, home)
        home.resume()
        hear_each_other(home, desk)
        # and what the other side says finds the new connection
        desk.hold()
        does_not_hear(home, desk)
        desk.resume()
        desk.hang_up()
        home.closed()
        until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')


def test_the_phone_hangs_up_after_sigproxy_died():
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        desk.call(home)
        kill(office, 'sigproxy')
        home.hang_up()
        desk.closed(10)
        until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')


def test_a_binding_of_a_dead_connection_is_not_used():
    """The row may still be there; the caller gets 480 at once, until the phone is back."""
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        kill(office, 'sigproxy')
        row, = office.postern.rows(f"SELECT * FROM registration WHERE number = '{home.number}'")
        assert row['transport'] == 'tcp'
        started = time.monotonic()
        desk.dial(home.number)
        assert '480' in desk.closed(3)
        assert time.monotonic() - started < 1.5


def test_registrar_db_dies():
    """The connection is sigproxy's: the phone is called as before."""
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        kill(office, 'registrar-db')
        desk.call(home)
        hear_each_other(home, desk)
        home.hang_up()
        desk.closed()
