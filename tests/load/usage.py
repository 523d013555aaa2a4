"""Memory and CPU time of processes, from /proc."""

import os

TICK = os.sysconf('SC_CLK_TCK')


def cpu_seconds(pid):
    """User and system time a process has used."""
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_kib(pid):
    """Resident memory of a process."""
    with open(f'/proc/{pid}/status') as file:
        for line in file:
            if line.startswith('VmRSS:'):
                return int(line.split()[1])
    return 0


def take(processes):
    """A sample: {name: (cpu seconds, rss)} for processes given as {name: pid}."""
    return {name: (cpu_seconds(pid), rss_kib(pid)) for name, pid in processes.items()}
