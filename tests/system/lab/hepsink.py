"""Who takes HEP by TCP or TLS: a program that writes down what it read, and dies when it is told to."""

import glob
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading

from types import SimpleNamespace

CHUNKS = {3: 'source', 4: 'target', 7: 'sport', 8: 'dport', 9: 's', 10: 'us', 15: 'payload', 17: 'call_id'}


class Sink:
    """One that listens on a host; pair=(certificate, key): by TLS."""

    def __init__(self, host, port, folder, pair=None, name='hep'):
        self._host, self._words = host, [host.address, str(port), os.path.join(folder, name), *(pair or ())]
        self._path = os.path.join(folder, name)
        self._process = None
        self.start()

    def start(self):
        """Listen (again)."""
        self._process = self._host.spawn([sys.executable, os.path.abspath(__file__), *self._words],
                                         stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == 'listening\n'
        return self

    def kill(self):
        """Die in the midst of it."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def connections(self):
        """How many there were."""
        return len(glob.glob(self._path + '.*'))

    def messages(self):
        """What arrived whole, of all connections, each once: what came twice is the very same."""
        seen = {}
        for path in sorted(glob.glob(self._path + '.*'), key=os.path.getmtime):
            with open(path, 'rb') as file:
                for frame in frames(file.read()):
                    seen.setdefault(frame, read(frame))
        return list(seen.values())


def frames(data):
    """Cut a stream; the last may be half a one."""
    while len(data) >= 6:
        assert data[:4] == b'HEP3', data[:60]
        length, = struct.unpack('!H', data[4:6])
        if len(data) < length:
            return
        yield data[:length]
        data = data[length:]


def read(frame):
    """Its chunks by name."""
    out, at = {}, 6
    while at < len(frame):
        _, kind, length = struct.unpack('!HHH', frame[at:at + 6])
        assert length >= 6 and at + length <= len(frame), frame
        if kind in CHUNKS:
            out[CHUNKS[kind]] = frame[at + 6:at + length]
        at += length
    out['first_line'] = out['payload'].split(b'\r\n')[0].decode()
    return SimpleNamespace(**out)


def serve(connection, path, context):
    """Write down one connection."""
    with open(path, 'wb', buffering=0) as file:
        try:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            while data := connection.recv(65536):
                file.write(data)
        except OSError:
            pass                # it went, or did not like us
        finally:
            connection.close()


def main(address, port, path, *pair):
    """Listen for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if pair else None
    if pair:
        context.load_cert_chain(*pair)
    listener = socket.create_server((address, int(port)))
    print('listening', flush=True)
    while True:
        connection, _ = listener.accept()
        file = f'{path}.{os.getpid()}.{connection.fileno()}.{len(glob.glob(path + ".*"))}'
        threading.Thread(target=serve, args=(connection, file, context), daemon=True).start()


if __name__ == '__main__':
    main(*sys.argv[1:])
