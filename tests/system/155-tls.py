"""SIP over TLS 1.2 and 1.3: phones at home behind NAT and in the office register, call and are called."""

from lab import certs
from lab.expect import does_not_hear, hear_each_other
from lab.office import Office, RTP_RANGE, SIP_PORT, SIP_TLS_PORT
from lab.wait import until

FORWARD = (SIP_PORT, SIP_TLS_PORT, RTP_RANGE)


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


def test_home_by_tls_and_office_by_udp():
    with Office(forward=FORWARD, settings=certs.plain()) as office:
        home, desk = office.home(transport='tls'), office.desk()
        row, = registration(office, home.number)
        assert row['transport'] == 'tls' and int(row['connection']) > 0, row
        whole_call(home, desk)
        whole_call(desk, home)
