"""A second real phone: linphone-daemon, configured in its own folder, commanded by its Unix socket.

It offers the part of Phone (phone.py) that tests need of both: register, dial, call, hang_up,
hold, resume, ear. What was learned about linphone 5.1 stands where it matters below.
"""

import math
import os
import select
import socket
import struct
import subprocess
import time
import wave

from .hear import Ear
from .host import end
from .phone import PhoneError
from .wait import Late, until

RATE = 8000
TONE_SECONDS = 90       # the file is not played again when it is over

# Without a network monitor it would wait for one to say that there is a network. No IPv6 address
# of the laboratory, no video, and nothing that wants a server of linphone's makers.
CONFIG = '''\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
register_only_when_network_is_up=1
use_ipv6=0
media_encryption={encryption}
media_encryption_mandatory={mandatory}
verify_server_certs={verify}
verify_server_cn={verify}
root_ca={root_ca}
guess_hostname=0
contact="{number}" <sip:{number}@{address}>
default_proxy=0
inc_timeout=60
keepalive_period={keepalive_ms}
[rtp]
audio_rtp_port=17078
[video]
capture=0
display=0
[net]
firewall_policy=0
mtu=1300
nat_policy_ref=lab
[nat_policy_0]
ref=lab
stun_server={stun}
protocols={nat}
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport}>
reg_identity={aor}
reg_expires={interval}
reg_sendregister=1
nat_policy_ref=lab
publish=0
dial_escape_plus=0
[auth_info_0]
username={number}
userid={username}
passwd={password}
realm={realm}
domain={domain}
[misc]
config_version=1
[app]
auto_download_incoming_files_max_size=-1
'''


