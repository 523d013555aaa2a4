"""Internal SIP and RTP ports answer nothing from outside, though a router leads there by mistake."""

import contextlib
import re
import select
import socket
import ssl
import struct
import time

from lab import certs, pcap, sip, stun
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.forge import Forger
from lab.net import ATTACKER_ADDRESS, POSTERN_ADDRESS
from lab.office import Office, RTP_RANGE, SIP_PORT, password
from lab.postern import DOMAIN
from lab.spray import Spray
from lab.topology import OnPublicAddress, OUTER, PUBLIC, TwoInterfaces, ip

UDP_PORT, TCP_PORTS, RTP_PORTS = 5060, (5060, 5062), range(17000, 17600)
WRONG = ['udp/5060', 'tcp/5060', 'tcp/5062', 'udp/17000-17599']      # what no router may forward
RTP = struct.pack('>BBHII', 0x80, 0, 1, 160, 7) + bytes(160)
RTCP = struct.pack('>BBHI', 0x80, 201, 1, 7)
STUN = struct.pack('>HHI', stun.BINDING_REQUEST, 0, stun.COOKIE) + b'not-for-you-'
GARBAGE = bytes(range(256)) * 2


def messages(local):
    """What a stranger may try: every kind of packet that some port of ours reads."""
    uri = f'sip:{DOMAIN}'
    return [sip.request('OPTIONS', uri, local), sip.request('REGISTER', uri, local, to=f'sip:201@{DOMAIN}'),
            sip.request('INVITE', f'sip:168@{DOMAIN}', local), STUN, RTP, RTCP, b'\r\n\r\n', b'\0', GARBAGE,
            b'OPTIONS sip:x SIP/2.0\r\n\r\n']


def by_udp(host, address):
    """Everything at the internal SIP port, registration with a right password too."""
    with host.udp_socket() as sock:
        for data in messages(sock.getsockname()):
            sock.sendto(data, (address, UDP_PORT))
        assert sip.register(sock, (address, UDP_PORT), DOMAIN, 201, 'SIP-201', password(201)) is None
        assert not select.select([sock], [], [], 0.3)[0], 'an answer by UDP'


def dial(host, address, port):
    """A connection, or None when there is none."""
    try:
        return host.connect((address, port), 0.3)
    except OSError:
        return None


def by_tcp(host, address):
    """Connections are not served: not a byte comes, and those that came about are closed.

    With the table of `postern nft` none comes about: Watch."""
    for port in TCP_PORTS:
        for data in messages((host.address, 5060))[:4] + [GARBAGE]:
            with contextlib.closing(dial(host, address, port) or socket.socket()) as sock:
                with contextlib.suppress(OSError):
                    sock.sendall(data.replace(b'SIP/2.0/UDP', b'SIP/2.0/TCP'))
                    assert select.select([sock], [], [], 3)[0], f'port {port}: a connection stays open'
                    assert sock.recv(1) == b'', f'port {port}: an answer by TCP'
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = dial(host, address, 5062)
    if plain:
        with contextlib.suppress(OSError), plain:
            context.wrap_socket(plain).close()
            raise AssertionError('a TLS handshake came to its end')


def at_rtp(host, address):
    """Every internal media port, several times over."""
    sent, got = Spray(host, address, RTP_PORTS, [RTP, RTCP, STUN, GARBAGE], count=4 * len(RTP_PORTS),
                      rate=4000).wait(20)
    assert sent == 4 * len(RTP_PORTS) and got == 0, f'{got} answers to {sent} packets at media ports'


class Watch:
    """All that Postern's host sends to the attacker's and receives from it, on every interface."""

    def __init__(self, lab):
        self._capture = Capture(lab.postern_host, lab.path('attack.pcap'), 'any', f'host {ATTACKER_ADDRESS}')

    def stop(self):
        """(packets that came, those we answered: by TCP any packet of our internal listener's, else with something in it)."""
        self._capture.stop()
        came, answers = 0, []
        for _, link, frame in pcap.frames(self._capture.path):
            packet = pcap.ip_packet(link, frame)
            if not packet:
                continue
            header = (packet[0] & 15) * 4
            total = struct.unpack_from('>H', packet, 2)[0]
            if socket.inet_ntoa(packet[12:16]) == ATTACKER_ADDRESS:
                came += 1
            elif packet[9] == socket.IPPROTO_UDP:
                answers.append(packet)
            elif packet[9] == socket.IPPROTO_TCP and (
                    total > header + (packet[header + 12] >> 4) * 4
                    or (socket.inet_ntoa(packet[12:16]), int.from_bytes(packet[header:header + 2], 'big')) in LISTENERS):
                answers.append(packet)
        return came, answers


