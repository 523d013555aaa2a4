"""Names, programs and words of strangers on a terminal: no control, no C1, nothing that turns the direction of text."""

import base64
import json
import unicodedata

from lab import sip
from lab.office import Office, password
from lab.postern import DOMAIN, program
from lab.rawphone import RawPhone
from lab.wait import until

MARK = b'@@'
BAD = {
    'C1': '\u009b31m\u0080\u009f\u0085'.encode(),
    'lone bytes': b'\x9b31m\x80\x9f\xe4',
    'bidi': '\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'.encode(),
    'separators': '\u2028\u2029'.encode(),
    'overlong': b'\xc0\x9b31m\xe0\x80\x9b',
}
TURNS = set('\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
COMMANDS = [['status'], ['check'], ['registrations'], ['calls'], ['calls', '--past'], ['explain', '201'], ['explain', '168'],
            ['trace', 'list'], ['trace', 'show']]
TABLES = ('registration', 'live_call', 'call_record', 'call', 'last_registration')


class Stranger(RawPhone):
    """Says something bad wherever a text is its own."""

    bad = b''

    def send(self, data):
        super().send(data.replace(MARK, self.bad))

    def register(self):
        """With a program's name of its own."""
        uri, aor = f'sip:{DOMAIN}', f'sip:{self.number}@{DOMAIN}'
        headers, call_id = ['Expires: 300', 'User-Agent: Phone @@ 1.0', 'Organization: @@'], f'{self.number}-{len(self.bad)}'

        def ask(cseq, *more):
            data = sip.request('REGISTER', uri, self.local, to=aor, from_=self.number, call_id=call_id, cseq=cseq,
                               headers=[*headers, *more])
            return sip.ask(self.sock, self.server, data.replace(MARK, self.bad))
        challenge = ask(1).headers['www-authenticate'][0]
        answer = ask(2, 'Authorization: ' + sip.digest(challenge, 'REGISTER', uri, self.username, self.password))
        assert answer and sip.status(answer) == 200, answer and answer.start
        return self


def clean(what, data):
    """Nothing that a terminal obeys."""
    text = data.decode('utf-8')
    bad = [c for c in text if c not in '\n\t' and (unicodedata.category(c) == 'Cc' or c in TURNS)]
    assert not bad, f'{what}: {bad} in {[line for line in text.splitlines() if any(c in line for c in bad)][:2]}'


def said(office, word, *words):
    """The very bytes that postern WORD prints, both ways."""
    command = [program(), word, '--state', office.postern.state, *words]
    return base64.b64decode(office.postern.host.run(['sh', '-c', '"$@" 2>&1 | base64', '-', *command]).stdout)


def shown(office):
    """All that a command prints, and the logs."""
    for words in COMMANDS:
        for form in ([], ['--json']):
            clean(' '.join(words + form), said(office, *words, *form))
    for table in TABLES:
        for form in ([], ['--json']):
            clean(f'{table} {form}', said(office, 'sql', *form, f'SELECT * FROM {table};'))
    clean('logs', office.postern.logs().encode())


def test_nothing_of_theirs_is_obeyed():
    with Office() as office:
        outside = office.lab.office.public, 5070
        inside = office.server(True).split(':')
        with Stranger(office.lab.homes['A'].phones[0], outside, 201, password(201)) as caller, \
                Stranger(office.lab.office.phones[0], (inside[0], int(inside[1])), 168, password(168)) as called:
            office.postern.asked('trace', 'on', '201', '--state', office.postern.state)
            for n, (kind, bad) in enumerate(BAD.items()):
                print(kind)
                caller.bad = called.bad = bad
                caller.register()
                called.register()
                caller.invite(168, ['Subject: @@', 'User-Agent: @@'], from_display='"@@" ')
                assert called.hear_request('INVITE'), f'{kind}: no INVITE came'
                called.answer('480 @@', ['Warning: 399 x "@@"', 'Reason: Q.850;cause=16;text="@@"'])
                # Whoever cannot prove anything, too.
                stranger = sip.request('INVITE', f'sip:168@{DOMAIN}', caller.local, to=f'sip:168@{DOMAIN}', from_='999',
                                       headers=['User-Agent: @@', 'Subject: @@'])
                caller.send(stranger.replace(b'From: ', b'From: "@@" '))
                until(lambda n=n: len(office.records()) == n + 1, 5, f'{kind}: the call has a record')
                for form in ([], ['--json']):       # a row of this kind, which the next one replaces
                    clean(kind, said(office, 'sql', *form, 'SELECT * FROM registration;'))
            shown(office)
        agents = office.postern.rows('SELECT user_agent FROM registration')
        assert all('?' in row['user_agent'] and row['user_agent'].endswith(' 1.0') for row in agents), agents


def test_nor_what_is_typed():
    """A number that came by mail and is pasted, say."""
    with Office(homes=[]) as office:
        for kind, bad in {**BAD, 'controls': b'\x1b[31m\r\n\t'}.items():
            typed = (b'+49900' + bad + b'"\\').decode('utf-8', 'surrogateescape')
            for words in (('class', 'test', '168', typed), ('explain', typed), ('drops', 'add', typed),
                          ('subscriber', 'show', typed), ('subscriber', 'from', '168', typed), ('trunk', 'show', typed)):
                clean(f'{words[0]} {kind}', said(office, *words))
                clean(f'{words[0]} {kind}', said(office, *words, '--json'))
            answer = said(office, 'class', 'test', '168', typed, '--json')
            assert json.loads(answer)['dialled'].startswith('+49900?'), answer
