"""The small internet of the tests: an office behind a router, homes behind theirs.

                         internet (routes only)
      |            |           |             |            |
   office        home A      home B        stun        attacker
   router        router      router
      |            |           |
 192.168.10.0/24  192.168.1.0/24 (the same in every home, on purpose)
 postern .2        phones .10 .11 ...
 phones .10 ...

Each box is one network namespace. Routers drop unknown inbound packets in their
input filter, as shop-bought ones do: without that a Linux router answers a punch
with a connection-tracking entry of its own and spoils it.
"""

import atexit
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field

from .host import Host, NETNS_DIR

PREFIX = 'pst'
GATEWAY = '192.0.2.1'            # every public host's next hop
OFFICE_ADDRESS = '203.0.113.10'
OFFICE_ADDRESS_2 = '203.0.113.77'
STUN_ADDRESS = '203.0.113.200'
ATTACKER_ADDRESS = '203.0.113.66'
HOME_ADDRESS = '198.51.100.{}'   # .10, .11, ...
OFFICE_LAN = '192.168.10'
HOME_LAN = '192.168.1'
POSTERN_ADDRESS = OFFICE_LAN + '.2'
# With v6=True also these: no NAT, but routers that let nobody in unasked.
ROUTER_LINK, HOST_LINK = 'fe80::1', 'fe80::2'
OFFICE_NET6 = '2001:db8:10:'
HOME_NET6 = '2001:db8:a{}:'      # a0, a1, ...
POSTERN_ADDRESS6 = OFFICE_NET6 + ':2'

NEEDED = ('ip', 'nft', 'nsenter', 'unshare', 'tcpdump', 'baresip', 'turnserver')

MASQUERADE = {
    'port-restricted': 'masquerade',                # Linux keeps the port when it is free
    'symmetric': 'masquerade fully-random',         # a new port for each destination
    'full-cone': 'masquerade',                      # with every high port given to the one phone
}


@dataclass
class Home:
    """What a test asks for: one home with its kind of NAT and its phones."""
    name: str
    nat: str = 'port-restricted'
    phones: int = 1
    lan: str = HOME_LAN


@dataclass
class Site:
    """A built office or home: its router, its public address and its phones."""
    router: Host
    public: str
    phones: list = field(default_factory=list)


def missing():
    """Why this machine cannot run the laboratory, or None."""
    absent = [name for name in NEEDED if not shutil.which(name)]
    if absent:
        return 'not installed: ' + ', '.join(absent)
    if os.geteuid() != 0:
        return 'not root'
    probe = subprocess.run(['unshare', '--net', '--uts', 'true'], capture_output=True, text=True)
    if probe.returncode != 0:
        return 'no namespaces: ' + probe.stderr.strip()
    return None


def remove_namespace(ns):
    """Kill what still runs in a namespace of ours, then delete it."""
    pids = subprocess.run(['ip', 'netns', 'pids', ns], capture_output=True, text=True).stdout
    for pid in pids.split():
        try:
            os.kill(int(pid), 9)
        except ProcessLookupError:
            pass
    subprocess.run(['ip', 'netns', 'delete', ns], capture_output=True)


def sweep(pid=None):
    """Remove namespaces left by laboratories of process pid, or of any dead process."""
    if not os.path.isdir(NETNS_DIR):
        return
    for ns in os.listdir(NETNS_DIR):
        owner = ns.removeprefix(PREFIX).split('-')[0]
        if not ns.startswith(PREFIX) or not owner.isdigit():
            continue
        if int(owner) == pid or (pid is None and not os.path.exists(f'/proc/{owner}')):
            remove_namespace(ns)


def flush_connections(router):
    """Empty a router's connection-tracking table (one netlink message)."""
    ctnetlink_delete = (1 << 8) | 2
    request_and_ack = 0x5
    message = struct.pack('=IHHII', 20, ctnetlink_delete, request_and_ack, 1, 0) + bytes(4)

    def exchange():
        netlink_netfilter = 12
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink_netfilter) as sock:
            sock.send(message)
            error = struct.unpack_from('=i', sock.recv(4096), 16)[0]
            if error:
                raise OSError(-error, 'flush of connection tracking')
    router.inside(exchange)


