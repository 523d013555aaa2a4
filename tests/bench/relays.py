"""The relays that are measured: Postern's mediaproxy by its own door, rtpengine by its ng protocol."""

import base64
import json
import os
import re
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from lab import ipc
from lab.postern import build

NOBODY = 65534
PHONE_PORT, PLACES = 31000, 4        # as in phones.c
FIRST_PORT = 10000
# What the called phones send with, if they speak SRTP; as in sealed.c.
KEY = bytes(range(1, 31))
SDP = ('v=0\r\no=- {0} 1 IN IP4 {1}\r\ns=-\r\nc=IN IP4 {1}\r\nt=0 0\r\n'
       'm=audio {2} {3} 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n{4}')
SUITE, SUITE_NUMBER = 'AES_CM_128_HMAC_SHA1_80', 1


def alone():
    """Go on in a network namespace of our own, if we may: nobody else's ports and rules are there."""
    if os.geteuid() == 0 and not os.environ.get('POSTERN_BENCH_ALONE'):
        os.environ['POSTERN_BENCH_ALONE'] = 'yes'
        os.execvp('unshare', ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh',
                              sys.executable, *sys.argv])


def caller(index):
    """Where the caller's phone of a call sends and listens."""
    return '127.0.0.3', PHONE_PORT + index % PLACES


def called(index):
    """The same for the called one."""
    return '127.0.0.2', PHONE_PORT + index % PLACES


def least(fields):
    """A value of a message in which all is off, empty or as small as may be."""
    value = {}
    for field in fields:
        if field.kind == 'number':
            value[field.name] = field.low
        elif field.kind in ('text', 'bytes', 'exact'):
            value[field.name] = bytes(field.size or field.low)
        elif field.kind == 'part':
            value[field.name] = least(ipc.PARTS[field.part])
        else:
            value[field.name] = None if field.kind.startswith('address') else []
    return value


class Relay:
    """One relay program, running, in a folder of its own."""

    def __init__(self, cpu=None):
        self.folder = tempfile.mkdtemp(prefix='postern-bench-')
        os.chmod(self.folder, 0o755)
        self._cpu, self._process = cpu, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self._process.pid

    def path(self, name):
        """A file in the folder."""
        return os.path.join(self.folder, name)

    def _run(self, arguments, user=None, **environment):
        def prepare():
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            if self._cpu is not None:
                os.sched_setaffinity(0, {self._cpu})
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        with open(self.path('log'), 'w') as log:
            self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=prepare, env={**os.environ, **environment})

    def stop(self):
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self, key):
        """A KiB line of /proc/PID/status."""
        with open(f'/proc/{self.pid}/status') as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key + ':'))

    def rss_kib(self):
        """Memory in RAM."""
        return self.status('VmRSS')

    def heap_kib(self):
        """Memory in RAM that no file backs: the program's text comes and goes as the kernel likes."""
        return self.status('RssAnon')

    def attend(self, seconds):
        """So long, read what it tells us: who does not makes it keep that."""
        time.sleep(seconds)

    def files(self):
        """How many descriptors it has open."""
        return len(os.listdir(f'/proc/{self.pid}/fd'))


class Door(ipc.Neighbour):
    """The connection of a relay that knocked at sigproxy's door, which is ours."""

    def __init__(self, listener):            # not the base's: that one knocks
        self._buffer, self.to, self.as_ = b'', 'mediaproxy', 'sigproxy'
        listener.settimeout(20)
        self.sock = listener.accept()[0]
        self.sock.settimeout(5)
        self.hello = self.hear('HELLO')
        self.say('HELLO', version=self.hello['version'], table=self.hello['table'],
                 role=ipc.ROLES['sigproxy'], instance=0, started_us=2**63)

    def tell(self, name, **value):
        """Send one message; what is not given is off."""
        self.send(ipc.frame(name, {**least(ipc.MESSAGES[name][3]), **value}))

    def wait(self, deadline):
        """Until something has come, or the time has."""
        if select.select([self.sock], [], [], max(0, deadline - time.monotonic()))[0]:
            self._read()


