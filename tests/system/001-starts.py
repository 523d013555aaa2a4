"""postern up starts five programs under five users; postern down ends them."""

import os
import pwd
import subprocess
import tempfile

from lab.expect import Skip
from lab.office import Office
from lab.postern import ROLES, program
from lab.wait import until


def effective_user(pid):
    """The effective user by /proc/PID/status (a non-dumpable process's folder belongs to root)."""
    with open(f'/proc/{pid}/status') as file:
        for line in file:
            if line.startswith('Uid:'):
                return pwd.getpwuid(int(line.split()[2])).pw_name
    raise ValueError(pid)


def test_five_roles_under_five_users():
    with Office(homes=(), office_phones=0) as office:
        processes = [p for p in office.postern.status()['processes'] if p['role'] in ROLES]
        assert {p['role'] for p in processes} == ROLES
        users = {effective_user(p['pid']) for p in processes}
        assert len(users) == 5 and 'root' not in users, f'users: {users}'
        for process in processes:
            assert effective_user(process['pid']) == process['user'], process


def test_down_ends_everything():
    with Office(homes=(), office_phones=0) as office:
        pids = office.postern.pids().values()
        office.postern.down()
        until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in pids), 5, 'all processes are gone')


def command(*words):
    """The admin's command, with what it says; nothing needs to run for it."""
    if not program():
        raise Skip('no postern')
    return subprocess.run([program(), *words], capture_output=True, text=True, timeout=20)


def failed(words):
    """The exit status of a command that could not do it: 1 of check says that there are warnings."""
    return 2 if words[0] == 'check' else 1


def test_a_state_directory_that_is_not_there():
    """A slip in --state ends with that, and never on the default database or with "done"."""
    with tempfile.TemporaryDirectory() as folder:
        missing = os.path.join(folder, 'missing')
        for words in (['sql', '--state', missing, 'SELECT 1'], ['status', '--state', missing],
                      ['status', '--json', '--state', missing], ['check', '--state', missing],
                      ['down', '--state', missing]):
            done = command(*words)
            print(words, done.returncode, done.stderr)
            assert done.returncode == failed(words) and not done.stdout, f'{words}: {done}'
            assert done.stderr.startswith(f'postern: state directory {missing}: '), f'{words}: {done}'
            assert done.stderr.count('\n') == 1, f'{words}: {done}'
        assert not os.listdir(folder)


def test_a_directory_where_nothing_was_started():
    """sql and check name what is missing; down leaves a directory alone that is not Postern's."""
    with tempfile.TemporaryDirectory() as folder:
        kept = [os.path.join(folder, name) for name in ('run/foreign.pid', 'service/foreign/run')]
        for path in kept:
            os.makedirs(os.path.dirname(path))
            open(path, 'w').close()
        for words in (['sql', '--state', folder, 'SELECT 1'], ['check', '--state', folder]):
            done = command(*words)
            assert done.returncode == failed(words) and not done.stdout and '--config FILE' in done.stderr, f'{words}: {done}'
        done = command('down', '--state', folder)
        assert done.returncode == 0 and 'nothing runs in' in done.stdout, done
        assert all(os.path.exists(path) for path in kept), 'down removed what is not its own'
