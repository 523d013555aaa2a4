"""The relay under load: nothing is left of many short sessions, and a flood of one port harms no other call.

The figures are made by tests/bench/rtp and tests/bench/sessions (docs/performance.md).
"""

import json
import os
import subprocess

from lab.expect import Skip
from lab.postern import REPOSITORY, build

ALONE = True                # it wants a core for itself
DEADLINE = 120
BY_HAND = {'test_ten_minutes_of_180_channels': 'POSTERN_TEN_MINUTES',
           'test_100_000_sessions': 'POSTERN_SESSIONS'}


def bench(command, *arguments, seconds=100):
    """What a command of tests/bench says, good or bad."""
    if not os.path.isfile(os.path.join(build(), 'postern-mediaproxy')):
        raise Skip(f'no mediaproxy in {build()}')
    done = subprocess.run([os.path.join(REPOSITORY, 'tests', 'bench', command), *map(str, arguments), '--json'],
                          capture_output=True, text=True, timeout=seconds)
    assert done.stdout, f'{command} says nothing: {done.stderr}'
    result = json.loads(done.stdout)
    print(command, *arguments, json.dumps(result))
    assert done.returncode == 0, 'the command calls this bad'
    return result


def test_nothing_is_left_of_short_sessions():
    assert bench('sessions', '--count', 400, '--pairs', 400, '--batch', 100)['sessions'] == 400


def test_a_flooded_port_starves_nobody():
    """30,000 packets a second at one port; 60 other calls lose none of theirs."""
    result, = bench('rtp', '--only', 'postern', '--calls', 60, '--seconds', 3, '--rounds', 1, '--flood', 30000)
    assert result['got'] == result['sent'] > 15000


def test_srtp_is_lost_nowhere():
    """One phone of each call speaks SRTP, by libsrtp2; what does not decrypt counts as lost."""
    result, = bench('rtp', '--only', 'postern', '--calls', 60, '--seconds', 3, '--rounds', 1, '--srtp')
    assert result['got'] == result['sent'] > 15000


def test_100_000_sessions():
    bench('sessions', seconds=900)


def test_ten_minutes_of_180_channels():
    result, = bench('rtp', '--only', 'postern', '--calls', 180, '--seconds', 600, '--rounds', 1, seconds=700)
    assert result['p99_us'] < 2000, result