class Postern(Relay):
    """postern-mediaproxy, with us in sigproxy's place."""

    name = 'Postern'

    def __init__(self, channels, cpu=None, pairs=None):
        """channels: as configured; pairs: of ports in each zone, else just as many."""
        super().__init__(cpu)
        self._config(channels, pairs or channels)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path('sigproxy.mediaproxy-0.sock'))
        os.chmod(self.path('sigproxy.mediaproxy-0.sock'), 0o666)
        listener.listen()
        # The users of an installed Postern need not exist here.
        self._run([os.path.join(build(), 'postern-mediaproxy'), '--config', self.path('postern.conf')],
                  NOBODY if os.geteuid() == 0 else None, POSTERN_RUN_DIR=self.folder)
        self.door = Door(listener)
        self.ended = self.packets = 0        # streams that ended, and what their phones had sent

    def _config(self, channels, pairs):
        inner = FIRST_PORT + 2 * pairs
        with open(self.path('postern.conf'), 'w') as file:
            file.write('[site]\ndomain = test.example\n'
                       '[address]\ninternal = 127.0.0.1\nexternal = 127.0.0.1\npublic = none\n'
                       f'[media]\nports = {FIRST_PORT}-{inner - 1}\n'
                       f'internal_ports = {inner}-{inner + 2 * pairs - 1}\nchannels = {channels}\n')

    def ask(self, index):
        """Ask for both ends of a call."""
        for end, phone in enumerate((caller(index), called(index))):
            self.door.tell('RELAY_OPEN', id=index % 2**32, session=index + 1, end=end, zone=end + 1, family=4,
                           streams=1, phone=phone)

    def hear(self, wanted, seconds=20):
        """Read what the relay says until so many answers have come; {(index, end): RELAY_SAY}."""
        said, deadline = {}, time.monotonic() + seconds
        while len(said) < wanted:
            if time.monotonic() > deadline:
                raise SystemExit(f'mediaproxy answers {len(said)} of {wanted} questions')
            self.door.wait(deadline)
            for name, payload in self.door.frames():
                if name not in ('RELAY_SAY', 'RELAY_STATS'):
                    continue
                value, _ = ipc.get(ipc.MESSAGES[name][3], payload)
                if name == 'RELAY_SAY':
                    said[value['session'] - 1, value['end']] = value
                else:
                    self.ended += 1
                    self.packets += value['counter']['packets_in']
        return said

    def attend(self, seconds):
        """Read and forget."""
        self.door.wait(time.monotonic() + seconds)
        self.door.frames()

    def join(self, index, srtp=False):
        """Tie the two ends of an open call together."""
        if srtp:
            self.door.tell('RELAY_KEY', session=index + 1, end=1, suite_in=SUITE_NUMBER, key_in=KEY,
                           suite_out=SUITE_NUMBER, key_out=KEY[::-1])
        for end, phone in enumerate((caller(index), called(index))):
            self.door.tell('RELAY_SET', session=index + 1, end=end, to_end=1 - end, rtp=phone, relearn=1,
                           phone=phone)

    def open(self, index, srtp=False):
        """A call; the ports towards its caller and its callee, and the key of what the latter gets."""
        self.ask(index)
        said = self.hear(2)
        if any(one['refusal'] for one in said.values()):
            raise SystemExit(f'mediaproxy refuses call {index}')
        self.join(index, srtp)
        return tuple(said[index, end]['ports'][0]['rtp'] for end in (0, 1)) + (KEY[::-1] if srtp else None,)

    def close(self, index):
        """End it; hear() counts its RELAY_STATS."""
        self.door.tell('RELAY_CLOSE', session=index + 1, end=255)


# ---- rtpengine ----


def bencode(value):
    """A value as the ng protocol has it."""
    if isinstance(value, int):
        return b'i%de' % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b'%d:%s' % (len(value), value)
    if isinstance(value, list):
        return b'l' + b''.join(map(bencode, value)) + b'e'
    return b'd' + b''.join(bencode(k) + bencode(value[k]) for k in sorted(value)) + b'e'


