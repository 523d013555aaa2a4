"""A phone by TLS whose connection is away: a BYE waits for it, a hold is refused, and the call stays."""

import time

from lab.expect import hear_each_other
from lab.net import Home
from lab.tlsoffice import TlsOffice
from lab.wait import until

BY_HAND = {'test_baresip_hears_that_the_other_hung_up': 'POSTERN_AWAY'}
DEADLINE = 240                     # only for the one by hand, which waits for a REGISTER
PAUSE_S = 1.6                      # runit waits when a process lived less than a second


def kill(office):
    """Kill sigproxy and wait for the next one."""
    time.sleep(PAUSE_S)
    old = office.postern.kill('sigproxy')
    office.postern.wait_restarted('sigproxy', old)


def reasons(office):
    """Why each call ended, oldest first."""
    return [row['reason'] for row in office.postern.rows('SELECT reason FROM call_record ORDER BY rowid')]


def nothing_live(office):
    """All calls are over, for the record, and no channel is in use."""
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')
    assert office.counts()['channels'] == 0


def nothing_kept(office):
    """Nothing waits for a phone any more."""
    until(lambda: not office.postern.rows('SELECT ticket FROM checkpoint'), 3, 'no call is kept')
    assert office.counts()['byes_owed'] == 0


def begin(office, desk):
    """The desk calls a phone at home, which answers."""
    home = office.tls_phone(201, office.lab.homes['A'].phones[0]).connect().register()
    desk.dial(201)
    assert home.hear_request('INVITE')
    home.answer(200, 'OK')
    desk.wait('CALL_ESTABLISHED')
    assert home.hear_request('ACK')
    return home


def back(home, method):
    """It connects and registers, and is told, perhaps before its REGISTER is answered."""
    before = len(home.received)
    home.connect().register()
    early = any(data.startswith(method.encode()) for data in home.received[before:])
    assert early or home.hear_request(method, 6), f'it is back and hears no {method}'
    home.answer(200, 'OK')


def test_the_other_hangs_up_and_then_it_is_back():
    with TlsOffice() as office:
        desk = office.desk()
        home = begin(office, desk)
        home.close()
        time.sleep(0.3)
        desk.hang_up()
        nothing_live(office)
        assert office.counts()['byes_owed'] == 1
        time.sleep(2)
        back(home, 'BYE')
        nothing_kept(office)
        through_kills(office, desk)
        while_held(office, desk)
        assert 'phone-silent' not in reasons(office), reasons(office)


def through_kills(office, desk):
    """sigproxy dies before the desk hangs up, and again while the BYE waits; registrar-db dies too."""
    home = begin(office, desk)
    kill(office)
    until(lambda: not home.is_open(), 3, 'its connection is closed')
    desk.hang_up()
    nothing_live(office)
    before = reasons(office)
    time.sleep(1)
    old = office.postern.kill('registrar-db')
    office.postern.wait_restarted('registrar-db', old)
    kill(office)
    until(lambda: office.counts()['byes_owed'] == 1, 5, 'the BYE is kept')
    back(home, 'BYE')
    nothing_kept(office)
    assert reasons(office) == before, (before, reasons(office))


def while_held(office, desk):
    """A hold while it is away is refused within seconds; the call stays, and hold works when it is back."""
    home = begin(office, desk)
    home.close()
    time.sleep(0.3)
    desk.control.command('hold')
    time.sleep(6)
    assert len(office.postern.rows('SELECT * FROM live_call')) == 1
    home.connect().register()
    desk.control.command('resume')
    assert home.hear_request('INVITE'), 'what the desk says does not find it'
    home.answer(200, 'OK')
    assert home.hear_request('ACK')
    desk.hang_up()
    assert home.hear_request('BYE')
    home.answer(200, 'OK')
    nothing_kept(office)


def test_baresip_hears_that_the_other_hung_up():
    """Two that do not connect again by themselves: the one that hangs up does, the other one with its REGISTER."""
    with TlsOffice(homes=(Home('A'), Home('B'))) as office:
        a, b = office.home('A', transport='tls', interval=120), office.home('B', transport='tls', interval=120)
        a.call(b)
        hear_each_other(a, b, 1.0)
        kill(office)
        killed = time.monotonic()
        hear_each_other(a, b, 1.0)
        a.hang_up()
        nothing_live(office)
        b.closed(150)
        print(f'baresip heard of the end {time.monotonic() - killed:.1f} s after the kill')
        nothing_kept(office)
