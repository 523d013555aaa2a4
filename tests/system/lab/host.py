"""One machine of the laboratory: a network namespace and what runs in it."""

import ctypes
import os
import signal
import socket
import subprocess
import threading

NETNS_DIR = '/run/netns'
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(path):
    """Move the calling thread into the network namespace at path."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f'setns {path}')
    finally:
        os.close(fd)


def end(process, patience=2.0):
    """End a process that was started in its own session: TERM, then KILL for the group."""
    if process.poll() is None:
        try:
            process.terminate()
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Host:
    """A network namespace with a short name for people and a unique one for the kernel."""

    def __init__(self, name, ns, address=None):
        self.name = name
        self.ns = ns
        self.address = address
        self.address6 = None
        self._processes = []

    def __repr__(self):
        return f'<{self.name} {self.address}>'

    @property
    def path(self):
        """The file that names this namespace."""
        return f'{NETNS_DIR}/{self.ns}'

    def enter(self, command):
        """The command line that runs command in this namespace."""
        return ['nsenter', f'--net={self.path}', '--', *command]

    def run(self, command, **options):
        """Run command to its end here; a failure raises with its standard error."""
        options.setdefault('check', True)
        try:
            return subprocess.run(self.enter(command), text=True, capture_output=True, **options)
        except subprocess.CalledProcessError as failed:
            raise RuntimeError(f'{self.name}: {command}: {failed.stderr.strip()}') from failed

    def spawn(self, command, **options):
        """Start command here, in its own session; it is ended with the laboratory."""
        options.setdefault('stdin', subprocess.DEVNULL)
        process = subprocess.Popen(self.enter(command), start_new_session=True, **options)
        self._processes.append(process)
        return process

    def end_processes(self):
        """End everything spawn() started, newest first, at once."""
        while self._processes:
            end(self._processes.pop(), patience=0)

    def inside(self, function):
        """Call function in a thread that lives in this namespace; return its value.

        Sockets made there stay in the namespace, whoever uses them later.
        """
        outcome = {}

        def body():
            try:
                _setns(self.path)
                outcome['value'] = function()
            except BaseException as error:  # handed to the caller below
                outcome['error'] = error

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if 'error' in outcome:
            raise outcome['error']
        return outcome['value']

    def udp_socket(self, port=0, address=None):
        """A UDP socket of this machine, bound to its address or another that it has."""
        def make():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address or self.address, port))
            return sock
        return self.inside(make)

    def connect(self, address, timeout):
        """A TCP connection from this machine."""
        return self.inside(lambda: socket.create_connection(address, timeout))

    def sysctl(self, **values):
        """Set net.* values of this namespace, for example ipv4__ip_forward=1."""
        def write():
            for key, value in values.items():
                with open('/proc/sys/net/' + key.replace('__', '/'), 'w') as file:
                    file.write(str(value))
        self.inside(write)
