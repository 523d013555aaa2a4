"""A real phone: baresip, configured in its own folder and controlled over ctrl_tcp.

What was learned about baresip 1.0.0 is written where it matters below.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time

from .hear import Ear
from .host import end
from .wait import Late, until

MODULES = '/usr/lib/baresip/modules'

# aubridge is a player without a sound card. ausine wants 48000 Hz and 2 channels.
# net_interface takes an address: loopback addresses are only used when named so.
CONFIG = '''\
poll_method epoll
sip_listen {listen}:{sip_port}
net_interface {address}
audio_source ausine,{tone}
audio_player aubridge,ear
audio_alert aubridge,bell
ausrc_srate 48000
ausrc_channels 2
rtp_ports {rtp_ports}
rtcp_mux {rtcp_mux}
jitter_buffer_delay 1-5
call_local_timeout 60
call_max_calls 4
menu_bell no
statmode_default off
ringback_disabled yes
ctrl_tcp_listen {control_address}:{control_port}
snd_path {recordings}
module_path {modules}
module ausine.so
module aubridge.so
module g711.so
module stun.so
{tls}
{dns}
{extra_modules}
module_tmp account.so
module_app menu.so
module_app debug_cmd.so
module_app ctrl_tcp.so
'''


# A picture without camera and screen; small and slow, so that coding it costs little.
VIDEO = '''\
video_source fakevideo,nil
video_display fakevideo,nil
video_size 176x144
video_fps 10
video_bitrate 64000
module fakevideo.so
module vp8.so
'''

# What its OpenSSL reads at start.
OPENSSL = '''\
openssl_conf = main
[main]
ssl_conf = ssl
[ssl]
system_default = all
[all]
MaxProtocol = {}
'''


class PhoneError(Exception):
    """The phone said no."""


class Control:
    """baresip's control connection: netstrings of JSON; answers and events come mixed."""

    def __init__(self, connect):
        self._sock = connect()
        self._buffer = b''
        self.events = []
        self._answers = []

    def close(self):
        self._sock.close()

    def command(self, name, parameters='', seconds=5.0):
        """Run one command of baresip's menu and return what it prints."""
        text = json.dumps({'command': name, 'params': parameters, 'token': ''}).encode()
        self._sock.sendall(b'%d:%s,' % (len(text), text))
        self.pump(seconds, lambda: self._answers)
        if not self._answers:
            raise Late(f'baresip did not answer {name!r}')
        answer = self._answers.pop(0)
        return answer.get('data', '')

    def pump(self, seconds, done):
        """Take in events and answers until done() is true or the time is over; return done()."""
        deadline = time.monotonic() + seconds
        while not (value := done()):
            if not select.select([self._sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
                break
            data = self._sock.recv(65536)
            if not data:
                raise PhoneError('baresip closed its control connection')
            self._buffer += data
            self._take_netstrings()
        return value

    def _take_netstrings(self):
        while b':' in self._buffer:
            size, _, rest = self._buffer.partition(b':')
            length = int(size)
            if len(rest) < length + 1:
                return
            self._buffer = rest[length + 1:]
            item = json.loads(rest[:length])
            (self.events if item.get('event') else self._answers).append(item)


class Phone:
    """One baresip with one account."""

    def __init__(self, number, server, folder, *, host=None, address=None, name=None, username=None,
                 password=None, domain=None, tone=440, codec='pcmu', stun=None, answer='auto',
                 sip_port=5060, control_port=4444, rtp_ports='10000-10199', interval=60,
                 record=False, transport='udp', ca=None, tls_most=None,
                 modules=(), account=(), dns=None, video=False, rtcp_mux=False):
        """video: it offers and takes a picture (VP8) beside sound. rtcp_mux: it offers RTCP by its RTP port.
        server is 'address:port'; with domain the AOR is number@domain and server the outbound proxy.

        modules are more of baresip's, account more parameters of its account.
        host is a laboratory host; without one the phone runs on this machine at address. With both, address is
        another one of the host's, of IPv6 for example.
        answer is 'auto' or 'manual'. stun is (address, port) of
        a STUN server, or None. ca: a file with the certificates that TLS believes; tls_most: 'TLSv1.2', say.
        """
        self.number, self.server, self.tone, self.host = number, server, tone, host
        self.domain = domain or server
        self.username, self.password = username, password
        self.codec, self.stun, self.answer_mode, self.interval = codec, stun, answer, interval
        self.address = address or host.address
        self.name = name or (host.name if host else str(number))
        self.folder = os.path.join(folder, f'phone-{self.name}')
        self._control_address = '127.0.0.1'
        self._control_port = control_port
        self._sip_port, self._rtp_ports = sip_port, rtp_ports
        self.transport, self.ca, self._tls_most = transport, ca, tls_most
        self._modules = [*modules, *(['sndfile.so'] if record else [])]
        self._dns = dns                 # 'address:port' of a DNS server, or None
        self._video, self._rtcp_mux = video, rtcp_mux
        self._more = [*account, *(['video_codecs=vp8'] if video else [])]      # parameters of baresip's account line
        if 'sipnat=outbound' in self._more:
            self._modules.append('uuid.so')             # it wants an instance-id
        self._process = self.control = self.ear = None
        self._waited = 0                # place in the event list up to which wait() has come

    @property
    def aor(self):
        """The phone's address of record."""
        return f'sip:{self.number}@{self.domain}'

    # -- life -------------------------------------------------------------

    def start(self, listen=True):
        """Start baresip (not yet registered); with listen, capture what it hears."""
        os.makedirs(self.folder, exist_ok=True)
        self._write_config()
        if listen:
            self.ear = Ear(self.host, os.path.join(self.folder, 'heard.pcap'), self.address)
        command = ['stdbuf', '-oL', 'baresip', '-6' if ':' in self.address else '-4', '-s', '-f', self.folder]
        if self._tls_most:
            command = ['env', f'OPENSSL_CONF={self.folder}/openssl.cnf', *command]
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            if self.host:
                self._process = self.host.spawn(command, stdout=log, stderr=log)
            else:
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                                 stderr=log, start_new_session=True)
        self.control = Control(lambda: until(self._connect, 10, f'{self.name}: baresip starts'))
        return self

    def _write_config(self):
        listen = f'[{self.address}]' if ':' in self.address else self.address
        text = CONFIG.format(address=self.address, listen=listen, sip_port=self._sip_port, tone=self.tone,
                             rtp_ports=self._rtp_ports, rtcp_mux='yes' if self._rtcp_mux else 'no', control_address=self._control_address,
                             control_port=self._control_port, recordings=self.folder, modules=MODULES,
                             tls=f'sip_cafile {self.ca}' if self.ca else '',
                             dns=f'dns_server {self._dns}' if self._dns else '',
                             extra_modules='\n'.join(f'module {name}' for name in self._modules)
                             + ('\n' + VIDEO if self._video else ''))
        openssl = OPENSSL.format(self._tls_most) if self._tls_most else ''
        for name, content in (('config', text), ('accounts', ''), ('contacts', ''), ('openssl.cnf', openssl)):
            with open(os.path.join(self.folder, name), 'w') as file:
                file.write(content)

    def _connect(self):
        if self._process.poll() is not None:
            raise PhoneError(f'{self.name}: baresip ended at once, see {self.folder}/log')
        target = (self._control_address, self._control_port)
        try:
            return self.host.connect(target, 1) if self.host else socket.create_connection(target, 1)
        except ConnectionRefusedError:
            return None

    def stop(self):
        """End baresip the polite way: it unregisters."""
        if self.control:
            self.control.close()
        if self._process:
            end(self._process)
        if self.ear:
            self.ear.stop()

    def vanish(self):
        """The phone loses power: no BYE, no unregistering."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self):
        """It neither sends nor reads any more, as if its sound had stopped."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self):
        """It goes on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    # -- registration -----------------------------------------------------

    def _account(self):
        fields = [f'<{self.aor}>', f'regint={self.interval}', f'answermode={self.answer_mode}',
                  f'audio_codecs={self.codec}']
        if self.username:
            fields += [f'auth_user={self.username}', f'auth_pass={self.password}']
        if self.domain != self.server:
            fields.append(f'outbound="sip:{self.server};transport={self.transport}"')
        if self.stun:
            fields += ['medianat=stun', f'stunserver=stun:{self.stun[0]}:{self.stun[1]}']
        return ';'.join(fields + self._more)

    def add_account(self):
        """Create the account; it registers by itself when the interval is not 0."""
        self.control.command('uanew', self._account())
        return self

    def register(self, seconds=5.0):
        """Create the account and wait for the 200 OK to its REGISTER."""
        self.add_account()
        return self.wait('REGISTER_OK', seconds, unless='REGISTER_FAIL')

    def unregister(self):
        """Remove the account: REGISTER with expiry 0."""
        self.control.command('uadel', self.aor)
        self.wait('UNREGISTERING', 5)

    # -- events -----------------------------------------------------------

    def mark(self):
        """A place in the event list, to wait for what comes after it."""
        return len(self.control.events)

    def events(self, since=0):
        """The events so far, oldest first."""
        self.control.pump(0, lambda: False)
        return self.control.events[since:]

    def wait(self, kind, seconds=5.0, unless=None, since=None):
        """Wait for an event of this type that was not waited for before; PhoneError when unless comes."""
        seen = {'at': self._waited if since is None else since}

        def look():
            for index in range(seen['at'], len(self.control.events)):
                event = self.control.events[index]
                if event['type'] in (kind, unless):
                    self._waited = index + 1
                    return event
            seen['at'] = len(self.control.events)
            return None

        event = self.control.pump(seconds, look)
        if not event:
            raise Late(f'{self.name}: no {kind} within {seconds:g} s; events: '
                       f'{[e["type"] for e in self.control.events]}')
        if event['type'] == unless and unless != kind:
            raise PhoneError(f'{self.name}: {unless}: {event.get("param", "")}')
        return event

    # -- calls ------------------------------------------------------------

    def dial(self, target):
        """Call a number of the own domain, or a whole URI; returns at once."""
        uri = target if str(target).startswith('sip:') else f'sip:{target}@{self.domain}'
        self.control.command('dial', uri)

    def call(self, other, seconds=10.0):
        """Dial other (a Phone that answers by itself) and wait until both ends are established."""
        self.dial(other.number)
        self.wait('CALL_ESTABLISHED', seconds, unless='CALL_CLOSED')
        other.wait('CALL_ESTABLISHED', seconds, unless='CALL_CLOSED')

    def accept(self):
        """Answer the ringing call."""
        self.control.command('accept')
        self.wait('CALL_ESTABLISHED', 5, unless='CALL_CLOSED')

    def _reinvite(self, command):
        since = self.mark()
        self.control.command(command)
        self.wait('CALL_REMOTE_SDP', 5, unless='CALL_CLOSED', since=since)

    def hold(self):
        """Put the call on hold (re-INVITE, sendonly) and wait for the answer."""
        self._reinvite('hold')

    def resume(self):
        """Take the call back and wait for the answer."""
        self._reinvite('resume')

    def hang_up(self):
        """End the current call; baresip counts it as closed at once."""
        self.control.command('hangup')
        self.closed()

    def closed(self, seconds=5.0):
        """Wait for the call's end; return its reason."""
        return self.wait('CALL_CLOSED', seconds).get('param', '')

    def calls(self):
        """What baresip prints about its calls."""
        return self.control.command('listcalls')
