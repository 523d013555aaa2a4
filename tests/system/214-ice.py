"""Phones at home that speak ICE, some of which move no sound without: sound both ways, whoever calls."""

import re
import time

from lab.expect import does_not_hear, hear_each_other
from lab.linphone import Linphone
from lab.net import Home
from lab.office import DOMAIN, Office, RTP_RANGE, SIP_PORT, TONES, password
from lab.wait import until

BY_HAND = {'test_video_between_two_homes': 'POSTERN_ICE', 'test_srtp_behind_a_symmetric_router': 'POSTERN_ICE',
           'test_the_office_moves': 'POSTERN_ICE'}

def baresip(office, name='A', modules=(), account=(), **options):
    """At home, with ICE on."""
    return office.home(name, modules=('ice.so', *modules),
                       account=('medianat=ice', 'stunserver=stun:%s:%d' % office.stun, *account), **options)


def linphone(office, number, host):
    """The same."""
    phone = Linphone(number, f'{office.lab.office.public}:5070', office.lab.folder, host=host,
                     username=f'SIP-{number}', password=password(number), domain=DOMAIN, tone=TONES[number],
                     ice=office.stun)
    office.lab.on_close(phone.stop)
    return phone.start().register()


def log_of(phone):
    """What baresip printed."""
    with open(f'{phone.folder}/log', errors='replace') as file:
        return file.read()


def checked(phone, times):
    """Its connectivity checks succeeded, and it did not fall back to doing without."""
    said = log_of(phone)
    assert said.count('connectivity check is complete') >= times, said[-3000:]
    assert 'ICE not supported' not in said and 'a=ice-mismatch' not in said, said[-3000:]


def nominated(office):
    """How often the relay was told by a check where a phone is."""
    with open(f'{office.postern.state}/log/sigproxy/current', errors='replace') as file:
        return len(re.findall('media-nominated', file.read()))


def whole_call(caller, callee, home):
    """Talk, hold by the phone with ICE, hang up."""
    caller.call(callee)
    hear_each_other(caller, callee, 1)
    other = callee if home is caller else caller
    home.hold()
    does_not_hear(other, home)
    home.resume()
    hear_each_other(home, other, 1)
    caller.hang_up()
    callee.closed()


def both_ways(forward):
    """The office calls baresip at home, and is called by it; then the relay dies in mid-call."""
    with Office(forward=forward) as office:
        home, desk = baresip(office), office.desk()
        assert office.postern.rows("SELECT number, ice FROM registration ORDER BY number") == \
            [{'number': '168', 'ice': 0}, {'number': '201', 'ice': 1}]
        whole_call(desk, home, home)
        home.call(desk)
        hear_each_other(home, desk, 1)
        checked(home, 2)
        assert nominated(office) >= 2
        old = office.postern.pids()['mediaproxy']
        office.postern.kill('mediaproxy')
        office.postern.wait_restarted('mediaproxy', old)
        hear_each_other(home, desk, 1)
        desk.hang_up()
        home.closed()
        assert all(r['media_verdict'] == 'ok' for r in office.records()), office.records()


def test_baresip_range_forwarded():
    both_ways((SIP_PORT, RTP_RANGE))


def test_baresip_punch():
    both_ways((SIP_PORT,))


def test_linphone():
    with Office() as office:
        home, desk = linphone(office, 201, office.lab.homes['A'].phones[0]), office.desk()
        desk.call(home)
        hear_each_other(home, desk, 1)
        desk.hang_up()
        home.closed()
        home.call(desk)
        hear_each_other(home, desk, 1)
        until(lambda: nominated(office) >= 1, 3, 'a check nominated')
        home.hang_up()
        desk.closed()


def streams(phone, since):
    """(packets of sound, packets of picture) that reached it."""
    types = [r.payload_type for _, r in phone.ear.incoming(since)]
    return types.count(0), sum(t >= 96 for t in types)


def test_video_between_two_homes():
    """Four ports of each, all checked."""
    with Office(homes=(Home('A'), Home('B'))) as office:
        one, two = baresip(office, 'A', video=True), baresip(office, 'B', video=True)
        begin = time.time()
        one.call(two)
        for phone in (one, two):
            until(lambda p=phone: min(streams(p, begin)) >= 10, 10, f'{phone.name} hears and sees the other')
            checked(phone, 2)


def test_srtp_behind_a_symmetric_router():
    with Office(homes=(Home('A', nat='symmetric'),)) as office:
        office.postern.sql("UPDATE subscriber SET srtp = 'required' WHERE number = '201';")
        home = baresip(office, modules=('srtp.so',), account=('mediaenc=srtp-mand',))
        desk = office.desk()
        for caller, callee in ((home, desk), (desk, home)):
            begin = time.time()
            caller.call(callee)
            for phone in (home, desk):
                until(lambda p=phone: len(p.ear.incoming(begin)) >= 50, 5, f'{phone.name} gets packets')
            caller.hang_up()
            callee.closed()
        checked(home, 2)


def test_the_office_moves():
    """Another public address of ours in mid-call."""
    with Office(homes=(Home('A', nat='full-cone'),)) as office:
        home, desk = baresip(office), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1)
        office.lab.change_office_address()
        at, new = time.time(), office.lab.office.public
        until(lambda: any(p.source[0] == new for p, _ in home.ear.incoming(at)), 45, 'home hears the office again')
        print(f'after {time.time() - at:.1f} s')
        hear_each_other(home, desk, 1)
