"""Two homes with the same private network call each other through the office: two channels."""

from lab.expect import hear_each_other
from lab.office import Home, Office, SIP_PORT


def call_between_homes(**options):
    with Office(homes=[Home('A'), Home('B')], **options) as office:
        one, other = office.home('A'), office.home('B')
        one.call(other)
        hear_each_other(one, other)
        live = office.postern.rows('SELECT * FROM live_call')
        assert sum(int(row['channels']) for row in live) == 2, live
        one.hang_up()
        other.closed()


def test_rtp_range_forwarded():
    call_between_homes()


def test_punch():
    call_between_homes(forward=[SIP_PORT])
