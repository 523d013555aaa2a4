"""Who may come as a trunk, who it is told to be, how many at once; peers of sockets."""

from lab import sip, trunk
from lab.office import Office, password
from lab.rawphone import RawPhone
from lab.trunk import Peer
from lab.wait import until

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


def desk_of(office, number=168, index=0):
    """A registered desk of sockets."""
    phone = RawPhone(office.lab.office.phones[index], ('192.168.10.2', 5060), number, password(number), port=5070)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def peer_of(office, address=trunk.ITSP, name='itsp'):
    """A server on the internet."""
    return Peer(office.lab.public_host(name, address), (office.lab.office.public, 5070))


def rings(desk, peer, number, **how):
    """The INVITE that the desk hears; the call is then refused."""
    peer.invite(number, **how)
    invite = desk.hear_request('INVITE', 3)
    if invite:
        desk.answer(486)
        assert sip.status(peer.final()) == 486
    return invite


def final(desk, seconds):
    """The final answer to the INVITE sent last, or None; refusals before have no ACK and come again."""
    return desk.hear(lambda m: sip.final(m) and m.headers['call-id'] == [desk.call_id]
                     and '2 INVITE' in m.headers['cseq'][0], seconds)


def test_calls_from_a_trunk():
    """Its own address, its own numbers; what it says of the caller counts if it is trusted."""
    with Office(settings=GERMANY) as office:
        peer = peer_of(office)
        stranger = Peer(peer.sock and office.lab.attacker, (office.lab.office.public, 5070))
        desk = desk_of(office)
        trunk.add(office, numbers='national', country='49', channels=1)
        office.postern.sql("INSERT INTO did(trunk, pattern, target) VALUES ('itsp', '030123468', '168');")
        office.postern.in_effect()

        for number in ('030123468', '+4930123468', '004930123468'):
            invite = rings(desk, peer, number, caller='089555111')
            assert invite, number
            assert 'sip:+4989555111@' in invite.headers['from'][0], invite.headers['from']
            assert 'sip:+4989555111@' in invite.headers['p-asserted-identity'][0], invite.headers
        for number in ('168', '169', '030123469', '0900123456', 'x'):
            peer.invite(number)
            assert sip.status(peer.final()) == 404, number
        assert not desk.hear_request('INVITE', 0.3)
        for other in (stranger, Peer(peer_host(office), (office.lab.office.public, 5070), port=5061)):
            other.invite('030123468')            # another address; the same with another port
            answer = other.final()
            assert answer is None or sip.status(answer) in (401, 404), answer
        assert not desk.hear_request('INVITE', 0.5)

        identity = ['P-Asserted-Identity: "Boss" <sip:+4930111222@itsp.example.net>']
        assert 'sip:+4989555111@' in rings(desk, peer, '030123468', caller='089555111', headers=identity).headers['from'][0]
        office.postern.sql('UPDATE trunk SET trust = 1')
        office.postern.in_effect()
        invite = rings(desk, peer, '030123468', headers=identity)
        assert '"Boss" <sip:+4930111222@' in invite.headers['from'][0], invite.headers['from']
        invite = rings(desk, peer, '030123468', headers=[*identity, 'Privacy: id'])
        assert 'sip:anonymous@' in invite.headers['from'][0] and '4930111222' not in str(invite.headers), invite.headers

        peer.invite('030123468')                 # one channel: the second call finds none
        assert desk.hear_request('INVITE', 3)
        peer.invite('030123468')
        answer = peer.final()
        assert sip.status(answer) == 503 and answer.headers['retry-after'], answer
        desk.answer(486)
        office.postern.sql('UPDATE trunk SET enabled = 0')
        office.postern.in_effect()
        peer.received.clear()
        assert not rings(desk, peer, '030123468') and not desk.hear_request('INVITE', 0.3)
        assert "no such number" in str(office.postern.rows("SELECT verdict FROM call_record WHERE trunk = 'itsp'"))


def peer_host(office):
    """The host of the ITSP."""
    return next(host for host in office.lab.hosts if host.address == trunk.ITSP)


def test_what_a_trunk_is_told():
    """The number of DID, or the trunk's; the name only, if it is withheld, under trust; no address of the office."""
    with Office(settings=GERMANY, office_phones=2) as office:
        peer, first, second = peer_of(office), desk_of(office), desk_of(office, 169, 1)
        trunk.add(office, numbers='digits', caller_number='49309999', from_domain='itsp.example.net')
        office.postern.sql("INSERT INTO did(trunk, pattern, target) VALUES ('itsp', '+49301234168', '168');"
                           "UPDATE subscriber SET class = 'international';")
        office.postern.in_effect()
        for desk, shown in ((first, '49301234168'), (second, '49309999')):
            desk.invite('0044-207 123 456'.replace(' ', ''))
            invite = peer.hear_request('INVITE', 3)
            assert invite.start == 'INVITE sip:44207123456@itsp.example.net SIP/2.0', invite.start
            assert f'<sip:{shown}@itsp.example.net>' in invite.headers['from'][0], invite.headers['from']
            assert 'p-asserted-identity' not in invite.headers
            assert '192.168.' not in str(invite), 'an address of the office'
            peer.answer(603)
            assert sip.status(final(desk, 3)) == 603
        office.postern.sql('UPDATE trunk SET trust = 1')
        office.postern.in_effect()
        first.invite('0044207123456', headers=['Privacy: id'])
        invite = peer.hear_request('INVITE', 3)
        assert 'anonymous.invalid' in invite.headers['from'][0] and invite.headers['privacy'] == ['id'], invite.headers
        assert '<sip:49301234168@itsp.example.net>' in invite.headers['p-asserted-identity'][0], invite.headers
        peer.answer(603)
        until(lambda: len(office.postern.rows('SELECT ticket FROM call_record')) == 3, 5, 'three records')