def bdecode(data, at=0):
    """(value, place behind it)."""
    kind = data[at:at + 1]
    if kind == b'i':
        end = data.index(b'e', at)
        return int(data[at + 1:end]), end + 1
    if kind in b'ld':
        items, at = [], at + 1
        while data[at:at + 1] != b'e':
            item, at = bdecode(data, at)
            items.append(item)
        return (items if kind == b'l' else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b':', at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


class Rtpengine(Relay):
    """Debian's rtpengine in user space."""

    name = 'rtpengine'
    CONTROL = ('127.0.0.1', 22222)
    SRTP = {'transport-protocol': 'RTP/SAVP', 'DTLS': 'off'}

    def __init__(self, channels, cpu=None, threads=None):
        super().__init__(cpu)
        self._run(['rtpengine', '--foreground', '--config-file=none', '--table=-1', '--log-stderr', '--log-level=4',
                   '--interface=127.0.0.1', '--listen-ng=%s:%d' % self.CONTROL, '--port-min=30000',
                   '--port-max=60000', *([f'--num-threads={threads}'] if threads else [])])
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect(self.CONTROL)
        self._sock.settimeout(1)
        self._await()

    def _await(self):
        for _ in range(100):
            try:
                if self._command(command='ping')[b'result'] == b'pong':
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f'rtpengine does not start: {open(self.path("log")).read()}')

    def _command(self, **value):
        cookie = os.urandom(6).hex().encode()
        self._sock.send(cookie + b' ' + bencode(value))
        while True:
            got = self._sock.recv(65536)
            if got.startswith(cookie + b' '):
                return bdecode(got, len(cookie) + 1)[0]

    def _port(self, command, index, phone, protocol='RTP/AVP', crypto='', **more):
        """The port that it answers with; tag and key of our suite, if it is among its own."""
        answer = self._command(command=command, sdp=SDP.format(index, *phone, protocol, crypto),
                               **{'call-id': f'bench-{index}', 'from-tag': 'a'}, **more)
        if answer[b'result'] != b'ok':
            raise SystemExit(f'rtpengine: {answer}')
        sdp = answer[b'sdp'].decode()
        crypto = re.search(rf'a=crypto:(\d+) {SUITE} inline:([A-Za-z0-9+/]{{40}})', sdp)
        return int(re.search(r'm=audio (\d+)', sdp)[1]), *(crypto.groups() if crypto else ('', ''))

    def open(self, index, srtp=False):
        """A call; the ports towards its caller and its callee, and the key of what the latter gets."""
        towards_called, tag, key = self._port('offer', index, caller(index),
                                              **(self.SRTP if srtp else {}))
        answer = ('RTP/SAVP', f'a=crypto:{tag} {SUITE} inline:{base64.b64encode(KEY).decode()}\r\n') if srtp else ()
        return (self._port('answer', index, called(index), *answer, **{'to-tag': 'b'})[0], towards_called,
                base64.b64decode(key) or None)


# ---- phones ----


def thrown_away():
    """Packets that found their socket full, of all UDP sockets but the phones'."""
    with open('/proc/net/udp', encoding='ascii') as table:
        rows = [line.split() for line in table][1:]
    return sum(int(row[-1]) for row in rows if int(row[1].split(':')[1], 16) not in range(PHONE_PORT, PHONE_PORT + PLACES))


def talk(relay, ports, seconds, cpu=None, deaf=False):
    """All calls with these ports talk for so long; what phones.c reports.

    deaf: nobody listens; what came is what the relay's sockets did not throw away."""
    before = thrown_away()
    result = _talk(relay, ports, seconds, cpu, deaf)
    if deaf:
        result['got'] -= thrown_away() - before
    return result


def _talk(relay, ports, seconds, cpu, deaf):
    phones = subprocess.Popen(
        [os.path.join(build(), 'tests', 'bench', 'phones'), str(len(ports)), str(seconds), str(relay.pid),
         *(['deaf'] if deaf else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}) if cpu is not None else None)
    if phones.stdout.readline() != 'ready\n':
        raise SystemExit('the phones do not start')
    phones.stdin.write(''.join(f'{a} {b} {key.hex() if key else "-"}\n' for a, b, key in ports))
    phones.stdin.close()
    while phones.poll() is None:
        relay.attend(0.2)
    out = phones.stdout.read()
    if phones.returncode:
        raise SystemExit(f'the phones failed: {phones.returncode}')
    return json.loads(out)
