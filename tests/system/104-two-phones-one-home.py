"""Two phones behind one home router: they call the office at the same time, and share ports or what is known of it."""

from lab.expect import hear_each_other
from lab.office import Home, Office, SIP_PORT, SIP_TCP_PORT
from lab.wait import until


def test_both_talk_at_once():
    with Office(homes=[Home('A', phones=2)], office_phones=2) as office:
        homes = [office.home(index=i, number=201 + i) for i in (0, 1)]
        desks = [office.desk(i) for i in (0, 1)]
        for home, desk in zip(homes, desks):
            home.call(desk)
        for home, desk in zip(homes, desks):
            hear_each_other(home, desk)
        for home, desk in zip(homes, desks):
            home.hang_up()
            desk.closed()


def said_of_the_call(office, verdict, caller, callee):
    """A call that lives until its record has this verdict; the record's words."""
    caller.call(callee)
    row = until(lambda: office.postern.rows(f"SELECT * FROM live_call WHERE media_verdict = '{verdict}'"), 15,
                f'live_call says {verdict}', 0.2)[0]
    print(row['media_words'])
    assert 'media-not-heard' in office.postern.asked('check', '--json', '--state', office.postern.state).stdout
    caller.hang_up()
    callee.closed()
    return row['media_words']


def test_the_same_rtp_port_twice_in_one_home():
    """Once both have sent to the same place the router moves one of them: nobody knows where to, until Postern asked
    the phone to send to its SIP port; from then on they hear each other."""
    ports = {'rtp_ports': '10000-10001'}
    with Office(homes=[Home('A', phones=2)], forward=[SIP_PORT], office_phones=0) as office:
        one, other = (office.home(index=i, number=201 + i, with_stun=True, **ports) for i in (0, 1))
        one.call(other)
        hear_each_other(one, other, 1)
        one.stop()
        other.stop()
        one, other = (office.home(index=i, number=203 + i, **ports) for i in (0, 1))
        one.call(other)
        until(lambda: 'media-seen' in office.postern.logs(), 10, 'its sound is seen at the SIP port', 0.1)
        hear_each_other(one, other, 1)


def test_what_a_symmetric_router_does_is_seen():
    """A phone by TCP shows nothing of how its router treats UDP, but its sound at our SIP port does."""
    with Office(homes=[Home('A', nat='symmetric')], forward=[SIP_PORT, SIP_TCP_PORT]) as office:
        home, desk = office.home(number=201, transport='tcp'), office.desk()
        assert 'gives each peer another port' in said_of_the_call(office, 'symmetric-no-range', desk, home)
        assert 'media-seen' in office.postern.logs()


def test_a_phone_that_sends_nothing():
    """Asked to send to our SIP port it sends nothing there either: it is the phone."""
    with Office(homes=[Home('A', phones=2)], forward=[SIP_PORT, SIP_TCP_PORT]) as office:
        office.home(index=1, number=202)        # by UDP: so we know that it reaches us
        home, desk = office.home(number=201, transport='tcp'), office.desk()
        silence(home)
        said_of_the_call(office, 'phone-silent', desk, home)


def silence(home):
    """Its own network drops all UDP of it but what it signals by."""
    home.host.run(['nft', 'add table ip mute; add chain ip mute out { type filter hook output priority 0; }; '
                          'add rule ip mute out udp dport != 53 drop'])
