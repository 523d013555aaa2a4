"""Postern registers at an ITSP, a real Kamailio with digest, and stays registered."""

import contextlib

from lab.dns import Dns
from lab.kamailio import Kamailio
from lab.net import Lab
from lab.postern import Postern
from lab.wait import until

BY_HAND = {'test_short_grants_are_refreshed': 'POSTERN_SLOW'}     # 20 s
ITSP = '203.0.113.90'
PASSWORD = 'Tidal-office-42-word'
ROW = ("INSERT INTO trunk(name, address, transport, prefix, username, password, register, from_domain, expires_s, "
       "ping_s) VALUES ('itsp', '{address}', 'udp', '0', 'office', '{password}', 1, '{domain}', {expires}, {ping});")


@contextlib.contextmanager
def office(address=f'{ITSP}:5060', password=PASSWORD, domain='itsp.test', expires=600, ping=10, resolver=None,
           **kamailio):
    """A Postern with a trunk to a Kamailio on the internet; yields (lab, postern, kamailio)."""
    with Lab(homes=[], office_phones=0) as lab:
        host = lab.public_host('itsp', ITSP)
        itsp = Kamailio(host, lab.folder, {'office': PASSWORD}, domain=domain, **kamailio).start()
        postern = Postern(lab.postern_host, lab.folder, {('address', 'public'): lab.office.public})
        postern.resolver = resolver(lab) if resolver else None
        lab.on_close(postern.stop)
        postern.up()
        until(lambda: 'registrar-db info ready' in postern.logs(), 10, 'the store is there', 0.1)
        postern.sql(ROW.format(address=address, password=password, domain=domain, expires=expires, ping=ping))
        yield lab, postern, itsp


def state(postern):
    """What the view says of the trunk."""
    return postern.rows('SELECT * FROM trunk_registration')[0]


def leaked(postern):
    """Files of the store with the password in clear."""
    found = []
    for path in postern.state_files():
        with open(path, 'rb') as file:
            if PASSWORD.encode() in file.read():
                found.append(path)
    return found


def registered(postern, seconds=10):
    until(lambda: state(postern)['state'] == 'registered', seconds, 'the trunk is registered', 0.1)
    return state(postern)


def test_it_registers_and_outlives_everything():
    with office() as (lab, postern, itsp):
        assert registered(postern)['why'] == '', state(postern)
        first = itsp.contacts('office')
        assert len(first) == 1 and lab.office.public in first[0], first
        until(lambda: not leaked(postern), 5, 'the password is in no file')
        until(lambda: 'trunk-up' in postern.logs(), 5, 'its OPTIONS are answered')
        sent = len(itsp.got('REGISTER'))
        assert sent == 2, itsp.log()

        # Whoever dies: the registration stays, nobody registers anew, the Contact is the same.
        for role in ('sigproxy', 'registrar-db'):
            postern.wait_restarted(role, postern.kill(role))
        until(lambda: postern.logs().count('trunk-up') >= 2, 5, 'the new sigproxy asks the trunk', 0.1)
        postern.in_effect()
        assert len(itsp.got('REGISTER')) == sent, itsp.log()
        assert state(postern)['state'] == 'registered' and itsp.contacts('office') == first

        # Turned off: it is told so.
        postern.sql("UPDATE trunk SET enabled = 0;")
        until(lambda: not itsp.contacts('office'), 5, 'the registration is gone', 0.1)
        assert state(postern)['state'] == 'off', state(postern)


def test_a_wrong_password_is_said_and_put_right():
    with office(password='Another-word-entirely') as (_, postern, itsp):
        until(lambda: state(postern)['state'] == 'failed', 10, 'it is refused', 0.1)
        assert 'password' in state(postern)['why'] and state(postern)['status'] in ('401', 401), state(postern)
        assert len(itsp.got('REGISTER')) == 2, itsp.log()
        postern.sql(f"UPDATE trunk SET password = '{PASSWORD}';")
        registered(postern)
        assert len(itsp.got('REGISTER')) <= 4, itsp.log()


def test_short_grants_are_refreshed():
    with office(expires=60, min_expires=10, max_expires=30) as (_, postern, itsp):
        registered(postern)
        until(lambda: len(itsp.got('REGISTER')) >= 3, 20, 'it is refreshed before 30 s are over', 0.2)
        assert len(itsp.contacts('office')) == 1, itsp.log()


def test_by_its_name():
    with office(address='itsp.test', resolver=lambda lab: Dns(lab, itsp=ITSP).host.address) as (_, postern, itsp):
        registered(postern, 15)
        assert itsp.contacts('office')
        assert 'trunk-resolved' in postern.logs()