def attack(office, address, expected):
    """All of it, during a call that must not notice; expected: so many packets reach our host at least."""
    home, desk = office.home(), office.desk()
    home.call(desk)
    storm(office, address, expected)
    heard, _ = hear_each_other(desk, home, 1)
    assert {ip for ip, _ in heard.sources} == {POSTERN_ADDRESS}, heard.sources
    record = office.postern.rows('SELECT * FROM registration WHERE number = 201')
    assert len(record) == 1 and record[0]['zone'] == 'external', record


def storm(office, address, expected):
    """Each kind of packet at each internal port: no answer."""
    lab, attacker = office.lab, office.lab.attacker
    watch = Watch(lab)
    by_udp(attacker, address)
    by_tcp(attacker, address)
    at_rtp(attacker, address)
    came, answers = watch.stop()
    print(f'{came} packets came to our host, {len(answers)} were answered')
    assert not answers, f'answered: {answers[:3]}'
    assert came >= expected if expected else came == 0, f'{came} packets came'


LISTENERS = [(POSTERN_ADDRESS, port) for port in TCP_PORTS]
REACHED = 2000                     # of 2411 by UDP; a capture may miss some


def test_one_interface_nothing_forwarded():
    with Office(settings=certs.plain()) as office:
        attack(office, office.lab.office.public, 0)


def test_one_interface_forwarded_by_mistake():
    with Office(forward=[SIP_PORT, RTP_RANGE, *WRONG], settings=certs.plain()) as office:
        attack(office, office.lab.office.public, REACHED)


def wrong_way(office, address):
    """The router leads the internal ports to this address of ours."""
    rules = '; '.join('add rule ip nat prerouting iifname "wan" {} dport {} dnat to {}'.format(*spec.split('/'), address)
                      for spec in WRONG)
    office.lab.office.router.run(['nft', rules])


def test_two_interfaces_forwarded_by_mistake():
    with TwoInterfaces(forward=[], settings=certs.plain()) as office:
        wrong_way(office, POSTERN_ADDRESS)
        attack(office, office.lab.office.public, REACHED)


def test_two_interfaces_forwarded_to_the_outer_one():
    """Nothing listens there; the kernel says so, and Postern nothing."""
    with TwoInterfaces(forward=[], settings=certs.plain()) as office:
        wrong_way(office, OUTER)
        attack(office, office.lab.office.public, REACHED)


FORGED = ('192.168.10.11', 5060)    # an office address, of a host without a phone


def loosen(*hosts):
    """No reverse path filter: the kernel takes whatever address a packet claims to come from."""
    for host in hosts:
        for name in ('all', 'default', *('eth0', 'eth1', 'wan', 'lan', 'to-attacker')):
            host.run(['sh', '-c', f'f=/proc/sys/net/ipv4/conf/{name}/rp_filter; test ! -e $f || echo 0 > $f'])


class Forged:
    """Every kind of packet at every internal port, with an office address as its source, and what became of it."""

    def __init__(self, office, target):
        self._lab, self._target = office.lab, target
        self._capture = Capture(office.lab.postern_host, office.lab.path('forged.pcap'), 'any',
                                f'host {FORGED[0]} or host {ATTACKER_ADDRESS}')

    def send(self):
        """Each message at the SIP port, RTP and RTCP at every tenth media port."""
        for port, packets in ((UDP_PORT, messages(FORGED)), *((port, [RTP, RTCP, STUN]) for port in RTP_PORTS[::10])):
            forger = Forger(self._lab.attacker, (self._target, port))
            for data in packets:
                forger.send(FORGED, data[:1472])
            forger.close()
            time.sleep(0.005)           # a capture misses much of a burst

    def stop(self):
        """(forged packets that came, our answers by the address they went to)."""
        self._capture.stop()
        came, answers = 0, []
        for _, link, frame in pcap.frames(self._capture.path):
            packet = pcap.ip_packet(link, frame)
            if not packet:
                continue
            if socket.inet_ntoa(packet[12:16]) == FORGED[0]:
                came += 1
            elif packet[9] == socket.IPPROTO_UDP:
                answers.append(socket.inet_ntoa(packet[16:20]))
        return came, answers


def forge(office, target):
    """During a call, which must not notice."""
    loosen(office.lab.postern_host, office.lab.office.router, office.lab.internet)
    home, desk = office.home(), office.desk()
    home.call(desk)
    forged = Forged(office, target)
    forged.send()
    hear_each_other(desk, home, 1)
    came, answers = forged.stop()
    print(f'{came} forged packets came, answered: {sorted(set(answers))}')
    assert came >= 80, came
    assert len(office.postern.rows('SELECT * FROM registration')) == 2
    assert len(office.postern.rows('SELECT * FROM live_call')) == 1
    return answers


