"""Where an office's gate may stand: on two interfaces, on a public address, on several addresses at once."""

from lab.capture import Capture
from lab.expect import hear_each_other
from lab.net import POSTERN_ADDRESS
from lab.office import Home, RTP_RANGE, SIP_PORT, SIP_TCP_PORT
from lab.topology import PUBLIC, OnPublicAddress, SeveralAddresses, TwoInterfaces


def talk(one, other):
    """A call with sound both ways; the addresses of ours that each heard it from."""
    one.call(other)
    heard = hear_each_other(one, other, 1)
    one.hang_up()
    other.closed()
    return [{ip for ip, _ in side.sources} for side in heard]


def both_ways(office, outer_address, **options):
    """Home and desk call each other."""
    home, desk = office.home(**options), office.desk()
    assert talk(home, desk) == [{outer_address}, {POSTERN_ADDRESS}]
    assert talk(desk, home) == [{POSTERN_ADDRESS}, {outer_address}]
    return home, desk


def relay(office):
    """What mediaproxy says of itself."""
    return next(p['status'] for p in office.postern.status()['processes'] if p['role'] == 'mediaproxy')


def test_two_interfaces():
    with TwoInterfaces(forward=[]) as office:
        both_ways(office, office.lab.office.public)


def test_public_address():
    with OnPublicAddress(forward=[], settings={('address', 'public'): 'none'}) as office:
        both_ways(office, PUBLIC)
        for record in office.records():
            outer = 'caller_said' if record['caller'] == '201' else 'called_said'
            assert record[outer].startswith(f'{PUBLIC}:'), record
            assert (record['media_verdict'], record['media_mode']) == ('ok', 'public'), record


class StunOnPublicAddress(OnPublicAddress):
    """STUN is asked all the same, and tells the address that is ours."""

    def _start(self):
        self.lab.office.public = PUBLIC          # what status must come to show
        super()._start()


def test_public_address_told_by_stun():
    with StunOnPublicAddress(forward=[]) as office:
        both_ways(office, PUBLIC)
        assert relay(office)['public'] == PUBLIC
        assert office.records()[0]['caller_said'].startswith(f'{PUBLIC}:')


def test_several_addresses_each_called_by_its_own():
    """Via, Contact and SDP are those of the interface by which a leg goes out; TCP too."""
    with SeveralAddresses(homes=[Home('A'), Home('B'), Home('C')],
                          forward=[SIP_PORT, SIP_TCP_PORT, RTP_RANGE]) as office:
        lab, routed = office.lab, office.lab.office.public
        at_router = office.watch_outside()
        at_public = Capture(lab.postern_host, lab.path('public.pcap'), interface='eth1')
        a = office.home('A')
        b = office.home('B', server=f'{PUBLIC}:5070')
        c = office.home('C', server=f'{PUBLIC}:5070', transport='tcp')
        desk = office.desk()
        assert talk(a, b) == [{routed}, {PUBLIC}]
        assert talk(b, a) == [{PUBLIC}, {routed}]
        assert talk(desk, b) == [{POSTERN_ADDRESS}, {PUBLIC}]
        assert talk(a, c) == [{routed}, {PUBLIC}]
        at_router.stop()
        at_public.stop()
        for capture_, own, others in ((at_router, routed, (PUBLIC, POSTERN_ADDRESS)),
                                      (at_public, PUBLIC, (routed, POSTERN_ADDRESS))):
            sent = [packet.payload for packet, _ in capture_.sip() if packet.source[0] == own]
            assert len(sent) > 10, f'{own}: only {len(sent)} messages'
            for text in sent:
                assert not any(other.encode() in text for other in others), text
        assert not at_public.search([routed.encode(), POSTERN_ADDRESS.encode()], source=PUBLIC)
