"""Waiting for something to become true, always with a deadline."""

import time


class Late(Exception):
    """What was waited for did not happen in time."""


def until(condition, seconds, what, step=0.02):
    """Return the first true value of condition(), or raise Late naming what was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Late(f'{what}: not within {seconds:g} s')
        time.sleep(step)
