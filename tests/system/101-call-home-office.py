"""Calls between home and office, RTP range forwarded, phone without STUN: tones, hold, resume."""

from lab.expect import does_not_hear, hear_each_other
from lab.office import Office
from lab.wait import until


def hold_and_resume(holder, other):
    """While held neither hears the other's tone; afterwards both do."""
    holder.hold()
    does_not_hear(other, holder)
    holder.resume()
    hear_each_other(holder, other)


def call(caller, callee):
    """A whole call: talk, hold from each side, hang up."""
    caller.call(callee)
    hear_each_other(caller, callee)
    hold_and_resume(caller, callee)
    hold_and_resume(callee, caller)
    caller.hang_up()
    callee.closed()


def test_home_calls_office():
    with Office() as office:
        home, desk = office.home(), office.desk()
        call(home, desk)
        until(lambda: not office.postern.rows('SELECT * FROM live_call'), 2, 'no call is live')
        assert len(office.postern.rows('SELECT * FROM call_record')) == 1


def test_office_calls_home():
    with Office() as office:
        call(office.desk(), office.home())


def test_callee_hangs_up():
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        desk.hang_up()
        home.closed()


def test_caller_gives_up_while_it_rings():
    with Office() as office:
        home, desk = office.home(), office.desk(answer='manual')
        home.dial(desk.number)
        home.wait('CALL_RINGING')
        home.hang_up()
        desk.closed()


def test_media_comes_from_the_relay():
    """Neither phone ever sees a packet from the other's own address."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)
        at_home, at_desk = hear_each_other(home, desk)
        assert {ip for ip, _ in at_home.sources} == {office.lab.office.public}
        assert {ip for ip, _ in at_desk.sources} == {office.lab.postern_host.address}
