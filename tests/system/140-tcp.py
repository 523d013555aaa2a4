"""SIP over TCP: a phone at home behind NAT registers, calls and is called, beside phones by UDP."""

from lab.expect import does_not_hear, hear_each_other
from lab.office import Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT
from lab.wait import until

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)


def registration(office, number):
    """The rows of a number."""
    return office.postern.rows(f"SELECT * FROM registration WHERE number = '{number}'")


def whole_call(caller, callee):
    """Talk, hold from each side, hang up."""
    caller.call(callee)
    hear_each_other(caller, callee)
    for holder, other in ((caller, callee), (callee, caller)):
        holder.hold()
        does_not_hear(other, holder)
        holder.resume()
        hear_each_other(holder, other)
    caller.hang_up()
    callee.closed()


def test_home_by_tcp_calls_office_by_udp():
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        row, = registration(office, home.number)
        assert row['transport'] == 'tcp' and int(row['connection']) > 0, row
        whole_call(home, desk)


def test_office_by_udp_calls_home_by_tcp():
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk()
        whole_call(desk, home)
        desk.call(home)
        home.hang_up()
        desk.closed()


def test_office_by_tcp_too():
    with Office(forward=FORWARD) as office:
        home, desk = office.home(transport='tcp'), office.desk(transport='tcp')
        whole_call(home, desk)
        whole_call(desk, home)
