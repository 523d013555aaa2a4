"""Strangers without a password: nothing of theirs is passed on, and they learn nothing."""

import re

from lab import sip
from lab.capture import Capture
from lab.office import RTP_RANGE, SIP_PORT, Office, password
from lab.postern import DOMAIN
from lab.rawphone import RawPhone

METHODS = ('INVITE', 'MESSAGE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'PUBLISH', 'PRACK', 'UPDATE', 'INFO', 'BYE',
           'FROBNICATE', 'invite', 'RE%47ISTER')
MARK = 'Zaphod-9b1e'
RANDOM = re.compile(rb'nonce="[^"]*"|;tag=[^;\r\n]*|branch=[^;\r\n]*|(?<=Call-ID: )\S+|(?<=rport=)\d+')


def tries(desk):
    """Ways to make somebody pass a request to the office phone."""
    to_phone = f'sip:168@{desk.local[0]}:{desk.local[1]}'
    route = f'Route: <sip:{desk.local[0]};lr>'
    body = ['Content-Type: text/plain', 'Event: message-summary', 'Refer-To: <sip:666@x>']
    return {
        'to its number': (f'sip:168@{DOMAIN}', body),
        'to its number, routed': (f'sip:168@{DOMAIN}', [*body, route]),
        'to its address': (to_phone, body),
        'to its address, routed by us': (to_phone, [*body, f'Route: <sip:{DOMAIN};lr>, <sip:{desk.local[0]};lr>']),
        'in a dialog': (f'sip:168@{DOMAIN}', [*body, 'X-To-Tag: 1']),
    }


def knock(sock, server, method, uri, headers):
    """Send it; the final status (None: silence)."""
    data = sip.request(method, uri, sock.getsockname(), from_='168', headers=headers, body=MARK.encode())
    if 'X-To-Tag: 1' in headers:
        data = data.replace(f'To: <{uri}>'.encode(), f'To: <{uri}>;tag=1'.encode())
    answer = sip.ask(sock, server, data, 0.3)
    return answer and sip.status(answer)


def check_methods(office, host, server):
    """Every method, in each way, from host: refused, never passed on."""
    lab = office.lab
    with RawPhone(lab.office.phones[0], (lab.postern_host.address, 5060), 168, password(168)) as desk:
        desk.register()
        for method in METHODS:
            got = {}
            with host.udp_socket() as sock:      # a new port, one budget: the host's
                for way, (uri, headers) in tries(desk).items():
                    got[way] = knock(sock, server, method, uri, headers)
            print(f'{method}: {got}')
            assert all(code is None or 400 <= code < 600 for code in got.values()), f'{method}: {got}'
            assert got['to its number'], f'{method}: silence, nothing was tested'
        desk.hear(lambda m: False, 0.5)
        assert not [d for d in desk.received if MARK.encode() in d or sip.looks_like(d) and b'SIP/2.0\r\n' in d[:200]
                    and not d.startswith(b'SIP/2.0')], f'reached the phone: {desk.received}'


def test_no_method_passes_from_outside():
    with Office() as office:
        check_methods(office, office.lab.attacker, (office.lab.office.public, 5070))


def test_no_method_passes_from_an_unknown_office_device():
    with Office(office_phones=2) as office:
        check_methods(office, office.lab.office.phones[1], (office.lab.postern_host.address, 5060))


def test_internal_listener_is_for_the_office():
    """A router that forwards the office's own port by mistake opens nothing."""
    with Office(forward=[SIP_PORT, RTP_RANGE, 'udp/5060']) as office:
        lab, wrong = office.lab, (office.lab.office.public, 5060)
        at_postern = Capture(lab.postern_host, lab.path('postern.pcap'), filter_='udp')
        for host, port in ((lab.attacker, 5060), (lab.homes['A'].phones[0], 5060)):
            with host.udp_socket(port) as sock:
                assert sip.register(sock, wrong, DOMAIN, 201, 'SIP-201', password(201)) is None
                assert sip.register(sock, wrong, DOMAIN, 168, 'SIP-168', password(168)) is None
                for data in (sip.request('OPTIONS', f'sip:{DOMAIN}', sock.getsockname()), b'garbage SIP/2.0\r\n\r\n'):
                    assert not sip.ask(sock, wrong, data, 0.3), 'the internal listener answered the internet'
        came = [m for p, m in at_postern.sip() if p.destination[1] == 5060]
        assert len(came) >= 6, f'only {len(came)} requests came through the router: nothing was tested'
        office.desk()                    # and the office's phones register there


# -- what a stranger can find out ----------------------------------------------

def answers_to(host, server, address, number, username, secret, port):
    """The bytes of the challenge and of each verdict for one account, what is random made equal."""
    got = []
    with host.udp_socket(port, address) as sock:
        sock.settimeout(2.0)
        uri, local, extra = f'sip:{DOMAIN}', sock.getsockname(), ['Expires: 60']
        for cseq in range(1, TRIES + 2):
            sock.sendto(sip.request('REGISTER', uri, local, to=f'sip:{number}@{DOMAIN}', from_=number,
                                    headers=extra, call_id='c' * 20, cseq=cseq), server)
            got.append(sock.recv(65535))
            challenge = sip.parse(got[-1]).headers.get('www-authenticate')
            if challenge:
                value = sip.digest(challenge[0], 'REGISTER', uri, username, secret)
                extra = ['Expires: 60', f'Authorization: {value}']
    return [common_form(data, number) for data in got]


