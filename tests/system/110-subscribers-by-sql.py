"""Subscribers by plain SQL: in effect within a second, sane refusals, no password at rest."""

import os
import re
import sqlite3
import subprocess

from lab import sip
from lab.office import Office, password
from lab.postern import DOMAIN, REPOSITORY, SqlError
from lab.wait import until

INSERT = "INSERT INTO subscriber(number, name, username, password, internet) VALUES ({});\n"


def try_register(office, number, secret):
    """The status of a REGISTER from home."""
    with office.lab.homes['A'].phones[0].udp_socket() as sock:
        answer = sip.register(sock, (office.lab.office.public, 5070), DOMAIN, number, f'SIP-{number}', secret)
    return sip.status(answer) if answer else None


def test_insert_and_disable_within_a_second():
    with Office() as office:
        secret = password(300)
        office.postern.sql(INSERT.format(f"'300','SIP-300','SIP-300','{secret}',1"))
        office.postern.in_effect()
        assert try_register(office, 300, secret) == 200
        assert office.postern.rows("SELECT * FROM registration")
        office.postern.sql("UPDATE subscriber SET internet = 0 WHERE number = '300';\n")
        until(lambda: not office.postern.rows('SELECT * FROM registration'), 1.5, 'the binding is gone')
        assert try_register(office, 300, secret) == 403
        office.postern.sql("DELETE FROM subscriber WHERE number = '300';\n")
        office.postern.in_effect()
        assert try_register(office, 300, secret) == 403


def refusal(office, values):
    """The message with which a row is refused."""
    try:
        office.postern.sql(INSERT.format(values))
    except SqlError as error:
        return str(error)
    raise AssertionError(f'accepted: {values}')


def test_weak_password_is_refused_readably():
    with Office(homes=()) as office:
        for values in ("'301','x','x','1234',1", "'301','x','301','301',1", "'301','x','x',NULL,1",
                       "'301','x','x','',1", "'301','x','password','password',1"):
            message = refusal(office, values)
            print(message)
            assert 'password' in message.lower(), f'{values}: {message}'
        assert not office.postern.rows("SELECT * FROM subscriber WHERE number = '301'")


def test_printed_example_is_refused_readably():
    """Who copies the INSERT of README or quickstart as it stands has no subscriber with a public password."""
    with Office(homes=()) as office:
        for name in ('README.md', 'quickstart'):
            with open(os.path.join(REPOSITORY, name)) as file:
                found = [row for row in re.findall(r"VALUES (\('.*?\));", file.read()) if '$' not in row]
            assert found, f'{name} has no example'
            for row in found:
                row = row.strip('()').replace("'168'", "'304'").replace('SIP-168', 'SIP-304')   # 168 is there already
                message = refusal(office, row.replace("'202'", "'305'").replace('SIP-202', 'SIP-305'))
                print(name, message)
                assert 'password too weak' in message and 'postern password' in message, message


def test_bad_rows_are_refused():
    with Office(homes=()) as office:
        good = password(302)
        for values in (f"'','x','SIP-302','{good}',1", f"'302; DROP','x','SIP-302','{good}',1",
                       f"'302','x','','{good}',1", f"'302','x','SIP-168','{good}',1"):
            print(refusal(office, values))


def test_no_password_at_rest():
    """Two seconds after insertion no file below the state folder holds the clear text."""
    with Office() as office:
        secret = 'Zebra-crossing-91-quartz'
        office.postern.sql(INSERT.format(f"'303','SIP-303','SIP-303','{secret}',1"))
        office.postern.database()          # there is one to search

        def holding():
            found = []
            for path in office.postern.state_files():
                with open(path, 'rb') as file:
                    if secret.encode() in file.read():
                        found.append(path)
            return found

        until(lambda: not holding(), 2, f'no clear text in {holding()}')
        strings = subprocess.run(['strings', '-a', *office.postern.state_files()], capture_output=True).stdout
        assert secret.encode() not in strings
        assert try_register(office, 303, secret) == 200


def test_planted_view_runs_nothing():
    """Somebody who wrote into the database file does not get the admin's shell."""
    with Office(homes=()) as office:
        proof = office.lab.path('proof')
        planted = sqlite3.connect(office.postern.database())
        planted.execute(f"CREATE VIEW phones AS SELECT edit('x', 'touch {proof}; true') AS number")
        planted.commit()
        planted.close()
        try:
            print(office.postern.sql('SELECT * FROM phones;\n'))
        except SqlError as error:
            print(error)
        assert not os.path.exists(proof), 'a view ran a shell command'
