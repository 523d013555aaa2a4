"""The messages between Postern's processes, read from docs/ipc.md: to speak to one as another would.

A value is a dict of fields. Addresses are (ip, port), or None; lists are lists of dicts.
"""

import math
import os
import re
import select
import socket
import struct
import time

from .postern import REPOSITORY

DEFINE = re.compile(r'^#define (IPC_\w+) (\d+)', re.M)
ROLES = {'sigproxy': 1, 'mediaproxy': 2, 'stunmon': 4, 'registrar-db': 8, 'admin': 16, 'keyd': 32, 'tracer': 64}
USERS = {'sigproxy': 'postern-sig', 'mediaproxy': 'postern-media', 'stunmon': 'postern-stun',
         'registrar-db': 'postern-db', 'keyd': 'postern-key', 'tracer': 'postern-trace'}
HEADER = struct.Struct('>IH')


def read_names():
    """The numbers that the documentation calls by name."""
    with open(os.path.join(REPOSITORY, 'common', 'ipc', 'table.h')) as file:
        names = {name: int(number) for name, number in DEFINE.findall(file.read())}
    return {**names, 'UINT32_MAX': 2**32 - 1, 'UINT64_MAX': 2**64 - 1, 'INT32_MAX': 2**31 - 1,
            'INT64_MAX': 2**63 - 1}


NAMED = read_names()


def bound(text):
    """A number of the documentation: digits, a name, or a product of these."""
    return math.prod(NAMED[word] if word in NAMED else int(word) for word in text.split(' * '))


class Field:
    """One row of a message's or part's table."""

    def __init__(self, name, kind, bounds):
        self.name, self.part, self.size, self.low, self.high = name, None, 0, 0, 0
        part = re.search(r'\[(\w+)\]', bounds)
        limits = re.match(r'(.+?) to ([\w* ]+?)(?: bytes| of|$)', bounds)
        if limits:
            self.low, self.high = bound(limits[1]), bound(limits[2])
        if part:
            self.part = part[1]
        number = re.match(r'number, (\d) byte', kind)
        self.kind = 'number' if number else 'exact' if kind == 'exact bytes' else kind
        self.size = int(number[1]) if number else bound(bounds.split()[0]) if kind == 'exact bytes' else 0


def read_document():
    """(messages: name to (number, senders, receivers, fields); parts: name to fields)."""
    with open(os.path.join(REPOSITORY, 'docs', 'ipc.md')) as file:
        text = file.read()
    numbers = {name: (int(nr), sent.split(', '), got.split(', ')) for nr, name, sent, got in
               re.findall(r'^\| (\d+) \| \[(\w+)\]\S* \| ([^|]+) \| ([^|]+) \|', text, re.M)}
    tables = {}
    for title, body in re.findall(r'^### ([^\n]+)\n(.*?)(?=^##|\Z)', text, re.M | re.S):
        rows = re.findall(r'^\| `(\w+)` \| ([^|]+) \| ([^|]*) \|', body, re.M)
        tables[title] = [Field(name, kind.strip(), limits.strip()) for name, kind, limits in rows]
    parts = {title[5:]: fields for title, fields in tables.items() if title.startswith('part ')}
    return {name: (*numbers[name], tables[name]) for name in numbers}, parts


MESSAGES, PARTS = read_document()
NAMES = {number: name for name, (number, *_) in MESSAGES.items()}


def put_address(address):
    """Family, port, IP."""
    if address is None:
        return b'\0\0\0'
    family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    return struct.pack('>BH', 6 if ':' in address[0] else 4, address[1]) + socket.inet_pton(family, address[0])


def put(fields, value):
    """The bytes of a value; nothing is checked."""
    out = b''
    for field in fields:
        out += put_field(field, value[field.name])
    return out


def put_field(field, value):
    """The bytes of one field; bytes that are given for a number or a part go as they are."""
    if field.kind == 'number':
        return value if isinstance(value, bytes) else (value % 256**field.size).to_bytes(field.size, 'big')
    if field.kind in ('text', 'bytes'):
        data = value.encode('latin-1') if isinstance(value, str) else value
        return struct.pack('>H', len(data)) + data
    if field.kind == 'exact':
        return value
    if field.kind.startswith('address'):
        return value if isinstance(value, bytes) else put_address(value)
    if field.kind == 'part':
        return value if isinstance(value, bytes) else put(PARTS[field.part], value)
    return bytes([len(value) & 255]) + b''.join(put(PARTS[field.part], item) for item in value)


def get(fields, data, at=0):
    """(value, place behind it) of well-formed bytes."""
    value = {}
    for field in fields:
        if field.kind == 'number':
            value[field.name] = int.from_bytes(data[at:at + field.size], 'big')
            at += field.size
        elif field.kind in ('text', 'bytes'):
            size = int.from_bytes(data[at:at + 2], 'big')
            value[field.name] = data[at + 2:at + 2 + size]
            at += 2 + size
        elif field.kind == 'exact':
            value[field.name] = data[at:at + field.size]
            at += field.size
        elif field.kind.startswith('address'):
            size = {0: 0, 4: 4, 6: 16}[data[at]]
            port = int.from_bytes(data[at + 1:at + 3], 'big')
            ip = data[at + 3:at + 3 + size]
            value[field.name] = (socket.inet_ntop(socket.AF_INET6 if size == 16 else socket.AF_INET, ip),
                                 port) if size else None
            at += 3 + size
        elif field.kind == 'part':
            value[field.name], at = get(PARTS[field.part], data, at)
        else:
            count, at, value[field.name] = data[at], at + 1, []
            for _ in range(count):
                item, at = get(PARTS[field.part], data, at)
                value[field.name].append(item)
    return value, at


