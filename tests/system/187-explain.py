"""postern explain: in each broken set-up it names the fault that was planted, with evidence and remedy."""

import json
import os
import re

from lab import certs, sip
from lab.expect import does_not_hear
from lab.net import Home
from lab.office import Office, SIP_PORT, password
from lab.postern import DOMAIN, REPOSITORY
from lab.rawphone import RawPhone
from lab.wait import until
from lab.zone import A, Zone


def explain(office, word):
    """The findings about a number or a call, by code."""
    done = office.postern.asked('explain', str(word), '--json', '--state', office.postern.state)
    assert done.returncode in (0, 1, 2) and not done.stderr, f'{word}: {done.returncode} {done.stderr}'
    return {finding['code']: finding for finding in json.loads(done.stdout)['findings']}


def names(office, word, code, *evidence, remedy='', level='error', seconds=3):
    """The finding of that code comes, and says this."""
    found = until(lambda: explain(office, word).get(code), seconds, f'{word} is explained as {code}', 0.2)
    assert found['level'] == level and all(text in found['seen'] + found['what'] for text in evidence), found
    assert remedy in found['do'] and (found['do'] or level == 'note'), found
    return found


def register(office, number, secret, home='A'):
    """The status of a REGISTER from home."""
    with office.lab.homes[home].phones[0].udp_socket() as sock:
        answer = sip.register(sock, (office.lab.office.public, 5070), DOMAIN, number, f'SIP-{number}', secret)
    return sip.status(answer)


def test_phones_that_do_not_register():
    """No such number, nothing comes, wrong password, flag missing, disabled; strangers who guess are told apart."""
    with Office() as office:
        names(office, 999, 'no-subscriber', remedy='postern subscriber add 999')
        names(office, 203, 'not-registered', remedy='postern-probe')
        assert register(office, 201, 'wrong-password-1') == 403
        names(office, 201, 'wrong-password', '1 times', office.lab.homes['A'].public, 'SIP-201',
              remedy='postern subscriber passwd')
        assert 'not-registered' not in explain(office, 201)
        office.postern.sql("UPDATE subscriber SET internet = 0 WHERE number = '202';\n")
        office.postern.sql("UPDATE subscriber SET enabled = 0 WHERE number = '204';\n")
        office.postern.in_effect()
        assert register(office, 202, password(202)) == 403
        names(office, 202, 'internet-flag-missing', office.lab.homes['A'].public, remedy='internet NUMBER on')
        names(office, 204, 'disabled', remedy='postern subscriber enable 204')
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
        names(office, 201, 'username-unknown', 'user name 201', remedy='SIP-201')


def test_calls_without_sound_and_calls_refused():
    """Symmetric with no range, codec mismatch, pool empty, no such number; the call's own id explains the same."""
    with Office(homes=[Home('A'), Home('B', nat='symmetric')], forward=[SIP_PORT], office_phones=2,
                settings={('media', 'channels'): 1}) as office:
        home, desk, other = office.home('B', number=202, with_stun=True), office.desk(), office.desk(1, codec='pcma')
        desk.call(home)
        does_not_hear(desk, home)
        names(office, 202, 'symmetric-no-range', 'packets from it 0', 'punch', remedy='forward [media] ports',
              level='warning', seconds=12)
        with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201)) as phone:
            phone.register()
            phone.invite(169)
            refused = phone.hear(sip.final)
            assert sip.status(refused) == 480
        found = names(office, 201, 'pool-empty', 'no-channel', '480', remedy='raise [media] channels')
        ticket = found['seen'].split()[1]
        assert set(explain(office, ticket)) >= {'pool-empty'}
        home.hang_up()
        desk.closed()
        until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'the call has ended')
        desk.dial('777')
        names(office, 168, 'no-such-number', '777')
        desk.dial('0900123456')
        names(office, 168, 'class-denied', 'premium', '0900%', remedy='docs/policy.md')
        desk.dial(other.number)
        desk.closed()
        names(office, 169, 'codec-mismatch', '488', remedy='same codec')


def test_no_ack():
    """A phone with a private Contact whose ACK never arrives."""
    with Office() as office:
        desk = office.desk()
        with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201)) as phone:
            phone.register()
            phone.invite(168)
            assert phone.hear(lambda m: sip.status(m) == 200), 'no 200'
            desk.wait('CALL_CLOSED', 40)
            names(office, 201, 'no-ack', '192.168.1.10', office.lab.homes['A'].public, remedy='SIP ALG off')


def test_a_router_that_rewrites():
    """The home's SIP ALG."""
    with Office(homes=(Home('A', alg=True),)) as office:
        home = office.home()
        names(office, 201, 'home-alg', office.lab.homes['A'].public, 'echo', remedy='TLS', seconds=8)
        home.stop()


def test_the_range_forwarded_wrongly_and_sound_blocked():
    """mode = forwarded with the range led to nobody; then a home whose network lets no RTP out."""
    with Office(forward=[SIP_PORT], settings={('media', 'mode'): 'forwarded'}) as office:
        blocked = office.lab.homes['A']
        blocked.router.run(['nft', 'insert rule ip filter forward iifname "lan" udp dport 16384-16983 drop'])
        home, desk = office.home(), office.desk()
        desk.call(home)
        names(office, 201, 'range-not-forwarded', 'packets from it 0', remedy='--router', level='warning', seconds=12)
        desk.hang_up()
        home.closed()


class Named(Office):
    """Our own name leads elsewhere, by the zone on the STUN machine."""

    def _prepare(self):
        self.zone = Zone(self.lab.stun)
        self.zone.table = {('gate.example.net', A): ['192.0.2.77']}
        self._resolver = self.lab.stun.address


def test_the_site_itself():
    """Stale DNS and an expired certificate are named whomever one asks about."""
    with Named(settings={('address', 'name'): 'gate.example.net'}) as office:
        names(office, 201, 'dns-stale', '192.0.2.77', seconds=20)
        certificate = certs.signed(office.lab, 'ended', ('20200101000000Z', '20200201000000Z'))
        office.postern.settings.update(certs.settings(certificate))
        office.postern.write_config()
        names(office, 201, 'certificate-expired', 'ended')


def test_every_code_is_documented():
    """docs/explain.md names each code that the rules can give."""
    codes = set()
    for name in ('explain_phone.c', 'explain_call.c'):
        with open(os.path.join(REPOSITORY, 'postern', name)) as file:
            text = file.read()
        for pattern in (r'finding_(?:new|ok|note)\([^;"]*"([a-z-]+)"', r'\{ "[^"]*", "([a-z-]+)",', r'\{ \d+, "([a-z-]+)",'):
            codes |= set(re.findall(pattern, text))
    assert {'wrong-password', 'no-ack', 'codec-mismatch', 'class-denied', 'guessed', 'not-from-there'} <= codes, codes
    with open(os.path.join(REPOSITORY, 'docs', 'explain.md')) as file:
        documented = set(re.findall('`([a-z-]+)`', file.read()))
    assert codes <= documented, codes - documented
