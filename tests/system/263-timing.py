"""Does a clock tell which numbers exist?  Answers about four kinds of accounts, in turns of random order, compared as
distributions: Mann-Whitney (is one later than the other?) and Kolmogorov-Smirnov (is anything different?).

POSTERN_TIMING=2000 times as many samples of each, not some tens.
"""

import bisect
import math
import os
import random
import re
import socket
import statistics
import struct
import time

from lab import sip
from lab.office import DOMAIN, RTP_RANGE, SIP_PORT, SIP_TCP_PORT, Office

ROUNDS = int(os.environ.get('POSTERN_TIMING', 60))
NETWORK = '100.96.0.0/16'          # a place for each round, so that none spends its budget
KINDS = {'existing': 202, 'no internet': 169, 'disabled': 203, 'missing': 777}
METHODS = ('REGISTER', 'INVITE', 'OPTIONS')
WRONG = ('Authorization: Digest username="SIP-{0}", realm="SMO-SIP", nonce="{1}", uri="{2}", algorithm=MD5, '
         'qop=auth, nc=00000001, cnonce="a", response="{3:032x}"')
RANDOM = re.compile(rb'nonce="[^"]*"|;tag=[^;\r\n]*|branch=[^;\r\n]*|(?<=Call-ID: )\S+|(?<=rport=)\d+'
                    rb'|100\.96\.\d+\.\d+(?::\d+)?')
LEAST_P = 1e-4                     # of all comparisons together


# -- statistics --------------------------------------------------------------------

def mann_whitney(one, other):
    """p of Mann and Whitney's U by the normal approximation, two-sided, ties counted half."""
    ordered = sorted(other)
    u = sum((bisect.bisect_left(ordered, x) + bisect.bisect_right(ordered, x)) / 2 for x in one)
    n, m = len(one), len(other)
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def kolmogorov_smirnov(one, other):
    """p of the two-sample test, by the limit distribution."""
    a, b = sorted(one), sorted(other)
    d = max(abs(bisect.bisect_right(a, x) / len(a) - bisect.bisect_right(b, x) / len(b)) for x in a + b)
    n = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    t = (n + 0.12 + 0.11 / n) * d
    return 1.0 if t < 0.2 else min(1.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * t * t) for k in range(1, 50)))


def test_the_statistics_see_a_difference():
    """Two equal samples pass, and one that is a tenth of its spread later does not."""
    source = random.Random(7)
    one, two = ([source.gauss(0, 1) for _ in range(4000)] for _ in range(2))
    later = [x + 0.1 for x in two]
    wider = [1.2 * x for x in two]
    assert mann_whitney(one, two) > 0.01 and kolmogorov_smirnov(one, two) > 0.01
    assert mann_whitney(one, later) < LEAST_P and kolmogorov_smirnov(one, later) < 0.01
    assert kolmogorov_smirnov(one, wider) < LEAST_P


# -- asking ------------------------------------------------------------------------

class Udp:
    """One socket that sends from any address of the network."""

    name = 'UDP'

    def __init__(self, lab, server):
        def make():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(('0.0.0.0', 5060))
            return sock
        self._sock, self._server = lab.attacker.inside(make), server
        self._sock.settimeout(1.0)
        self.local = None

    def move(self, round_):
        self.local = (f'100.96.{round_ % 256}.{1 + round_ // 256 % 3}', 5060)

    def send(self, data):
        source = socket.inet_aton(self.local[0])
        self._sock.sendmsg([data], [(socket.IPPROTO_IP, 8, struct.pack('I4s4s', 0, source, source))], 0, self._server)

    def recv(self):
        return self._sock.recv(65535)


class Tcp:
    """A connection for each round, from an address of the network."""

    name = 'TCP'

    def __init__(self, lab, server):
        self._lab, self._server, self._sock, self.local = lab, server, None, None

    def move(self, round_):
        address = f'100.96.{round_ % 256}.{101 + round_ // 256 % 3}'

        def make():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.bind((address, 0))
            sock.settimeout(2.0)
            sock.connect(self._server)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        if self._sock:
            self._sock.close()
        self._sock = self._lab.attacker.inside(make)
        self.local = self._sock.getsockname()

    def send(self, data):
        self._sock.sendall(data.replace(b'SIP/2.0/UDP', b'SIP/2.0/TCP'))

    def recv(self):
        data = b''
        while b'\r\n\r\n' not in data:
            part = self._sock.recv(65535)
            if not part:
                raise ConnectionError('closed')
            data += part
        return data


