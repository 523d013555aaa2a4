"""Running SIPp: its files, its command line, its counts."""

import csv
import os
import resource
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]   # with -t ui each address has a socket
COUNTS = {'ok': 'SuccessfulCall(C)', 'failed': 'FailedCall(C)', 'open': 'CurrentCall',
          'retransmissions': 'Retransmissions(C)'}


@dataclass
class Sipp:
    """One running or finished SIPp."""
    process: object
    statistics: str
    log: str

    def done(self):
        """True when it has ended; raises with its words when it could not do its work at all."""
        code = self.process.poll()
        if code not in (None, 0, 1):
            with open(self.log) as file:
                raise SystemExit(f'sipp ended with {code}: {file.read()}')
        return code is not None

    def counts(self):
        """The last counts it wrote, by the names of COUNTS; zeros before the first."""
        rows = []
        if os.path.exists(self.statistics):
            with open(self.statistics, newline='') as file:
                rows = list(csv.DictReader(file, delimiter=';'))
        return {name: int(rows[-1][column]) if rows else 0 for name, column in COUNTS.items()}


def start(host, name, folder, server, *options):
    """Start scenario NAME.xml on host; options are SIPp's own, as strings."""
    tag = f'{os.path.basename(name)}-{len(os.listdir(folder))}'
    statistics = os.path.join(folder, tag + '.csv')
    log = os.path.join(folder, tag + '.log')
    command = ['prlimit', f'--nofile={OPEN_FILES}', 'sipp', '-sf', os.path.join(HERE, name + '.xml'),
               '-nostdin', '-trace_stat', '-stf', statistics, '-fd', '1', '-trace_err', '-error_file', log,
               '-buff_size', '4194304', '-max_socket', str(OPEN_FILES // 2), *options]
    if server:
        command.append(server)
    with open(os.path.join(folder, tag + '.out'), 'wb') as out:
        process = host.spawn(command, stdout=out, stderr=out, cwd=folder, env={**os.environ, 'TERM': 'dumb'})
    return Sipp(process, statistics, log)


def write_accounts(path, accounts):
    """An injection file: number, authentication, address; taken in turn."""
    with open(path, 'w') as file:
        file.write('SEQUENTIAL\n')
        for number, username, password, address in accounts:
            file.write(f'{number};[authentication username={username} password={password}];{address};\n')
