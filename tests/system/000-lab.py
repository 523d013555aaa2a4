"""The laboratory itself: what the other tests take for granted, without Postern."""

from lab import stun
from lab.expect import hear_each_other, hears
from lab.net import Home, Lab
from lab.phone import Phone


def mapping(host, server, port=7000):
    """The public address that a host's port gets at the STUN server."""
    with host.udp_socket(port) as sock:
        sock.settimeout(2)
        return stun.request(sock, server)


def received(sock, seconds=0.2):
    """The source of the next packet, or None."""
    sock.settimeout(seconds)
    try:
        return sock.recvfrom(100)[1]
    except TimeoutError:
        return None


# RFC 4787: is the port kept, is it the same for all destinations, are strangers let in?
NAT_KINDS = {'full-cone': (True, True, True), 'port-restricted': (True, True, False),
             'symmetric': (False, False, False), 'double': (True, True, False), 'cgn': (False, True, False)}


def behaviour(lab, host, server):
    """The same three things, tried from a host."""
    with host.udp_socket(7000) as sock, lab.attacker.udp_socket(9) as peer, lab.attacker.udp_socket(10) as stranger:
        sock.settimeout(2)
        first = stun.request(sock, server)
        stranger.sendto(b'unasked', first)
        open_to_all = received(sock) is not None
        sock.sendto(b'x', peer.getsockname())
        second = received(peer)
        peer.sendto(b'answer', second)
        assert received(sock) == peer.getsockname(), 'no answer comes back'
        return first[1] == 7000, first == second, open_to_all


def test_nat_kinds():
    """Each kind of home behaves as its name says, and neighbours behind one carrier's address do not mix."""
    homes = [Home(f'H{index}', nat=kind) for index, kind in enumerate(NAT_KINDS)] + [Home('N', nat='cgn')]
    with Lab(homes=homes) as lab:
        server = stun.start_server(lab)
        for home in homes:
            site = lab.homes[home.name]
            assert behaviour(lab, site.phones[0], server) == NAT_KINDS[home.nat], home
            assert mapping(site.phones[0], server, 7002)[0] == site.public, home
        one, other = (lab.homes[name] for name in ('H4', 'N'))
        assert one.public == other.public
        assert mapping(one.phones[0], server) != mapping(other.phones[0], server)


def test_office_on_a_public_address():
    """No router: what reaches the public address reaches Postern's host, which is on the LAN too."""
    with Lab(homes=[Home('A')], edge=True) as lab:
        home, desk = lab.homes['A'].phones[0].udp_socket(7000), lab.office.phones[0].udp_socket(7001)
        with lab.postern_host.udp_socket(16384, lab.office.public) as outside:
            home.sendto(b'x', (lab.office.public, 16384))
            assert received(outside) == (lab.homes['A'].public, 7000)
        with lab.postern_host.udp_socket(16384) as inside:
            desk.sendto(b'x', inside.getsockname())
            assert received(inside) == desk.getsockname()


def test_punch():
    """An unknown packet is dropped and spoils nothing; once both have sent, both receive."""
    with Lab(homes=[Home('A')], office_forward=['udp/5070']) as lab:
        home, office = lab.homes['A'].phones[0].udp_socket(7000), lab.postern_host.udp_socket(16384)
        office.sendto(b'first', (lab.homes['A'].public, 7000))
        assert received(home) is None, 'the home router let an unknown packet in'
        home.sendto(b'second', (lab.office.public, 16384))
        assert received(office) == (lab.homes['A'].public, 7000), 'the punch did not open the office'
        office.sendto(b'third', (lab.homes['A'].public, 7000))
        assert received(home) == (lab.office.public, 16384), 'the punch did not open the home'


def test_office_address_changes():
    """After the change packets leave from, and the forward works at, the new address only."""
    with Lab(homes=[Home('A')], office_forward=['udp/5070']) as lab:
        server = stun.start_server(lab)
        home, office = lab.homes['A'].phones[0].udp_socket(7000), lab.postern_host.udp_socket(5070)
        old = lab.office.public
        assert mapping(lab.postern_host, server, 7001)[0] == old
        lab.change_office_address()
        assert mapping(lab.postern_host, server, 7001)[0] == lab.office.public != old
        home.sendto(b'old', (old, 5070))
        assert received(office) is None
        home.sendto(b'new', (lab.office.public, 5070))
        assert received(office) == (lab.homes['A'].public, 7000)


def test_phones_hear_each_other():
    """Two real phones on the office LAN: tones both ways, silence on hold, tones after resume."""
    with Lab(office_phones=2) as lab:
        hosts = lab.office.phones
        one, other = [Phone(168 + i, f'{host.address}:5060', lab.folder, host=host, interval=0, tone=tone)
                      for i, (host, tone) in enumerate(zip(hosts, (440, 620)))]
        for phone in (one, other):
            phone.start()
            lab.on_close(phone.stop)
            phone.add_account()
        one.dial(f'sip:169@{hosts[1].address}:5060')
        one.wait('CALL_ESTABLISHED', unless='CALL_CLOSED')
        hear_each_other(one, other)
        one.hold()
        for phone in (one, other):
            heard = phone.ear.listen(1, patience=0.5)
            assert heard.silent, f'{phone.name} on hold heard {heard.describe(440, 620)}'
        one.resume()
        hear_each_other(one, other)
        one.hang_up()
        other.closed()


def test_phone_with_stun_across_nat():
    """A phone announces the address it learned by STUN, and sound comes through two routers."""
    with Lab(homes=[Home('A'), Home('C', nat='full-cone')]) as lab:
        server = stun.start_server(lab)
        near, far = [Phone(number, f'{site.public}:5060', lab.folder, host=site.phones[0], interval=0,
                           stun=server, tone=tone)
                     for number, site, tone in zip((201, 202), lab.homes.values(), (440, 620))]
        for phone in (near, far):
            phone.start()
            lab.on_close(phone.stop)
            phone.add_account()
        near.dial(f'sip:202@{lab.homes["C"].public}:5060')
        near.wait('CALL_ESTABLISHED', unless='CALL_CLOSED')
        heard = hears(near, far)
        hears(far, near)
        assert {source[0] for source in heard.sources} == {lab.homes['C'].public}