class Lab:
    """Build what a test asks for; tear it down whatever happens."""

    def __init__(self, homes=(), office_phones=1, office_forward=('udp/5070',), folder=None,
                 v6=False):
        self.v6 = v6
        self.wanted_homes = list(homes)
        self.wanted_office_phones = office_phones
        self.forward = list(office_forward)
        self.folder = tempfile.mkdtemp(prefix=f'{PREFIX}-lab-', dir=folder or os.environ.get('POSTERN_LAB_FOLDER'))
        os.chmod(self.folder, 0o755)
        self.hosts = []
        self.homes = {}
        self.office = None
        self._closers = []

    def __enter__(self):
        atexit.register(self.close)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def on_close(self, function):
        """Have function called before the namespaces go, last registered first."""
        self._closers.append(function)

    def close(self):
        """Stop everything and remove every namespace; harmless when repeated."""
        atexit.unregister(self.close)
        while self._closers:
            self._closers.pop()()
        while self.hosts:
            host = self.hosts.pop()
            host.end_processes()
            remove_namespace(host.ns)

    def path(self, name):
        """A file of this laboratory's folder, which the runner keeps after a failure."""
        return os.path.join(self.folder, name)

    # -- building ---------------------------------------------------------

    def _host(self, name, address=None):
        host = Host(name, f'{PREFIX}{os.getpid()}-{name}', address)
        subprocess.run(['ip', 'netns', 'add', host.ns], check=True)
        self.hosts.append(host)
        host.sysctl(ipv6__conf__all__disable_ipv6=int(not self.v6))
        if self.v6:
            host.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0)
        self._ip(host, 'link set lo up')
        return host

    @staticmethod
    def _ip(host, *lines):
        # not `ip -netns`: it remounts /, which fails where / is no mount point (a chroot)
        subprocess.run(host.enter(['ip', '-batch', '-']), check=True,
                       input='\n'.join(lines) + '\n', text=True, stdout=subprocess.DEVNULL)

    def _public(self, host, device, address):
        """Join host to the internet by device with one public address."""
        inner = f'to-{host.name}'[:15]
        self._ip(host, f'link add {device} type veth peer name {inner} netns {self.internet.ns}',
                 f'addr add {address}/32 dev {device}', f'link set {device} up')
        self._ip(self.internet, f'link set {inner} up', f'route add {address}/32 dev {inner}')
        self._ip(host, f'route add default via {GATEWAY} dev {device} src {address} onlink')

    def _lan(self, router, net):
        """Give a router its inside: a bridge with the .1 address."""
        self._ip(router, 'link add lan type bridge', f'addr add {net}.1/24 dev lan', 'link set lan up')

    def _join_lan(self, router, host):
        """Plug host into the router's inside."""
        port = f'p-{host.name}'[:15]
        net = host.address.rsplit('.', 1)[0]
        self._ip(host, f'link add eth0 type veth peer name {port} netns {router.ns}',
                 f'addr add {host.address}/24 dev eth0', 'link set eth0 up')
        self._ip(router, f'link set {port} master lan', f'link set {port} up')
        self._ip(host, f'route add default via {net}.1')

    def _lan6(self, site, net, hosts, admit=()):
        """Give a built site the network net::/64; hosts: (host, last part); admit: 'udp/5070' and so on, to ::2."""
        router = site.router
        inner = f'to-{router.name}'[:15]
        router.sysctl(ipv6__conf__all__forwarding=1)
        self._ip(router, f'addr add {HOST_LINK}/64 dev wan nodad', f'addr add {net}:1/64 dev lan nodad',
                 f'route add default via {ROUTER_LINK} dev wan')
        self._ip(self.internet, f'addr add {ROUTER_LINK}/64 dev {inner} nodad',
                 f'route add {net}:/64 via {HOST_LINK} dev {inner}')
        for host, last in hosts:
            host.address6 = f'{net}:{last}'
            self._ip(host, f'addr add {host.address6}/64 dev eth0 nodad', f'route add default via {net}:1')
        rules = '; '.join('ip6 daddr {}:2 {} dport {} accept'.format(net, *spec.split('/')) for spec in admit)
        subprocess.run(router.enter(['nft', '-f', '-']), check=True, text=True, input=f'''
            table ip6 filter {{
                chain forward {{
                    type filter hook forward priority filter; policy drop;
                    iifname "lan" accept
                    ct state established,related accept
                    {rules}
                }}
            }}''')

    def _build6(self):
        """IPv6 beside IPv4, everywhere but on the office's desks."""
        self.internet.sysctl(ipv6__conf__all__forwarding=1)
        self._lan6(self.office, OFFICE_NET6, [(self.postern_host, '2')], self.forward)
        for index, site in enumerate(self.homes.values()):
            self._lan6(site, HOME_NET6.format(index), [(phone, 10 + k) for k, phone in enumerate(site.phones)])

    def _nat(self, router, kind, redirect):
        """Load a router's rules: redirect is a list of (protocol/ports, inside address)."""
        lines = []
        for spec, inside in redirect:
            protocol, ports = spec.split('/')
            lines.append(f'iifname "wan" {protocol} dport {ports} dnat to {inside}')
        router.sysctl(ipv4__ip_forward=1)
        subprocess.run(router.enter(['nft', '-f', '-']), check=True, text=True, input=f'''
            table ip nat {{
                chain prerouting {{
                    type nat hook prerouting priority dstnat;
                    {"; ".join(lines)}
                }}
                chain postrouting {{
                    type nat hook postrouting priority srcnat;
                    oifname "wan" {MASQUERADE[kind]}
                }}
            }}
            table ip filter {{
                chain input {{
                    type filter hook input priority filter; policy drop;
                    iifname {{ "lo", "lan" }} accept
                    ct state established,related accept
                }}
                chain forward {{
                    type filter hook forward priority filter; policy drop;
                    iifname "lan" accept
                    ct state established,related accept
                    ct status dnat accept
                }}
            }}''')

    def _build(self):
        self.internet = self._host('internet')
        self.internet.sysctl(ipv4__ip_forward=1)
        self._ip(self.internet, f'addr add {GATEWAY}/32 dev lo')
        self.stun = self._host('stun', STUN_ADDRESS)
        self._public(self.stun, 'eth0', STUN_ADDRESS)
        self.attacker = self._host('attacker', ATTACKER_ADDRESS)
        self._public(self.attacker, 'eth0', ATTACKER_ADDRESS)
        self._build_office()
        for index, home in enumerate(self.wanted_homes):
            self._build_home(home, HOME_ADDRESS.format(10 + index))
        if self.v6:
            self._build6()

    def _build_office(self):
        router = self._host('office', OFFICE_ADDRESS)
        self.office = Site(router, OFFICE_ADDRESS)
        self._public(router, 'wan', OFFICE_ADDRESS)
        self._lan(router, OFFICE_LAN)
        self._nat(router, 'port-restricted', [(spec, POSTERN_ADDRESS) for spec in self.forward])
        self.postern_host = self._host('postern', POSTERN_ADDRESS)
        self._join_lan(router, self.postern_host)
        for index in range(self.wanted_office_phones):
            phone = self._host(f'desk{index + 1}', f'{OFFICE_LAN}.{10 + index}')
            self._join_lan(router, phone)
            self.office.phones.append(phone)

    def _build_home(self, home, public):
        router = self._host(f'home{home.name}', public)
        site = Site(router, public)
        self._public(router, 'wan', public)
        self._lan(router, home.lan)
        redirect = []
        if home.nat == 'full-cone':
            if home.phones != 1:
                raise ValueError('a full-cone home has one phone: all its ports lead there')
            redirect = [('udp/1024-65535', f'{home.lan}.10')]
        self._nat(router, home.nat, redirect)
        for index in range(home.phones):
            phone = self._host(f'{home.name}{index + 1}', f'{home.lan}.{10 + index}')
            self._join_lan(router, phone)
            site.phones.append(phone)
        self.homes[home.name] = site

    def second_stun_address(self, address):
        """Give the stun host one more public address."""
        self._ip(self.stun, f'addr add {address}/32 dev eth0')
        self._ip(self.internet, f'route add {address}/32 dev to-{self.stun.name}')

    def attacker_addresses(self, network):
        """Give the attacker's host a whole public network; return its addresses."""
        self._ip(self.attacker, f'route add local {network} dev lo')
        self._ip(self.internet, f'route add {network} dev to-{self.attacker.name}')
        return [str(address) for address in ipaddress.ip_network(network)]

    # -- events -----------------------------------------------------------

    @staticmethod
    def rebind(site, ports):
        """A home's router forgets its mappings (a restart, a short timer); new ones come from these ports."""
        router = site.router
        router.run(['nft', 'flush chain ip nat postrouting; add rule ip nat postrouting '
                    f'oifname "wan" meta l4proto udp masquerade to :{ports[0]}-{ports[-1]}'])
        flush_connections(router)

    def change_office_address(self, address=OFFICE_ADDRESS_2):
        """The provider gives the office router another public address.

        The router forgets its connections, as it does when it dials in again. (If it
        kept them, the entries of the old forward would make Linux alter the source port
        of phones that come back to the new address.)
        """
        router, old = self.office.router, self.office.public
        self._ip(router, f'addr del {old}/32 dev wan', f'addr add {address}/32 dev wan',
                 f'route replace default via {GATEWAY} dev wan src {address} onlink')
        inner = f'to-{router.name}'[:15]
        self._ip(self.internet, f'route del {old}/32 dev {inner}',
                 f'route add {address}/32 dev {inner}')
        self.office.public = router.address = address
        flush_connections(router)
