"""Phones at home that speak ICE only: sound both ways, whoever calls."""

from lab.expect import hear_each_other
from lab.office import Office, RTP_RANGE, SIP_PORT


def ice(office, **options):
    """A phone at home with ICE on."""
    return office.home(modules=('ice.so',), account=('medianat=ice', 'stunserver=stun:%s:%d' % office.stun), **options)


def test_called_by_the_office():
    with Office() as office:
        home, desk = ice(office), office.desk()
        desk.call(home)
        hear_each_other(home, desk)


def test_calls_the_office():
    with Office() as office:
        home, desk = ice(office), office.desk()
        home.call(desk)
        hear_each_other(home, desk)
