"""Kinds of office routers, told by RFC 5780 with coturn as the server that has another address."""

import contextlib

from lab.net import Lab, OFFICE_ADDRESS, POSTERN_ADDRESS, flush_connections
from lab.postern import Postern
from lab.stun import start_behaviour_server
from lab.wait import until

DEADLINE = 90


def stunmon(postern):
    """What stunmon says of itself."""
    return next(p['status'] for p in postern.status()['processes'] if p['role'] == 'stunmon') or {}


def tested(postern, seconds=30):
    """Its status once a test has ended."""
    until(lambda: 'stunmon info nat ' in postern.logs(), seconds, 'the NAT is tested', 0.2)
    return stunmon(postern)


def route(router, *rules):
    """Other rules of the router's NAT."""
    chains = {'pre': 'prerouting', 'post': 'postrouting'}
    lines = ['flush chain ip nat prerouting', 'flush chain ip nat postrouting']
    lines += [f'add rule ip nat {chains[chain]} {rule}' for chain, rule in rules]
    router.run(['nft', '\n'.join(lines)])
    flush_connections(router)


@contextlib.contextmanager
def behind(*rules):
    """A Postern that has just been started behind a router with these NAT rules; yields (lab, postern)."""
    with Lab(office_phones=0, office_forward=()) as lab:
        route(lab.office.router, *rules)
        server = '%s:%d' % start_behaviour_server(lab)
        postern = Postern(lab.postern_host, lab.folder, {
            ('address', 'public'): 'stun', ('address', 'stun'): server, ('address', 'stun_interval_s'): 5})
        lab.on_close(postern.stop)
        postern.up()
        yield lab, postern


def test_nothing_is_forwarded():
    with behind(('post', 'oifname "wan" masquerade')) as (_, postern):
        said = tested(postern)
        assert said['nat_mapping'] == 'endpoint-independent', said
        assert said['nat_filtering'] == 'address-and-port-dependent', said
        assert said['port_preserving'] is True and said['port_open'] is False and said['hairpin'] == 'no', said


def test_a_forwarded_port_and_a_router_that_turns_packets_back():
    with behind(('pre', f'ip daddr {OFFICE_ADDRESS} udp dport 5070 dnat to {POSTERN_ADDRESS}'),
                ('post', 'oifname "wan" masquerade'),
                ('post', 'ip saddr 192.168.10.0/24 oifname "lan" masquerade')) as (lab, postern):
        # bridge-nf-call-iptables, where it is on, makes a bridge of what is routed
        lab.office.router.run(['bridge', 'link', 'set', 'dev', 'p-postern', 'hairpin', 'on'])
        said = tested(postern)
        assert said['nat_filtering'] == 'endpoint-independent', said
        assert said['hairpin'] == 'yes', said
        assert not said['alarms'], said['alarms']


def test_a_symmetric_router():
    """Another port for every peer: told by the other address of the one server, and an alarm."""
    with behind(('post', 'oifname "wan" masquerade fully-random')) as (_, postern):
        said = tested(postern)
        assert said['nat_mapping'] == 'address-and-port-dependent', said
        assert said['port_preserving'] is False, said
        assert [alarm['name'] for alarm in said['alarms']] == ['nat-symmetric'], said['alarms']


BY_HAND = {'test_nothing_is_forwarded': 'POSTERN_SLOW', 'test_a_symmetric_router': 'POSTERN_SLOW'}
