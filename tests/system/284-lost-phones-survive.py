"""A phone that is set to the office's old address is named, whatever is killed meanwhile, until somebody set it right."""

import re
import time

from lab.office import Office
from lab.wait import until

GRANT_S = 20
RUNIT_S = 1.6               # it waits when a process lived less than a second


def lost(office):
    """Each phone that postern status names: number to the address that it is set to."""
    found = re.search(r'"phones_lost":\[(.*?)\]', office.postern.status_text())
    assert found, 'no phones_lost in the status'
    return dict(re.findall(r'"number":"(\d+)".*?"its_server_address":"([^"]*)"', found[1]))


def kill(office, *roles):
    """kill -9 of each, and all are there again; sigproxy last, so that it hears from the others."""
    for role in roles:
        time.sleep(RUNIT_S)
        office.postern.wait_restarted(role, office.postern.kill(role))


def names(office, expected, seconds):
    """It does, soon."""
    def look():
        try:
            return lost(office) == expected
        except AssertionError:
            return False
    until(look, seconds, f'named as lost: {expected}', 0.2)


def test_named_through_every_restart():
    with Office() as office:
        old = office.lab.office.public
        phone = office.home(interval=GRANT_S)
        office.lab.change_office_address()
        office.postern.wait_public(office.lab.office.public)
        time.sleep(1.0)
        kill(office, 'sigproxy')
        assert not lost(office), 'named while its registration lasts'
        names(office, {'201': old}, GRANT_S + 10)
        log = [line for line in office.postern.logs().splitlines() if 'phone-lost' in line]
        assert len(log) == 1 and old in log[0], log
        kill(office, 'registrar-db', 'sigproxy')
        names(office, {'201': old}, 5)
        checked = office.postern.asked('check', '--state', office.postern.state).stdout
        assert '201 did not come back after our public address changed' in checked, checked
        assert office.postern.sql('SELECT number, server FROM lost_phone;\n').strip() == f'201|{old}'
        phone.vanish()
        office.phone(201, office.lab.homes['A'].phones[0])
        names(office, {}, 3)
        kill(office, 'sigproxy')
        time.sleep(1.0)
        assert not lost(office)
        assert not office.postern.sql('SELECT * FROM lost_phone;\n').strip()
        log = [line for line in office.postern.logs().splitlines() if 'phone-lost' in line]
        assert len(log) == 1, log
