"""postern grant, route, did, mirror and subscriber from: added, listed, deleted, and what is refused in words."""

import json
import subprocess

from lab.office import Office
from lab.postern import program


def ask(office, *words, status=0, line=''):
    """What `postern WORDS` prints; its stderr where it is to fail."""
    done = subprocess.run([program(), *words, '--state', office.postern.state], capture_output=True, text=True,
                          timeout=15, input=line, check=False)
    assert done.returncode == status, f'{words}: {done.returncode} {done.stdout} {done.stderr}'
    return done.stdout if status == 0 else done.stderr


def rows(office, *words):
    """The same as rows."""
    return json.loads(ask(office, *words, '--json'))


def test_rows():
    with Office(homes=[]) as office:
        ask(office, 'grant', 'add', '201', 'allows=national,international', 'zone=internet', 'starts=2020-12-01',
            'ends=2020-12-08', 'cost_day=1.5')
        grant, = rows(office, 'grant', 'list', '201')
        assert (grant['allows'], grant['ends'], grant['cost_day'], grant['counts']) == (
            'national,international', '2020-12-08', 1.5, 'over'), grant
        for words, complaint in ((('201', 'allows=premium', 'ends=2020-01-01', 'starts=2020-02-01'), 'ends:'), (('999', 'allows=premium'), 'no such subscriber'),
                                 (('201', 'cost_day=cheap'), 'cost_day=cheap: this is no number'),
                                 (('201', 'cost_day=1.2.3'), 'cost_day=1.2.3: this is no number'),
                                 (('201', 'max_calls=-3'), 'max_calls=-3: this is no number: 0 or more'),
                                 (('201', 'max_calls=1.5'), 'max_calls=1.5: this is no number')):
            assert complaint in ask(office, 'grant', 'add', *words, status=1), words
        assert 'usage' in ask(office, 'grant', 'add', '201', 'sealed=1', status=2)
        ask(office, 'grant', 'del', str(grant['id']))
        assert rows(office, 'grant', 'list') == []
        assert 'no such grant' in ask(office, 'grant', 'del', str(grant['id']), status=1)

        assert 'port is a number' in ask(office, 'trunk', 'add', 'pbx', '198.51.100.80:99999', status=1)
        assert 'trust=yes: this is no number' in ask(office, 'trunk', 'add', 'pbx', '198.51.100.80', 'trust=yes', status=1)
        ask(office, 'trunk', 'add', 'pbx', '198.51.100.80:5060', 'prefix=0', 'mirror=1')
        ask(office, 'route', 'add', '0%', 'pbx', 'priority=10', 'strip=1', 'kinds=national')
        assert 'no trunk has this name' in ask(office, 'route', 'add', '0%', 'other', status=1)
        route, = rows(office, 'route', 'list', 'pbx')
        assert (route['pattern'], route['priority'], route['rights']) == ('0%', 10, None), route
        assert 'is there already' in ask(office, 'route', 'add', '0%', 'pbx', 'priority=10', 'kinds=national', status=1)
        ask(office, 'route', 'add', '0%', 'pbx', 'priority=20', 'strip=1', 'kinds=national')
        assert len(rows(office, 'route', 'list', 'pbx')) == 2
        ask(office, 'route', 'remove', str(route['id']))
        ask(office, 'did', 'add', 'pbx', '+493012342XX', '2XX', 'note=the office')
        assert rows(office, 'did', 'list')[0]['target'] == '2XX'
        assert 'leads to a phone already' in ask(office, 'did', 'add', 'pbx', '+493012342XX', '201', status=1)
        ask(office, 'did', 'del', 'pbx', '+493012342XX')
        ask(office, 'mirror', 'add', '201', 'pbx', '201', line='of-the-pbx\n')
        assert rows(office, 'mirror', 'list')[0]['state'] == 'no phone'
        assert 'no password' in ask(office, 'mirror', 'add', '202', 'pbx', '202', status=1)
        assert 'mirrored already' in ask(office, 'mirror', 'add', '201', 'pbx', '201', status=1, line='x\n')
        ask(office, 'trunk', 'set', 'pbx', 'mirror=0')
        assert 'mirror is 0' in ask(office, 'trunk', 'show', 'pbx')
        found = json.loads(office.postern.host.run(
            [program(), 'check', '--json', '--state', office.postern.state], check=False, timeout=30).stdout)
        assert [f for f in found['findings'] if f['code'] == 'mirror-off'], found
        ask(office, 'trunk', 'set', 'pbx', 'mirror=1')
        ask(office, 'mirror', 'del', '201')
        assert 'nobody is mirrored' in ask(office, 'mirror', 'list')

        ask(office, 'subscriber', 'from', '201', '203.0.113.0/24, 2001:db8::/32')
        shown = rows(office, 'subscriber', 'show', '201')['allowed_from']
        assert sorted(shown.split(',')) == ['2001:db8::/32', '203.0.113.0/24'], shown
        assert '10.0.0.0/33 is neither' in ask(office, 'subscriber', 'from', '201', '10.0.0.0/33', status=1)
        assert 'no such subscriber' in ask(office, 'subscriber', 'from', '999', '10.0.0.1', status=1)
        ask(office, 'subscriber', 'from', '201', 'anywhere')
        assert rows(office, 'subscriber', 'show', '201')['allowed_from'] is None
