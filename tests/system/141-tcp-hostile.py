"""Connections of strangers: slow, silent, half, torn, greedy. Phones register and call meanwhile."""

import contextlib
import errno
import select
import socket
import struct
import time

from lab import sip
from lab.expect import hear_each_other
from lab.net import ATTACKER_ADDRESS
from lab.office import Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT
from lab.postern import DOMAIN
from lab.wait import until

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)
ALIASES = [f'100.66.0.{n}' for n in range(1, 41)]
PER_SOURCE, IN_ALL, WHOLE_S = 64, 2048, 10


def options(length='Content-Length: 0\r\n'):
    """OPTIONS for our domain, over TCP."""
    text = sip.request('OPTIONS', f'sip:{DOMAIN}', (ATTACKER_ADDRESS, 5060)).replace(b'SIP/2.0/UDP', b'SIP/2.0/TCP')
    return text.replace(b'Content-Length: 0\r\n', length.encode())


def counts(office):
    """sigproxy's own numbers."""
    one, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
    return one


@contextlib.contextmanager
def hostile(**wanted):
    """The office, with a phone at home by TCP, and a stranger with many addresses."""
    with Office(forward=FORWARD, **wanted) as office:
        lab = office.lab
        lab._ip(lab.attacker, *(f'addr add {alias}/32 dev eth0' for alias in ALIASES))
        lab._ip(lab.internet, 'route add 100.66.0.0/24 dev to-attacker')
        pids = office.postern.pids()
        yield office
        assert office.postern.pids() == pids, 'a process died'


def dial(office, source=ATTACKER_ADDRESS):
    """One connection to the gate."""
    def make():
        sock = socket.socket()
        sock.bind((source, 0))
        sock.settimeout(3)
        sock.connect((office.lab.office.public, 5070))
        return sock
    return office.lab.attacker.inside(make)


def many(office, sources, each):
    """Connections from each of these addresses; they say nothing."""
    def make():
        socks = []
        for source in sources:
            for _ in range(each):
                sock = socket.socket()
                sock.bind((source, 0))
                sock.settimeout(3)
                sock.connect((office.lab.office.public, 5070))
                socks.append(sock)
        return socks
    return office.lab.attacker.inside(make)