def chain(office, name):
    """A chain of the table, with its counts."""
    return office.lab.postern_host.run(['nft', 'list', 'chain', 'inet', 'postern', name]).stdout


def test_an_office_address_from_where_no_office_is():
    """On another interface than the office's: the table of `postern nft` drops it, though the kernel would not."""
    with OnPublicAddress(settings={**certs.plain(), ('address', 'public'): 'none'}, office_phones=2) as office:
        ip(office.lab.internet, f'route add {POSTERN_ADDRESS} via {PUBLIC} dev to-postern onlink')
        assert not forge(office, POSTERN_ADDRESS)
        assert re.search(r'192\.168\.0\.0/16 counter packets [1-9]', chain(office, 'outside')), chain(office, 'outside')


def test_the_same_where_no_interface_is_known_as_an_outer_one():
    """The reverse path tells it, too."""
    with OnPublicAddress(settings={**certs.plain(), ('address', 'public'): 'none'}, office_phones=2) as office:
        ip(office.lab.internet, f'route add {POSTERN_ADDRESS} via {PUBLIC} dev to-postern onlink')
        office.lab.postern_host.run(['nft', 'flush', 'chain', 'inet', 'postern', 'outside'])
        assert not forge(office, POSTERN_ADDRESS)
        assert re.search(r'oif missing counter packets [1-9]', chain(office, 'input')), chain(office, 'input')


def test_an_office_address_through_a_router_that_forwards_all():
    """On the office's own interface nobody can tell it from the office: what is answered stays in the office."""
    with Office(forward=[SIP_PORT, RTP_RANGE, *WRONG], settings=certs.plain(), office_phones=2) as office:
        assert set(forge(office, office.lab.office.public)) == {FORGED[0]}


NEIGHBOUR = '10.66.0.5'             # private, so in `lan` unless that is set; routed by nobody but the provider


def listening(host):
    """(protocol, address, port) of all that our host listens to."""
    lines = host.run(['ss', '-Hlntu4']).stdout.splitlines()
    found = {(line.split()[0], *line.split()[4].rsplit(':', 1)) for line in lines}
    return sorted((protocol, address, int(port)) for protocol, address, port in found)


def scan(host, source, address, ports):
    """The TCP ports that complete a handshake with somebody who has this source address."""
    def one(port):
        try:
            return socket.create_connection((address, port), 0.4, (source, 0))
        except OSError:
            return None
    found = {port: host.inside(lambda port=port: one(port)) for port in ports}
    for sock in filter(None, found.values()):
        sock.close()
    return [port for port, sock in found.items() if sock]


def asks(host, source, address):
    """Answers by UDP to somebody who has this source address and no password."""
    with host.udp_socket(address=source) as sock:
        for data in messages(sock.getsockname()):
            sock.sendto(data, (address, UDP_PORT))
        answers = []
        while select.select([sock], [], [], 0.5)[0]:
            answers.append(sock.recv(2000).split(b'\r\n')[0])
        return answers


def neighbours(office, outer, device):
    """Somebody at the provider with a private address sends to the internal address, and is answered by the default route."""
    lab = office.lab
    loosen(lab.postern_host, lab.office.router, lab.internet)
    ip(lab.attacker, f'addr add {NEIGHBOUR}/32 dev eth0')
    ip(lab.internet, f'route add {NEIGHBOUR} dev to-attacker', f'route add {POSTERN_ADDRESS} via {outer} dev {device} onlink')
    ports = sorted({port for protocol, address, port in listening(lab.postern_host)
                    if protocol == 'tcp' and address == POSTERN_ADDRESS})
    assert set(TCP_PORTS) <= set(ports), ports
    answered = asks(lab.attacker, NEIGHBOUR, POSTERN_ADDRESS)
    opened = scan(lab.attacker, NEIGHBOUR, POSTERN_ADDRESS, ports)
    print(f'{NEIGHBOUR}: by UDP {answered}, open by TCP {opened}')
    assert not answered and not opened, (answered, opened)


def test_a_private_address_from_outside():
    """Whatever address comes in by the outer interface, the office's own ports know nobody there."""
    with OnPublicAddress(settings={**certs.plain(), ('address', 'public'): 'none'}) as office:
        office.home().call(office.desk())
        neighbours(office, PUBLIC, 'to-postern')
