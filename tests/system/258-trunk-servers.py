"""A trunk that is a name with two servers (RFC 3263): the better one first, the other one when that does not answer."""

import contextlib

from lab.dns import Dns
from lab.kamailio import Kamailio
from lab.net import Lab
from lab.postern import Postern
from lab.wait import until

BY_HAND = {'test_the_second_server_when_the_first_is_dead': 'POSTERN_SLOW'}     # 30 s
FIRST, SECOND = '203.0.113.90', '203.0.113.91'
PASSWORD = 'Tidal-office-42-word'


@contextlib.contextmanager
def two_servers():
    """A Postern registered at the better one of two Kamailios; yields (postern, better, other)."""
    with Lab(homes=[], office_phones=0) as lab:
        servers = []
        for index, (name, address, port) in enumerate((('one', FIRST, 5062), ('two', SECOND, 5060))):
            host = lab.public_host(name, address)
            servers.append(Kamailio(host, lab.folder, {'office': PASSWORD}, domain='itsp.test', port=port,
                                    name=f'kamailio{index}').start())
        one, two = servers
        dns = Dns(lab, one=FIRST, two=SECOND)
        dns.services['_sip._udp.itsp.test'] = [(20, 1, 5060, 'two.test'), (10, 1, 5062, 'one.test')]
        postern = Postern(lab.postern_host, lab.folder, {('address', 'public'): lab.office.public})
        postern.resolver = dns.host.address
        lab.on_close(postern.stop)
        postern.up()
        until(lambda: 'registrar-db info ready' in postern.logs(), 10, 'the store is there', 0.1)
        postern.sql("INSERT INTO trunk(name, address, transport, prefix, username, password, register, ping_s) "
                    f"VALUES ('itsp', 'itsp.test', 'udp', '0', 'office', '{PASSWORD}', 1, 10);")
        until(lambda: one.contacts('office'), 10, 'it is registered at the better server', 0.1)
        assert not two.contacts('office'), two.log()
        until(lambda: postern.logs().count('trunk-up') >= 2, 5, 'both answer OPTIONS', 0.1)
        assert not any(name == 'itsp.test' for name, _ in dns.asked), dns.asked    # SRV was enough
        yield postern, one, two


def test_the_better_server_is_taken():
    with two_servers() as (_, one, two):
        assert len(one.contacts('office')) == 1 and not two.contacts('office')


def test_the_second_server_when_the_first_is_dead():
    with two_servers() as (postern, one, two):
        one.stop()
        until(lambda: two.contacts('office'), 30, 'it is registered at the other server', 0.2)
        assert 'trunk-down' in postern.logs()
