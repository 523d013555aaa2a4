"""postern class: shown, set, given, and asked what it means."""

import json
import subprocess

from lab.office import Office
from lab.postern import program


def ask(office, *words, status=0):
    """What `postern WORDS` prints; its stderr where it is to fail."""
    done = subprocess.run([program(), *words, '--state', office.postern.state], capture_output=True, text=True, timeout=15)
    assert done.returncode == status, f'{words}: {done.returncode} {done.stdout} {done.stderr}'
    return done.stdout if status == 0 or not done.stderr else done.stderr


def test_classes():
    with Office(homes=[], settings={('site', 'country'): '49'}) as office:
        assert {row['name'] for row in json.loads(ask(office, 'class', 'show', '--json'))} == {
            'internal', 'national', 'international', 'premium'}
        ask(office, 'class', 'set', 'lobby', 'office', 'internal,premium')
        ask(office, 'class', 'set', 'lobby', 'internet', 'internal')
        ask(office, 'class', 'set', 'lobby', 'minutes_day', '5')
        ask(office, 'class', 'set', 'lobby', 'minutes_day', 'none')
        ask(office, 'class', 'give', '201', 'lobby')
        row, = json.loads(ask(office, 'class', 'show', 'lobby', '--json'))
        assert (row['office'], row['internet'], row['minutes_day'], row['subscribers']) == (
            'internal,premium', 'internal', None, 1), row
        ask(office, 'class', 'number', '0138%', 'premium', '0.50')
        assert '0138%' in ask(office, 'class', 'numbers', 'premium')
        office.postern.in_effect()
        shown = ask(office, 'class', 'test', '201', '0138-500600', status=1)
        for words in ('+49138500600', 'premium, by the pattern 0138%', 'yes (class lobby: office)',
                      'no: no premium calls from the internet (class lobby: internet)'):
            assert words in shown, shown
        said = json.loads(ask(office, 'class', 'test', '201', '168', '--json'))
        assert said['kind'] == 'internal' and said['office']['may'] and said['internet']['may'], said
        assert 'no such class' in ask(office, 'class', 'show', 'nope', status=1)
        assert 'usage' in ask(office, 'class', 'test', '201', '', status=2)
        assert 'neither an address' in ask(office, 'drops', 'add', '300.1.1.1', status=1)
        assert 'too much' in ask(office, 'drops', 'add', '0.0.0.0/0', status=1)
        assert 'postern class' in subprocess.run([program(), 'class', '--help'], capture_output=True, text=True,
                                                 check=True).stdout
        assert 'no such subscriber' in ask(office, 'class', 'test', '999', '168', status=1)
        assert json.loads(ask(office, 'class', 'test', '201', 'a"b', '--json', status=1))['dialled'] == 'a"b'
        assert ask(office, 'class', 'test', '201', '112')
        # Refusals name the rule; misuse is 2.
        assert 'internal, national' in ask(office, 'class', 'set', 'lobby', 'internet', 'everything', status=1)
        assert 'number' in ask(office, 'class', 'set', 'lobby', 'max_calls', '1; DROP TABLE call', status=1)
        assert 'no such class of service' in ask(office, 'class', 'give', '201', "x'); --", status=1)
        ask(office, 'class', 'give', '201', '-')
        for words in ((), ('set', 'lobby'), ('set', 'lobby', 'name', 'x'), ('give', '201'), ('test', '201')):
            ask(office, 'class', *words, status=2)
        assert not office.postern.rows('SELECT * FROM call_record'), 'asking is no call'
