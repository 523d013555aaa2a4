"""A Postern under test: its configuration, its life, its tables, its logs."""

import glob
import json
import os
import signal
import subprocess
import time

from .expect import Skip
from .host import end
from .wait import Late, until

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
ROLES = {'sigproxy', 'mediaproxy', 'stunmon', 'registrar-db', 'tracer'}
DOMAIN = 'sip.example.org'
REALM = 'SMO-SIP'
HOST_NAME = 'gatehouse-k7w2'      # the machine's name, which must never be seen outside


def build():
    """The folder of the built programs."""
    return os.environ.get('POSTERN_BUILD', os.path.join(REPOSITORY, 'build'))


def program():
    """The admin command, or None when it is not built."""
    path = os.path.join(build(), 'postern')
    return path if os.path.isfile(path) else None


class SqlError(Exception):
    """postern sql refused a statement; the text is its message."""


class Postern:
    """One Postern with its own state folder, on a laboratory host or on this machine."""

    def __init__(self, host, folder, settings=()):
        """settings: {(section, key): value} over the defaults below."""
        if not program():
            raise Skip(f'no postern in {build()}')
        self.host = host
        self.folder = folder
        self.state = os.path.join(folder, 'state')
        self.config = os.path.join(folder, 'postern.conf')
        self.settings = {
            ('site', 'domain'): DOMAIN,
            ('site', 'realm'): REALM,
            ('address', 'internal'): host.address,
            ('address', 'external'): host.address,
            ('address', 'public'): 'none',
            ('listen', 'external_udp'): 5070,
            ('listen', 'internal_udp'): 5060,
            ('media', 'ports'): '16384-16983',
            ('media', 'internal_ports'): '17000-17599',
            ('store', 'path'): os.path.join(self.state, 'store', 'postern.db'),
            ('store', 'key'): os.path.join(self.state, 'store.key'),
            **dict(settings)}
        self._process = None
        self.resolver = None        # address of the DNS server it shall ask; None: this machine's

    # -- life -------------------------------------------------------------

    def write_config(self):
        """Write postern.conf from the settings."""
        sections = {}
        for (section, key), value in self.settings.items():
            sections.setdefault(section, []).append(f'{key} = {value}')
        with open(self.config, 'w') as file:
            for section, lines in sections.items():
                file.write(f'[{section}]\n' + '\n'.join(lines) + '\n')

    def up(self, seconds=15.0):
        """Start all processes and wait until every role runs."""
        os.makedirs(self.state, exist_ok=True)
        self.write_config()
        named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', HOST_NAME]
        if self.resolver:
            named = self._with_resolver() + named
        command = [program(), 'up', '--config', self.config, '--state', self.state]
        with open(os.path.join(self.folder, 'up.log'), 'wb') as log:
            self._process = self.host.spawn(named + command, stdout=log, stderr=log)
        until(self._ready, seconds, 'all roles of Postern run', step=0.05)
        return self

    def _with_resolver(self):
        """A mount namespace with a resolv.conf of its own."""
        path = os.path.join(self.folder, 'resolv.conf')
        with open(path, 'w') as file:
            file.write(f'nameserver {self.resolver}\n')
        return ['unshare', '--mount', 'sh', '-c',
                'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"', path]

    def _ready(self):
        if self._process.poll() is not None:
            raise Late(f'postern up ended with {self._process.returncode}: {self._tail("up.log", 20)}')
        try:
            up = {p['role'] for p in self.status()['processes'] if p.get('pid') and p['answers']}
            return ROLES <= up
        except (subprocess.CalledProcessError, ValueError, RuntimeError):
            return False

    def down(self, seconds=10.0):
        """End it with postern down; the foreground process must go by itself."""
        self.host.run([program(), 'down', '--state', self.state], timeout=seconds)
        self._process.wait(seconds)

    def stop(self):
        """End it whatever state it is in."""
        if self._process:
            end(self._process, patience=5.0)

    # -- looking in -------------------------------------------------------

    def status(self):
        """What postern status --json says."""
        return json.loads(self.status_text())

    def status_text(self):
        """The same, unparsed."""
        return self.host.run([program(), 'status', '--json', '--state', self.state], timeout=5).stdout

    def pids(self):
        """Role to process id, for the roles that run (the first of several mediaproxies)."""
        pids = {}
        for process in self.status()['processes']:
            if process.get('pid'):
                pids.setdefault(process['role'], process['pid'])
        return pids

    def kill(self, role):
        """kill -9 a role; return the process id it had."""
        pid = self.pids()[role]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, role, old_pid, seconds=5.0):
        """Wait until the supervisor has started role afresh."""
        until(lambda: self.pids().get(role, old_pid) != old_pid, seconds, f'{role} runs again')

    def wait_public(self, address, seconds=20.0):
        """Wait until Postern says that this is its public address."""
        until(lambda: address in self.status_text(), seconds, f'status shows public address {address}', 0.1)

    # -- store ------------------------------------------------------------

    def asked(self, *words):
        """postern WORDS, whose name server is Postern's own machine."""
        resolv = os.path.join(self.folder, 'resolv.conf')
        with open(resolv, 'w') as file:
            file.write('nameserver 127.0.0.1\n')
        named = ['unshare', '--mount', 'sh', '-c', f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', '-']
        return self.host.run([*named, program(), *words], check=False, timeout=30)

    def sql(self, text, seconds=10.0):
        """Run SQL through postern sql and return what it prints; SqlError carries a refusal."""
        done = self.host.run([program(), 'sql', '--state', self.state], input=text, check=False,
                             timeout=seconds)
        if done.returncode != 0 or 'rror' in done.stderr:
            raise SqlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def rows(self, query):
        """The rows of a SELECT, as dicts."""
        text = self.sql(f'.mode json\n{query};\n').strip()
        return json.loads(text) if text else []

    def add_subscriber(self, number, password, internet=True):
        """Insert one subscriber in the form an admin types."""
        self.sql('INSERT INTO subscriber(number, name, username, password, internet) '
                 f"VALUES ('{number}','SIP-{number}','SIP-{number}','{password}',{int(internet)});\n")
        self.in_effect()

    @staticmethod
    def in_effect():
        """Let pass the second within which a change must be in effect."""
        time.sleep(1.0)

    def database(self):
        """The database file: the one below the state folder that SQLite wrote."""
        for path in self.state_files():
            with open(path, 'rb') as file:
                if file.read(16) == b'SQLite format 3\0':
                    return path
        raise FileNotFoundError(f'no SQLite database below {self.state}')

    def state_files(self):
        """Every plain file below the state folder."""
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.state) for name in names
                if os.path.isfile(os.path.join(folder, name))]

    # -- logs -------------------------------------------------------------

    def _tail(self, name, lines):
        with open(os.path.join(self.folder, name), errors='replace') as file:
            return ''.join(file.readlines()[-lines:])

    def logs(self):
        """All that the processes logged."""
        text = ''
        for path in sorted(glob.glob(os.path.join(self.state, 'log', '*', 'current'))):
            with open(path, errors='replace') as file:
                text += file.read()
        return text