def readable(sock, seconds):
    """select() cannot: there are too many descriptors."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def hear(sock, seconds=2.0):
    """What comes until the end or the time is over: (bytes, is the connection closed?)."""
    got, deadline = b'', time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not readable(sock, left):
            break
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return got, True
        if not data:
            return got, True
        got += data
    return got, False


def closed(sock):
    """Did the other side end it?  Nothing else is expected to come."""
    try:
        return readable(sock, 0) and sock.recv(65536) == b''
    except OSError:
        return True


def a_call(home, desk):
    """A whole call each way, soon."""
    for caller, callee in ((home, desk), (desk, home)):
        started = time.monotonic()
        caller.call(callee)
        took = time.monotonic() - started
        hear_each_other(caller, callee, 1)
        caller.hang_up()
        callee.closed()
        print(f'a call was up in {took:.2f} s')
        assert took < 3.0, took


def test_what_a_stream_may_say():
    """Pings, pipelines, pieces; garbage and messages without an end."""
    with hostile() as office:
        with dial(office) as sock:
            sock.sendall(b'\r\n\r\n')
            assert hear(sock, 0.5) == (b'\r\n', False)
            sock.sendall(b"\r\n" * 5000)
            assert len(hear(sock, 0.5)[0]) <= 40, "a pong for each of them"
            sock.sendall(options() + options())
            got, over = hear(sock, 1)
            assert got.count(b'SIP/2.0 200 OK') == 2 and not over, got
            assert b'SIP/2.0/TCP' in got and b'received=' in got or b'rport=' in got, got
            for octet in options():
                sock.send(bytes([octet]))
            got, over = hear(sock, 1)
            assert got.startswith(b'SIP/2.0 200 OK') and not over, got
        for text, answer in ((options(''), b'SIP/2.0 400 Missing Content-Length'),
                             (options('Content-Length: 70000\r\n'), b'SIP/2.0 513'),
                             (b'GET / HTTP/1.1\r\n\r\n', b''), (b'\x16\x03\x01\x02\x00\x01', b'')):
            with dial(office) as sock:
                sock.sendall(text)
                got, over = hear(sock)
                assert over and (got.startswith(answer) if answer else got == b''), (text, got, over)
        assert counts(office)['tcp_open'] == 0


def test_slow_half_and_torn():
    """Slowloris from three addresses, half messages, RST in the middle of one."""
    with hostile() as office:
        home, desk = office.home(transport='tcp'), office.desk()
        slow = many(office, ALIASES[:3], 60)
        text, started = options(), time.monotonic()
        at = 0
        for _ in range(200):
            with dial(office, ALIASES[5]) as sock:
                sock.sendall(text[:len(text) // 2])
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        half = many(office, ALIASES[6:7], 60)
        for sock in half:
            sock.sendall(text[:-30])
        a_call(home, desk)
        while time.monotonic() - started < WHOLE_S + 2.5:
            for sock in slow:
                with contextlib.suppress(OSError):
                    sock.send(text[at:at + 1])
            at += 1
            time.sleep(0.5)
        assert all(map(closed, slow)), 'a slow sender is still there'
        until(lambda: all(map(closed, half)), 5, 'half messages are given up')
        until(lambda: counts(office)['tcp_open'] == 1, 5, 'only the phone is left')
        print({key: value for key, value in counts(office).items() if key.startswith('tcp_')})
        assert counts(office)['tcp_slow'] >= 240
        a_call(home, desk)


def test_a_thousand_that_say_nothing():
    """1,200 from 20 addresses; one address more gets 64 and no more; then they are closed."""
    with hostile() as office:
        home, desk = office.home(transport='tcp'), office.desk()
        idle = many(office, ALIASES[:20], 60)
        greedy = many(office, ALIASES[20:21], PER_SOURCE + 20)
        until(lambda: sum(map(closed, greedy)) >= 20, 3, 'the rest is refused')
        assert sum(map(closed, greedy)) == 20 and not any(map(closed, idle))
        assert counts(office)['tcp_open'] >= 1200
        a_call(home, desk)
        until(lambda: all(map(closed, idle)), WHOLE_S + 5, 'they are closed')
        a_call(home, desk)


def test_a_full_table_makes_room():
    """More than the table holds: phones that are registered stay, another one still gets in."""
    with hostile() as office:
        home, desk = office.home(transport='tcp'), office.desk()
        idle = many(office, ALIASES[:36], 60)
        now = counts(office)
        print({key: value for key, value in now.items() if key.startswith('tcp_')})
        assert len(idle) > IN_ALL and now['tcp_open'] <= IN_ALL and now['tcp_evicted'] > 100, now
        a_call(home, desk)
        with dial(office, ALIASES[38]) as late:
            late.sendall(options())
            assert hear(late)[0].startswith(b'SIP/2.0 200 OK'), 'nobody gets in any more'


def test_who_does_not_read():
    """Requests without end whose answers nobody takes."""
    with hostile() as office:
        home, desk = office.home(transport='tcp'), office.desk()
        with dial(office) as sock:
            sock.settimeout(5)           # more than the server lingers for a last answer to be read
            ended = False
            for _ in range(4000):
                try:
                    sock.sendall(options() * 10)
                except (TimeoutError, OSError) as error:
                    ended = not isinstance(error, TimeoutError) or error.errno in (errno.EPIPE, errno.ECONNRESET)
                    break
            assert ended, 'it is still there'
        assert counts(office)['tcp_not_reading'] == 1, counts(office)
        a_call(home, desk)


def test_a_phone_that_is_gone_is_not_rung():
    """Its connection closed: 480 at once, and no INVITE waits for anybody."""
    with hostile() as office:
        home, desk = office.home(transport='tcp'), office.desk()
        home.vanish()
        until(lambda: counts(office)['tcp_open'] == 0, 3, 'it is gone')
        started = time.monotonic()
        desk.dial(home.number)
        assert '480' in desk.closed(3)
        assert time.monotonic() - started < 1.5
