"""Calls for help: by number and by urn:service:sos, past every class and cap; from the office without a password, from
outside never."""

import re

from lab import sip
from lab.office import DOMAIN, Home, Office, password
from lab.rawphone import RawPhone
from lab.wait import until

SETTINGS = {('site', 'emergency'): '169, 112'}
SOS = ['urn:service:sos', 'urn:service:sos.police', 'URN:service:SOS.fire']


def phone(office, host, server, number, port=5060):
    """A registered phone of sockets."""
    one = RawPhone(host, server, number, password(number), port=port)
    office.lab.on_close(one.sock.close)
    return one.register()


def invite(sock, uri, from_='nobody'):
    """An INVITE without a digest answer, as bytes."""
    local = sock.getsockname()
    body = (f'v=0\r\no=- 1 1 IN IP4 {local[0]}\r\ns=-\r\nc=IN IP4 {local[0]}\r\nt=0 0\r\n'
            'm=audio 10000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n').encode()
    return sip.request('INVITE', uri, local, from_=from_, headers=['Content-Type: application/sdp'], body=body)


def called(helper, sock, server, uri, from_='nobody'):
    """The request that reached the helper, who declines; and the caller's final status."""
    data = invite(sock, uri, from_)
    sock.sendto(data, server)
    came = helper.hear_request('INVITE', 2)
    if came:
        helper.answer(486)
    mine = re.search(rb'Call-ID: ([^\r]*)', data)[1].decode()
    got = [m for m in sip.answers(sock, 3, enough=lambda m: sip.final(m) and m.headers['call-id'] == [mine])
           if sip.final(m) and m.headers['call-id'] == [mine]]
    return came, got and sip.status(got[-1])


def test_from_the_office_without_a_password():
    """A phone that is not registered, in every way that the number is written; other numbers are challenged."""
    with Office(homes=[], office_phones=2, settings=SETTINGS) as office:
        server = ('192.168.10.2', 5060)
        helper = phone(office, office.lab.office.phones[0], server, 169)
        with office.lab.office.phones[1].udp_socket(5060) as sock:
            for uri in (f'sip:169@{DOMAIN}', 'sip:1-69@192.168.10.2', 'tel:169;phone-context=sip.example.org',
                        'sip:169@example.com', *SOS):
                came, status = called(helper, sock, server, uri)
                print(f'{uri}: {came and came.start} {status}')
                assert came and status == 486, f'{uri}: {came} {status}'
                assert 'sip:anonymous@' in came.headers['from'][0], came.headers
            for uri in (f'sip:168@{DOMAIN}', f'sip:1690@{DOMAIN}', 'urn:service:counseling', f'sip:112x@{DOMAIN}',
                        'sip:168@example.com'):
                came, status = called(helper, sock, server, uri)
                assert not came and status in (401, 404, 416), f'{uri}: {came} {status}'
        # Whom to call back: a number whose phone is registered at this address, not one that is only claimed.
        with office.lab.office.phones[0].udp_socket(5070) as sock:
            came, _ = called(helper, sock, server, SOS[0], '169')
            assert 'sip:169@' in came.headers['from'][0], came.headers
            came, _ = called(helper, sock, server, SOS[0], '168')
            assert 'sip:anonymous@' in came.headers['from'][0], came.headers
        until(lambda: len(office.records()) >= 8, 5, 'each has its record')
        assert {(r['number_class'], r['rule'], r['from_zone']) for r in office.records()} == {
            ('emergency', 'emergency', 'internal')}, office.records()


