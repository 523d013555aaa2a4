"""The office's address changes, and the A record in a zone of one's own follows: the script of etc/ddns and BIND."""

import contextlib
import os
import shutil
import subprocess

from lab.dns import ADDRESS
from lab.net import Lab
from lab.odd_stun import OddServer
from lab.postern import Postern, program
from lab.wait import until

NAME, ZONE = 'gate.dyn.test', 'dyn.test'
SCRIPT = os.path.join(os.path.dirname(__file__), '..', '..', 'etc', 'ddns', 'rfc2136')
CONFIG = '''
options {{ directory "{folder}"; listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no;
	pid-file none; session-keyfile none; dnssec-validation no; }};
controls {{ }};
include "{folder}/server.key";
zone "{zone}" {{ type primary; file "zone"; update-policy {{ grant gate name gate.dyn.test A AAAA; }}; }};
'''
START = '''$TTL 300
@ SOA ns hostmaster 1 60 60 600 5
@ NS ns
ns A {address}
gate AAAA 2001:db8::1
other A 192.0.2.7
'''


class Bind:
    """A zone of its own for the office, changed by whoever has the key."""

    def __init__(self, lab):
        self.host, self.folder = lab.public_host('bind', ADDRESS), lab.path('bind')
        os.mkdir(self.folder)
        for key in ('right', 'wrong'):
            text = subprocess.run(['tsig-keygen', '-a', 'hmac-sha256', 'gate'], check=True, capture_output=True,
                                  text=True).stdout
            self.put(f'{key}.key', text)
            if key == 'right':
                self.put('server.key', text)    # named, without its capabilities, cannot read the hook's
            shutil.chown(self.path(f'{key}.key'), 'nobody')
            os.chmod(self.path(f'{key}.key'), 0o400)
        self.put('zone', START.format(address=ADDRESS))
        self.put('named.conf', CONFIG.format(folder=self.folder, address=ADDRESS, zone=ZONE))
        os.chmod(lab.folder, 0o755)
        with open(self.path('log'), 'w') as log:
            self.host.spawn(['named', '-g', '-n', '1', '-c', self.path('named.conf')], stdout=log, stderr=log)
        until(lambda: self.ask('A', 'other.dyn.test'), 10, 'BIND answers')

    def path(self, name):
        """Of a file of its."""
        return os.path.join(self.folder, name)

    def put(self, name, text):
        """Write a file."""
        with open(self.path(name), 'w') as file:
            file.write(text)

    def ask(self, kind, name=NAME):
        """(TTL, address) of each record."""
        done = self.host.run(['dig', '+noall', '+answer', '+time=1', '+tries=1', '-b', ADDRESS, f'@{ADDRESS}', name, kind],
                             check=False)
        rows = [line.split() for line in done.stdout.splitlines() if line and not line.startswith(';')]
        return [(int(row[1]), row[4]) for row in rows]

    def hook(self, key='right', *ttl):
        """The command for it, with its arguments."""
        return [os.path.abspath(SCRIPT), ADDRESS, ZONE, NAME, self.path(f'{key}.key'), *ttl]


@contextlib.contextmanager
def office():
    """Postern that asks one STUN server, and BIND; yields (lab, postern, bind)."""
    with Lab(office_phones=0) as lab:
        postern = Postern(lab.postern_host, lab.folder, {('address', 'public'): 'stun', ('address', 'stun_interval_s'): 5,
                                                         ('address', 'stun'): '203.0.113.200:3478'})
        lab.on_close(postern.stop)
        OddServer(lab.stun, 3478)
        yield lab, postern, Bind(lab)


def told(lab, bind, address, *command):
    """Run the script by hand; its exit status."""
    return lab.postern_host.run(['setpriv', '--reuid=nobody', '--clear-groups', 'env', f'POSTERN_ADDRESS={address}',
                                 *(command or bind.hook())], check=False, timeout=30).returncode


def test_the_a_record_follows():
    with office() as (lab, postern, bind):
        assert not bind.ask('A')
        postern.up()
        lab.postern_host.spawn([program(), 'ddns-hook', '--state', postern.state, '--user', 'nobody', *bind.hook()])
        until(lambda: bind.ask('A') == [(60, lab.office.public)], 15, 'the first address is in the zone')
        lab.change_office_address()
        postern.wait_public(lab.office.public)
        # At most once a minute.
        until(lambda: bind.ask('A') == [(60, lab.office.public)], 75, 'the new address is in the zone', 0.5)
        assert bind.ask('AAAA') == [(300, '2001:db8::1')] and bind.ask('A', 'other.dyn.test') == [(300, '192.0.2.7')]


def test_both_families_and_no_other_key():
    with office() as (lab, _, bind):
        assert told(lab, bind, '198.51.100.9', *bind.hook('wrong')) != 0
        assert not bind.ask('A')
        assert told(lab, bind, '198.51.100.9', *bind.hook('right', '90')) == 0
        assert told(lab, bind, '2001:db8::9') == 0
        assert bind.ask('A') == [(90, '198.51.100.9')] and bind.ask('AAAA') == [(60, '2001:db8::9')]
        for address in ('', '198.51.100.9\nupdate delete other.dyn.test A', '198.51.100.9; ls', '198.51.100.999'):
            assert told(lab, bind, address) != 0, address
        for at, odd in ((1, 'a b'), (2, 'x\nsend'), (3, 'x;y'), (4, '/nowhere'), (5, '-1')):
            command = bind.hook('right', '60')
            command[at] = odd
            assert told(lab, bind, '198.51.100.10', *command) != 0, odd
        assert bind.ask('A') == [(90, '198.51.100.9')] and bind.ask('A', 'other.dyn.test')
