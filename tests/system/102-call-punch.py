"""Only the SIP port is forwarded: each relay port is opened outwards (STUN, then sending first)."""

from lab.expect import does_not_hear, hear_each_other
from lab.office import Office, SIP_PORT


def talk_both_ways(with_stun):
    """Home calls office, office calls home: tones at both ends each time, and across a hold."""
    with Office(forward=[SIP_PORT]) as office:
        home, desk = office.home(with_stun=with_stun), office.desk()
        for caller, callee in ((home, desk), (desk, home)):
            caller.call(callee)
            hear_each_other(caller, callee)
            caller.hold()
            does_not_hear(callee, caller)
            caller.resume()
            hear_each_other(caller, callee)
            caller.hang_up()
            callee.closed()


def test_phone_with_stun():
    talk_both_ways(with_stun=True)


def test_phone_without_stun_behind_port_preserving_router():
    talk_both_ways(with_stun=False)
