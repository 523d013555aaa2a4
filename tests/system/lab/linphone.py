"""Another real phone: linphonec 5, driven by its command line; it can transfer attended and be replaced.

Its log is all that is heard of it: when its input is no terminal it prints hardly anything.
Other things that were learned about it are written where they matter below.
"""

import array
import math
import os
import re
import subprocess
import wave

from .hear import Ear
from .host import end
from .wait import until

# Without a way to the internet it believes that there is no network, unless told not to care.
# Its auth_info is found by the number; userid is what the digest says. Codecs that are not listed
# are added, and two of these phones then agree on one that the ear cannot decode.
CONFIG = '''\
[sip]
sip_port={sip_port}
sip_tcp_port=0
sip_tls_port=0
register_only_when_network_is_up=1
guess_hostname=1
default_proxy=0
inc_timeout=60
media_encryption=none
verify_server_certs=0
use_info=0
use_ipv6=0
[net]
mtu=1300
[rtp]
audio_rtp_port={rtp_port}
audio_adaptive_jitt_comp_enabled=0
rtcp_xr_enabled=0
[sound]
echocancellation=0
ec_delay=0
remote_ring=
local_ring=
hold_music=
[video]
enabled=0
[misc]
log_collection_upload_server_url=
store_friends=0
add_missing_audio_codecs=0
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=<sip:{number}@{domain}>
reg_expires={interval}
reg_sendregister=1
publish=0
dial_escape_plus=0
avpf=0
[auth_info_0]
username={number}
userid={username}
passwd={password}
realm={realm}
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
'''


def write_tone(path, frequency, seconds=60):
    """A mono file of one tone, as linphonec plays it."""
    samples = array.array('h', (int(8000 * math.sin(2 * math.pi * frequency * i / 8000))
                                for i in range(8000)))
    with wave.open(path, 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes() * seconds)


class Linphone:
    """One linphonec with one account; its calls are numbered from 1 by itself."""

    def __init__(self, number, server, folder, *, host, username, password, domain, realm='SMO-SIP',
                 tone=440, sip_port=5060, rtp_port=7078, interval=60, transport='udp'):
        self.number, self.host, self.tone, self.name = number, host, tone, f'{host.name} ({number})'
        self.domain = domain
        self.folder = os.path.join(folder, f'linphone-{number}')
        self._config = dict(number=number, server=server, domain=domain, username=username, password=password,
                            realm=realm, sip_port=sip_port, rtp_port=rtp_port, interval=interval,
                            transport=transport)
        self._log = os.path.join(self.folder, 'log')
        self._process = self.ear = None

    # -- life -------------------------------------------------------------

    def start(self):
        """Start it and wait until it is registered."""
        os.makedirs(os.path.join(self.folder, '.local/share/linphone'), exist_ok=True)
        rc, tone = os.path.join(self.folder, 'rc'), os.path.join(self.folder, 'tone.wav')
        with open(rc, 'w') as file:
            file.write(CONFIG.format(**self._config))
        write_tone(tone, self.tone)
        self.ear = Ear(self.host, os.path.join(self.folder, 'heard.pcap'))
        self._process = self.host.spawn(
            ['env', f'HOME={self.folder}', 'linphonec', '-a', '-c', rc, '-d', '5', '-l', self._log],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait('LinphoneRegistrationOk', 15)
        self.command('soundcard use files')
        self.command(f'play {tone}')
        return self

    def stop(self):
        """End it."""
        if self._process:
            end(self._process)
        if self.ear:
            self.ear.stop()

    # -- commands ---------------------------------------------------------

    def command(self, text):
        """Type one line."""
        self._process.stdin.write(f'{text}\n'.encode())
        self._process.stdin.flush()

    def call(self, other):
        """Call another Linphone and wait until both talk."""
        here, there = self.mark(), other.mark()
        self.command(f'call sip:{other.number}@{self.domain}')
        self.wait('to LinphoneCallStreamsRunning', since=here)
        other.wait('to LinphoneCallStreamsRunning', since=there)

    def hold(self, call):
        """Put its call of this number on hold."""
        here = self.mark()
        self.command(f'pause {call}')
        self.wait('to LinphoneCallPaused', since=here)

    def transfer(self, call, other_call):
        """Attended: whoever is in the one call is to talk with who is in the other."""
        self.command(f'transfer {call} --to-call {other_call}')

    def hang_up(self):
        """End all its calls."""
        self.command('terminate all')

    # -- its log ----------------------------------------------------------

    def mark(self):
        """A place in the log, to wait for what comes after it."""
        return len(self._read())

    def _read(self):
        try:
            with open(self._log, errors='replace') as file:
                return file.read()
        except FileNotFoundError:
            return ''

    def wait(self, pattern, seconds=8.0, since=0):
        """Wait until its log says this (a regular expression) after `since`."""
        return until(lambda: re.search(pattern, self._read()[since:]), seconds, f'{self.name}: {pattern!r}')