def common_form(data, number):
    """An answer's bytes with what is random, and the number asked for, made equal."""
    return re.sub(rb'198\.51\.100\.\d+', b'', RANDOM.sub(b'', data)).replace(b'sip:%d@' % number, b'sip:NNN@')


TRIES = 12                         # wrong answers for each account, more than are metered in a minute
ACCOUNTS = {
    'wrong password': (202, 'SIP-202', 'wrong'),
    'unknown user': (777, 'SIP-777', 'wrong'),
    'no internet flag, wrong password': (169, 'SIP-169', 'wrong'),
    'no internet flag, right password': (168, 'SIP-168', password(168)),
    'the user of another number': (203, 'SIP-777', 'wrong'),
    'no user at all': (204, '', 'wrong'),
    'SQL for a name': (205, "' OR 1=1 --", 'wrong'),
}


def test_accounts_cannot_be_listed():
    """The same challenge and the same 403, byte for byte, whoever exists."""
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        own = lab.attacker_addresses('198.51.100.128/25')    # one for each: a guesser's address is soon dropped
        got = {what: answers_to(lab.attacker, server, address, *account, 5060)
               for address, (what, account) in zip(own, ACCOUNTS.items())}
        first = got['wrong password']
        print(first[0].decode(), first[1].decode(), sep='')
        assert first[0].startswith(b'SIP/2.0 401 ') and first[1].startswith(b'SIP/2.0 403 '), first
        assert {answer.split()[1] for answer in first[1:]} == {b'403'}, 'guessing on changes the answer'
        for what, answers in got.items():
            assert answers == first, f'{what} is answered differently: {answers} instead of {first}'


def test_numbers_cannot_be_listed():
    """Without a password a called number answers the same, whether it exists, is registered, or not."""
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        office.desk()
        for method in ('INVITE', 'OPTIONS', 'SUBSCRIBE', 'MESSAGE'):
            said = set()
            for number in (168, 169, 201, 777):
                with lab.attacker.udp_socket(5060) as sock:
                    sock.settimeout(2.0)
                    sock.sendto(sip.request(method, f'sip:{number}@{DOMAIN}', sock.getsockname(), call_id='c' * 20), server)
                    said.add(common_form(sock.recv(65535), number))
            assert len(said) == 1, f'{method}: {said}'


# -- what a subscriber cannot do with his own password ---------------------------

def register_as(sock, server, number, contact, expires, username):
    """REGISTER number with the credentials of username; the final status."""
    uri, local = f'sip:{DOMAIN}', sock.getsockname()
    lines = [f'Expires: {expires}']
    for cseq in (1, 2):
        data = sip.request('REGISTER', uri, local, to=f'sip:{number}@{DOMAIN}', from_=number, headers=lines, cseq=cseq)
        data = re.sub(rb'Contact: [^\r]*', b'Contact: ' + contact.encode(), data)
        answer = sip.ask(sock, server, data)
        if sip.status(answer) != 401:
            break
        value = sip.digest(answer.headers['www-authenticate'][0], 'REGISTER', uri, username,
                           password(int(username.removeprefix('SIP-'))))
        lines = [*lines, f'Authorization: {value}']
    return sip.status(answer)


def test_bindings_of_others_are_safe():
    """201's password neither adds a binding to 202 nor removes one."""
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        with lab.homes['A'].phones[0].udp_socket(5062) as victim, lab.attacker.udp_socket(5060) as sock:
            assert sip.status(sip.register(victim, server, DOMAIN, 202, 'SIP-202', password(202))) == 200
            before = office.postern.rows('SELECT * FROM registration')
            assert len(before) == 1, before
            for contact, expires in (('<sip:202@203.0.113.66>', 60), ('*', 0), ('<sip:202@203.0.113.66>', 0)):
                status = register_as(sock, server, 202, contact, expires, 'SIP-201')
                assert status == 403, f'{contact} for another: {status}'
            assert office.postern.rows('SELECT * FROM registration') == before
            assert register_as(sock, server, 201, '<sip:201@203.0.113.66>', 60, 'SIP-201') == 200


def test_a_digest_buys_one_call_to_one_number():
    """An answer made for 777 calls nobody else, and none calls twice."""
    with Office(office_phones=2) as office:
        lab, inside = office.lab, (office.lab.postern_host.address, 5060)
        home = RawPhone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, password(201)).register()
        desk = RawPhone(lab.office.phones[0], inside, 168, password(168)).register()
        home.invite(777, expand=lambda head: head.replace('INVITE sip:777@', 'INVITE sip:168@'))
        refusal = home.hear(lambda m: (sip.status(m) or 0) >= 300)
        assert refusal and sip.status(refusal) == 400, refusal
        assert not desk.hear_request('INVITE', 0.3), 'another number rang'

        sent = home.invite(168)
        assert desk.hear_request('INVITE'), 'not offered'
        desk.answer(486)
        assert home.hear(lambda m: sip.status(m) == 486)
        again = sent.replace(b'branch=z9hG4bK', b'branch=z9hG4bKx').replace(b'Call-ID: ', b'Call-ID: x')
        for source in (home.sock, lab.attacker.udp_socket(5060)):
            source.sendto(again, home.server)
            got = sip.answers(source, 1.0, enough=lambda m: sip.final(m) and 'x' in m.headers['call-id'][0][:1])
            assert sip.status(got[-1]) == 401, f'a used digest: {got[-1].start}'
        assert not [d for d in desk.received if d.startswith(b'INVITE')][1:], 'the replay rang'
        assert not desk.hear_request('INVITE', 0.3), 'the replay rang'
