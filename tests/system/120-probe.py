"""What a captured process can do: docs/processes.md, tried inside each running process."""

import os
import re

from lab import certs
from lab.expect import Skip
from lab.office import Office
from lab.postern import REPOSITORY, build

DEADLINE = 120

LOOPBACK = ('127.0.0.1', '5353')      # no port that is dropped for its number, nor a resolver's


def table():
    """Attempt to {role: outcome}, as docs/processes.md says; empty cells are left out."""
    with open(os.path.join(REPOSITORY, 'docs', 'processes.md')) as file:
        rows = [[cell.strip() for cell in line.strip().strip('|').split('|')]
                for line in file if line.startswith('| `') or line.startswith('| attempt')]
    head = rows[0]
    return {row[0].strip('`'): {role: said for role, said in zip(head[1:7], row[1:7]) if said}
            for row in rows[1:]}


def injector():
    """The program that puts a system call into a process."""
    path = os.path.join(build(), 'tests', 'system', 'probe', 'inject')
    if not os.path.isfile(path):
        raise Skip(f'no {path}')
    if os.geteuid() != 0:
        raise Skip('only root may stop a caged process')
    return path


def arguments(attempt, office, role, neighbour):
    """The call that inject knows, and its arguments, for an attempt of the table."""
    postern = office.postern
    udp = 'udp-new' if role == 'stunmon' else 'udp'       # it has a socket only while it resolves a name
    desk = office.lab.office.phones[0].address
    special = {
        'open-database': ['open', postern.database()],
        'open-key': ['open', postern.settings[('store', 'key')]],
        'open-tls-key': ['open', postern.settings[('tls', 'key')]],
        'open-config': ['open', postern.config],
        'udp-loopback': [udp, *LOOPBACK],
        'udp-lan-161': [udp, desk, '161'],
    }
    if attempt in special:
        return special[attempt]
    if attempt in ('ptrace', 'signal', 'signal-thread', 'read-memory'):
        return [attempt, str(neighbour)]
    return [attempt]


def inject(office, pid, words):
    """Make the attempt in process pid; what became of it, and its detail."""
    done = office.lab.postern_host.run([injector(), str(pid), *words], timeout=10)
    _, outcome, detail = re.match(r'(\S+) (\S+) (.*)', done.stdout).groups()
    return outcome, detail


def probe(role):
    """Try every row on one role; a killed process must come back before the next."""
    neighbour_role = 'stunmon' if role != 'stunmon' else 'mediaproxy'
    wrong = []
    with Office(homes=(), settings=certs.plain()) as office:
        injector()
        postern = office.postern
        neighbour = postern.pids()[neighbour_role]
        for attempt, said in table().items():
            if role not in said:
                continue
            pid = postern.pids()[role]
            outcome, detail = inject(office, pid, arguments(attempt, office, role, neighbour))
            print(f'{role}: {attempt}: {outcome} {detail}')
            if outcome != said[role]:
                wrong.append(f'{attempt} is {outcome} ({detail}), not {said[role]}')
            elif attempt.startswith('udp-l') and outcome == 'refused' and detail != 'EPERM':
                wrong.append(f'{attempt} fails with {detail}, which is not the packet filter')
            if outcome == 'killed':
                postern.wait_restarted(role, pid)
            else:
                assert postern.pids()[role] == pid, f'{role} did not outlive {attempt}'
        assert postern.pids()[neighbour_role] == neighbour, f'{role} reached {neighbour_role}'
    assert not wrong, f'{role}: ' + '; '.join(wrong)


def test_sigproxy():
    probe('sigproxy')


def test_mediaproxy():
    probe('mediaproxy')


def test_stunmon():
    probe('stunmon')


def test_registrar_db():
    probe('registrar-db')


def test_keyd():
    probe('keyd')


def test_tracer():
    probe('tracer')


class HepOffice(Office):
    """One that sends HEP by TLS to its desk."""

    def _prepare(self):
        self._settings['trace', 'hep'] = f'tls:{self.lab.office.phones[0].address}:9061'


def dropped(office):
    """Packets of tracer's that the packet filter dropped."""
    rules = office.lab.postern_host.run(['nft', 'list', 'chain', 'inet', 'postern', 'output']).stdout
    return int(re.search(r'skuid (?:"postern-trace"|\d+) counter packets (\d+)', rules[rules.index('dport 9061'):]).group(1))


def test_a_tracer_that_dials():
    """[trace] hep = tls: opens the way to that address and port, and to nothing else."""
    with HepOffice(homes=(), office_phones=2, settings=certs.plain()) as office:
        injector()
        postern, (desk, other) = office.postern, office.lab.office.phones
        going, closed = ('refused', 'EINPROGRESS'), ('refused', 'EACCES')

        def attempt(*words):
            pid = postern.pids()['tracer']
            outcome = inject(office, pid, words)
            print(words, outcome)
            if outcome[0] == 'killed':
                postern.wait_restarted('tracer', pid)
            return outcome
        assert attempt('dial', desk.address, '9061') == going
        assert attempt('dial', desk.address, '5060') == closed
        assert attempt('dial', '127.0.0.1', '5060') == closed
        before = dropped(office)
        attempt('dial', other.address, '9061')      # Landlock knows ports, the packet filter knows addresses
        assert dropped(office) > before
        for words in (['tcp-socket'], ['udp-socket'], ['unix-socket'], ['raw-socket'], ['netlink-socket'], ['bind'],
                      ['listen'], ['fastopen'], ['udp', *LOOPBACK], ['setsockopt'], ['exec'], ['fork'], ['io-uring']):
            assert attempt(*words)[0] == 'killed', words
        for words in (['read-passwd'], ['open', postern.config], ['open', postern.database()], ['create-file'],
                      ['open', '/etc/ssl/certs/ca-certificates.crt']):
            assert attempt(*words)[0] == 'refused', words


def test_users_and_flags():
    """Six users, none of them root; no capabilities, no_new_privs, a filter on each."""
    with Office(homes=(), settings=certs.plain()) as office:
        users = set()
        for role, pid in office.postern.pids().items():
            with open(f'/proc/{pid}/status') as file:
                status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
            uids, gids = set(status['Uid'].split()), set(status['Gid'].split())
            assert len(uids) == len(gids) == 1 and '0' not in uids | gids, f'{role}: {uids} {gids}'
            assert status['Groups'].strip() == '', f'{role} has groups {status["Groups"]}'
            users |= uids
            for kind in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
                assert int(status[kind], 16) == 0, f'{role}: {kind} {status[kind]}'
            assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', f'{role} has no filter'
            assert int(status['Threads']) == 1, f'{role} has {status["Threads"]} threads'
            with open(f'/proc/{pid}/limits') as file:
                hard = {line[:26].strip(): line[26:].split()[1] for line in file}
            assert hard['Max core file size'] == hard['Max processes'] == '0', f'{role}: {hard}'
        assert len(users) == 6, f'{len(users)} users for six roles'
