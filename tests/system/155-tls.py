"""SIP over TLS 1.2 and 1.3: phones at home behind NAT and in the office register, call and are called."""

from lab.expect import hear_each_other
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


def an_old_desk_phone_taken_home(office, desk):
    """A T41P of 2014, by TLS 1.2 without GCM: registers, is called, calls."""
    home = office.tls_phone(203, office.lab.homes['A'].phones[0], **YEALINK_T41P)
    home.connect().register()
    assert home.sock.cipher()[0] == 'ECDHE-RSA-AES128-SHA' and home.sock.version() == 'TLSv1.2'
    desk.dial(203)
    invite = home.hear_request('INVITE')
    assert 'TLS' in invite.headers['via'][0]
    assert f'{office.lab.office.public}:5071;transport=tls' in invite.headers['contact'][0]
    home.answer(180, 'Ringing')
    home.answer(200, 'OK')
    desk.wait('CALL_ESTABLISHED')
    assert home.hear_request('ACK')
    assert home.bye() == 200
    desk.closed()
    home.dial(168)
    home.established()
    desk.wait('CALL_ESTABLISHED')
    desk.hang_up()
    assert home.hear_request('BYE')
    home.answer(200, 'OK')
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')
    # Its connection is the only way to it, and it is gone at once with it.
    before = office.counts()['tcp_open']
    home.close()
    until(lambda: office.counts()['tcp_open'] == before - 1, 3, 'the connection is closed')
    desk.dial(203)
    assert '480' in desk.closed(2)


def test_makes_of_phone():
    """baresip by 1.3 and 1.2, linphone by 1.2, a T41P's profile: with the office by TLS, and from home to home."""
    with TlsOffice(homes=(Home('A'), Home('B')), kind='rsa2048') as office:
        first = office.home('A', transport='tls', ca=office.certificate)
        assert office.counts()['tls_1_3'] == 1
        desk = office.desk(transport='tls', tls_most='TLSv1.2')
        row = office.registration(first.number)
        assert row['transport'] == 'tls' and int(row['connection']) > 0, row
        assert office.registration(desk.number)['transport'] == 'tls'
        talk(first, desk)
        talk(desk, first)
        second = office.linphone(202, office.lab.homes['B'].phones[0])
        now = office.counts()
        assert (now['tls_up'], now['tls_1_3']) == (3, 1), now
        talk(second, desk)
        talk(first, second)
        an_old_desk_phone_taken_home(office, desk)
