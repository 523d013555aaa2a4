"""Somebody has a password and telephones from outside: nothing that costs money is reached, a cap ends what is allowed.

The drill, in its order: he registers with 168's password; dials premium, international and satellite numbers, however
they are written; forwards a call there by 302;
refers a desk there, in a call that he made and in one that he got; and shows that a cap ends a call that is allowed.
"""

import json
import re
import secrets

from lab import sip
from lab.office import DOMAIN, Home, Office, password
from lab.postern import program
from lab.rawphone import RawPhone
from lab.wait import until

STOLEN = 168
DIALLED = {'0900123456': 'premium', '+49900123456': 'premium', '0-900.123456': 'premium', '%30900123456': 'premium',
           '0044712345678': 'international', '+881612345678': 'satellite', '030123456': 'national'}


def raw(office, host, server, number):
    """A registered phone of sockets."""
    phone = RawPhone(host, server, number, password(number), port=5070)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def ask(phone, number):
    """INVITE; the final answer."""
    phone.invite(number)
    return phone.hear(lambda m: (sip.status(m) or 0) >= 200 and '2 INVITE' in m.headers['cseq'][0], 5)


def inside(phone, answer, method, cseq, *lines):
    """A request in the dialog that this 200 made."""
    target = re.search(r'<([^>]+)>', answer.headers['contact'][0])[1]
    head = [f'{method} {target} SIP/2.0',
            f'Via: SIP/2.0/UDP {phone.local[0]}:{phone.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
            'Max-Forwards: 70', f'From: <sip:{phone.number}@{DOMAIN}>;tag={phone.tag}', f'To: {answer.headers["to"][0]}',
            f'Call-ID: {phone.call_id}', f'CSeq: {cseq} {method}',
            f'Contact: <sip:{phone.number}@{phone.local[0]}:{phone.local[1]}>', *lines, 'Content-Length: 0']
    phone.send(('\r\n'.join(head) + '\r\n\r\n').encode())


def talk(thief, desk, number):
    """The thief calls a desk that answers; its 200."""
    thief.invite(number)
    assert desk.hear_request('INVITE', 5), 'it does not ring'
    desk.answer(200, (f'Contact: <sip:{desk.number}@{desk.local[0]}:{desk.local[1]}>', 'Content-Type: application/sdp'),
                desk.sdp)
    answer = thief.hear(lambda m: sip.status(m) == 200, 5)
    assert answer
    inside(thief, answer, 'ACK', 2)
    assert desk.hear_request('ACK', 3)
    return answer


def denied(office, via):
    """The records of what was refused, in order."""
    return [(row['called'], row['number_class'], row['rule']) for row in office.postern.rows(
        f"SELECT * FROM call_record WHERE via = '{via}' AND verdict LIKE 'denied: no %' ORDER BY ticket")]