def test_from_outside():
    """201, whose class allows nothing, whose minutes are used up, reaches help; a stranger reaches nobody."""
    with Office(homes=[Home('A')], office_phones=1, settings=SETTINGS) as office:
        office.postern.sql("INSERT INTO class_of_service(name, office, internet, max_calls, minutes_day, cost_day) "
                           "VALUES ('nothing', '', '', 0, 0, 0); UPDATE subscriber SET rights = 'nothing';"
                           "INSERT INTO emergency_service VALUES ('sos.police', '169'), ('sos', '111');"
                           "UPDATE number_class SET class = 'forbidden' WHERE class = 'internal';")
        office.postern.in_effect()
        outside = (office.lab.office.public, 5070)
        helper = phone(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 169)
        for uri in (f'sip:169@{DOMAIN}', f'sip:169@{outside[0]}', 'sip:169@example.com', *SOS):
            with office.lab.attacker.udp_socket(5060) as sock:
                came, status = called(helper, sock, outside, uri)
                print(f'stranger, {uri}: {status}')
                assert not came and status in ([], 401, 404), f'{uri}: {came} {status}'
        home = phone(office, office.lab.homes['A'].phones[0], outside, 201)
        home.invite(169)
        assert helper.hear_request('INVITE', 3)
        helper.answer(486)
        assert home.hear(lambda m: sip.status(m) == 486, 3)
        assert sos_call(home, SOS[1]) == 401, 'a registered phone outside is asked for its password'
        helper.received.clear()
        assert sos_call(home, SOS[1], home.password) is None
        assert helper.hear_request('INVITE', 3), 'the police is not called'
        records = until(lambda: office.postern.rows('SELECT * FROM call_record WHERE status = 486'), 5, 'a record')
        record = records[0]
        assert (record['number_class'], record['rule']) == ('emergency', 'emergency'), record


def test_from_where_it_may_not_be():
    """allowed_from keeps 201 from registering and calling; help it reaches, however 112 is written."""
    with Office(homes=[Home('A')], office_phones=1, settings={**SETTINGS, ('site', 'country'): '49'}) as office:
        outside, host = (office.lab.office.public, 5070), office.lab.homes['A'].phones[0]
        helper = phone(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 169)
        home = phone(office, host, outside, 201)
        office.postern.sql("INSERT INTO allowed_from VALUES ('201', '203.0.113.200/32')")
        until(lambda: sip.status(sip.register(home.sock, outside, DOMAIN, 201, 'SIP-201', home.password)) == 403, 5,
              'it may not register from there')
        for uri in (f'sip:169@{DOMAIN}', f'sip:0-169@{DOMAIN}', 'sip:169@example.com', f'sip:169;phone-context=+49@{DOMAIN}',
                    f'sips:169@{DOMAIN}', SOS[0]):
            helper.received.clear()
            assert sos_call(home, uri, home.password) is None
            assert helper.hear_request('INVITE', 3), f'{uri} does not reach help'
            helper.answer(486)
            assert home.hear(lambda m: sip.status(m) == 486, 3), uri
        sos_call(home, f'sip:168@{DOMAIN}', home.password)
        assert home.hear(lambda m: sip.status(m) == 403, 3), 'another call from there'
        sos_call(home, SOS[0], 'wrong')
        assert home.hear(lambda m: sip.status(m) == 403, 3), 'help without the password'


def by_our_name(home, uri):
    """An INVITE of a phone that knows our name: it is heard when its registration has ended meanwhile, too."""
    data = invite(home.sock, uri, '201')
    return data.replace(f'From: <sip:201@{home.local[0]}>'.encode(), f'From: <sip:201@{DOMAIN}>'.encode())


def sos_call(home, uri, secret=None):
    """INVITE a service from home; 401, or None once it has been answered to that."""
    first = by_our_name(home, uri)
    mine = re.search(rb'Call-ID: ([^\r]*)', first)[1].decode()
    for _ in range(4):                   # it retransmits, as every phone
        home.sock.sendto(first, home.server)
        challenge = home.hear(lambda m: sip.status(m) == 401 and m.headers['call-id'] == [mine], 1.5)
        if challenge:
            break
    assert challenge, f'{uri}: no challenge'
    if secret is None:
        return 401
    value = sip.digest(challenge.headers['www-authenticate'][0], 'INVITE', uri, 'SIP-201', secret)
    data = by_our_name(home, uri).replace(b'CSeq: 1', b'CSeq: 2')
    home.sock.sendto(data.replace(b'Content-Type', f'Authorization: {value}\r\nContent-Type'.encode()), home.server)
    return None
