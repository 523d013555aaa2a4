"""postern explain: phones that do not register, names nobody has, a call by its id; the twelve faults are in 273."""

import os
import re

from lab import sip
from lab.explained import explain, named
from lab.office import Office, password
from lab.postern import DOMAIN, REPOSITORY


def register(office, number, secret, home='A'):
    """The status of a REGISTER from home."""
    with office.lab.homes[home].phones[0].udp_socket() as sock:
        answer = sip.register(sock, (office.lab.office.public, 5070), DOMAIN, number, f'SIP-{number}', secret)
    return sip.status(answer)


def test_phones_that_do_not_register():
    """No such number, nothing comes, wrong password, flag missing, disabled; strangers who guess are told apart."""
    with Office() as office:
        named(office, 999, 'no-subscriber', remedy='postern subscriber add 999')
        named(office, 203, 'not-registered', remedy='postern-probe')
        assert register(office, 201, 'wrong-password-1') == 403
        named(office, 201, 'wrong-password', '1 times', office.lab.homes['A'].public, 'SIP-201',
              remedy='postern subscriber passwd')
        assert 'not-registered' not in explain(office, 201)
        office.postern.sql("UPDATE subscriber SET internet = 0 WHERE number = '202';\n")
        office.postern.sql("UPDATE subscriber SET enabled = 0 WHERE number = '204';\n")
        office.postern.in_effect()
        assert register(office, 202, password(202)) == 403
        named(office, 202, 'internet-flag-missing', office.lab.homes['A'].public, remedy='internet NUMBER on')
        named(office, 204, 'disabled', remedy='postern subscriber enable 204')
        assert register(office, 203, password(203)) == 200
        office.postern.sql("DELETE FROM registration;\n")
        home = office.home(number=203)
        with office.lab.attacker.udp_socket() as sock:
            answer = sip.register(sock, (office.lab.office.public, 5070), DOMAIN, 203, 'SIP-203', 'a-guess-1234')
        assert sip.status(answer) == 403
        found = explain(office, 203)
        assert found['guessed']['level'] == 'note' and office.lab.attacker.address in found['guessed']['seen'], found
        assert 'wrong-password' not in found and '203 is registered by udp' in found['registered']['what'], found
        text = office.postern.asked('explain', '203', '--state', office.postern.state).stdout
        assert 'ok: 203 is registered' in text and '    seen: ' in text, text
        home.stop()


def test_a_name_nobody_has():
    """The phone's user name is its number, which the admin forgot to look up."""
    with Office() as office:
        with office.lab.homes['A'].phones[0].udp_socket() as sock:
            sip.register(sock, (office.lab.office.public, 5070), DOMAIN, 201, '201', password(201))
        named(office, 201, 'username-unknown', 'user name 201', remedy='SIP-201')


def test_a_call_by_its_id():
    """What is said of a number's last call is said of that call by its id too; of a live one as well."""
    with Office() as office:
        desk, home = office.desk(answer='manual'), office.home()
        desk.dial('777')
        found = named(office, 168, 'no-such-number', '777', remedy='subscriber show')
        assert 'no-such-number' in explain(office, found['seen'].split()[1])
        home.dial(168)
        desk.wait('CALL_INCOMING')
        named(office, 201, 'call-fine', level='ok')
        home.hang_up()


def test_every_code_is_documented():
    """docs/explain.md names each code that the rules can give."""
    codes = set()
    for name in ('explain_phone.c', 'explain_refused.c', 'explain_doubt.c', 'explain_call.c', 'explain_sound.c', 'explain_tls.c'):
        with open(os.path.join(REPOSITORY, 'postern', name)) as file:
            text = file.read()
        for pattern in (r'finding_(?:new|ok|note)\([^;"]*"([a-z-]+)"', r'\{ "[^"]*", "([a-z-]+)",', r'\{ \d+, "([a-z-]+)",'):
            codes |= set(re.findall(pattern, text))
    assert {'wrong-password', 'no-ack', 'codec-mismatch', 'class-denied', 'guessed', 'not-from-there'} <= codes, codes
    with open(os.path.join(REPOSITORY, 'docs', 'explain.md')) as file:
        documented = set(re.findall('`([a-z-]+)`', file.read()))
    assert codes <= documented, codes - documented
