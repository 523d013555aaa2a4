"""postern explain: what a trunk did instead of taking the call, and registrations of ours that are refused."""

import re

from lab import sip, trunk
from lab.explained import explain, named
from lab.kamailio import Kamailio
from lab.office import Office, password
from lab.rawphone import RawPhone
from lab.trunk import Peer
from lab.wait import until

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}
SECOND, PBX = '203.0.113.90', '203.0.113.91'
OTHER_REALM = 'another.example.org'


class Trunks(Office):
    """Two trunks, of which only the first is used; a desk of sockets."""

    def _start(self):
        super()._start()
        server = (self.lab.office.public, 5070)
        self.first = Peer(self.lab.public_host('first', trunk.ITSP), server)
        self.second = Peer(self.lab.public_host('second', SECOND), server)
        self.desk = RawPhone(self.lab.office.phones[0], ('192.168.10.2', 5060), 168, password(168), port=5070)
        self.lab.on_close(self.desk.sock.close)
        self.desk.register()
        trunk.add(self, name='first', wait_s=1, username='u1', password='secret-of-first', realm=trunk.REALM,
                  outbound=1, ping_s=0)
        trunk.add(self, name='second', address=f'{SECOND}:5060', wait_s=1, ping_s=0, outbound=0)
        self.postern.in_effect()

    def dial(self, number):
        """Calls out; gives what the first trunk heard."""
        self.desk.invite(number)
        return self.first.hear(lambda m: m.start.startswith(f'INVITE sip:{number}@'), 3)

    def ended(self, seconds=5):
        """The final answer that the desk gets, to the INVITE sent last."""
        return sip.status(self.desk.hear(
            lambda m: sip.final(m) and m.headers['call-id'] == [self.desk.call_id]
            and '2 INVITE' in m.headers['cseq'][0], seconds))


# the trunk's answer: (code, level, words of the cause, words of the remedy)
ANSWERS = {
    403: ('trunk-refused', 'error', 'the trunk first does not allow the call', 'caller_number'),
    404: ('trunk-refused', 'error', 'the trunk first does not know the number as it was sent', 'strip and prepend'),
    486: ('trunk-refused', 'note', 'says that the number is busy', ''),
    488: ('trunk-refused', 'error', 'takes none of the codecs offered', 'PCMA or PCMU'),
    503: ('trunk-refused', 'error', 'has a fault, or no line free', 'ask the provider'),
}
FALSE = ('no-answer', 'phone-unknown', 'codec-mismatch', 'not-registered', 'phone-silent', 'refused')


def is_named(office, number, code, *evidence, **more):
    named(office, 168, code, *evidence, **more)
    said = explain(office, 168)
    assert not set(FALSE) & set(said), f'{number}: {sorted(said)}'


def test_each_end_of_a_call_by_a_trunk():
    with Trunks(settings=GERMANY) as office:
        first, second = office.first, office.second
        for status, (code, level, cause, remedy) in ANSWERS.items():
            assert office.dial(f'08910{status}'), status
            first.answer(status)
            assert office.ended(), status
            is_named(office, status, code, cause, remedy=remedy, level=level,
                     proof=rf'by first at {re.escape(trunk.ITSP)}:5060.* sent as 08910{status}: it answered {status} ')
            office.postern.sql('UPDATE trunk SET wait_s = 2 WHERE id = 1')       # told anew, not avoided

        assert office.dial('089200001')
        assert office.ended() == 480
        is_named(office, 'silent', 'trunk-silent', 'did not answer the INVITE at all', remedy='firewall',
                 proof=r'nothing came for \d s \(wait_s\)')

        assert office.dial('089200002')
        first.challenge()
        assert first.hear_request('INVITE', 3)
        first.challenge()
        assert office.ended() == 480
        is_named(office, 'password', 'trunk-password', 'does not accept the user name or the password',
                 remedy='postern trunk password', proof='it answered 40[17]')

        assert office.dial('089200003')
        first.challenge(OTHER_REALM)
        assert office.ended() == 480
        is_named(office, 'realm', 'trunk-realm', 'realm that is not the trunk\'s', remedy='realm=',
                 proof=f'its realm is "{OTHER_REALM}", that of the trunk "{trunk.REALM}"')

        # The first is silent, the second refuses: both are said.
        office.postern.sql(f"""
            UPDATE trunk SET outbound = 1;
            UPDATE trunk SET address = '{trunk.ITSP}:5066' WHERE name = 'first';""")
        office.postern.in_effect()
        office.desk.invite('089300001')
        assert second.hear_request('INVITE', 4)
        second.answer(404)
        assert office.ended() == 404
        named(office, 168, 'trunk-silent', 'the trunk first did not answer')
        named(office, 168, 'trunk-refused', 'the trunk second does not know the number')

        office.postern.sql("UPDATE trunk SET enabled = 0, outbound = 1")
        office.postern.in_effect()
        office.desk.invite('089200004')
        assert office.ended() == 404
        is_named(office, 'off', 'no-route', 'is switched off', remedy='postern trunk enable')
        office.postern.sql("DELETE FROM trunk")
        office.postern.in_effect()
        office.desk.invite('089200005')
        assert office.ended() == 404
        is_named(office, 'none', 'no-route', 'no route or trunk takes it', remedy='docs/trunks.md')


def test_refused_registrations():
    """At a provider and, of a mirror, at a PBX: explain, check and trunk show say so."""
    with Office(office_phones=1) as office:
        host = office.lab.public_host('pbx', PBX)
        Kamailio(host, office.lab.folder, {'office': 'The-right-word-17', '168': 'Right-for-168-17'},
                 domain='pbx.test').start()
        office.postern.sql(f"""
            INSERT INTO trunk(name, address, prefix, username, password, register, from_domain, ping_s)
            VALUES ('itsp', '{PBX}:5060', '0', 'office', 'A-wrong-word-18', 1, 'pbx.test', 0);
            INSERT INTO trunk(name, address, prefix, mirror, from_domain, ping_s)
            VALUES ('pbx', '{PBX}:5060', '77', 1, 'pbx.test', 0);
            INSERT INTO mirror(number, trunk, username, password) VALUES ('168', 'pbx', '168', 'Not-of-168-19');""")
        office.desk(0)
        named(office, 168, 'mirror-not-registered', '168 is not registered at the PBX pbx', 'password',
              remedy='UPDATE mirror SET password', seconds=15, proof='as user 168: it answered 40[137]')

        def check():
            done = office.postern.asked('check', '--json', '--state', office.postern.state)
            return '"trunk-not-registered"' in done.stdout and '"mirror-not-registered"' in done.stdout
        until(check, 10, 'check says both', 0.5)
        done = office.postern.asked('trunk', 'show', 'itsp', '--state', office.postern.state)
        assert re.search(r'registration +failed', done.stdout) and 'password' in done.stdout, done.stdout
        done = office.postern.asked('explain', 'trunk', 'itsp', '--state', office.postern.state)
        assert done.returncode == 2 and 'we are not registered at itsp' in done.stdout, done.stdout
        assert 'not-registered-there' in office.postern.logs()
