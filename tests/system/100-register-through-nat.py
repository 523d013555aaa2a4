"""A phone at home registers over the internet, through the office router's port forward only."""

from lab import sip
from lab.office import Office, SIP_PORT, password
from lab.phone import PhoneError
from lab.postern import DOMAIN
from lab.wait import until


def test_register():
    """The binding says where the phone is: the home's public address, not its private one."""
    with Office(forward=[SIP_PORT]) as office:
        phone = office.home()
        rows = office.postern.rows('SELECT * FROM registration')
        assert len(rows) == 1, rows
        text = str(rows[0])
        assert office.lab.homes['A'].public in text, f'flow of {text}'
        assert phone.address in text, f'the Contact is not kept as the phone sent it: {text}'
        phone.unregister()
        until(lambda: not office.postern.rows('SELECT * FROM registration'), 2, 'the binding is gone')


def test_wrong_password_is_refused_once():
    """403 at once, so that baresip does not try without end."""
    with Office(forward=[SIP_PORT]) as office:
        phone = office.home(register=False)
        phone.password = password(999)
        try:
            phone.register()
        except PhoneError as refusal:
            assert '403' in str(refusal), refusal
        else:
            raise AssertionError('registered with a wrong password')


def test_no_internet_flag():
    """An office-only subscriber is refused outside as a wrong password is."""
    with Office(forward=[SIP_PORT]) as office:
        server = (office.lab.office.public, 5070)
        with office.lab.homes['A'].phones[0].udp_socket(5062) as sock:
            no_flag = sip.register(sock, server, DOMAIN, 168, 'SIP-168', password(168))
            unknown = sip.register(sock, server, DOMAIN, 777, 'SIP-777', password(777))
        assert no_flag and unknown, 'silence'
        assert sip.status(no_flag) == sip.status(unknown) == 403, (no_flag.start, unknown.start)
        assert set(no_flag.headers) == set(unknown.headers), 'the two refusals differ'
