"""The process that keeps the logs stands still, and its pipes run full: nobody waits for it."""

import os
import re
import signal
import time

from lab.ipc import Closed, Neighbour
from lab.siege import Siege
from lab.wait import until

LINES = 1500                       # more than a pipe of 64 kB holds


def loggers(state):
    """Process ids of the loggers of this state folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                words = file.read().decode().split('\0')
            cwd = os.readlink(f'/proc/{pid}/cwd')
        except OSError:
            continue
        if words[0].endswith('svlogd') and (cwd.startswith(state) or any(state in word for word in words)):
            found.append(int(pid))
    return found


def make_it_log(siege, to):
    """A broken greeting each time: one line each."""
    for _ in range(LINES):
        with Neighbour(siege.postern, to, siege.as_, greet=False) as door:
            try:
                door.send(b'\0\0\0\0\xff\xff')
            except Closed:
                continue
            assert door.is_closed(5), f'{to} stands still'


def lost(siege, role):
    """What a role says of lines that it dropped."""
    path = os.path.join(siege.postern.state, 'log', role, 'current')
    with open(path) as file:
        return [int(n) for n in re.findall(r'log-lost lines=(\d+)', file.read())]


def test_a_logger_that_stands_still():
    """Everything works while no logger reads; then each lost line is counted, once."""
    with Siege('registrar-db') as siege:
        stopped = loggers(siege.postern.state)
        assert len(stopped) >= 4, f'loggers: {stopped}'
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            make_it_log(siege, 'sigproxy')
            siege.settle('sigproxy')
            start = time.monotonic()
            siege.works()
            print(f'registered and called in {time.monotonic() - start:.1f} s')
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
        siege.works()
        counts = until(lambda: lost(siege, 'sigproxy'), 5, 'sigproxy says what was lost', 0.1)
        print(f'lines lost: {counts}')
        assert 0 < sum(counts) < 2 * LINES
