"""A provider's connection breaks: silently, with its server, while somebody talks. It is made anew."""

from lab import streamitsp
from lab.expect import hear_each_other
from lab.office import Office
from lab.trunk import ITSP
from lab.wait import until

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}
BY_HAND = {'test_a_firewall_that_swallows_it_is_noticed': 'POSTERN_SLOW',     # 50 s
           'test_nobody_listens_there': 'POSTERN_SLOW'}                      # 14 s


def renewed(itsp, before, seconds):
    """Wait for another connection than those before."""
    until(lambda: set(itsp.connections()) - set(before), seconds, 'it is dialled anew', 0.2)


def test_the_server_restarts_while_a_call_stands():
    with Office(settings=GERMANY) as office:
        itsp = streamitsp.StreamItsp(office.lab, 'tcp')
        streamitsp.add(office, 'tcp')
        streamitsp.registered(office)
        home = office.home()
        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        itsp.phone.wait('CALL_ESTABLISHED', 5)
        registers = len(itsp.got('REGISTER'))
        itsp.stop()
        until(lambda: 'trunk-connection-lost' in office.postern.logs(), 5, 'it is said', 0.1)
        hear_each_other(home, itsp.phone)
        itsp.start()
        until(itsp.connections, 10, 'it is dialled anew', 0.1)
        # A Kamailio without a database has forgotten all registrations.
        until(lambda: len(itsp.got('REGISTER')) > registers, 10, 'it is registered anew', 0.1)
        home.hang_up()
        itsp.phone.closed()
        assert office.records()[-1]['status'] == 200


def test_a_firewall_that_swallows_it_is_noticed():
    with Office(settings=GERMANY) as office:
        itsp = streamitsp.StreamItsp(office.lab, 'tcp')
        streamitsp.add(office, 'tcp')
        streamitsp.registered(office)
        before = itsp.connections()
        host = itsp.host
        host.run(['nft', 'add table ip cut; add chain ip cut in { type filter hook input priority 0; }; '
                  'add rule ip cut in tcp dport 5060 drop'])
        until(lambda: 'trunk-connection-lost' in office.postern.logs(), 45, 'it is noticed', 0.5)
        host.run(['nft', 'delete table ip cut'])
        renewed(itsp, before, 70)
        streamitsp.registered(office)


def test_nobody_listens_there():
    with Office(settings=GERMANY) as office:
        office.lab.public_host('itsp', ITSP)
        streamitsp.add(office, 'tcp', ping_s=0)
        until(lambda: 'refuses connections' in office.postern.logs(), 5, 'it is said', 0.1)
        until(lambda: office.postern.rows('SELECT why FROM trunk_registration')[0]['why'].startswith('it refuses'),
              20, 'and of its registration', 0.2)
        assert office.postern.logs().count('trunk-not-connected') == 1, 'said once'
