"""A second make of phone: linphone, by UDP and TCP, at home and in the office, beside baresip."""

from lab.expect import does_not_hear, hear_each_other
from lab.linphone import Linphone
from lab.net import Home, POSTERN_ADDRESS
from lab.office import DOMAIN, Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT, TONES, password

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)


def linphone(office, number, host, **options):
    """A registered linphone on a host."""
    inside = host in office.lab.office.phones
    server = f'{POSTERN_ADDRESS}:5060' if inside else f'{office.lab.office.public}:5070'
    phone = Linphone(number, server, office.lab.folder, host=host, username=f'SIP-{number}',
                     password=password(number), domain=DOMAIN, tone=TONES[number], **options)
    office.lab.on_close(phone.stop)
    return phone.start().register()


def whole_call(caller, callee):
    """Talk, hold by the linphone among them, hang up."""
    caller.call(callee)
    hear_each_other(caller, callee)
    holder, other = (caller, callee) if isinstance(caller, Linphone) else (callee, caller)
    holder.hold()
    does_not_hear(other, holder)
    holder.resume()
    if isinstance(other, Linphone):
        other.established()             # its stream is a new one too
    hear_each_other(holder, other)
    caller.hang_up()
    callee.closed()


def at_home(transport):
    """linphone at home calls and is called by the office's baresip."""
    with Office(forward=FORWARD) as office:
        home = linphone(office, 201, office.lab.homes['A'].phones[0], transport=transport)
        row, = office.postern.rows("SELECT * FROM registration WHERE number = '201'")
        assert row['transport'] == transport, row
        desk = office.desk()
        whole_call(home, desk)
        whole_call(desk, home)


def test_at_home_by_udp():
    at_home('udp')


def test_at_home_by_tcp():
    at_home('tcp')


def test_two_homes():
    """Home to home, one by TCP and one by UDP, both linphone."""
    with Office(homes=(Home('A'), Home('B')), forward=FORWARD) as office:
        first = linphone(office, 201, office.lab.homes['A'].phones[0], transport='tcp')
        second = linphone(office, 202, office.lab.homes['B'].phones[0])
        whole_call(first, second)
