"""Every command that lists or states does it with --json too; postern calls --watch on a terminal, in a pipe, as JSON."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

from lab.postern import DOMAIN, program
from lab.tlsoffice import TlsOffice
from lab.wait import until

# What each command of `postern help` is asked for JSON with; a text: why not. {}: filled in by the test.
COMMANDS = {
    'status': [['status']],
    'check': [['check'], ['check', '--router']],
    'subscriber': [['subscriber', 'add', '300'], ['subscriber', 'passwd', '300'], ['subscriber', 'disable', '300'],
                   ['subscriber', 'enable', '300'], ['subscriber', 'internet', '300', 'on'],
                   ['subscriber', 'from', '300', '203.0.113.0/24'],
                   ['subscriber', 'show', '300'], ['subscriber', 'show']],
    'trunk': [['trunk', 'add', 'itsp', '198.51.100.80'], ['trunk', 'set', 'itsp', 'prefix=0', 'mirror=1'],
              ['trunk', 'disable', 'itsp'], ['trunk', 'show'], ['trunk', 'status']],
    'class': [['class', 'show'], ['class', 'show', 'national'], ['class', 'numbers'], ['class', 'numbers', '0900%'],
              ['class', 'test', '201', '0900123456'], ['class', 'set', 'lobby', 'max_calls', '1'],
              ['class', 'give', '300', 'lobby'], ['class', 'give', '300', '-'], ['class', 'remove', 'lobby'],
              ['class', 'number', '0901%', 'premium'], ['class', 'number', '0901%', '-']],
    'grant': [['grant', 'add', '300', 'allows=premium'], ['grant', 'list'], ['grant', 'del', '1']],
    'route': [['route', 'add', '0%', 'itsp'], ['route', 'list'], ['route', 'del', '1']],
    'did': [['did', 'add', 'itsp', '+49301', '300'], ['did', 'list'], ['did', 'del', 'itsp', '+49301']],
    'mirror': [['mirror', 'list']],
    'drops': [['drops', 'add', '192.0.2.1'], ['drops', 'never', '192.0.2.2'], ['drops'], ['drops', 'clear', 'all'],
              ['drops', 'clear', '192.0.2.2'], ['subscriber', 'remove', '300'], ['trunk', 'remove', 'itsp']],
    'trace': [['trace', 'list'], ['trace', 'on', '201'], ['trace', 'off', '201'], ['trace', 'show']],
    'registrations': [['registrations'], ['registrations', '999']],
    'calls': [['calls'], ['calls', '999'], ['calls', '--past'], ['calls', '--past=1', '999']],
    'explain': [['explain', '201'], ['explain', '999'], ['explain', '{ticket}']],
    'sql': [['sql', 'SELECT number, name FROM subscriber;']],
    'password': [['password']],
    'probe': [['probe', '{address}', '--udp', '5070', '--tcp', '0', '--tls', '0', '--closed', '0']],
    'cert': [['cert', 'show'], ['cert', 'show', '{certificate}']],
    'up': 'does', 'down': 'does', 'reload': 'does', 'exec': 'does', 'watchdog': 'does', 'ddns-hook': 'does',
    'nft': 'writes rules for nft', 'units': 'writes files', 'sample': 'writes a configuration file',
    'bundle': 'writes a file',
}
STATELESS = {'password', 'probe'}
ENTER, LEAVE = b'\033[?1049h\033[?25l', b'\033[?25h\033[?1049l'


def everything_as_json(office, ticket):
    """Each command of the table says one JSON value, and nothing else, not even to stderr."""
    words = re.findall(r'^  postern ([a-z][a-z-]*)', subprocess.run([program(), 'help'], capture_output=True, text=True,
                                                                check=True).stdout, re.M)
    words.remove('help')
    assert sorted(words) == sorted(COMMANDS), set(words) ^ set(COMMANDS)
    fill = {'ticket': ticket, 'address': office.postern.host.address, 'certificate': office.certificate}
    for word, forms in COMMANDS.items():
        for form in forms if isinstance(forms, list) else ():
            state = [] if word in STATELESS else ['--state', office.postern.state]
            options = ['--json', *state]
            asked = [text.format(**fill) for text in form]
            asked = [word, *options, *asked[1:]] if word == 'sql' else [*asked, *options]
            done = office.postern.asked(*asked)
            assert done.returncode in (0, 1, 2) and not done.stderr, f'{asked}: {done.stderr}'
            try:
                value = json.loads(done.stdout)
            except ValueError as error:
                raise AssertionError(f'{asked}: {error}: {done.stdout!r}') from None
            assert isinstance(value, (dict, list)), f'{asked}: {done.stdout}'
    for word in ('up', 'reload', 'units', 'nft'):
        assert 'does not take --json' in office.postern.asked(word, '--json').stderr, word


class Terminal:
    """A program on a terminal of so many rows and columns."""

    def __init__(self, command, rows, columns):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env={**os.environ, 'TERM': 'vt100'},
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.set_blocking(self.master, False)
        self.seen = b''

    def size(self, rows, columns):
        """Another size, of which the program hears."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def read(self):
        """All that it wrote so far."""
        try:
            while data := os.read(self.master, 65536):
                self.seen += data
        except BlockingIOError:
            pass
        return self.seen

    def screen(self):
        """The lines of the last whole view."""
        views = re.findall(rb'\033\[H(.*?)\033\[J', self.read(), re.S)
        return [line.replace(b'\033[K', b'').decode() for line in views[-1].split(b'\r\n')] if views else []

    def ends(self, key):
        """The key ends it well, and the terminal is as before."""
        os.write(self.master, key)
        assert self.process.wait(5) == 0
        assert self.read().endswith(LEAVE), self.seen[-40:]
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)


