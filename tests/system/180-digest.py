"""Digest beyond MD5: every algorithm, several answers, signed bodies, a least algorithm for one subscriber."""

import dataclasses
import re
import secrets

from lab import digest, sip
from lab.agent import Agent
from lab.models import Model
from lab.office import Office, password
from lab.postern import SqlError

PLAIN = Model(user_agent='nobody-knows/1', rport=True, expires=60, server='sip:{server}', aor='sip:{number}@{server}',
              contact='<sip:{number}@{local}>', call_id='{token}', headers=('Max-Forwards: 70',), sdp='')
ALL = ('MD5', 'SHA-256', 'SHA-512-256')


class Asker:
    """A phone at home that answers as the test wants."""

    def __init__(self, office, number=201):
        self.agent = Agent(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), PLAIN, number,
                           password(number))
        self.aor = self.agent.text(PLAIN.aor)
        self.raw = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.agent.__exit__()

    def challenges(self, method='REGISTER', uri=None):
        """The parameters of the challenges, and the sizes of request and 401."""
        uri = uri or self.agent.text(PLAIN.server)
        data = self.agent.request(method, uri, f'<{self.aor}>', secrets.token_hex(8), 1)
        self.agent.wire.send(data)
        answer = self.agent.final()
        assert answer and sip.status(answer) == 401, answer and answer.start
        if method == 'INVITE':
            self.agent.acknowledge(answer, uri, f'<{self.aor}>', answer.headers['call-id'][0], 1)
        return [digest.parameters(v) for v in answer.headers['www-authenticate']], len(data), len(self.agent.last_bytes)

    def answer(self, lines, method='REGISTER', uri=None, body=b''):
        """Send a request with these lines; its final response."""
        uri = uri or self.agent.text(PLAIN.server)
        to = f'<{self.aor}>' if method == 'REGISTER' else f'<{uri}>'
        kind = ['Content-Type: application/sdp'] if body else []
        self.agent.wire.send(self.agent.request(method, uri, to, secrets.token_hex(8), 2, [*lines, *kind], body))
        answer = self.agent.final()
        self.raw = self.agent.last_bytes
        if answer and method == 'INVITE' and sip.status(answer) >= 300:
            self.agent.acknowledge(answer, uri, to, answer.headers['call-id'][0], 2)
        return answer

    def credentials(self, algorithm='MD5', method='REGISTER', uri=None, username=None, secret=None, challenge=None,
                    **how):
        """Credentials for a fresh challenge, or for one that is had."""
        challenge = challenge or self.challenges(method, uri)[0][0]
        return digest.credentials(challenge, method, uri or self.agent.text(PLAIN.server),
                                       username or self.agent.username, secret or self.agent.password,
                                       algorithm=algorithm, **how)

    def register(self, algorithm='MD5', **how):
        """The status of a REGISTER answered in an algorithm."""
        return sip.status(self.answer([f'Authorization: {self.credentials(algorithm, **how)}']))


def test_whatever_was_offered_any_algorithm_counts():
    with Office() as office, Asker(office) as asker:
        (challenge, *others), asked, got = asker.challenges()
        assert not others and challenge['algorithm'] == 'MD5' and challenge['qop'] == 'auth', challenge
        print(f'REGISTER {asked} bytes, 401 with MD5 {got} bytes')
        for algorithm in ALL:
            answer = asker.answer([f'Authorization: {asker.credentials(algorithm)}'])
            assert sip.status(answer) == 200, f'{algorithm}: {answer.start}'
            assert 'authentication-info' not in answer.headers, answer.headers   # linphone would forget its nonce
            assert asker.register(algorithm, secret='something-else-99') == 403, algorithm
        right = asker.credentials()
        assert sip.status(asker.answer(['Authorization: ' + right.replace('=MD5', '=MD5-sess')])) == 403
        answer = asker.answer([f'Authorization: {right}, userhash=true'])
        assert answer.start == 'SIP/2.0 400 Username Must Be Plain', answer.start
        # What was refused so far has used no count up.
        assert sip.status(asker.answer([f'Authorization: {right}'])) == 200


