"""A call whose minutes cost money ends when the money of the day does: BYE to both by the gate, and it is said why."""

import json
import re
import secrets
import time

from lab import sip
from lab.office import DOMAIN, Home, Office, password
from lab.postern import program
from lab.rawphone import RawPhone
from lab.wait import until


def raw(office, host, server, number):
    """A registered phone of sockets."""
    phone = RawPhone(host, server, number, password(number), port=5070)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def final(phone, number):
    """INVITE; the final answer."""
    phone.invite(number)
    return phone.hear(lambda m: (sip.status(m) or 0) >= 200 and '2 INVITE' in m.headers['cseq'][0], 5)


def talk(caller, desk):
    """The caller calls a desk that answers."""
    caller.invite(desk.number)
    assert desk.hear_request('INVITE', 5), 'it does not ring'
    desk.answer(200, (f'Contact: <sip:{desk.number}@{desk.local[0]}:{desk.local[1]}>', 'Content-Type: application/sdp'),
                desk.sdp)
    answer = caller.hear(lambda m: sip.status(m) == 200, 5)
    assert answer
    target = re.search(r'<([^>]+)>', answer.headers['contact'][0])[1]
    caller.send(('\r\n'.join((
        f'ACK {target} SIP/2.0',
        f'Via: SIP/2.0/UDP {caller.local[0]}:{caller.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
        'Max-Forwards: 70', f'From: <sip:{caller.number}@{DOMAIN}>;tag={caller.tag}',
        f'To: {answer.headers["to"][0]}', f'Call-ID: {caller.call_id}', 'CSeq: 2 ACK', 'Content-Length: 0'))
        + '\r\n\r\n').encode())
    assert desk.hear_request('ACK', 3)


def test_the_second_minute_costs_too_much():
    """A minute costs 2 and 3 a day are allowed: the call ends when its second minute begins, and no other is granted."""
    with Office(homes=[Home('A')], office_phones=2) as office:
        office.postern.sql("INSERT INTO number_class(pattern, class, cost_minute) VALUES ('168', 'premium', 2);"
                           "INSERT INTO class_of_service(name, internet, cost_day) VALUES ('one', 'premium', 3);"
                           "UPDATE subscriber SET rights = 'one' WHERE number = '201'")
        office.postern.in_effect()
        caller = raw(office, office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201)
        desk = raw(office, office.lab.office.phones[0], ('192.168.10.2', 5060), 168)
        talk(caller, desk)
        began = time.monotonic()
        assert not caller.hear_request('BYE', 50), 'it ended in the minute that was paid'
        bye = caller.hear_request('BYE', 25)
        lasted = time.monotonic() - began
        assert bye and 'money is used up' in bye.headers['reason'][0], bye
        caller.answer(200)
        assert 58 < lasted < 70, lasted
        assert desk.hear_request('BYE', 3), 'the other phone was not told'
        desk.answer(200)
        record, = until(lambda: office.postern.rows('SELECT * FROM call_record'), 5, 'the call has its record')
        assert (record['ended_by'], record['stop'], record['rule']) == ('policy', 'cost', 'class one: cost_day'), record
        assert float(record['cost']) == 4, record
        said = json.loads(office.postern.host.run(
            [program(), 'explain', str(record['ticket']), '--json', '--state', office.postern.state], check=False,
            timeout=20).stdout)['findings'][0]
        assert said['code'] == 'cap' and 'rule "class one: cost_day"' in said['what'], said
        assert sip.status(final(caller, 168)) == 403
