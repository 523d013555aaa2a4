"""What an admin types most: postern subscriber, registrations, calls."""

import json
import os
import subprocess

from lab import sip
from lab.office import Office
from lab.postern import DOMAIN, program
from lab.wait import until


def ask(office, *words, status=0):
    """What `postern WORDS` prints; on a refusal its stderr."""
    done = subprocess.run([program(), *words, '--state', office.postern.state], capture_output=True, text=True,
                          timeout=15)
    assert done.returncode == status, f'{words}: {done.returncode} {done.stdout} {done.stderr}'
    return done.stdout if status == 0 else done.stderr


def register(office, number, secret):
    """The status of a REGISTER from home."""
    with office.lab.homes['A'].phones[0].udp_socket() as sock:
        answer = sip.register(sock, (office.lab.office.public, 5070), DOMAIN, number, f'SIP-{number}', secret)
    return sip.status(answer) if answer else None


def test_a_phone_from_nothing():
    """add prints a password that registers; passwd replaces it; disable and internet off shut out."""
    with Office() as office:
        shown = ask(office, 'subscriber', 'add', '300', '--name', "Zoë O'Neill", '--internet')
        for word in ('300', 'SIP-300', DOMAIN, 'UDP 5070', 'UDP 5060', 'shown only now'):
            assert word in shown, shown
        secret = shown.split('password')[1].split()[0]
        office.postern.in_effect()
        assert register(office, 300, secret) == 200
        table = ask(office, 'registrations', '300')
        assert "Zoë O'Neill" in table and 'udp' in table and 'external' in table, table
        new = json.loads(ask(office, 'subscriber', 'passwd', '300', '--json'))
        assert new['username'] == 'SIP-300' and new['password'] != secret and len(new['password']) == 24
        office.postern.in_effect()
        assert (register(office, 300, secret), register(office, 300, new['password'])) == (403, 200)
        ask(office, 'subscriber', 'internet', '300', 'off')
        office.postern.in_effect()
        assert register(office, 300, new['password']) == 403
        ask(office, 'subscriber', 'internet', '300', 'on')
        ask(office, 'subscriber', 'disable', '300')
        office.postern.in_effect()
        assert register(office, 300, new['password']) == 403
        ask(office, 'subscriber', 'enable', '300')
        office.postern.in_effect()
        assert register(office, 300, new['password']) == 200
        one = json.loads(ask(office, 'subscriber', 'show', '300', '--json'))
        assert (one['name'], one['internet'], one['enabled'], one['phones']) == ("Zoë O'Neill", 1, 1, 1), one
        assert new['password'] not in ask(office, 'subscriber', 'show', '300')


def test_refusals_are_readable():
    """What is wrong is said in the words of the rule, with exit status 1; misuse ends with 2."""
    with Office(homes=()) as office:
        for words, text in (
                (('add', '168'), 'this number is taken already'),
                (('add', 'abc'), 'number: 1 to 32 of the digits'),
                (('add', "300');DROP TABLE subscriber;--"), 'number: 1 to 32 of the digits'),
                (('add', '300', '--username', 'SIP-168'), 'this username is taken already'),
                (('add', '300', '--name', 'a\n.shell id'), 'control characters'),
                (('add', '300', '--class', 'royal'), 'class'),
                (('passwd', '999'), 'there is no subscriber 999'),
                (('disable', "168' OR '1'='1"), 'there is no subscriber'),
                (('show', '999'), 'there is no subscriber 999')):
            message = ask(office, 'subscriber', *words, status=1)
            assert text in message and message.count('\n') == 1, f'{words}: {message}'
        for words in ((), ('add',), ('passwd', '168', 'x'), ('internet', '168', 'maybe'), ('add', '300', '--name'),
                      ('show', '--internet')):
            assert 'usage:' in ask(office, 'subscriber', *words, status=2)
        assert '1 to 10000' in ask(office, 'calls', '--past=x', status=2)
        assert len(json.loads(ask(office, 'subscriber', 'show', '--json'))) == len(office.INSIDE + office.OUTSIDE)


def test_no_password_in_a_command_line():
    """The new password goes to sqlite3 by a pipe: no ps shows it."""
    with Office(homes=()) as office:
        trace = os.path.join(office.postern.folder, 'trace')
        done = subprocess.run(['strace', '-f', '-e', 'trace=execve', '-s', '4096', '-o', trace, program(),
                               'subscriber', 'add', '300', '--json', '--state', office.postern.state],
                              capture_output=True, text=True, timeout=15)
        secret = json.loads(done.stdout)['password']
        with open(trace) as file:
            text = file.read()
        assert 'sqlite3' in text and secret not in text


def test_calls_of_now_and_before():
    """A call is listed while it is up, and with its end and its length after."""
    with Office() as office:
        assert ask(office, 'calls') == 'no calls now\n' and json.loads(ask(office, 'calls', '--json')) == []
        home, desk = office.home(), office.desk(answer='manual')
        home.dial(desk.number)
        desk.wait('CALL_INCOMING')
        until(lambda: '168' in ask(office, 'calls'), 5, 'the call is listed')
        desk.accept()
        until(lambda: 'answered' in ask(office, 'calls', '201'), 5, 'it is listed as answered')
        assert ask(office, 'calls', '202') == 'no calls now: none of 202; postern explain 202 says what is known of it\n'
        home.hang_up()
        until(lambda: '200' in ask(office, 'calls', '--past'), 5, 'its record is listed')
        rows = json.loads(ask(office, 'calls', '--past=1', '--json'))
        assert [(row['from'], row['to'], row['status']) for row in rows] == [('201', '168', 200)], rows