def test_of_several_answers_the_strongest_counts():
    with Office() as office, Asker(office) as asker:
        foreign = 'Authorization: Digest realm="elsewhere", username="u", nonce="n", uri="sip:a", response="0"'
        noise = [foreign, 'Authorization: Basic abc', 'Authorization: Digest username="', 'Authorization: NTLM x=1']
        challenge = asker.challenges()[0][0]
        weak, strong = (asker.credentials(a, challenge=challenge) for a in ('MD5', 'SHA-256'))
        wrong_weak, wrong_strong = (asker.credentials(a, challenge=challenge, secret='something-else-99')
                                    for a in ('MD5', 'SHA-256'))
        for want, lines in ((401, noise * 5),
                            (403, [f'Authorization: {wrong_strong}', f'Authorization: {weak}']),
                            (200, [f'Authorization: {wrong_weak}', *noise, f'Proxy-Authorization: {strong}']),
                            (401, [f'Authorization: {wrong_weak}', f'Authorization: {strong}'])):   # a replay
            assert sip.status(asker.answer(lines)) == want, lines


def test_a_signed_body_cannot_be_altered():
    with Office(settings={('site', 'auth_int'): 'yes'}) as office, Asker(office) as asker:
        body, uri = b'v=0\r\no=- 1 1 IN IP4 192.168.1.10\r\ns=-\r\nt=0 0\r\n', 'sip:999@sip.example.org'
        assert asker.challenges()[0][0]['qop'] == 'auth,auth-int'
        for algorithm in ALL:
            for sent, want in ((body, 404), (body.replace(b'1.10', b'1.66'), 403), (b'', 403)):
                value = asker.credentials(algorithm, 'INVITE', uri, body=body)
                answer = asker.answer([f'Authorization: {value}'], 'INVITE', uri, sent)
                assert sip.status(answer) == want, f'{algorithm}: {answer.start}'


def blank(raw):
    """A response without what differs in any two."""
    return re.sub(rb'(?im)branch=[^;\r\n]+|;tag=[^;\r\n]+|^call-id: .*$|^date: .*$', b'', raw)


def test_below_the_least_is_a_wrong_password():
    with Office() as office, Asker(office) as asker:
        office.postern.sql("UPDATE subscriber SET min_digest = 'sha256' WHERE number = '201';\n")
        office.postern.in_effect()
        raws = []
        for how in ({}, {'secret': 'something-else-99'}, {'username': 'nobody'}):
            assert asker.register('MD5', **how) == 403, how
            raws.append(blank(asker.raw))
        assert len(set(raws)) == 1, raws
        assert asker.register('SHA-256') == 200
        log = [line for line in office.postern.logs().splitlines() if 'register-refused' in line]
        assert "min_digest" in log[0] and "min_digest" in log[1] and "no such username" in log[2], log
        try:
            office.postern.sql("UPDATE subscriber SET min_digest = 'sha' WHERE number = '201';\n")
            raise AssertionError('accepted')
        except SqlError as error:
            assert 'min_digest: md5, sha256, sha512-256 or NULL' in str(error), error


def test_the_site_chooses_what_is_asked_for():
    """As many challenges as 1.5 times the request allow, the strongest first, one nonce in all."""
    with Office(settings={('site', 'digest'): 'md5, sha256, sha512-256'}) as office, Asker(office) as asker:
        for user_agent, padding, want in (('Zoiper', 0, ['MD5']), ('x', 0, ['SHA-512-256']),
                                          ('x', 80, ['SHA-512-256', 'SHA-256']),
                                          ('x', 180, ['SHA-512-256', 'SHA-256', 'MD5'])):
            asker.agent.model = dataclasses.replace(PLAIN, user_agent=user_agent,
                                                    headers=(*PLAIN.headers, 'Subject: ' + 'x' * padding))
            offered, asked, got = asker.challenges()
            assert [c['algorithm'] for c in offered] == want, (asked, got, offered)
            assert len({c['nonce'] for c in offered}) == 1 and got <= asked * 1.5
            print(f'{len(offered)} challenges, {want[0]} first: REGISTER {asked} bytes, 401 {got} bytes')
        assert asker.register('MD5', challenge=offered[2]) == 200
