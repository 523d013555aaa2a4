"""The provider gives the office router another address: stunmon sees it, new calls use it."""

from lab.expect import hear_each_other
from lab.office import Home, Office


def test_new_call_uses_new_address():
    with Office(homes=[Home('A'), Home('B')]) as office:
        desk, before = office.desk(), office.home('A')
        before.call(desk)
        hear_each_other(before, desk, 1)
        before.hang_up()
        desk.closed()

        old = office.lab.office.public
        office.lab.change_office_address()
        new = office.lab.office.public
        office.postern.wait_public(new)
        outside = office.watch_outside()
        after = office.home('B')            # found the new address in DNS, as it were
        desk.call(after)
        at_home, _ = hear_each_other(after, desk)
        assert {ip for ip, _ in at_home.sources} == {new}
        outside.stop()
        bodies = [message.body for packet, message in outside.sip() if packet.source[0] == new]
        assert any(new.encode() in body for body in bodies), 'no SDP with the new address'
        assert not any(old.encode() in body for body in bodies), f'an SDP still says {old}'
