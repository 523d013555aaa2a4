"""svcrack at full speed, from outside and from a home with a good phone: few guesses are looked at, and who guesses is
soon not listened to; the good phone registers and calls all the while.  The list of the dropped is the admin's.

POSTERN_GUESSES=20000 words instead of some hundreds.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import time

from lab import sip
from lab.expect import Skip, hear_each_other
from lab.office import DOMAIN, Home, Office, password
from lab.postern import program
from lab.rawphone import RawPhone
from lab.wait import until

WORDS = int(os.environ.get('POSTERN_GUESSES', 400))
ATTACKER = '203.0.113.66'
# registrar-db/core/meter.h: of one subscriber, of one address; and a minute's refill of both.
ACCOUNT, ADDRESS, MINUTE = 10, 20, 3


def ask(office, *words):
    """What `postern WORDS` prints."""
    done = subprocess.run([program(), *words, '--state', office.postern.state], capture_output=True, text=True, timeout=15)
    assert done.returncode == 0, f'{words}: {done.stdout} {done.stderr}'
    return done.stdout


def state_of(office, role):
    """What this role says of itself."""
    return next(p['status'] for p in office.postern.status()['processes'] if p['role'] == role)


def crack(office, host, number, port, words):
    """svcrack from this host, at full speed, in the background."""
    return host.spawn(['svcrack', office.lab.office.public, '-p', '5070', '-P', str(port), '-e', str(number),
                       '-u', f'SIP-{number}', '-d', words, '--domain', DOMAIN],
                      env={**os.environ, 'HOME': office.lab.folder}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def is_heard(office, host=None, address=None):
    """Is a stranger's OPTIONS answered?"""
    host = host or office.lab.attacker
    with (host.udp_socket(0, address) if address else host.udp_socket()) as sock:
        return sip.ask(sock, (office.lab.office.public, 5070),
                       sip.request('OPTIONS', f'sip:{DOMAIN}', sock.getsockname()), 0.7) is not None


def test_svcrack_beside_a_good_phone():
    """Guesses for 202 from outside and from 201's own home: 20 at most are looked at, and 201 calls."""
    if not shutil.which('svcrack'):
        raise Skip('not installed: svcrack (sipvicious)')
    with Office() as office:
        home, desk = office.home(), office.desk()
        path = office.lab.path('words')
        with open(path, 'w') as file:
            file.write('\n'.join(f'wrong{n}' for n in range(WORDS)) + '\n' + password(202) + '\n')
        before, started = state_of(office, 'registrar-db')['wrong'], time.monotonic()
        runs = [crack(office, office.lab.attacker, 202, 5200, path),
                crack(office, office.lab.homes['A'].phones[0], 203, 5210, path)]
        home.call(desk)
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()
        desk.call(home)
        desk.hang_up()
        home.closed()
        until(lambda: office.postern.rows('SELECT prefix FROM dropped'), 20, 'the guesser is dropped')
        with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201),
                      port=5062) as again:
            again.register()
        for run in runs:
            run.terminate()
        said = [run.communicate(timeout=10)[0].decode(errors='replace') for run in runs]
        minutes = (time.monotonic() - started) / 60
        wrong = state_of(office, 'registrar-db')['wrong'] - before
        dropped = [row['prefix'] for row in office.postern.rows('SELECT prefix FROM dropped')]
        print(f'{wrong} guesses looked at in {minutes * 60:.1f} s, dropped {dropped}; '
              f'{state_of(office, "sigproxy")["dropped"]} packets dropped unread')
        assert 0 < wrong <= 2 * (ACCOUNT + MINUTE * (minutes + 1)), wrong
        assert dropped == [ATTACKER], dropped
        assert not [text for text in said if password(202) in text], said
        assert not is_heard(office) and is_heard(office, office.lab.homes['A'].phones[0])


def wrong_answers(office, address, number, count):
    """Answers of a stranger at this address, all wrong; how many were answered."""
    server, uri, heard = (office.lab.office.public, 5070), f'sip:{DOMAIN}', 0
    with office.lab.attacker.udp_socket(0, address) as sock:
        for _ in range(count):
            asked = dict(to=f'sip:{number}@{DOMAIN}', from_=str(number))
            challenge = sip.ask(sock, server, sip.request('REGISTER', uri, sock.getsockname(), **asked), 0.7)
            if challenge is None:
                break
            value = sip.digest(challenge.headers['www-authenticate'][0], 'REGISTER', uri, f'SIP-{number}', 'wrong')
            answer = sip.ask(sock, server, sip.request('REGISTER', uri, sock.getsockname(), **asked,
                                                       headers=[f'Authorization: {value}']), 0.7)
            heard += answer is not None and sip.status(answer) == 403
    return heard


