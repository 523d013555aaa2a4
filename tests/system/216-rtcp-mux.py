"""RTCP by the RTP port (RFC 5761) of the one phone, by its own of the other, in clear and with SRTP."""

import time

from lab.attack import Attacker, Pair, Phone
from lab.net import Home
from lab.office import Office
from lab.wait import until

DEADLINE = 60


def talk(office, secure):
    """A phone at home that muxes, and a desk that knows nothing of it."""
    lab = office.lab
    home = Phone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, lab.homes['A'].public, secure, mux=True)
    desk = Phone(lab.office.phones[0], (lab.postern_host.address, 5060), 168)
    for phone in (home, desk):
        lab.on_close(lambda phone=phone: phone.__exit__())
        phone.register()
    pair = Pair(('SRTP' if secure else 'RTP', 'strict'), home, desk)
    pair.reach('talk')
    assert home.may_mux and not desk.may_mux, 'a=rtcp-mux is not for the one who offered it alone'
    return pair


def reports_pass(pair, when):
    """From here on reports come, at the RTP port of the home alone and at the RTCP port of the desk alone."""
    for phone in (pair.home, pair.desk):
        phone.reports.update(rtp=0, rtcp=0)
    until(lambda: pair.home.reports['rtp'] >= 3 and pair.desk.reports['rtcp'] >= 3, 5, f'{when}: reports pass')
    print(f'{when}: home {pair.home.reports}, desk {pair.desk.reports}')
    assert pair.home.reports['rtcp'] == pair.desk.reports['rtp'] == 0, when
    assert pair.home.injected == pair.desk.injected == 0, when


def whole_call(secure):
    """Both processes are killed in the middle, the phone offers again, a neighbour sends RTCP to the port."""
    with Office(homes=(Home('A', phones=2),)) as office:
        office.postern.sql(f"UPDATE subscriber SET srtp = '{'required' if secure else 'off'}' WHERE number = '201';\n")
        office.postern.in_effect()
        pair = talk(office, secure)
        reports_pass(pair, 'talk')
        for role in ('mediaproxy', 'sigproxy'):
            time.sleep(1.2)
            office.postern.wait_restarted(role, office.postern.kill(role))
            reports_pass(pair, f'after kill of {role}')
        pair.home.again(pair.desk)
        assert pair.home.may_mux
        reports_pass(pair, 're-INVITE')
        neighbour = Attacker(office.lab.homes['A'].phones[1], [pair], office.lab.office.public)
        for _ in range(20):
            neighbour.beat('neighbour')
            time.sleep(0.02)
        assert neighbour.bled(pair) == pair.home.injected == pair.desk.injected == 0, \
            (neighbour.bled(pair), pair.home.injected, pair.desk.injected)
        pair.leave('talk')
        record = office.records()[-1]
        assert record['caller_rtcp_in'] > 3 and record['called_rtcp_in'] > 3, record


def test_in_clear():
    whole_call(False)


def test_srtp():
    whole_call(True)


def test_baresip():
    """As the real one does it: its RTCP comes in though the RTCP port is shut."""
    with Office() as office:
        home, desk = office.home(rtcp_mux=True), office.desk()
        home.call(desk)
        time.sleep(8)
        home.hang_up()
        desk.closed()
        record = until(lambda: [r for r in office.records() if r['ended']], 3, 'the record')[-1]
        print(f"RTCP of the home {record['caller_rtcp_in']}, of the desk {record['called_rtcp_in']}")
        assert record['caller_rtcp_in'] >= 1 and record['called_rtcp_in'] >= 1, record
        assert record['caller_packets_refused'] == 0, record