def write_tone(path, frequency):
    """A WAV file with the phone's voice."""
    samples = [round(9000 * math.sin(2 * math.pi * frequency * i / RATE)) for i in range(RATE)]
    with wave.open(path, 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        # Whole tones of 20 Hz: a second ends where the next one begins.
        file.writeframes(struct.pack(f'<{RATE}h', *samples) * TONE_SECONDS)


class Linphone:
    """One linphone-daemon with one account."""

    def __init__(self, number, server, folder, *, host, username, password, domain, realm='SMO-SIP', tone=440,
                 answer='auto', transport='udp', sip_port=5060, interval=60, root_ca=None,
                 encryption='none', mandatory=False, ice=None, keepalive_s=30):
        """ice: (address, port) of the STUN server that it asks for its candidates, or None: no ICE."""
        self.number, self.server, self.host, self.tone = number, server, host, tone
        self.username, self.password, self.domain, self.realm = username, password, domain, realm
        self.transport, self.interval, self.root_ca = transport, interval, root_ca
        self.name, self.address = host.name, host.address
        self.folder = os.path.join(folder, f'linphone-{self.name}')
        self.encryption, self.mandatory = encryption, mandatory     # 'srtp'
        self._ice, self._keepalive_s = ice, keepalive_s
        self._answers, self._sip_port = answer == 'auto', sip_port
        self._process = self._sock = self.ear = None
        self._call = 1                  # the last call it had, or the first

    @property
    def aor(self):
        """The phone's address of record."""
        return f'sip:{self.number}@{self.domain}'

    # -- life -------------------------------------------------------------

    def start(self):
        """Start linphone; it registers by itself."""
        # It does not begin to work when it cannot make its database there.
        os.makedirs(os.path.join(self.folder, '.local/share/linphone'), exist_ok=True)
        port = {kind: self._sip_port if self.transport == kind else -1 for kind in ('udp', 'tcp', 'tls')}
        with open(os.path.join(self.folder, 'rc'), 'w') as file:
            file.write(CONFIG.format(**port, number=self.number, address=self.address, server=self.server,
                                     transport=self.transport, aor=self.aor, interval=self.interval,
                                     username=self.username, password=self.password, realm=self.realm,
                                     domain=self.domain, verify=int(self.root_ca is not None),
                                     root_ca=self.root_ca or '', encryption=self.encryption,
                                     mandatory=int(self.mandatory),
                                     keepalive_ms=1000 * self._keepalive_s, nat='stun,ice' if self._ice else '',
                                     stun='%s:%d' % self._ice if self._ice else ''))
        write_tone(os.path.join(self.folder, 'voice.wav'), self.tone)
        self.ear = Ear(self.host, os.path.join(self.folder, 'heard.pcap'))
        # Its socket always lies in /tmp.
        self._pipe = f'postern-{self.host.ns}'
        command = ['linphone-daemon', '--config', f'{self.folder}/rc', '--log', f'{self.folder}/log',
                   '--pipe', self._pipe, '--disable-stats-events']
        if self._answers:
            command.append('--auto-answer')
        self._process = self.host.spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, 'HOME': self.folder})
        self._sock = until(self._connect, 15, f'{self.name}: linphone starts')
        self.command('audio-codec-disable ALL')
        self.command('audio-codec-enable 0')        # PCMU
        return self

    def _connect(self):
        if self._process.poll() is not None:
            raise PhoneError(f'{self.name}: linphone ended at once, see {self.folder}/log')
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(f'/tmp/{self._pipe}')
            return sock
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            return None

    def stop(self):
        """End linphone."""
        if self._sock:
            self._sock.close()
        if self._process:
            end(self._process, patience=0.5)
            try:
                os.unlink(f'/tmp/{self._pipe}')
            except FileNotFoundError:
                pass
        if self.ear:
            self.ear.stop()

    def command(self, text, seconds=5.0):
        """Run one command: {key: value} of its answer; PhoneError when it says no."""
        self._sock.sendall(text.encode() + b'\n')
        answer, deadline = b'', time.monotonic() + seconds
        # An answer has no end mark; it is written at once.
        while b'\n' not in answer:
            if not select.select([self._sock], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Late(f'{self.name}: no answer to {text!r}: {answer!r}')
            answer += self._sock.recv(65536)
        while select.select([self._sock], [], [], 0.05)[0]:
            answer += self._sock.recv(65536)
        lines = answer.decode(errors='replace').splitlines()
        if lines[0] != 'Status: Ok':
            raise PhoneError(f'{self.name}: {text}: {lines}')
        return dict(line.split(': ', 1) for line in lines if ': ' in line)

    # -- registration and calls -------------------------------------------

    def register(self, seconds=8.0):
        """Wait for the 200 OK to its REGISTER."""
        until(lambda: self.command('register-status ALL').get('State') == 'LinphoneRegistrationOk', seconds,
              f'{self.name}: linphone is registered', 0.1)
        return self

    def _state(self):
        # A held call is not the current one, so by number: they count up from 1.
        for number in range(self._call, self._call + 3):
            try:
                state = self.command(f'call-status {number}')['State']
            except PhoneError:      # not begun, or over
                continue
            self._call = number
            return state
        return ''

    def dial(self, target):
        """Call a number of the own domain; returns at once."""
        self.command(f'call sip:{target}@{self.domain}')

    def established(self, seconds=10.0):
        """Wait until the call is up, then speak: each new stream begins in silence."""
        until(lambda: self._state() == 'LinphoneCallStreamsRunning', seconds, f'{self.name}: the call is up', 0.05)
        self.command(f'incall-player-start {self.folder}/voice.wav {self._call}')

    def closed(self, seconds=5.0):
        """Wait until there is no call."""
        until(lambda: self._state() == '', seconds, f'{self.name}: the call is over', 0.05)

    def hang_up(self):
        """End the call."""
        self.command(f'terminate {self._call}')
        self.closed()

    def hold(self):
        """Put the call on hold and wait until that is agreed."""
        self.command(f'call-pause {self._call}')
        until(lambda: self._state() == 'LinphoneCallPaused', 5, f'{self.name}: the call is held', 0.05)

    def resume(self):
        """Take the call back."""
        self.command(f'call-resume {self._call}')
        self.established(5)

    def ask(self, other, seconds=10.0):
        """A second call, to other, who answers by itself, while the first one is held."""
        second = self._call + 1
        self.dial(other.number)
        other.wait('CALL_ESTABLISHED', seconds)
        until(lambda: self.command(f'call-status {second}')['State'] == 'LinphoneCallStreamsRunning', seconds,
              f'{self.name}: the second call is up', 0.05)

    def join(self):
        """Attended transfer: who is in the first call is to talk to who is in the second."""
        self.command(f'call-transfer {self._call} {self._call + 1}')

    def wait(self, kind, seconds=5.0, **_):
        """Phone.wait() for the two events that both phones have."""
        if kind == 'CALL_ESTABLISHED':
            self.established(seconds)
        elif kind == 'CALL_CLOSED':
            self.closed(seconds)
        else:
            raise PhoneError(f'linphone tells no {kind}')

    def call(self, other, seconds=10.0):
        """Dial other, which answers by itself, and wait until both ends are established."""
        self.dial(other.number)
        self.wait('CALL_ESTABLISHED', seconds)
        other.wait('CALL_ESTABLISHED', seconds, unless='CALL_CLOSED')