def guess(sock, server, method, count):
    """Wrong answers in 201's name; the statuses that they got."""
    uri, got = f'sip:{DOMAIN}', []
    for _ in range(count):
        asked = dict(to=f'sip:201@{DOMAIN}', from_='201')
        challenge = sip.ask(sock, server, sip.request(method, uri, sock.getsockname(), **asked), 0.7)
        value = sip.digest(challenge.headers['www-authenticate'][0], method, uri, 'SIP-201', 'wrong')
        got.append(sip.status(sip.ask(sock, server, sip.request(method, uri, sock.getsockname(), **asked,
                                                                headers=[f'Authorization: {value}']), 0.7)))
    return got


def test_the_phones_own_number_from_its_own_home():
    """A second device there has a wrong password: the good one registers and calls, moved and after a restart too."""
    with Office(homes=[Home('A')], office_phones=1) as office:
        host, server = office.lab.homes['A'].phones[0], (office.lab.office.public, 5070)
        with RawPhone(host, server, 201, password(201), port=5062) as good, host.udp_socket(5099) as other, \
                RawPhone(office.lab.office.phones[0], (office.lab.postern_host.address, 5060), 168,
                         password(168)) as desk:
            good.register()
            desk.register()
            before = state_of(office, 'registrar-db')['wrong']
            for method in ('REGISTER', 'INVITE', 'REGISTER'):
                assert set(guess(other, server, method, ACCOUNT + 5)) == {403}
                good.register()
                good.invite(168)
                assert desk.hear_request('INVITE'), f'201 cannot call while {method} is guessed'
                desk.answer(486)
                good.hear(lambda m: sip.status(m) == 486)
            # What is looked at stays bounded, the right password beside the phone too.
            assert state_of(office, 'registrar-db')['wrong'] - before <= ACCOUNT + MINUTE
            assert sip.status(sip.register(other, server, DOMAIN, 201, 'SIP-201', password(201))) == 403
            office.postern.wait_restarted('registrar-db', office.postern.kill('registrar-db'))
            plain = sip.request('REGISTER', f'sip:{DOMAIN}', other.getsockname(), to=f'sip:201@{DOMAIN}', from_='201')
            until(lambda: 'www-authenticate' in sip.ask(other, server, plain).headers, 5, 'it has nonces again')
            guess(other, server, 'REGISTER', ACCOUNT + 5)
            good.register()
            # Its router gave it another port: it keeps its Call-ID.
            login, mark = (server, DOMAIN, 201, 'SIP-201', password(201)), secrets.token_hex(10)
            assert sip.status(sip.register(good.sock, *login, call_id=mark)) == 200
            with host.udp_socket(5063) as moved:
                assert sip.status(sip.register(moved, *login, call_id=mark, cseq=3)) == 200
            # It comes back with another port and another Call-ID, while the other one goes on.
            guess(other, server, 'REGISTER', 5)
            with host.udp_socket(5064) as back:
                assert sip.status(sip.register(back, *login)) == 200


def test_the_same_for_names_that_do_not_exist():
    """When one is dropped tells nothing: after as many answers for 777 as for 202; and for a prefix."""
    with Office() as office:
        one, other = office.lab.attacker_addresses('198.51.100.128/25')[:2]
        counts = [wrong_answers(office, one, 202, 200), wrong_answers(office, other, 777, 200)]
        print(f'answered before the drop: {counts}')
        assert all(ADDRESS <= n <= ADDRESS + 60 for n in counts), counts
        until(lambda: len(office.postern.rows('SELECT prefix FROM dropped')) == 2, 5, 'both are dropped')


def test_the_list_is_the_admins_and_survives():
    """Added, shown, kept through the end of each process, cleared; and never for a prefix that was named."""
    with Office() as office:
        assert is_heard(office)
        ask(office, 'drops', 'add', '203.0.113.64/29', '10')
        until(lambda: not is_heard(office), 3, 'it is dropped')
        listed, = json.loads(ask(office, 'drops', '--json'))
        assert listed['prefix'] == '203.0.113.64/29' and listed['why'] == 'admin', listed
        assert '203.0.113.64/29' in ask(office, 'drops')
        for role in ('sigproxy', 'registrar-db'):
            office.postern.wait_restarted(role, office.postern.kill(role))
            until(lambda: state_of(office, 'sigproxy')['drops'] == 1, 5, f'{role} is told again')
            assert not is_heard(office), f'forgotten with {role}'
        ask(office, 'drops', 'clear', '203.0.113.64/29')
        until(lambda: is_heard(office), 3, 'it is heard again')
        ask(office, 'drops', 'never', '198.51.100.128/25')
        own = office.lab.attacker_addresses('198.51.100.128/25')[0]
        assert wrong_answers(office, own, 777, 40) == 40
        assert 'never dropped' in ask(office, 'drops')
        assert re.search(r'"drops":0\b', office.postern.status_text())
