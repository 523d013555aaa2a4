"""Sockets outlive processes, supervisors and `postern up` itself; `postern down` always ends all."""

import os
import re
import signal
import subprocess
import time

from lab import certs, sip
from lab.net import Lab, POSTERN_ADDRESS
from lab.postern import DOMAIN, Postern, ROLES, program
from lab.wait import until


ALL = ROLES | {'keyd'}


class Gate:
    """A Postern alone on its laboratory host, with TLS."""

    def __enter__(self):
        self.lab = Lab(homes=(), office_phones=1).__enter__()
        self.postern = Postern(self.lab.postern_host, self.lab.folder, certs.plain())
        self.lab.on_close(self._down)
        self.postern.up()
        self.postern.host_of_a_phone = self.lab.office.phones[0]
        return self.postern

    def _down(self):
        self.postern.host.run([program(), 'down', '--state', self.postern.state], check=False, timeout=30)
        self.postern.stop()

    def __exit__(self, *_):
        self.lab.close()


def sip_sockets(postern):
    """{port: inode} of the SIP listeners."""
    text = postern.host.run(['ss', '-Hulne']).stdout
    return dict(re.findall(rf'{re.escape(POSTERN_ADDRESS)}:(50[67]0)\s.*?\bino:(\d+)', text))


def supervisors(postern):
    """The pids of postern up and runsvdir."""
    with open(os.path.join(postern.state, 'run', 'up.pids')) as file:
        return [int(word) for word in file.read().split()]


def all_gone(pids):
    """Does none of these run any more (a zombie does not)?"""
    def runs(pid):
        try:
            with open(f'/proc/{pid}/stat') as file:
                return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
        except FileNotFoundError:
            return False
    return not any(runs(pid) for pid in pids)


def test_listeners_outlive_sigproxy():
    with Gate() as postern:
        before = sip_sockets(postern)
        assert len(before) == 2, before
        old = postern.kill('sigproxy')
        postern.wait_restarted('sigproxy', old)
        assert sip_sockets(postern) == before


def test_what_is_said_to_a_dead_sigproxy_waits():
    with Gate() as postern:
        with postern.host_of_a_phone.udp_socket() as sock:
            old = postern.kill('sigproxy')
            answer = sip.ask(sock, (POSTERN_ADDRESS, 5060),
                             sip.request('OPTIONS', f'sip:{DOMAIN}', sock.getsockname()), 3)
        assert answer and sip.status(answer) == 200, answer
        postern.wait_restarted('sigproxy', old)


def test_every_role_comes_back():
    with Gate() as postern:
        for role in sorted(ALL):
            old = postern.kill(role)
            postern.wait_restarted(role, old)
        until(lambda: ALL <= postern.pids().keys(), 5, 'all run')


def test_killed_supervisor_is_started_again():
    with Gate() as postern:
        before = sip_sockets(postern)
        _, runsvdir = supervisors(postern)
        os.kill(runsvdir, signal.SIGKILL)
        until(lambda: supervisors(postern)[1] != runsvdir, 8, 'another runsvdir')
        until(lambda: ALL <= postern.pids().keys(), 8, 'all run again')
        assert sip_sockets(postern) == before


def test_down_ends_what_a_killed_up_left():
    with Gate() as postern:
        up, runsvdir = supervisors(postern)
        pids = [runsvdir, *postern.pids().values()]
        os.kill(up, signal.SIGKILL)
        again = postern.host.run([program(), 'up', '--config', postern.config, '--state', postern.state],
                                 check=False, timeout=10)
        assert again.returncode == 1 and 'already running' in again.stderr, again.stderr
        assert not all_gone(pids), 'the processes go on without it'
        postern.host.run([program(), 'down', '--state', postern.state], timeout=20)
        until(lambda: all_gone(pids), 2, 'all gone')
        assert not sip_sockets(postern)


def test_down_ends_orphans_of_a_killed_supervisor():
    with Gate() as postern:
        up, runsvdir = supervisors(postern)
        pids = list(postern.pids().values())
        for pid in (up, runsvdir):
            os.kill(pid, signal.SIGKILL)
        postern.host.run([program(), 'down', '--state', postern.state], timeout=20)
        until(lambda: all_gone(pids), 2, 'all gone')


def test_down_is_harmless_twice():
    with Gate() as postern:
        for _ in range(2):
            postern.host.run([program(), 'down', '--state', postern.state], timeout=20)
        table = postern.host.run(['nft', 'list', 'tables']).stdout
        assert 'postern' not in table, table


def test_firewall_table_is_loaded_and_matches_the_users():
    with Gate() as postern:
        table = postern.host.run(['nft', '-n', 'list', 'table', 'inet', 'postern']).stdout
        assert 'type filter hook output' in table
        ids = {subprocess.run(['id', '-u', f'postern-{name}'], capture_output=True, text=True).stdout.strip()
               for name in ('sig', 'media', 'stun', 'db', 'key')}
        for uid in ids:
            assert re.search(rf'\b{uid}\b', table), f'{uid} is not in {table}'
        text = postern.host.run(['ss', '-Hulne']).stdout
        owners = set(re.findall(r':50[67]0\s.*?\buid:(\d+)', text))
        assert owners <= ids and len(owners) == 1, f'the listeners belong to {owners}'


def test_hung_process_is_killed_and_started_again():
    """runit has no watchdog of its own. Who is only slow, one second of the two, keeps its life."""
    with Gate() as postern:
        until(lambda: all(p['answers'] for p in postern.status()['processes']), 5, 'all answer')
        time.sleep(2)
        pids = postern.pids()
        for role in sorted(ALL):
            os.kill(pids[role], signal.SIGSTOP)
            time.sleep(1)
            os.kill(pids[role], signal.SIGCONT)
        time.sleep(2.5)
        assert postern.pids() == pids
        for role in sorted(ALL):
            os.kill(pids[role], signal.SIGSTOP)
            at = time.monotonic()
            postern.wait_restarted(role, pids[role])
            print(f'{role}: another one runs {time.monotonic() - at:.1f} s after SIGSTOP')
        until(lambda: all(p['answers'] for p in postern.status()['processes']), 5, 'all answer again')


def test_killed_watchdog_watches_on():
    """Its sockets outlive it; notes that nobody takes hold up no one."""
    with Gate() as postern:
        pids = postern.pids()
        time.sleep(2)
        watchdog = subprocess.run(['pgrep', '-f', f'watchdog --state {postern.state}$'], capture_output=True,
                                  text=True).stdout.split()
        assert len(watchdog) == 1, watchdog
        os.kill(int(watchdog[0]), signal.SIGKILL)
        time.sleep(3)
        assert postern.pids() == pids
        os.kill(pids['sigproxy'], signal.SIGSTOP)
        postern.wait_restarted('sigproxy', pids['sigproxy'])
