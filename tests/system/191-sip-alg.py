"""Home routers that rewrite SIP (the kernel's own nf_nat_sip): named, and TLS is the way around; others are not named."""

from lab.expect import hear_each_other
from lab.linphone import Linphone
from lab.net import flush_connections, Home
from lab.office import TONES, password
from lab.postern import DOMAIN
from lab.tlsoffice import TlsOffice
from lab.wait import until

ADVICE = "the router of this home rewrites SIP: switch its SIP ALG off, or use TLS"


def homes(office):
    """The table an admin looks into, by address and transport."""
    return {(row['address'], row['transport']): row for row in office.postern.rows('SELECT * FROM home')}


def contact(office, number):
    """The address in a phone's Contact, as it arrived."""
    return office.registration(number)['contact']


def test_named_and_tls_is_the_way_around():
    with TlsOffice(homes=(Home('A', phones=2, alg=True),)) as office:
        address = office.lab.homes['A'].public
        plain = office.home(number=201)
        assert address in contact(office, 201), contact(office, 201)        # it does rewrite
        until(lambda: 'sip-alg' in office.postern.logs(), 5, 'the ALG is named in the log', 0.1)
        assert f'sip-alg home={address}:5060 transport=udp sign=echo advice="{ADVICE}"' in office.postern.logs()
        row = until(lambda: homes(office).get((address, 'udp')), 3, 'the home is known')
        assert (row['sip_alg'], row['advice']) == ('echo', ADVICE), row
        assert office.counts()['sip_algs'] == 1
        around = office.home(index=1, number=202, transport='tls', ca=office.certificate)
        phone = office.lab.homes['A'].phones[1]
        assert phone.address in contact(office, 202), contact(office, 202)
        desk = office.desk()
        for caller, callee in ((desk, around), (around, desk), (desk, plain)):
            caller.call(callee)
            hear_each_other(caller, callee, 0.5)
            caller.hang_up()
            callee.closed()
        assert homes(office).get((address, 'stream'), {'sip_alg': ''})['sip_alg'] == '', homes(office)
        assert office.counts()['sip_algs'] == 1


def test_switched_off():
    """The same flow, no longer rewritten: said at the next question. A restart of sigproxy before forgot nothing."""
    with TlsOffice(homes=(Home('A', alg=True),)) as office:
        site = office.lab.homes['A']
        home, desk = office.home(), office.desk()
        row = until(lambda: homes(office).get((site.public, 'udp')), 5, 'the home is known')
        assert row['sip_alg'] == 'echo', row
        old = office.postern.kill('sigproxy')
        office.postern.wait_restarted('sigproxy', old)
        site.router.run(['nft', 'flush chain ip filter alg'])
        flush_connections(site.router)
        home.call(desk)                 # opens the way anew
        home.hang_up()
        until(lambda: 'sip-alg-gone' in office.postern.logs(), 15, 'it is gone', 0.2)
        until(lambda: homes(office)[(site.public, 'udp')]['sip_alg'] == '', 3, 'the table says so too', 0.1)


def test_others_are_not_named():
    """Phones with STUN and without, one that learns by rport, and one that needs no router."""
    with TlsOffice(homes=(Home('A', phones=2), Home('B'))) as office:
        home, other = office.lab.homes['A'], office.lab.homes['B']
        office.home(number=201, with_stun=True)
        office.home(index=1, number=202)
        linphone = Linphone(203, office.server(False), office.lab.folder, host=other.phones[0], username='SIP-203',
                            password=password(203), domain=DOMAIN, tone=TONES[203])
        office.lab.on_close(linphone.stop)
        linphone.start().register()
        office.phone(204, office.lab.attacker)
        until(lambda: office.counts()['keepalives_answered'] >= 4, 8, 'all of them have answered', 0.1)
        assert 'sip-alg' not in office.postern.logs()
        until(lambda: len(homes(office)) == 3, 3, 'three addresses are known')
        assert all(row['sip_alg'] == '' for row in homes(office).values()), homes(office)
        assert home.public != other.public and office.counts()['sip_algs'] == 0
