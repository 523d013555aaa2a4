"""kill -9 of a random process every 2 s for a minute, under load: the books balance."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'chaos'))

import chaos  # noqa: E402  (the path above comes first)

SECONDS = 60


def test_a_minute():
    seed = int(time.time())
    outcome = chaos.chaos(SECONDS, seed)
    print(f'seed {seed}')
    for name, value in outcome.items():
        print(f'{name}: {value}')
    assert not chaos.wrong(outcome), chaos.wrong(outcome)