def test_a_stolen_password():
    """168's password, whose class may call everything from the office: dialled, by 302 and by REFER."""
    rule = 'class premium: internet'
    with Office(homes=[Home('A')], office_phones=2, settings={('site', 'country'): '49'}) as office:
        office.postern.sql(f"UPDATE subscriber SET class = 'premium', internet = number = '{STOLEN}' OR internet;")
        office.postern.in_effect()
        thief = raw(office, office.lab.attacker, (office.lab.office.public, 5070), STOLEN)
        desk = raw(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 169)
        for number, kind in DIALLED.items():
            answer = ask(thief, number)
            assert answer and sip.status(answer) == 403, f'{number}: {answer and answer.start}'
            assert f'no {kind} calls from the internet' in answer.headers['reason'][0], answer.headers
        until(lambda: len(denied(office, 'call')) == len(DIALLED), 5, 'each denial has its record')
        assert [row[1:] for row in denied(office, 'call')] == [(kind, rule) for kind in DIALLED.values()]

        desk.invite(STOLEN)                  # the thief's phone forwards
        assert thief.hear_request('INVITE', 5)
        thief.answer(302, (f'Contact: <sip:0900123456@{DOMAIN}>',))
        final = desk.hear(lambda m: (sip.status(m) or 0) >= 300 and '2 INVITE' in m.headers['cseq'][0], 5)
        assert final and sip.status(final) == 480, final and final.start
        until(lambda: denied(office, 'redirect') == [('0900123456', 'premium', rule)], 5, 'the redirect has its record')

        answer = talk(thief, desk, 169)      # a desk with the right is to call there
        inside(thief, answer, 'REFER', 3, f'Refer-To: <sip:0900123456@{DOMAIN}>')
        final = thief.hear(lambda m: (sip.status(m) or 0) >= 200 and 'REFER' in m.headers['cseq'][0], 5)
        assert final and sip.status(final) == 403, final and final.start
        assert not desk.hear_request('REFER', 0.5)
        until(lambda: denied(office, 'refer') == [('0900123456', 'premium', rule)], 5, 'the REFER has its record')
        inside(thief, answer, 'BYE', 4)
        assert desk.hear_request('BYE', 3)
        desk.answer(200)
        assert answer_to_transfer(office, thief) == 403
        rules = {(r['via'], r['number_class'], r['rule']) for r in office.postern.rows('SELECT * FROM call_record')
                 if r['verdict'].startswith('denied')}
        assert rules == {('call', kind, rule) for kind in DIALLED.values()} | {
            ('redirect', 'premium', rule), ('refer', 'premium', rule), ('refer', 'international', rule)}, rules
        assert 'call-denied' in office.postern.logs()
        shown = office.postern.host.run([program(), 'class', 'test', str(STOLEN), '0900123456', '--json', '--state',
                                         office.postern.state], check=False)
        assert shown.returncode == 1, shown
        said = json.loads(shown.stdout)
        assert said['kind'] == 'premium' and said['office']['may'] and not said['internet']['may'], said
        assert said['internet']['rule'] == rule and said['as'] == '+49900123456', said


def answer_to_transfer(office, thief):
    """He takes 168's own rights with him: a REFER in a call that a desk began, to what he may not dial."""
    desk = raw(office, office.lab.office.phones[1], ('192.168.10.2', 5060), 202)
    desk.invite(STOLEN)
    assert thief.hear_request('INVITE', 5)
    body = (f'Contact: <sip:{STOLEN}@{thief.local[0]}:{thief.local[1]}>', 'Content-Type: application/sdp')
    thief.answer(200, body, thief.sdp)
    answer = desk.hear(lambda m: sip.status(m) == 200, 5)
    assert answer
    inside(desk, answer, 'ACK', 2)
    request = thief.hear_request('ACK', 3)
    assert request
    refer(thief, request, '0044712345678')
    final = thief.hear(lambda m: (sip.status(m) or 0) >= 200 and 'REFER' in m.headers['cseq'][0], 5)
    return final and sip.status(final)


def refer(phone, ack, number):
    """REFER by the called phone, in the dialog whose ACK it heard."""
    invite = next(sip.parse(d) for d in reversed(phone.received) if d.startswith(b'INVITE'))
    target = re.search(r'<([^>]+)>', invite.headers['contact'][0])[1]
    phone.send(('\r\n'.join([
        f'REFER {target} SIP/2.0', f'Via: SIP/2.0/UDP {phone.local[0]}:{phone.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
        'Max-Forwards: 70', f'From: {ack.headers["to"][0]}', f'To: {ack.headers["from"][0]}',
        f'Call-ID: {ack.headers["call-id"][0]}', 'CSeq: 77 REFER', f'Refer-To: <sip:{number}@{DOMAIN}>',
        f'Contact: <sip:{phone.number}@{phone.local[0]}:{phone.local[1]}>', 'Content-Length: 0']) + '\r\n\r\n').encode())


