"""Dual stack: homes by IPv6, by IPv4, and an office that has only IPv4 inside; each leg keeps its family."""

from lab.expect import hear_each_other
from lab.net import POSTERN_ADDRESS, POSTERN_ADDRESS6
from lab.office import Home, Office, RTP_RANGE, SIP_PORT
from lab.tlsoffice import TlsOffice
from lab.topology import ip

BY_HAND = {'test_udp_with_the_range_open': 'POSTERN_TOPOLOGIES'}      # the same path as by sending first

BOTH = {('address', 'external'): f'{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}'}


def home6(office, name='A', transport='udp', **options):
    """A phone that has, and knows us by, IPv6 only."""
    host = office.lab.homes[name].phones[0]
    port = 5071 if transport == 'tls' else 5070
    return office.home(name, address=host.address6, server=f'[{POSTERN_ADDRESS6}]:{port}', transport=transport, **options)


def talk(one, other):
    """A call with sound both ways; the addresses of ours that each heard it from."""
    one.call(other)
    heard = hear_each_other(one, other, 1)
    one.hang_up()
    other.closed()
    return [{ip for ip, _ in side.sources} for side in heard]


def dual(forward):
    """An IPv6 home, an IPv4 home, a desk: each with each."""
    with Office(homes=[Home('A'), Home('B')], forward=forward, settings=BOTH, v6=True) as office:
        first, second, desk = home6(office), office.home('B'), office.desk()
        rows = office.postern.rows('SELECT number, source FROM registration ORDER BY number')
        assert [row['source'].startswith('[2001:db8:a0') for row in rows] == [False, True, False], rows
        public = office.lab.office.public
        outside = office.watch_outside()
        assert talk(first, desk) == [{POSTERN_ADDRESS6}, {POSTERN_ADDRESS}]
        assert talk(desk, first) == [{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}]
        assert talk(first, second) == [{POSTERN_ADDRESS6}, {public}]
        assert talk(second, desk) == [{public}, {POSTERN_ADDRESS}]
        outside.stop()
        # nothing of the other family stands in what a leg was sent
        for packet, message in outside.sip():
            if packet.source[0] == POSTERN_ADDRESS6:
                text = packet.payload
                assert b'IN IP4' not in text and b'192.168.10.' not in text and public.encode() not in text, text
            elif packet.source[0] == public and message.body:
                assert b'IN IP6' not in packet.payload and b'2001:db8' not in packet.payload, packet.payload
        said = next(r for r in office.records() if (r['caller'], r['called']) == ('201', '202'))
        assert said['caller_said'].startswith(f'[{POSTERN_ADDRESS6}]:'), said
        assert said['called_said'].startswith(f'{public}:') and said['media_verdict'] == 'ok', said


def test_udp_with_the_range_open():
    dual([SIP_PORT, RTP_RANGE])


def test_udp_by_sending_first():
    """The office's IPv6 firewall lets only SIP in, as the IPv4 router does."""
    dual([SIP_PORT])


def test_tcp_and_tls():
    with TlsOffice(homes=[Home('A'), Home('B')], v6=True, settings=BOTH) as office:
        desk, by_tcp = office.desk(), home6(office, transport='tcp')
        by_tls = home6(office, 'B', transport='tls', ca=office.certificate)
        assert talk(desk, by_tcp) == [{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}]
        assert talk(by_tls, desk) == [{POSTERN_ADDRESS6}, {POSTERN_ADDRESS}]
        assert talk(by_tcp, by_tls) == [{POSTERN_ADDRESS6}, {POSTERN_ADDRESS6}]


def test_ipv6_only():
    """No IPv4 outside at all: public = none, and the office inside as ever."""
    settings = {('address', 'external'): POSTERN_ADDRESS6, ('address', 'public'): 'none'}
    with Office(settings=settings, v6=True) as office:
        first, desk = home6(office), office.desk()
        assert talk(desk, first) == [{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}]
        assert office.records()[0]['media_mode'] == 'public'


DESK6 = '2001:db8:10::10'


class OfficeBySix(Office):
    """The office's LAN has IPv6 too, and Postern serves it by both; its first desk has IPv6 only."""

    SIX = {**BOTH, ('address', 'internal'): f'{POSTERN_ADDRESS}, {POSTERN_ADDRESS6}',
           ('address', 'lan'): '192.168.10.0/24, 2001:db8:10::/64'}

    def _prepare(self):
        ip(self.lab.office.phones[0], f'addr add {DESK6}/64 dev eth0 nodad')

    def desk6(self):
        """The first desk, by IPv6."""
        return self.desk(address=DESK6, server=f'[{POSTERN_ADDRESS6}]:5060')


def test_ipv6_in_the_office():
    """A desk by IPv6 with an IPv6 home, an IPv4 home and an IPv4 desk, each way."""
    with OfficeBySix(homes=[Home('A'), Home('B')], forward=[SIP_PORT], office_phones=2, settings=OfficeBySix.SIX,
                     v6=True) as office:
        public = office.lab.office.public
        desk, other, home, by_four = office.desk6(), office.desk(1), home6(office), office.home('B')
        rows = office.postern.rows("SELECT source FROM registration WHERE number = '168'")
        assert rows[0]['source'] == f'[{DESK6}]:5060', rows
        assert talk(home, desk) == [{POSTERN_ADDRESS6}, {POSTERN_ADDRESS6}]
        assert talk(desk, by_four) == [{POSTERN_ADDRESS6}, {public}]
        talk(other, desk)
        talk(desk, other)
