"""SIP over TLS 1.2 and 1.3: phones at home behind NAT and in the office register, call and are called."""

from lab.expect import does_not_hear, hear_each_other
from lab.net import Home
from lab.tlsoffice import TlsOffice
from lab.tlsphone import YEALINK_T41P
from lab.wait import until


def talk(caller, callee):
    """A call with sound both ways."""
    caller.call(callee)
    hear_each_other(caller, callee, 1.0)
    caller.hang_up()
    callee.closed()


def with_hold(caller, callee):
    """Talk, hold and resume, hang up."""
    caller.call(callee)
    hear_each_other(caller, callee, 1.0)
    caller.hold()
    does_not_hear(callee, caller)
    caller.resume()
    hear_each_other(caller, callee, 1.0)
    callee.hang_up()
    caller.closed()


def test_two_makes_of_phone():
    """baresip by TLS 1.3, linphone by TLS 1.2: with the office by TLS, and from home to home."""
    with TlsOffice(homes=(Home('A'), Home('B'))) as office:
        first = office.home('A', transport='tls', ca=office.certificate)
        assert office.counts()['tls_1_3'] == 1
        desk = office.desk(transport='tls', tls_most='TLSv1.2')
        row = office.registration(first.number)
        assert row['transport'] == 'tls' and int(row['connection']) > 0, row
        assert office.registration(desk.number)['transport'] == 'tls'
        with_hold(first, desk)
        talk(desk, first)
        second = office.linphone(202, office.lab.homes['B'].phones[0])
        now = office.counts()
        assert (now['tls_up'], now['tls_1_3']) == (3, 1), now
        talk(second, desk)
        talk(desk, second)
        talk(second, first)
        talk(first, second)


def test_an_old_desk_phone_taken_home():
    """A T41P of 2014, by TLS 1.2 without GCM, with an RSA certificate: registers, is called, calls."""
    with TlsOffice(kind='rsa2048') as office:
        desk = office.desk()
        home = office.tls_phone(201, office.lab.homes['A'].phones[0], **YEALINK_T41P)
        home.connect().register()
        assert home.sock.cipher()[0] == 'ECDHE-RSA-AES128-SHA' and home.sock.version() == 'TLSv1.2'
        desk.dial(201)
        invite = home.hear_request('INVITE')
        assert 'TLS' in invite.headers['via'][0] and f'{office.lab.office.public}:5071;transport=tls' in invite.headers['contact'][0]
        home.answer(180, 'Ringing')
        home.answer(200, 'OK')
        desk.wait('CALL_ESTABLISHED')
        assert home.hear_request('ACK')
        assert home.bye() == 200
        desk.closed()
        home.dial(168)
        home.established()
        desk.hang_up()
        assert home.hear_request('BYE')
        home.answer(200, 'OK')
        until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')
        # Its connection is the only way to it, and it is gone at once with it.
        home.close()
        until(lambda: office.counts()['tcp_open'] == 0, 3, 'the connection is closed')
        desk.dial(201)
        assert '480' in desk.closed(2)
