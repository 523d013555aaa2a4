"""What somebody types who has read no manual: it is done, or refused with what to do."""

import json
import subprocess

from lab.office import Office, password
from lab.postern import program
from lab.rawphone import RawPhone
from lab.explained import named
from lab.wait import until


def ask(office, *words, status=0, line=''):
    """What `postern WORDS` prints, to stdout and stderr."""
    done = subprocess.run([program(), *words, '--state', office.postern.state], capture_output=True, text=True,
                          timeout=15, input=line, check=False)
    assert done.returncode == status, f'{words}: {done.returncode} {done.stdout} {done.stderr}'
    return done.stdout + done.stderr


def test_what_is_typed():
    with Office() as office:
        a_subscriber_goes(office)
        rows_that_mean_nothing(office)
        classes(office)
        dropped(office)
        assert 'docs/store.md' in subprocess.run(
            [program(), 'sql', '--state', office.postern.state, 'DROP TABLE subscriber'], capture_output=True, text=True,
            timeout=15, check=True).stderr
        assert 'table of Postern\'s is gone; docs/store.md' in ask(office, 'subscriber', 'show', status=1)


def a_subscriber_goes(office):
    """With all that is its own; its phone is not registered any more, its number is free."""
    ask(office, 'trunk', 'add', 'itsp', '198.51.100.80:5060', 'prefix=0', 'mirror=1')
    ask(office, 'did', 'add', 'itsp', '+4930123', '201')
    ask(office, 'grant', 'add', '201', 'allows=premium')
    ask(office, 'subscriber', 'from', '201', '198.51.100.0/24')
    with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201)) as phone:
        office.postern.in_effect()
        phone.register()
        said = ask(office, 'subscriber', 'remove', '201')
        assert 'is gone' in said and 'records stay' in said, said
        until(lambda: 'none of 201' in ask(office, 'registrations', '201'), 3, 'its registration is gone')
    assert 'there is no subscriber 201' in ask(office, 'subscriber', 'remove', '201', status=1)
    for word in ('did', 'grant'):
        assert json.loads(ask(office, word, 'list', '--json')) == []
    ask(office, 'subscriber', 'add', '201')


def rows_that_mean_nothing(office):
    """Refused: what is there, what is named twice, what grants nothing."""
    for words, text in (
            (('trunk', 'add', 'itsp', '198.51.100.81'), 'postern trunk set NAME'),
            (('trunk', 'set', 'itsp', 'ping_s='), 'ping_s: it cannot be empty'),
            (('grant', 'add', '202'), 'a grant gives something'),
            (('grant', 'add', '202', 'zone=both'), 'a grant gives something')):
        assert text in ask(office, *words, status=1), words
    for words, text in (
            (('trunk', 'set', 'itsp', 'prefix=0', 'prefix=1'), 'prefix is given twice'),
            (('trunk', 'set', 'itsp', 'enabled=0'), '`enabled=0` is no COLUMN=VALUE here'),
            (('grant', 'add', '202', 'allows=premium', 'allows=national'), 'allows is given twice'),
            (('route', 'add', '0%', 'itsp', 'prio=1'), '`prio=1` is no COLUMN=VALUE here')):
        assert text in ask(office, *words, status=2), words
    said = ask(office, 'grant', 'add', '202', 'allows=premium', 'ends=2099-01-01')
    assert '`postern grant del ' in said, said
    assert 'is there already' in ask(office, 'grant', 'add', '202', 'allows=premium', 'ends=2099-01-01', status=1)
    ask(office, 'grant', 'add', '202', 'allows=premium', 'ends=2099-01-02')
    ask(office, 'grant', 'del', said.split()[1].rstrip(';'))
    for words in (('did', 'list', 'other'), ('grant', 'list', '999'), ('route', 'list', 'other')):
        said = ask(office, *words)
        assert f'there is none of {words[2]}; `postern {words[0]} list` shows all' in said, said


def classes(office):
    """A class and a pattern come and go."""
    ask(office, 'class', 'set', 'lobby', 'max_calls', '1')
    ask(office, 'class', 'give', '202', 'lobby')
    assert 'in use' in ask(office, 'class', 'remove', 'lobby', status=1)
    ask(office, 'class', 'give', '202', '-')
    ask(office, 'class', 'remove', 'lobby')
    assert 'no such class' in ask(office, 'class', 'remove', 'lobby', status=1)
    ask(office, 'class', 'number', '0901%', 'premium', '1.99')
    assert '1.99' in ask(office, 'class', 'numbers', '0901%')
    ask(office, 'class', 'number', '0901%', '-')
    assert 'no such' in ask(office, 'class', 'numbers', '0901%', status=1)
    assert 'no such pattern' in ask(office, 'class', 'number', '0901%', '-', status=1)


def dropped(office):
    """Who is heard still is said; never is taken back; explain names the row that keeps a phone out."""
    home = office.lab.homes['A'].public
    with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 202, password(202)) as phone:
        phone.register()
        said = ask(office, 'drops', 'add', '198.51.100.0/24')
        assert f'note: 202 is registered at {home}:' in said and 'heard as long as it is' in said, said
        assert 'note' not in ask(office, 'drops', 'add', '192.0.2.0/24')
        office.postern.sql("UPDATE registration SET expires_at = unixepoch() WHERE number = '202'")
        named(office, 202, 'dropped', 'is dropped unread', remedy='postern drops clear 198.51.100.0/24', seconds=8,
              proof=f'it was at {home}:')
    ask(office, 'drops', 'clear', 'all')
    ask(office, 'drops', 'never', '192.0.2.7')
    assert 'never dropped' in ask(office, 'drops')
    ask(office, 'drops', 'clear', '192.0.2.7')
    assert 'never dropped' not in ask(office, 'drops')
    assert json.loads(ask(office, 'drops', 'add', '192.0.2.8', '--json')) == {'done': True}
    row, = json.loads(ask(office, 'drops', '--json'))
    assert row['until'] is None, row
