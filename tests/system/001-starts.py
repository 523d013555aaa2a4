"""postern up starts four programs under four users; postern down ends them."""

import os
import pwd

from lab.office import Office
from lab.postern import ROLES
from lab.wait import until


def effective_user(pid):
    """The effective user by /proc/PID/status (a non-dumpable process's folder belongs to root)."""
    with open(f'/proc/{pid}/status') as file:
        for line in file:
            if line.startswith('Uid:'):
                return pwd.getpwuid(int(line.split()[2])).pw_name
    raise ValueError(pid)


def test_four_roles_under_four_users():
    with Office(homes=(), office_phones=0) as office:
        processes = [p for p in office.postern.status()['processes'] if p['role'] in ROLES]
        assert {p['role'] for p in processes} == ROLES
        users = {effective_user(p['pid']) for p in processes}
        assert len(users) == 4 and 'root' not in users, f'users: {users}'
        for process in processes:
            assert effective_user(process['pid']) == process['user'], process


def test_down_ends_everything():
    with Office(homes=(), office_phones=0) as office:
        pids = office.postern.pids().values()
        office.postern.down()
        until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in pids), 5, 'all processes are gone')
