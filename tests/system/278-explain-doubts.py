"""postern explain does not claim what it cannot know: whose router, who hears; phones that went away."""

import time

from lab.explained import explain, named
from lab.net import Home
from lab.office import Office, RTP_RANGE, SIP_PORT
from lab.wait import until


def drop(router, rule, side='lan'):
    """The router drops what the rule matches of what comes from that side."""
    router.run(['nft', f'insert rule ip filter forward iifname "{side}" {rule} drop'])


def test_whose_router():
    """Punch: one home lets no sound out, another is heard; then phones go away."""
    with Office(homes=[Home('A'), Home('B')], office_phones=2, forward=[SIP_PORT]) as office:
        desk, other = office.desk(0), office.desk(1)
        blocked, fine = office.home('A'), office.home('B')
        drop(office.lab.homes['A'].router, 'udp dport 16384-16983')

        # Nobody else was heard: it may be the office's router, or this home's.
        blocked.dial(desk.number)
        blocked.wait('CALL_ESTABLISHED')
        named(office, blocked.number, 'office-router', 'either the office', remedy='does sound of other homes come in?',
              level='warning', seconds=15)
        blocked.hang_up()
        desk.closed()

        # Another home is heard in the same way: it is this home's.
        fine.dial(other.number)
        fine.wait('CALL_ESTABLISHED')
        named(office, blocked.number, 'office-router', "so this home's router or carrier",
              remedy="pass UDP out to our [media] ports", level='warning', seconds=12, proof='sound of other homes came')
        fine.hang_up()
        other.closed()
        gone(office, blocked, fine)
        desk_calls_a_disabled_number(office, desk)


def test_who_hears_nothing():
    """A home lets no sound in: the phone's own reports show it."""
    with Office(homes=[Home('A')], office_phones=1, forward=[SIP_PORT, RTP_RANGE]) as office:
        desk, deaf = office.desk(0), office.home('A')
        drop(office.lab.homes['A'].router, 'udp sport 16384-16983', 'wan')
        deaf.dial(desk.number)
        deaf.wait('CALL_ESTABLISHED')
        time.sleep(13)                                           # two reports, and that of its end
        deaf.hang_up()
        desk.closed()
        named(office, deaf.number, 'not-hearing', 'heard nothing, as its own reports (RTCP) say', remedy='SIP ALG off',
              level='warning', seconds=5, proof=r'packets to it \d{3,}; reports from it [3-9]')
        assert 'call-fine' not in explain(office, deaf.number)


def gone(office, lapsed, stopped):
    """A phone that is switched off, and one that says goodbye."""
    lapsed_number, stopped_number = lapsed.number, stopped.number
    drop(office.lab.homes['A'].router, 'udp dport 5070')
    office.postern.sql(f"UPDATE registration SET expires_at = unixepoch() WHERE number = '{lapsed_number}'")
    named(office, lapsed_number, 'registration-lapsed', 'and has not come back: its phone is switched off, has lost',
          remedy='switched on', seconds=10, proof=r'it was at 198\.51\.100\.10:\d+ by udp: baresip')
    stopped.stop()
    named(office, stopped_number, 'registration-lapsed', 'took its registration back', remedy='switched on', seconds=10)
    assert 'not-registered' not in explain(office, stopped_number)


def desk_calls_a_disabled_number(office, desk):
    office.postern.sql("UPDATE subscriber SET enabled = 0 WHERE number = '204'")
    office.postern.in_effect()
    desk.dial(204)
    desk.closed()
    until(lambda: office.records()[-1]['called'] == '204', 5, 'it is recorded')
    named(office, desk.number, 'called-disabled', '204 is disabled', remedy='postern subscriber enable 204')
