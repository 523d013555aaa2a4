#!/usr/bin/python3
"""Place one real call between two real phones (baresip) on this machine and say what each heard.

One phone registers at the external listener, as a phone on the internet does, the other at
the internal one. Each sends its own tone; each must hear the other's. No privilege is
needed unless the phones live in network namespaces: what a phone heard is what its own
decoder recorded. Exit 0 only if both heard
the right tone.
"""

import argparse
import glob
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import wave
from array import array

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from lab import tone  # noqa: E402  (the path above comes first)
from lab.host import Host  # noqa: E402
from lab.phone import Phone, PhoneError  # noqa: E402
from lab.wait import Late, until  # noqa: E402

CLEAR, ABSENT = 0.9, 0.05
SECONDS = 4.0


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--external', required=True, metavar='ADDRESS:PORT', help='the external SIP listener')
    parser.add_argument('--internal', required=True, metavar='ADDRESS:PORT', help='the internal SIP listener')
    parser.add_argument('--domain', required=True, help="the site's domain")
    parser.add_argument('--accounts', required=True, metavar='FILE',
                        help='two lines "number username password": the external phone, then the internal one')
    parser.add_argument('--external-address', metavar='ADDRESS', help='where the external phone lives')
    parser.add_argument('--internal-address', metavar='ADDRESS', help='where the internal phone lives')
    parser.add_argument('--external-netns', metavar='FILE', help="the external phone's network namespace (as root)")
    parser.add_argument('--internal-netns', metavar='FILE', help="the internal phone's network namespace (as root)")
    parser.add_argument('--seconds', type=float, default=SECONDS, help='length of the talk (4)')
    parser.add_argument('--json', action='store_true', help='print JSON instead of lines for people')
    return parser.parse_args()


def accounts(path):
    """The two (number, username, password)."""
    with open(path) as file:
        return [line.split() for line in file if line.strip()][:2]


def recording(phone):
    """The samples and rate of what the phone's decoder gave out."""
    paths = glob.glob(os.path.join(phone.folder, 'dump-*-dec.wav'))
    samples, rate = array('h'), tone.RATE
    for path in sorted(paths):
        with wave.open(path) as file:
            rate = file.getframerate()
            samples.frombytes(file.readframes(file.getnframes()))
    return samples, rate


def recorded_seconds(phone):
    """How long the recording is so far, from the file's size: its header is written at the end."""
    paths = glob.glob(os.path.join(phone.folder, 'dump-*-dec.wav'))
    return sum(os.path.getsize(path) for path in paths) / (2 * tone.RATE)


def measure(listener, speaker):
    """What listener heard of speaker, as a dict."""
    samples, rate = recording(listener)
    return {'phone': listener.number, 'frequency': speaker.tone,
            'strength': round(tone.strength(samples, speaker.tone, rate), 3),
            'own_strength': round(tone.strength(samples, listener.tone, rate), 3),
            'seconds': round(len(samples) / rate, 2),
            'packets': round(len(samples) / rate * 50)}


def right(heard, seconds):
    """True when the other's tone, and only that, was heard for most of the talk."""
    return heard['strength'] >= CLEAR and heard['own_strength'] <= ABSENT and heard['seconds'] >= 0.7 * seconds


def call(caller, callee, seconds):
    """Register both, talk, hang up."""
    for phone in (caller, callee):
        phone.start(listen=False)
        phone.register()
    caller.call(callee)
    until(lambda: min(recorded_seconds(caller), recorded_seconds(callee)) >= seconds,
          seconds + 4, 'both phones hear something')
    caller.hang_up()
    callee.closed()


class Place(Host):
    """A network namespace that somebody else made, known by its file."""

    def __init__(self, path, address):
        super().__init__('place', path, address)

    @property
    def path(self):
        return self.ns


def phone(account, server, folder, options, zone, **more):
    """One phone, on ports nobody uses, in a namespace if it was given one."""
    number, username, password = account
    address = getattr(options, f'{zone}_address') or server.rsplit(':', 1)[0]
    netns = getattr(options, f'{zone}_netns')
    host = Place(netns, address) if netns else None
    sip_port, control_port = ((host.inside(lambda where=where: free_port(where)) if host else free_port(where))
                              for where in (address, '127.0.0.1'))
    return Phone(number, server, folder, host=host, name=number, address=address, username=username,
                 password=password, domain=options.domain, record=True, sip_port=sip_port,
                 control_port=control_port, **more)


def phones(options, folder):
    """The two phones."""
    outer, inner = accounts(options.accounts)
    return [phone(outer, options.external, folder, options, 'external', tone=440, rtp_ports='26000-26099'),
            phone(inner, options.internal, folder, options, 'internal', tone=620, rtp_ports='26100-26199')]


def free_port(address):
    """A port that nobody uses now, for UDP and TCP alike."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('stopped'))
    folder = tempfile.mkdtemp(prefix='postern-demo-')
    caller, callee = phones(options, folder)
    problem = None
    try:
        call(caller, callee, options.seconds)
    except (Late, PhoneError) as error:
        problem = str(error)
    finally:
        caller.stop()
        callee.stop()
    heard = [measure(caller, callee), measure(callee, caller)]
    good = not problem and all(right(h, options.seconds) for h in heard)
    report(options, good, problem, heard, folder)
    if good:
        shutil.rmtree(folder)
    return 0 if good else 1


def report(options, good, problem, heard, folder):
    """Say what was heard."""
    if options.json:
        print(json.dumps({'ok': good, 'problem': problem, 'heard': heard, 'logs': None if good else folder}))
        return
    for one in heard:
        print(f"phone {one['phone']} heard {one['frequency']} Hz with strength {one['strength']:.2f} "
              f"(its own tone {one['own_strength']:.2f}), {one['packets']} packets, {one['seconds']:.1f} s")
    if problem:
        print(f'problem: {problem}')
    print('two-way audio' if good else f'NO two-way audio; logs of the phones: {folder}')


if __name__ == '__main__':
    sys.exit(main())