def ask(way, data):
    """(the final answer's bytes, nanoseconds until it came); repeated when it is lost."""
    call_id = re.search(rb'Call-ID: [^\r]*', data)[0]
    for _ in range(4):
        started = time.perf_counter_ns()
        way.send(data)
        try:
            while call_id not in (answer := way.recv()) or answer.startswith(b'SIP/2.0 1'):
                pass
            return answer, time.perf_counter_ns() - started
        except TimeoutError:
            pass
    raise AssertionError(f'no answer to {data}')


def one_sample(way, method, number):
    """One request about this number: its answers, what is random in them made equal, and the time of the last."""
    register = method == 'REGISTER'
    uri = f'sip:{DOMAIN}' if register else f'sip:{number}@{DOMAIN}'
    to = f'sip:{number}@{DOMAIN}'
    data = sip.request(method, uri, way.local, to=to, from_=str(number))
    answer, took = ask(way, data)
    forms = [answer]
    if method != 'OPTIONS':
        nonce = re.search(rb'nonce="([^"]*)"', answer)[1].decode()
        line = WRONG.format(number, nonce, uri, random.getrandbits(128))
        answer, took = ask(way, sip.request(method, uri, way.local, to=to, from_=str(number), headers=[line]))
        forms.append(answer)
    return b''.join(RANDOM.sub(b'', form) for form in forms).replace(str(number).encode(), b'NNN'), took


def measure(way, method):
    """{kind: times}; the contents must be equal, each time."""
    times, order = {kind: [] for kind in KINDS}, list(KINDS)
    for _ in range(ROUNDS):
        way.move(random.randrange(256 * 3))
        random.shuffle(order)
        one_sample(way, method, 999)   # whoever is first at a place waits for the routers
        forms = set()                  # the length of the place's address has a part in what fits
        for kind in order:
            form, took = one_sample(way, method, KINDS[kind])
            forms.add(form)
            times[kind].append(took)
        assert len(forms) == 1, f'{way.name} {method}: {forms}'
    return times


DEADLINE = 600 if ROUNDS > 100 else 90


def test_no_kind_of_account_is_told_from_another():
    """REGISTER, INVITE and OPTIONS, by UDP and TCP: the same bytes, and no difference of distributions."""
    with Office(forward=(SIP_PORT, SIP_TCP_PORT, RTP_RANGE), settings={('listen', 'external_tcp'): 5070}) as office:
        # The places are to be heard to the end: what is compared is the answers, not the silence after too many.
        office.postern.sql("UPDATE subscriber SET enabled = 0 WHERE number = '203';"
                           f"INSERT INTO never_dropped(prefix) VALUES ('{NETWORK}');\n")
        office.postern.in_effect()
        office.lab.attacker_addresses(NETWORK)
        server, least, tests = (office.lab.office.public, 5070), 1.0, 0
        print(f'machine load {os.getloadavg()[0]:.1f}, {ROUNDS} samples of each')
        for way in (Udp(office.lab, server), Tcp(office.lab, server)):
            for method in METHODS:
                times = measure(way, method)
                base = times['existing']
                for kind in list(KINDS)[1:]:
                    p = mann_whitney(times[kind], base), kolmogorov_smirnov(times[kind], base)
                    shift = statistics.median(times[kind]) - statistics.median(base)
                    print(f'{way.name} {method} {kind}: median {statistics.median(base) / 1000:.1f} us '
                          f'{shift / 1000:+.2f} us, Mann-Whitney p {p[0]:.3f}, Kolmogorov-Smirnov p {p[1]:.3f}')
                    least, tests = min(least, *p), tests + 2
        print(f'least p {least:.5f} of {tests} comparisons')
        assert least * tests > LEAST_P, f'p {least} of {tests} comparisons'
