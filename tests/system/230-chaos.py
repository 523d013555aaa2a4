"""A minute of chaos: random processes die, or hang, under load, and nothing acknowledged is lost.

The ten minutes are `tests/chaos/run --seconds 600`.
"""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'chaos'))

import chaos  # noqa: E402  (the path above comes first)

DEADLINE = 180              # a minute of kills, set-up, and the longest transaction's end
SEED = 20
FEW = True                  # a load of its own


def balanced(outcome):
    """Print the books; they must balance."""
    for name, value in outcome.items():
        print(f'{name}: {value}')
    assert not chaos.wrong(outcome), chaos.wrong(outcome)


def test_kill_9_every_two_seconds():
    balanced(chaos.chaos(60, SEED))


def test_stopped_and_continued():
    """SIGSTOP for 1 to 3 s, then SIGCONT: some go on, some are replaced by the watchdog."""
    balanced(chaos.chaos(30, SEED, stop=True))