def test_what_is_taken_from_him_is_gone():
    """A new password, no internet, another place, a forbidden number: his call and his registration end at once."""
    with Office(homes=[], office_phones=1) as office:
        office.postern.sql(f"UPDATE subscriber SET internet = 1 WHERE number = '{STOLEN}'")
        office.postern.in_effect()
        thief = raw(office, office.lab.attacker, (office.lab.office.public, 5070), STOLEN)
        desk = raw(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 202)

        def admin(*words):
            done = office.postern.host.run([program(), 'subscriber', *words, '--state', office.postern.state])
            assert 'within a second' in done.stdout, done.stdout

        def registered():
            return office.postern.rows(f"SELECT * FROM registration WHERE number = '{STOLEN}'")

        taken = [('number_class: forbidden', lambda: office.postern.sql(
                     "INSERT INTO number_class(pattern, class) VALUES ('202', 'forbidden')"),
                  "DELETE FROM number_class WHERE pattern = '202'"),
                 ('allowed_from', lambda: office.postern.sql(
                     f"INSERT INTO allowed_from VALUES ('{STOLEN}', '10.0.0.0/8')"), 'DELETE FROM allowed_from'),
                 ('internet', lambda: admin('internet', str(STOLEN), 'off'), f"UPDATE subscriber SET internet = 1 WHERE number = '{STOLEN}'"),
                 ('password', lambda: admin('passwd', str(STOLEN)), '')]
        for rule, take, back in taken:
            thief.register()
            talk(thief, desk, 202)
            until(lambda: office.postern.rows("SELECT * FROM live_call WHERE state = 'answered'"), 5, 'it runs')
            take()
            for phone in (thief, desk):
                bye = phone.hear_request('BYE', 3)
                assert bye, f'{rule}: his call goes on'
                phone.answer(200)
            until(lambda: office.postern.rows(
                f"SELECT 1 FROM call_record WHERE rule = '{rule}' AND stop = 'right'"), 3, f'{rule} has its record')
            if rule.startswith('number_class'):
                assert registered()
            else:
                until(lambda: not registered(), 2, f'{rule}: his registration ends')
                desk.invite(STOLEN)
                assert not thief.hear_request('INVITE', 1), f'{rule}: he is still rung'
                assert desk.hear(lambda m: (sip.status(m) or 0) >= 400 and '2 INVITE' in m.headers['cseq'][0], 3)
            if back:
                office.postern.sql(back)
                office.postern.in_effect()
        assert sip.status(sip.register(thief.sock, thief.server, DOMAIN, STOLEN, thief.username, thief.password)) == 403


def test_a_cap_ends_a_call():
    """55 of 60 seconds are used: the call ends after five, though registrar-db and sigproxy were killed meanwhile."""
    with Office(homes=[Home('A')], office_phones=2) as office:
        office.postern.sql("INSERT INTO number_class(pattern, class) VALUES ('168', 'premium');"
                           "INSERT INTO class_of_service(name, internet, minutes_day) VALUES ('one', 'premium', 1);"
                           "UPDATE subscriber SET rights = 'one' WHERE number = '201';"
                           "INSERT INTO spent VALUES ('201', date('now', 'localtime'), 55, 0)")
        thief = raw(office, office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201)
        desk = raw(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 168)
        talk(thief, desk, 168)
        until(lambda: office.postern.rows('SELECT * FROM live_call WHERE answered IS NOT NULL'), 5, 'it is written down')
        for role in ('registrar-db', 'sigproxy'):
            old = office.postern.kill(role)
            office.postern.wait_restarted(role, old)
        for phone in (thief, desk):
            bye = phone.hear_request('BYE', 10)
            assert bye and 'minutes are used up' in bye.headers['reason'][0], bye
            phone.answer(200)
        record, = until(lambda: office.postern.rows('SELECT * FROM call_record'), 5, 'the call has its record')
        assert (record['ended_by'], record['stop'], record['rule']) == ('policy', 'minutes', 'class one: minutes_day'), record
        assert sip.status(ask(thief, 168)) == 403
