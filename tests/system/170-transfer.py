"""Transfers between real phones, across the gate and back: blind (baresip) and attended (linphone).

A is transferred by B to C. Every mix of the three is a row of tests/unit/sigcall/test_refer.c.
"""

import time

from lab.expect import hear_each_other
from lab.linphone import Linphone
from lab.net import POSTERN_ADDRESS
from lab.office import TONES, Home, Office, password
from lab.postern import DOMAIN
from lab.wait import until

PAUSE_S = 1.6                      # runit waits when a process lived less than a second


def kill(office):
    """Kill sigproxy and wait for the next one."""
    time.sleep(PAUSE_S)
    old = office.postern.kill('sigproxy')
    office.postern.wait_restarted('sigproxy', old)


def transferred(office, a, c, channels, *ended):
    """Only A and C talk, and so the books say; those calls ended as transferred."""
    until(lambda: len(office.postern.rows('SELECT * FROM live_call')) == 1, 5, 'one call lives')
    live = office.postern.rows('SELECT * FROM live_call')[0]
    assert (live['caller'], live['called']) == (str(a.number), str(c.number)), live
    assert int(live['channels']) == channels, live
    records = {(r['caller'], r['called']): r for r in office.postern.rows('SELECT * FROM call_record')}
    for one, other in ended:
        record = records[str(one.number), str(other.number)]
        assert record['reason'] == 'transferred' and record['status'] == 200, record


def over(office, count):
    """All calls have ended, each with its record."""
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 5, 'no call is live')
    assert len(office.postern.rows('SELECT * FROM call_record')) == count


def test_blind_by_an_office_phone_from_home_to_home():
    """sigproxy is killed while C rings: between REFER and the last NOTIFY."""
    with Office(homes=[Home('A'), Home('B')]) as office:
        a, b = office.home('A'), office.desk()
        c = office.home('B', answer='manual')
        a.call(b)
        b.control.command('transfer', c.aor)
        c.wait('CALL_INCOMING')
        kill(office)
        c.accept()
        b.closed()                  # baresip hangs up when a NOTIFY says 200
        hear_each_other(a, c)
        transferred(office, a, c, 2, (a, b))
        c.hang_up()
        over(office, 2)


def test_blind_by_a_home_phone_between_two_of_the_office_and_hangs_up_at_once():
    """Then the two talk directly, without the relay."""
    with Office(office_phones=2) as office:
        a, b, c = office.desk(0), office.home(), office.desk(1)
        a.call(b)
        since = a.mark()
        b.control.command('transfer', c.aor)
        a.wait('TRANSFER', since=since)
        b.control.command('hangup')
        c.wait('CALL_ESTABLISHED')
        at_a, at_c = hear_each_other(a, c)
        assert c.address in {ip for ip, _ in at_a.sources} and a.address in {ip for ip, _ in at_c.sources}
        transferred(office, a, c, 0, (a, b))
        c.hang_up()
        over(office, 2)


def linphone(office, number, host):
    """A registered linphone on a host; it answers by itself."""
    server = f'{POSTERN_ADDRESS}:5060' if host in office.lab.office.phones else f'{office.lab.office.public}:5070'
    phone = Linphone(number, server, office.lab.folder, host=host, username=f'SIP-{number}',
                     password=password(number), domain=DOMAIN, tone=TONES[number]).start()
    office.lab.on_close(phone.stop)
    return phone.register()


def attended(office, a, b, c, channels, between=lambda: None):
    """B talks to A, holds it, asks C, and joins the two."""
    a.call(b)
    b.hold()
    b.ask(c)
    between()
    b.join()
    until(lambda: [(r['caller'], r['called']) for r in office.postern.rows('SELECT * FROM live_call')]
          == [(str(a.number), str(c.number))], 8, 'only A and C talk')
    for phone in (a, c):
        phone.wait('CALL_ESTABLISHED')
    hear_each_other(a, c)
    transferred(office, a, c, channels, (a, b), (b, c))
    a.hang_up()
    over(office, 3)


def test_attended_by_an_office_phone_from_home_to_the_office():
    with Office(office_phones=2) as office:
        lab = office.lab
        attended(office, linphone(office, 201, lab.homes['A'].phones[0]), linphone(office, 168, lab.office.phones[0]),
                 linphone(office, 169, lab.office.phones[1]), 1)


def test_attended_by_a_home_phone_from_the_office_to_another_home():
    """sigproxy is killed between the call that asks and the REFER."""
    with Office(homes=[Home('A'), Home('B')]) as office:
        lab = office.lab
        attended(office, linphone(office, 168, lab.office.phones[0]), linphone(office, 201, lab.homes['A'].phones[0]),
                 linphone(office, 202, lab.homes['B'].phones[0]), 1, lambda: kill(office))
