"""A stranger with more packets than Python can send: tests/system/probe/spray.c."""

import os
import re
import struct
import subprocess

from .postern import build


class Spray:
    """Sends datagrams to every port of a range, in turn, until stop() or until count are sent.

    forged is a network of false source addresses; else the source is his own port at the host's
    address, or at another that it has, and what comes back to it is counted.
    """

    def __init__(self, host, address, ports, datagrams, rate=0, count=0, port=4000, forged=None, own=None):
        command = [os.path.join(build(), 'tests', 'system', 'probe', 'spray'), address,
                   f'{ports[0]}-{ports[-1]}', str(rate), str(count), f'{own or host.address}:{port}', *([forged] if forged else [])]
        self._process = host.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process.stdin.write(b''.join(struct.pack('>H', len(data)) + data for data in datagrams))
        self._process.stdin.close()

    @property
    def running(self):
        """Has it still something to send?"""
        return self._process.poll() is None

    def wait(self, seconds):
        """Let it send all it has to; (packets sent, packets that came back)."""
        self._process.wait(seconds)
        return self._said()

    def stop(self):
        """End it; (packets sent, packets that came back)."""
        self._process.terminate()
        self._process.wait(5)
        return self._said()

    def _said(self):
        text = self._process.stdout.read().decode()
        self._process.stdout.close()
        return tuple(int(number) for number in re.fullmatch(r'sent (\d+) got (\d+)\n', text).groups())
