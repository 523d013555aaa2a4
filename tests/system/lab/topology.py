"""Offices whose gate does not stand on one address behind the router."""

import subprocess

from .net import POSTERN_ADDRESS
from .office import Office, RTP_RANGE, SIP_PORT

OUTER_NET, OUTER = '192.168.20', '192.168.20.2'      # a second network behind the office's router
PUBLIC = '203.0.113.20'                              # the provider's second address, without a router


def ip(host, *lines):
    """Commands of ip(8)."""
    subprocess.run(host.enter(['ip', '-batch', '-']), input='\n'.join(lines) + '\n', text=True, check=True)


class TwoInterfaces(Office):
    """eth0 in the office's LAN, eth1 in a network of its own, to which alone the router forwards."""

    def _prepare(self):
        router, postern = self.lab.office.router, self.lab.postern_host
        ip(postern, f'link add eth1 type veth peer name outer netns {router.ns}', f'addr add {OUTER}/24 dev eth1',
           'link set eth1 up', f'route replace default via {OUTER_NET}.1')
        ip(router, f'addr add {OUTER_NET}.1/24 dev outer', 'link set outer up')
        rules = ['insert rule ip filter forward iifname "outer" oifname "wan" accept',
                 'insert rule ip filter input iifname "outer" accept',
                 # nothing passes between the two networks but through Postern
                 'insert rule ip filter forward iifname "lan" oifname "outer" drop']
        for spec in (SIP_PORT, RTP_RANGE):
            protocol, ports = spec.split('/')
            rules.append(f'add rule ip nat prerouting iifname "wan" {protocol} dport {ports} dnat to {OUTER}')
        router.run(['nft', '; '.join(rules)])
        self._settings[('address', 'external')] = OUTER


class OnPublicAddress(Office):
    """eth1 is the internet itself."""

    def _prepare(self):
        lab, postern = self.lab, self.lab.postern_host
        ip(postern, 'route del default')
        lab._public(postern, 'eth1', PUBLIC)
        self._settings[('address', 'external')] = PUBLIC

    def server(self, inside, transport='udp'):
        return super().server(inside, transport) if inside else f'{PUBLIC}:5070'


class SeveralAddresses(Office):
    """One way in through the router, another one on an interface without NAT."""

    def _prepare(self):
        lab, postern = self.lab, self.lab.postern_host
        ip(postern, 'route del default')
        lab._public(postern, 'eth1', PUBLIC)
        ip(postern, f'route add default via {POSTERN_ADDRESS.rsplit(".", 1)[0]}.1 dev eth0 table 100',
           f'rule add from {POSTERN_ADDRESS} lookup 100')
        self._settings[('address', 'external')] = f'{POSTERN_ADDRESS}, {PUBLIC}'
