"""What is traced: the admin's command, tracer's files as tshark reads them, and who takes HEP."""

import glob
import os
import signal
import subprocess
import time

from .postern import program

HEP_PORT = 9060


def trace(postern, *words, check=True):
    """postern trace WORDS; what it prints."""
    done = postern.host.run([program(), 'trace', *map(str, words), '--state', postern.state], check=False, timeout=10)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout if check else done


def files(postern, word=''):
    """Tracer's files whose name holds the word, oldest first."""
    return sorted(p for p in glob.glob(os.path.join(postern.state, 'trace', '*.pcapng')) if word in os.path.basename(p))


def fields(path, names, *options):
    """Each packet of a file as tshark reads it: a dict of these fields."""
    command = ['tshark', '-r', path, *options, '-T', 'fields', '-E', 'separator=\x1f', *(x for n in names for x in ('-e', n))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return [dict(zip(names, line.split('\x1f'))) for line in done.stdout.splitlines()]


def messages(path):
    """First lines of the SIP messages of a file, in order, with whence they came and went."""
    names = ('sip.Request-Line', 'sip.Status-Line', 'ip.src', 'udp.srcport', 'ip.dst', 'udp.dstport',
             'frame.interface_name', 'sip.Call-ID', 'frame.comment')
    return fields(path, names, '-Y', 'sip')


class Sngrep:
    """sngrep, without its screen, that listens for HEP on a host and writes down what it took."""

    def __init__(self, host, folder):
        self.path = os.path.join(folder, 'sngrep.pcap')
        self._process = host.spawn(['sngrep', '-F', '-N', '-q', '-L', f'udp:{host.address}:{HEP_PORT}', '-O', self.path],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        assert self._process.poll() is None, 'sngrep does not run'

    def stop(self):
        """End it; its file is whole then."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(5)
        return self.path
