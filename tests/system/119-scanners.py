"""The tools that scan the internet for SIP servers, and a clock: nobody learns which numbers exist.

POSTERN_TIMING=20000 times as many wrong answers for each kind of account and method, not a few hundred.
"""

import os
import random
import re
import shutil
import socket
import statistics
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lab import sip
from lab.expect import Skip
from lab.office import Office, password
from lab.postern import DOMAIN

ROUNDS = int(os.environ.get('POSTERN_TIMING', 200))
NUMBERS = '165-172,199-210'        # of which 168, 169 and 201 to 204 exist


# -- sipvicious ------------------------------------------------------------------

def scan(office, tool, target, *arguments):
    """What one tool of sipvicious prints, run from the attacker's machine."""
    started = time.monotonic()
    done = office.lab.attacker.run([tool, *arguments, target], check=False, timeout=60,
                                   env={**os.environ, 'HOME': office.lab.folder, 'COLUMNS': '200'})
    return f'$ {tool} {" ".join(arguments)}: {time.monotonic() - started:.1f} s\n{done.stdout}{done.stderr}'


def words(office, name, count, last):
    """A file of wrong passwords, the right one at its end."""
    with open(office.lab.path(name), 'w') as file:
        file.write(''.join(f'wrong{number}\n' for number in range(count)) + last + '\n')
    return file.name


def careless_server(sock):
    """Answers as servers did that svwar was made for: 404 to a number that is not there, 401 to 201."""
    def run():
        while data := sock.recv(65535):
            line = '401 Unauthorized' if re.search(rb'\nTo: [^\r]*\b201\b', data) else '404 Not Found'
            source = re.search(rb'Via: [^\r]*?/UDP ([\d.]+):(\d+)', data)
            keep = re.findall(rb'^(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n', data, re.M | re.I)
            answer = f'SIP/2.0 {line}\r\n'.encode() + b''.join(keep) + b'Content-Length: 0\r\n\r\n'
            sock.sendto(answer, (ATTACKER, int(source[2])))
    threading.Thread(target=run, daemon=True).start()


ATTACKER = '203.0.113.66'


def test_tools_find_nothing():
    """svmap, svwar and svcrack; each of the last two is shown to find something where it can."""
    if not shutil.which('svwar'):
        raise Skip('not installed: svwar (sipvicious)')
    with Office() as office:
        office.desk()
        public, stun = office.lab.office.public, office.lab.stun
        careless_server(stun.udp_socket(5070))
        many, few = words(office, 'many', 25, password(201)), words(office, 'few', 3, password(202))
        runs = {
            'map': ('svmap', public, '-p', '5070', '-P', '5100'),
            'map, register': ('svmap', public, '-p', '5070', '-P', '5105', '-m', 'REGISTER'),
            'register': ('svwar', public, '-p', '5070', '-P', '5110', '-e', NUMBERS),
            'register, forced': ('svwar', public, '-p', '5070', '-P', '5120', '-e', NUMBERS, '--force'),
            'invite, forced': ('svwar', public, '-p', '5070', '-P', '5130', '-e', NUMBERS, '--force', '-m', 'INVITE'),
            'options, forced': ('svwar', public, '-p', '5070', '-P', '5140', '-e', NUMBERS, '--force', '-m', 'OPTIONS'),
            'careless': ('svwar', stun.address, '-p', '5070', '-P', '5150', '-e', NUMBERS),
            'crack 201': ('svcrack', public, '-p', '5070', '-P', '5160', '-e', '201', '-u', 'SIP-201', '-d', many),
            'crack 202': ('svcrack', public, '-p', '5070', '-P', '5170', '-e', '202', '-u', 'SIP-202', '-d', few),
        }
        # First: after twenty wrong answers nobody is listened to at that address.
        said = {name: scan(office, *runs.pop(name)) for name in ('crack 202',)}
        with ThreadPoolExecutor(len(runs)) as pool:
            said.update(zip(runs, pool.map(lambda run: scan(office, *run), runs.values())))
        print('\n'.join(said.values()))
        for name in ('register', 'register, forced', 'invite, forced', 'options, forced', 'crack 201'):
            assert 'found nothing' in said[name], f'{name}: {said[name]}'
        # That SIP is spoken there a REGISTER may learn, and nothing of who speaks it.
        assert re.findall(r'^\| [\d.]+:5070 +\| (.*?) +\|', said['map, register'], re.M) in ([], ['unknown']), said
        assert re.search(r'\| 201 ', said['careless']), 'svwar does not work here: nothing was tested'
        assert password(202) in said['crack 202'], 'svcrack does not work here: nothing was tested'


# -- a clock ---------------------------------------------------------------------

NETWORK = '100.96.0.0/16'          # addresses enough that none of them spends its budget
KINDS = {'existing': 202, 'missing': 777, 'disabled': 203, 'no internet': 169}
RANDOM = re.compile(rb'nonce="[^"]*"|;tag=[^;\r\n]*|branch=[^;\r\n]*|(?<=Call-ID: )\S+|(?<=rport=)\d+'
                    rb'|(?<=received=)[\d.]+|(?<=UDP )[\d.]+')
