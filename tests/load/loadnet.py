"""A laboratory without routers: Postern's host between load from outside and phones inside.

Postern has a public address of its own here, so that only its work is measured. The
outside host owns a whole network of addresses, since phones are not all at one place.
"""

import ipaddress

from lab.net import Lab

GATE_PUBLIC, GATE_INSIDE = '203.0.113.10', '192.168.10.2'
OUTSIDE, INSIDE = '203.0.113.50', '192.168.10.50'
PHONES = ipaddress.ip_network('198.18.0.0/16')


def phone_address(index):
    """The address of the index-th place with phones."""
    return str(PHONES[256 + index])


class LoadNet(Lab):
    """postern_host, outside and inside, on two links."""

    def _build(self):
        gate = self.postern_host = self._host('gate', GATE_INSIDE)
        self.outside = self._host('outside', OUTSIDE)
        self.inside = self._host('inside', INSIDE)
        self._link(gate, 'wan', GATE_PUBLIC, self.outside, OUTSIDE)
        self._link(gate, 'lan', GATE_INSIDE, self.inside, INSIDE)
        self._ip(gate, f'route add {PHONES} via {OUTSIDE}')
        self._ip(self.outside, f'route add local {PHONES} dev lo')

    def _link(self, host, device, address, other, other_address):
        """Join two hosts by a cable."""
        self._ip(host, f'link add {device} type veth peer name eth0 netns {other.ns}',
                 f'addr add {address}/24 dev {device}', f'link set {device} up')
        self._ip(other, f'addr add {other_address}/24 dev eth0', 'link set eth0 up')