def on_a_terminal(office, command):
    """It fills the screen, follows the calls and the size, and ends on q, on Ctrl-C and on Ctrl-4."""
    terminal = Terminal(command, 24, 200)
    until(lambda: any('answered' in line for line in terminal.screen()), 5, 'the call is shown')
    assert terminal.seen.startswith(ENTER)
    lines = terminal.screen()
    assert re.match(r'Calls of now   [-0-9]+ [0-9:]+ UTC   q ends', lines[0]) and lines[1] == '', lines
    assert re.match(r'id +from +to +state .* mos +loss pct +jitter ms', lines[2]) and len(lines) == 4, lines
    views = terminal.read().count(b'\033[H')
    until(lambda: terminal.read().count(b'\033[H') >= views + 2, 5, 'it is drawn again')
    terminal.size(6, 30)
    until(lambda: max(map(len, terminal.screen())) == 30, 0.9, 'the new size is used at once')
    terminal.ends(b'q')
    other = Terminal(command, 24, 80)
    until(other.screen, 5, 'it is drawn')
    other.ends(b'\x03')
    third = Terminal(command, 24, 80)
    until(third.screen, 5, 'it is drawn')
    third.ends(b'\x1c')


def in_a_pipe(command, seconds):
    """What it writes there."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=5)[0].decode()


def test_json_everywhere_and_the_view():
    """One call, shown in each way."""
    with TlsOffice() as office:
        desk, home = office.desk(), office.home()
        home.call(desk)
        command = [program(), 'calls', '--watch', '--state', office.postern.state]
        until(lambda: office.postern.rows('SELECT caller_mos FROM live_call WHERE caller_mos > 1'), 9,
              'the call has figures', 0.2)
        on_a_terminal(office, command)
        text = in_a_pipe(command, 2.5)
        assert '\033' not in text and len(re.findall('^Calls of now   ', text, re.M)) >= 2 and ' 168 ' in text, text
        rows = [json.loads(line) for line in in_a_pipe([*command, '--json'], 2.5).splitlines()]
        assert len(rows) >= 2 and all(row[0]['to'] == '168' and row[0]['mos'] > 1 for row in rows), rows
        home.hang_up()
        desk.closed()
        record, = office.records()
        everything_as_json(office, record['ticket'])
        past, = json.loads(office.postern.asked('calls', '--past', '--json', '--state', office.postern.state).stdout)
        assert (past['ended_by'], past['media']) == ('caller', 'ok') and past['loss_pct'] < 50 and past['mos'] > 1, past
        one, = json.loads(office.postern.asked('cert', 'show', '--json', '--state', office.postern.state).stdout)
        assert one['names_domain'] and DOMAIN in one['names'] and one['days_left'] == 59, one