WRONG = ('Authorization: Digest username="SIP-{0}", realm="SMO-SIP", nonce="{1}", uri="{2}", algorithm=MD5, '
         'qop=auth, nc=00000001, cnonce="a", response="{3:032x}"')


class Prober:
    """One socket that sends from any address of the network, and waits for each answer."""

    def __init__(self, lab, server):
        lab.attacker_addresses(NETWORK)

        def make():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(('0.0.0.0', 5060))
            return sock
        self._sock, self._server = lab.attacker.inside(make), server
        self._sock.settimeout(1.0)
        self._round = self.lost = 0
        self.local = None

    def move(self):
        """Another address, in another prefix than the last; fewer than Linux keeps neighbours (1024)."""
        self._round += 1
        self.local = (f'100.96.{self._round % 256}.{1 + self._round // 256 % 3}', 5060)

    def _send(self, data):
        source = socket.inet_aton(self.local[0])
        info = struct.pack('I4s4s', 0, source, source)
        self._sock.sendmsg([data], [(socket.IPPROTO_IP, 8, info)], 0, self._server)    # 8: IP_PKTINFO

    def ask(self, data):
        """(the answer's bytes, nanoseconds until it came); asked again when something was lost."""
        call_id = re.search(rb'Call-ID: [^\r]*', data)[0]
        for _ in range(5):
            started = time.perf_counter_ns()
            self._send(data)
            try:
                while call_id not in (answer := self._sock.recv(65535)):
                    pass
                return answer, time.perf_counter_ns() - started
            except TimeoutError:
                self.lost += 1
        raise AssertionError(f'no answer to {data}')

    def acknowledge(self, data, answer):
        """ACK for a final answer to this INVITE."""
        to = re.search(rb'\nTo: [^\r]*', answer)[0]
        self._send(re.sub(rb'\nTo: [^\r]*', to.replace(b'\\', b'\\\\'), data.replace(b'INVITE', b'ACK')))


def common_form(data, number):
    """An answer's bytes with what is random, and the number asked for, made equal."""
    return re.sub(rb'sip:%d@(100\.96\.[\d.]+)?' % number, b'sip:NNN@', RANDOM.sub(b'', data))


def ask_about(prober, method, number, nonce=None):
    """One request of this method about number, with a wrong answer to nonce if there is one."""
    uri, to = (f'sip:{DOMAIN}', f'sip:{number}@{DOMAIN}') if method == 'REGISTER' else (f'sip:999@{DOMAIN}',) * 2
    extra = [WRONG.format(number, nonce, uri, random.getrandbits(128))] if nonce else []
    data = sip.request(method, uri, prober.local, to=to, from_=str(number), headers=extra)
    answer, took = prober.ask(data)
    if method == 'INVITE':
        prober.acknowledge(data, answer)
    return answer, took


def measure(prober, method):
    """{kind: times of the wrong answers}; every kind must get the very same bytes."""
    times, forms = {kind: [] for kind in KINDS}, {401: set(), 403: set()}
    order = list(KINDS)
    for _ in range(ROUNDS):
        prober.move()
        random.shuffle(order)
        for kind in order:
            challenge, _ = ask_about(prober, method, KINDS[kind])
            nonce = re.search(rb'nonce="([^"]*)"', challenge)[1].decode()
            refusal, took = ask_about(prober, method, KINDS[kind], nonce)
            times[kind].append(took)
            forms[401].add(common_form(challenge, KINDS[kind]))
            forms[403].add(common_form(refusal, KINDS[kind]))
    for code, seen in forms.items():
        assert len(seen) == 1 and next(iter(seen)).startswith(b'SIP/2.0 %d ' % code), f'{method}: {seen}'
    return times


def welch(one, other):
    """Welch's t of two samples."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / spread ** 0.5


def cropped(sample):
    """Without the slowest tenth, which the machine's other work makes."""
    return sorted(sample)[:len(sample) * 9 // 10]


def test_no_difference_in_content():
    """Nor in time, as far as a clock beside the server can tell; that is printed, not asserted."""
    with Office() as office:
        office.postern.sql("UPDATE subscriber SET enabled = 0 WHERE number = '203';\n")
        office.postern.in_effect()
        prober = Prober(office.lab, (office.lab.office.public, 5070))
        print(f'machine load {os.getloadavg()[0]:.1f}')
        for method in ('REGISTER', 'INVITE'):
            times = measure(prober, method)
            base = times['existing']
            for kind, sample in times.items():
                shift = statistics.median(sample) - statistics.median(base)
                print(f'{method} {kind}: {len(sample)} wrong answers, median {statistics.median(sample) / 1000:.1f} us, '
                      f'{shift / 1000:+.2f} us, t {welch(sample, base):+.2f}, '
                      f'without the slowest tenth {welch(cropped(sample), cropped(base)):+.2f}')
        sigproxy, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
        print(f'{prober.lost} asked again; silenced {sigproxy["silenced"]}')
        assert prober.lost <= ROUNDS // 100, 'too many were not answered'
