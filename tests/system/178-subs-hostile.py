"""Forged subscriptions, floods of them, and who looks for numbers: bounded, and nothing is learnt."""

import re
import secrets

from lab import sip
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.office import Home, Office, password
from lab.postern import DOMAIN
from lab.watcher import DIALOG, Watcher


def keys(office, number=202):
    """A phone at home with keys."""
    phone = Watcher(office.lab.homes['A'].phones[1], (office.lab.office.public, 5070), number, password(number),
                    port=5066)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def forged(method, key, local, headers=()):
    """A request in a key's dialog by somebody who saw all of it."""
    lines = [f'{method} {key.uri} SIP/2.0',
             f'Via: SIP/2.0/UDP {local[0]}:{local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport', 'Max-Forwards: 70',
             f'From: <sip:{key.phone.number}@{DOMAIN}>;tag={key.tag}', f'To: {key.to}', f'Call-ID: {key.call_id}',
             f'CSeq: {key.cseq + 50} {method}', f'Contact: <sip:evil@{local[0]}:{local[1]}>', *headers,
             'Content-Length: 0']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n'


def test_who_saw_the_dialog_gets_nothing_of_it():
    with Office(homes=[Home('A', phones=2)]) as office:
        server = (office.lab.office.public, 5070)
        at_attacker = Capture(office.lab.attacker, office.lab.path('attacker.pcap'), filter_='udp')
        phone = keys(office)
        status, key = phone.key(168)
        assert status == 200
        key.until(lambda k: k.state == 'terminated')
        with office.lab.attacker.udp_socket(5060) as sock:
            local = sock.getsockname()
            for expires in (0, 600, 4294967295):
                answer = sip.ask(sock, server, forged('SUBSCRIBE', key, local, [*DIALOG, f'Expires: {expires}']))
                assert sip.status(answer) == 401, answer.start
            answer = sip.ask(sock, server, forged('NOTIFY', key, local, [
                'Event: dialog', 'Subscription-State: terminated']))
            assert sip.status(answer) == 481, answer.start
        # Another subscriber of the same home, with a right password of his own.
        thief = Watcher(office.lab.homes['A'].phones[0], server, 203, password(203), port=5070)
        office.lab.on_close(thief.sock.close)
        thief.register()
        thief.send(forged('SUBSCRIBE', key, thief.local, [*DIALOG, 'Expires: 0']))
        challenge = thief.take(lambda m: sip.status(m) == 401)
        value = sip.digest(challenge.headers['www-authenticate'][0], 'SUBSCRIBE', key.uri, 'SIP-203', password(203))
        thief.send(forged('SUBSCRIBE', key, thief.local, [*DIALOG, 'Expires: 0', f'Authorization: {value}']))
        assert thief.take(lambda m: sip.status(m) and sip.status(m) != 401).start.split()[1] == '403'
        # Challenges to NOTIFY are not answered: the key ends, no digest leaves.
        desk, other = office.desk(), office.home()
        other.call(desk)
        key.until(lambda k: k.state == 'confirmed')
        assert key.ended is None
        other.hang_up()
        key.until(lambda k: k.state == 'terminated')
        assert not [m for p, m in at_attacker.sip() if m.start.startswith('NOTIFY')
                    and p.destination[0] == office.lab.attacker.address]


def test_floods_and_searches_are_bounded():
    """One password fills its share only; unknown, hidden and disabled numbers look the same; calls go on."""
    with Office(homes=[Home('A', phones=2)]) as office:
        office.postern.sql("UPDATE subscriber SET watched = 0 WHERE number = '203';\n"
                           "UPDATE subscriber SET enabled = 0 WHERE number = '204';\n")
        phone = keys(office)
        answers = {}
        for number in (203, 204, 999):
            status, key = phone.key(number)
            answers[number] = status
        assert set(answers.values()) == {404}, answers
        statuses = [phone.key(168, [*DIALOG[:1], f'X-Key: {n}'])[0] for n in range(3)]
        assert statuses == [200] * 3
        # Each with a Contact of its own is another key: one password has a hundred.
        uri, phone.takes_all = f'sip:168@{DOMAIN}', True
        got = []
        for n in range(110):
            call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
            answer = None
            for cseq in (1, 2):
                lines = [f'SUBSCRIBE {uri} SIP/2.0',
                         f'Via: SIP/2.0/UDP {phone.local[0]}:5066;branch=z9hG4bK{secrets.token_hex(6)};rport',
                         'Max-Forwards: 70', f'From: <sip:202@{DOMAIN}>;tag={tag}', f'To: <{uri}>',
                         f'Call-ID: {call_id}', f'CSeq: {cseq} SUBSCRIBE',
                         f'Contact: <sip:202-{n}@{phone.local[0]}:5066>', *DIALOG, 'Expires: 600']
                if answer:
                    value = sip.digest(answer.headers['www-authenticate'][0], 'SUBSCRIBE', uri, 'SIP-202',
                                       password(202))
                    lines.append(f'Authorization: {value}')
                phone.send('\r\n'.join([*lines, 'Content-Length: 0']).encode() + b'\r\n\r\n')
                answer = phone.take(lambda m: sip.status(m) and m.headers['call-id'][0] == call_id
                                    and m.headers['cseq'][0].startswith(f'{cseq} '))
            got.append(sip.status(answer))
        print({status: got.count(status) for status in set(got)})
        assert got.count(480) >= 10 and got.count(200) <= 100, got
        text = office.postern.status_text()
        count = int(re.search(r'"subscriptions": ?(\d+)', text)[1])
        assert count <= 101, count
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()
