"""In front of a PBX that nobody touched: phones at home are its phones, by one registration each."""

import contextlib

from lab.expect import hear_each_other
from lab.kamailio import Kamailio
from lab.office import Home, Office
from lab.phone import Phone
from lab.wait import until

BY_HAND = {'test_the_same_by_tcp': 'POSTERN_SLOW'}     # 9 s
PASSWORDS = {'201': 'Pbx-secret-of-201', '500': 'Pbx-secret-of-500'}


@contextlib.contextmanager
def office(transport='udp', **kamailio):
    """An office with a Kamailio as its PBX, phone 500 of it, and subscriber 201 mirrored there."""
    with Office(homes=[Home('A')], office_phones=2) as site:
        lab = site.lab
        pbx = Kamailio(lab.office.phones[1], lab.folder, PASSWORDS, transports=('udp', 'tcp'), **kamailio).start()
        site.postern.sql(
            "INSERT INTO trunk(name, address, transport, prefix, mirror, expires_s, ping_s) VALUES "
            f"('pbx', '{pbx.address}:5060', '{transport}', '', 1, 600, 10);\n"
            "INSERT INTO mirror(number, trunk, username, password) VALUES "
            f"('201', 'pbx', '201', '{PASSWORDS['201']}');\n")
        desk = Phone(500, f'{pbx.address}:5060', lab.folder, host=lab.office.phones[0], username='500', tone=1280,
                     password=PASSWORDS['500'], domain=pbx.address, name='pbx500')
        desk.start()
        lab.on_close(desk.stop)
        desk.register()
        yield site, pbx, desk


def mirrored(site):
    """What the view says of the mirror."""
    return site.postern.rows('SELECT * FROM mirror_registration')[0]


def test_the_pbx_rings_a_home_and_the_home_calls_by_the_pbx(transport='udp'):
    with office(transport) as (site, pbx, desk):
        assert mirrored(site)['state'] == 'no phone' and not pbx.contacts('201'), mirrored(site)
        home = site.home('A')
        contact = until(lambda: pbx.contacts('201'), 5, 'the PBX has 201', 0.1)
        assert len(contact) == 1 and '@192.168.10.2:5060' in contact[0], contact
        assert mirrored(site)['state'] == 'registered', mirrored(site)

        # The PBX rings a phone that it believes to be local.
        desk.dial('201')
        home.wait('CALL_ESTABLISHED', 10)
        desk.wait('CALL_ESTABLISHED', 10)
        hear_each_other(home, desk)
        live = site.postern.rows('SELECT * FROM live_call')
        assert [(row['called'], row['trunk']) for row in live] == [('201', 'pbx')], live
        desk.hang_up()
        home.closed()

        # And the phone at home calls as one of the PBX's: challenged, answered, put through.
        home.dial('500')
        desk.wait('CALL_ESTABLISHED', 10)
        home.wait('CALL_ESTABLISHED', 10)
        hear_each_other(home, desk)
        assert any('from sip:201@' in line for line in pbx.got('INVITE')), pbx.log()
        home.hang_up()
        desk.closed()

        # The last phone goes: so does the registration there.
        home.unregister()
        until(lambda: not pbx.contacts('201'), 5, 'the PBX has no 201', 0.1)
        assert mirrored(site)['state'] == 'no phone', mirrored(site)


def test_the_same_by_tcp():
    """Postern dials the PBX for what goes there; the PBX dials Postern, and is known by its address."""
    test_the_pbx_rings_a_home_and_the_home_calls_by_the_pbx('tcp')


def test_a_restart_of_anything_keeps_it():
    with office() as (site, pbx, desk):
        home = site.home('A')
        contact = until(lambda: pbx.contacts('201'), 5, 'the PBX has 201', 0.1)
        sent = len(pbx.got('REGISTER'))
        for role in ('sigproxy', 'registrar-db'):
            site.postern.wait_restarted(role, site.postern.kill(role))
        desk.dial('201')
        home.wait('CALL_ESTABLISHED', 10)
        desk.wait('CALL_ESTABLISHED', 10)
        hear_each_other(home, desk)
        desk.hang_up()
        home.closed()
        assert pbx.contacts('201') == contact
        ours = [line for line in pbx.got('REGISTER')[sent:] if 'sip:201@' in line]
        assert not ours, ours