def plain(fields):
    """A value within all bounds."""
    value = {}
    for field in fields:
        if field.kind == 'number':
            value[field.name] = max(field.low, min(field.high, 4 if field.name == 'family' else 1))
        elif field.kind in ('text', 'bytes'):
            value[field.name] = b'a' * max(field.low, min(field.high, 3))
        elif field.kind == 'exact':
            value[field.name] = bytes(field.size)
        elif field.kind.startswith('address'):
            value[field.name] = ('198.51.100.9', 4000)
        elif field.kind == 'part':
            value[field.name] = plain(PARTS[field.part])
        else:
            value[field.name] = [plain(PARTS[field.part])]
    return value


def wrong_values(field):
    """Values of one field that its row forbids."""
    if field.kind == 'number':
        most = 256**field.size - 1
        return [v for v in {field.low - 1, field.high + 1, most} if 0 <= v <= most and not
                field.low <= v <= field.high]
    if field.kind in ('text', 'bytes'):
        wrong = [b'a' * (field.high + 1)] + ([b'a' * (field.low - 1)] if field.low else [])
        if field.kind == 'text' and field.high > 0:
            wrong += [bytes([octet]) * max(field.low, 1) for octet in (0, 10, 13, 31, 127)]
        return wrong
    if field.kind.startswith('address'):
        return [b'\x05\0\1' + bytes(4), b'\xff' * 3] + ([b'\0\0\0'] if field.kind == 'address' else [])
    if field.kind == 'part':
        return [put(PARTS[field.part], value) for value in wrong_parts(PARTS[field.part])]
    if field.kind == 'list of parts':
        one = plain(PARTS[field.part])
        return [[one] * (field.high + 1)] + [[value] for value in wrong_parts(PARTS[field.part])]
    return []


def wrong_parts(fields):
    """Each value that is within all bounds but one."""
    for field in fields:
        for value in wrong_values(field):
            yield {**plain(fields), field.name: value}


def frame(name, value):
    """A whole frame."""
    number, _, _, fields = MESSAGES[name]
    payload = put(fields, value)
    return HEADER.pack(len(payload), number) + payload


def wrong_frames(name):
    """Frames of a message, each broken in one field, cut short, too long."""
    number, _, _, fields = MESSAGES[name]
    for value in wrong_parts(fields):
        payload = put(fields, value)
        yield HEADER.pack(len(payload), number) + payload
    whole = put(fields, plain(fields))
    for size in range(len(whole)):
        yield HEADER.pack(size, number) + whole[:size]
    yield HEADER.pack(len(whole) + 1, number) + whole + b'\0'


class Closed(Exception):
    """The process closed the door."""


class Neighbour:
    """A connection to one process's door, by whom it takes for another."""

    def __init__(self, postern, to, as_, instance=0, greet=True):
        pair = [f'{role}-{instance}' if role == 'mediaproxy' else role for role in (to, as_)]
        path = os.path.join(postern.state, 'run', '.'.join(pair) + '.sock')
        self._buffer, self.to, self.as_ = b'', to, as_
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        owner = os.stat(path).st_uid
        os.seteuid(owner)
        try:
            self.sock.connect(path)
        finally:
            os.seteuid(0)
        self.hello = self.hear('HELLO') if greet else None
        if greet:
            self.say('HELLO', version=self.hello['version'], table=self.hello['table'],
                     role=ROLES[as_], instance=instance if as_ == 'mediaproxy' else 0,
                     started_us=2**63)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def say(self, name, **value):
        """Send one message; fields that are not given are plain."""
        self.send(frame(name, {**plain(MESSAGES[name][3]), **value}))

    def send(self, data):
        """Send bytes as they are; what the other says meanwhile is kept."""
        view = memoryview(data)
        self.sock.setblocking(False)
        deadline = time.monotonic() + 60
        try:
            while view and time.monotonic() < deadline:
                readable, writable, _ = select.select([self.sock], [self.sock], [], 1)
                if readable:
                    self._read()
                if writable:
                    view = view[self.sock.send(view):]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None
        finally:
            self.sock.settimeout(5)
        assert not view, f'{self.to} takes nothing'

    def _read(self):
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b''
        if not data:
            raise Closed
        self._buffer += data

    def frames(self):
        """The frames that have come, as (name, payload)."""
        at, got = 0, []
        while len(self._buffer) - at >= HEADER.size:
            size, number = HEADER.unpack_from(self._buffer, at)
            if len(self._buffer) - at - HEADER.size < size:
                break
            got.append((NAMES[number], self._buffer[at + HEADER.size:at + HEADER.size + size]))
            at += HEADER.size + size
        self._buffer = self._buffer[at:]
        return got

    def hear(self, name, seconds=5.0):
        """The next message of this name; others before it are dropped. None: it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            got = self.frames()
            for index, (what, payload) in enumerate(got):
                if what == name:
                    rest = b''.join(HEADER.pack(len(p), MESSAGES[n][0]) + p for n, p in got[index + 1:])
                    self._buffer = rest + self._buffer
                    return get(MESSAGES[name][3], payload)[0]
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            self._read()

    def ask(self, name, **value):
        """Send a question and return its answer (NONCE_ASK: NONCE_SAY)."""
        self.say(name, **value)
        return self.hear(name.replace('_ASK', '_SAY').replace('_OPEN', '_SAY'))

    def is_closed(self, seconds=2.0):
        """Does the other end close it within this time?"""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                if select.select([self.sock], [], [], left)[0]:
                    self._read()
        except Closed:
            return True
        return False
