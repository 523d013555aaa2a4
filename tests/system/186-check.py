"""postern check and postern probe: a fault is planted, and named with its evidence and remedy; a healthy office has none."""

import ctypes
import glob
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import threading

from lab import certs, stun
from lab.net import Home, Lab, POSTERN_ADDRESS, flush_connections
from lab.odd_stun import OddServer
from lab.office import RTP_RANGE, SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT
from lab.postern import DOMAIN, Postern, REPOSITORY, build, program
from lab.tlsoffice import TlsOffice
from lab.wait import until
from lab.zone import A, Zone

FORWARD = (SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, RTP_RANGE)


def clock_faults():
    """What check must say of this machine's clock, which no test can set."""
    timex = ctypes.create_string_buffer(512)
    time_error = 5
    return {'clock-unkept'} if ctypes.CDLL(None).adjtimex(timex) in (-1, time_error) else set()


def check(postern, *words, state=True):
    """(the findings by level: sets of codes, all of it)."""
    where = ['--state', postern.state] if state else ['--config', postern.config]
    done = postern.asked('check', '--json', *words, *where)
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    by_level = {level: {f['code'] for f in said['findings'] if f['level'] == level}
                for level in ('ok', 'note', 'warning', 'error')}
    for finding in said['findings']:
        if finding['level'] in ('warning', 'error'):
            assert finding['what'] and finding['seen'] and finding['do'], finding
    assert done.returncode == (2 if by_level['error'] else 1 if by_level['warning'] else 0), done
    return by_level, said['findings']


def expect(postern, code, *words, level='error', state=True):
    """That code is found at that level; its evidence."""
    by_level, findings = check(postern, *words, state=state)
    assert code in by_level[level], f'{code}: {json.dumps(findings, indent=1)}'
    found = next(f for f in findings if f['code'] == code)
    print(f"{level} {code}: {found['what']}\n    seen: {found['seen']}\n    do:   {found['do']}")
    return found


def expect_all(postern, *wanted, state=True):
    """Each (code, level, words of its text) is found, and no other warning or error; in one run."""
    by_level, findings = check(postern, state=state)
    for code, level, words in wanted:
        found = [f for f in findings if (f['code'], f['level']) == (code, level)]
        assert any(words in f['what'] + f['seen'] for f in found), f'{code}: {json.dumps(findings, indent=1)}'
        print(f"{level} {code}: {found[0]['what']}\n    seen: {found[0]['seen']}\n    do:   {found[0]['do']}")
    others = (by_level['warning'] | by_level['error']) - {code for code, _, _ in wanted} - clock_faults()
    assert not others or not state, others


def probe(lab, *words):
    """postern-probe at the attacker's machine, as nobody: (exit status, what it says, its line)."""
    command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', os.path.join(build(), 'postern-probe'),
               lab.office.public, *words]
    done = lab.attacker.run(command, check=False, timeout=30)
    line = re.search(r"--outside '(.*)'", done.stdout)
    assert line, done
    print(done.stdout)
    return done.returncode, done.stdout, line[1]


def window(office, *words):
    """check --window, and the command that it prints run outside; as check()."""
    postern = office.postern
    command = [program(), 'check', '--json', '--window=5', '--state', postern.state, *words]
    running = postern.host.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = []
    for line in running.stderr:
        told.append(line)
        if 'postern-probe' in line:
            break
    words = shlex.split(told[-1])
    assert words[0] == 'postern-probe' and words[1] == office.lab.office.public, told
    rc, said, _ = probe(office.lab, *words[2:])
    out, _ = running.communicate(timeout=20)
    return rc, said, {f['code']: f for f in json.loads(out)['findings']}


def redirect(lab, *rules):
    """Give the office's router another forwarding: (protocol/port, inside address)."""
    text = 'flush chain ip nat prerouting\n'
    for spec, inside in rules:
        protocol, ports = spec.split('/')
        text += f'add rule ip nat prerouting iifname "wan" {protocol} dport {ports} dnat to {inside}\n'
    lab.office.router.run(['nft', '-f', '-'], input=text)
    flush_connections(lab.office.router)


def forwarded(*specs):
    """Rules that lead to Postern."""
    return [(spec, POSTERN_ADDRESS) for spec in specs]


class Helper:
    """A server of another kind at a desk: answers SIP, and STUN if wanted, in its own way."""

    def __init__(self, host, port, alter=None):
        self.sock = host.udp_socket(port)
        self.alter = alter
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                data, source = self.sock.recvfrom(4096)
            except OSError:
                return
            if stun.looks_like(data):
                if self.alter:
                    ip, = struct.unpack('>I', socket.inet_aton(source[0]))
                    value = struct.pack('>BBHI', 0, 1, source[1] ^ (stun.COOKIE >> 16), ip ^ stun.COOKIE)
                    self.sock.sendto(struct.pack('>HHI', 0x0101, 12, stun.COOKIE) + data[8:20] +
                                     struct.pack('>HH', 0x0020, 8) + value, source)
                continue
            text = data.decode()
            kept = [line for line in text.split('\r\n')[1:] if re.match('(Via|From|To|Call-ID|CSeq):', line)]
            answer = '\r\n'.join(['SIP/2.0 200 OK', *kept, 'Content-Length: 0', '', ''])
            self.sock.sendto((self.alter(answer) if self.alter else answer).encode(), source)

    def close(self):
        """End it."""
        self.sock.close()


def test_a_healthy_office_and_what_spoils_it():
    """Nothing to complain of; then one fault after the other, each mended again."""
    with TlsOffice(homes=(Home('A'),)) as office:
        postern = office.postern
        until(lambda: any(p['role'] == 'keyd' and p['answers'] for p in postern.status()['processes']), 5, 'keyd runs')
        by_level, findings = check(postern)
        assert not by_level['error'] and by_level['warning'] == clock_faults(), json.dumps(findings, indent=1)
        assert {'process', 'listener', 'firewall', 'public', 'subscribers', 'internal-ports'} <= by_level['ok'], by_level
        plain = postern.asked('check', '--state', postern.state).stdout
        for want in ('forward UDP 5070 to 192.168.10.2', f'Server / registrar:   {office.lab.office.public}', 'Checks'):
            assert want in plain, plain

        # this machine's own firewall, mended by what --router prints
        postern.host.run(['nft', '-f', '-'], input='table inet filter { chain input { type filter hook input priority 0; '
                         'policy drop; ct state established accept; ip saddr 192.168.0.0/16 accept; '
                         'udp dport { 5070, 16384-16983 } accept; }\n }\n')
        expect_all(postern, ('firewall-blocks', 'error', 'tcp 5070'), ('firewall-blocks', 'error', 'tcp 5071'))
        router = postern.host.run([program(), 'check', '--router', '--state', postern.state]).stdout
        for rule in re.findall(r'nft add rule inet filter input (.*)', router):
            postern.host.run(['nft', f'add rule inet filter input {rule}'])
        expect_all(postern)
        postern.host.run(['nft', 'delete', 'table', 'inet', 'filter'])

        # rights, the table that keeps captured processes in, a configuration and a certificate that do not run
        postern.host.run(['nft', 'delete', 'table', 'inet', 'postern'])
        new = certs.make(office.lab.folder, 'new', days=90, names=(f'DNS:{DOMAIN}',))
        os.replace(new[0], office.pair[0])
        os.replace(new[1], office.pair[1])
        secrets = [os.path.join(postern.state, 'store.key'), office.pair[1], os.path.join(postern.state, 'store')]
        for path in secrets:
            os.chmod(path, os.stat(path).st_mode | 0o055)
        postern.settings[('listen', 'external_tcp')] = 5072
        postern.settings[('site', 'realm')] = "it's another"
        postern.write_config()
        os.chmod(postern.config, 0o666)
        subprocess.run(['sv', 'down', os.path.join(postern.state, 'service', 'stunmon')], check=True)
        until(lambda: 'stunmon' not in postern.pids(), 5, 'stunmon is down')
        expect_all(postern, ('store-key-open', 'error', secrets[0]), ('tls-key', 'error', secrets[1]),
                   ('store-open', 'error', secrets[2]), ('firewall-missing', 'warning', ''),
                   ('listener-closed', 'error', '5072'), ('realm-changed', 'error', '6 subscribers'),
                   ('certificate-not-loaded', 'warning', 'gate.crt'), ('config-open', 'warning', postern.config),
                   ('process-down', 'error', 'stunmon'), ('program-refuses', 'error', 'keyd'))


def test_from_outside():
    """The probe sees what works, what is blocked, led to the wrong host, altered, or open that must be closed."""
    with TlsOffice(homes=()) as office:
        lab, desk = office.lab, office.lab.office.phones[0]
        redirect(lab, *forwarded(*FORWARD))
        rc, said, line = probe(lab)
        assert rc == 0 and said.count('works') == 6 and '203.0.113.66:' in said, said
        by_level, _ = check(office.postern, '--outside', line)
        assert by_level['ok'] == {'outside-works', 'outside-closed'} and not by_level['error'], by_level

        rc, _, codes = window(office)
        assert rc == 0 and set(codes) == {'outside-rtp'}, codes
        assert '16 of 16' in codes['outside-rtp']['what'], codes
        # the relay keeps its ports to itself again, and says nothing to strangers
        with lab.attacker.udp_socket() as sock:
            sock.settimeout(0.3)
            for packet in (b'postern-probe ' + b'0' * 32 + b' 16384', b'\x80' + bytes(171)):
                sock.sendto(packet, (lab.office.public, 16384))
            try:
                raise AssertionError(f'the relay answered {sock.recv(100)}')
            except TimeoutError:
                pass

        # a part of the range; the office's own ports forwarded
        redirect(lab, *forwarded(SIP_PORT, 'udp/16384-16500', 'udp/17000-17599', 'udp/5060', 'tcp/5060'))
        rc, said, codes = window(office)
        assert rc == 1 and {'outside-rtp-partial', 'outside-rtp-internal'} <= set(codes), codes
        assert '3 of 16' in codes['outside-rtp-partial']['seen'], codes
        _, _, line = probe(lab)
        by_level, _ = check(office.postern, '--outside', line)
        assert by_level['error'] == {'outside-blocked'}, by_level
        assert '203.0.113.66' in expect(office.postern, 'internal-port-open')['seen']
        # nobody sees that from outside, until the table of `postern nft` is gone: then the kernel answers
        lab.postern_host.run(['nft', 'delete table inet postern'])
        _, _, line = probe(lab)
        by_level, _ = check(office.postern, '--outside', line)
        assert by_level['error'] == {'outside-blocked', 'outside-internal'}, by_level

        # everything led to a desk: nobody there; a server there; one that an ALG spoils
        redirect(lab, *[(spec, desk.address) for spec in FORWARD])
        _, _, line = probe(lab, '--rtp', '16384,16386', '--code', '0' * 32)
        assert 'udp5070=refused tcp5070=refused tls5071=refused' in line and 'rtp-refused=2' in line, line
        assert check(office.postern, '--outside', line)[0]['error'] == {'outside-refused', 'outside-rtp-refused'}
        other = Helper(desk, 5070)
        lab.on_close(other.close)
        for alter, code in ((None, 'other'), (lambda text: text.replace('203.0.113.66', '10.9.8.7', 1), 'alg')):
            other.alter = alter
            _, _, line = probe(lab, '--tcp', '0', '--tls', '0', '--closed', '0')
            assert line.endswith(f'udp5070={code}'), line
            expect(office.postern, f'outside-{code}', '--outside', line)


def test_a_symmetric_office_router():
    """Why `mode = punch` is impossible, and what auto needs, in plain words."""
    with Lab(homes=(), office_phones=0) as lab:
        first = stun.start_server(lab)
        second = Helper(lab.attacker, stun.PORT, lambda text: text)
        lab.on_close(second.close)
        lab.office.router.run(['nft', 'flush chain ip nat postrouting; add rule ip nat postrouting oifname "wan" '
                               'masquerade fully-random'])
        postern = Postern(lab.postern_host, lab.folder, {
            ('address', 'public'): 'stun', ('address', 'stun_interval_s'): 5, ('media', 'mode'): 'punch',
            ('address', 'stun'): f'{first[0]}:{first[1]}, {lab.attacker.address}:{stun.PORT}'})
        lab.on_close(postern.stop)
        postern.up()
        postern.wait_public(lab.office.public)
        until(lambda: '"symmetric":true' in postern.status_text() or
              'symmetric' in json.dumps(postern.status()).replace('"symmetric":', ''), 15, 'the NAT kind is known', 0.2)
        found = expect(postern, 'impossible-punch')
        assert 'symmetric' in found['seen'] and '16384-16983' in found['do']
        postern.settings[('media', 'mode')] = 'auto'
        postern.write_config()
        expect(postern, 'nat-symmetric')
        postern.settings[('media', 'mode')] = 'forwarded'
        postern.write_config()
        expect(postern, 'nat-symmetric', level='note')


def test_stun_servers_and_a_name_of_bad_character():
    """Which server is dead, which lies, and that the name leads elsewhere."""
    ports = (3478, 3479, 3480, 3481)
    with Lab(homes=(), office_phones=0) as lab:
        zone = Zone(lab.stun)
        zone.table = {('gate.example.net', A): ['192.0.2.77']}
        dead, liar, *_ = [OddServer(lab.stun, port) for port in ports]
        dead.dead, liar.says = True, '192.0.2.99'
        postern = Postern(lab.postern_host, lab.folder, {
            ('address', 'public'): 'stun', ('address', 'stun_interval_s'): 5, ('address', 'name'): 'gate.example.net',
            ('address', 'stun'): ', '.join(f'{lab.stun.address}:{port}' for port in ports)})
        postern.resolver = lab.stun.address
        lab.on_close(postern.stop)
        postern.up()
        postern.wait_public(lab.office.public)
        until(lambda: all(word in postern.status_text() for word in ('"silent"', '"wrong"', '"differs"')), 20,
              'stunmon has seen all of it', 0.2)
        expect_all(postern, ('stun-silent', 'warning', ''), ('stun-wrong', 'warning', ''),
                   ('dns-stale', 'error', '192.0.2.77'))


def test_every_code_is_documented():
    """docs/check.md names each finding that the sources make, and none beside them."""
    made, sources = set(), ''
    folder = os.path.join(REPOSITORY, 'postern')
    for path in [*glob.glob(os.path.join(folder, 'check*.c')), os.path.join(folder, 'window.c')]:
        with open(path) as file:
            text = file.read()
        sources += text
        for kind, call in re.findall(r'\b(finding_new|finding_ok|finding_note|begin)\((.*?)\);', text, re.S):
            codes = re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', call)
            made |= set(codes[:1] if kind in ('finding_ok', 'finding_note') else codes)
    with open(os.path.join(REPOSITORY, 'docs', 'check.md')) as file:
        rows = re.findall(r'^\| (`[a-z0-9`, -]+`) \|', file.read(), re.M)
    documented = {code for row in rows for code in re.findall('`([^`]+)`', row)}
    print(sorted(made ^ documented))
    assert made - documented == set(), made - documented
    made |= {code for code in documented if f'"{code}"' in sources}
    assert documented - made == {'left-out'}, documented - made


# -- before anything runs -------------------------------------------------

def test_certificates():
    """Ended, ending, not begun, for another name, without its chain, or with another's key."""
    with Lab(homes=(), office_phones=0) as lab:
        good = ('20200101000000Z', '20450101000000Z')
        root = certs.signed(lab, 'root', good, extension='basicConstraints=critical,CA:TRUE')
        middle = certs.signed(lab, 'middle', good, root, 'basicConstraints=critical,CA:TRUE')
        lonely = certs.signed(lab, 'lonely', good, middle)
        full = lab.path('full.crt')
        with open(full, 'wb') as file:
            for part in (lonely[0], middle[0]):
                with open(part, 'rb') as source:
                    file.write(source.read())
        bad = [
            (certs.signed(lab, 'ended', ('20200101000000Z', '20200201000000Z')), 'certificate-expired', 'error'),
            (certs.signed(lab, 'later', ('20440101000000Z', '20450101000000Z')), 'certificate-not-yet', 'error'),
            (certs.make(lab.folder, 'a-day', days=1), 'certificate-ends', 'error'),
            (certs.make(lab.folder, 'a-week', days=6), 'certificate-ends', 'warning'),
            (certs.make(lab.folder, 'stranger', names=('DNS:other.example',)), 'certificate-name', 'warning'),
            (lonely, 'certificate-chain', 'warning'),
            ((root[0], middle[1]), 'tls-key', 'error'),
        ]
        postern = Postern(lab.postern_host, lab.folder, certs.settings(*[pair for pair, _, _ in bad]))
        postern.write_config()
        expect_all(postern, *[(code, level, pair[0]) for pair, code, level in bad], state=False)
        good = ((full, lonely[1]), certs.make(lab.folder, 'own'))
        postern = Postern(lab.postern_host, lab.folder, certs.settings(*good))
        postern.write_config()
        _, findings = check(postern, state=False)
        bad = [f for f in findings if f['level'] in ('warning', 'error') and re.match('certificate|tls', f['code'])]
        assert not bad, bad


class Resolver:
    """A name server at Postern's own machine: A and SRV records by name."""

    def __init__(self, host):
        self.records, self.silent = {}, False
        self.sock = host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sock.bind(('127.0.0.1', 53))
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _name(name):
        return b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\0'

    def _serve(self):
        while True:
            try:
                data, source = self.sock.recvfrom(512)
            except OSError:
                return
            if self.silent:
                continue
            end = data.index(b'\0', 12)
            at, labels = 12, []
            while at < end:
                labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
                at += 1 + data[at]
            kind = {1: 'A', 33: 'SRV'}.get(struct.unpack_from('>H', data, end + 1)[0])
            values = self.records.get(('.'.join(labels), kind), [])
            body = b''
            for value in values:
                rdata = socket.inet_aton(value) if kind == 'A' else \
                    struct.pack('>HHH', 1, 1, value[0]) + self._name(value[1])
                body += b'\xc0\x0c' + struct.pack('>HHIH', 1 if kind == 'A' else 33, 1, 60, len(rdata)) + rdata
            known = any(name == '.'.join(labels) for name, _ in self.records)
            flags = 0x8180 if known else 0x8183
            self.sock.sendto(data[:2] + struct.pack('>HHHHH', flags, 1, len(values), 0, 0) + data[12:end + 5] + body,
                             source)

    def close(self):
        """End it."""
        self.sock.close()


def test_configuration_and_names_before_the_start():
    """Legacy ports, carrier addresses, addresses that are not here, and what DNS tells phones."""
    with Lab(homes=(), office_phones=0) as lab:
        resolver = Resolver(lab.postern_host)
        lab.on_close(resolver.close)

        def look(code, level, records=(), silent=False, **settings):
            resolver.records, resolver.silent = dict(records), silent
            postern = Postern(lab.postern_host, lab.folder,
                              {tuple(key.split('__')): value for key, value in settings.items()})
            postern.write_config()
            said = json.loads(postern.asked('check', '--json', '--config', postern.config).stdout)
            assert said['running'] is False, said
            assert any(f['code'] == code and f['level'] == level for f in said['findings']), (code, said)

        fixed = {'address__public': '203.0.113.10'}
        named = {'address__public': 'gate.dyn.example'}
        here = {('gate.dyn.example', 'A'): ['203.0.113.10']}
        look('port-legacy', 'error', listen__external_udp=5060, listen__internal_udp=5064)
        look('port-legacy', 'error', listen__external_tcp=5062)
        look('config', 'error', media__ports='16384-16390')
        look('port-5061', 'warning', listen__external_tls=5061)
        look('address-not-public', 'warning')
        look('address-not-here', 'error', address__external='192.168.10.99')
        look('dns-name', 'ok', here, **named)
        look('dns-none', 'error', **named)
        look('dns-private', 'error', {('gate.dyn.example', 'A'): ['192.168.1.1']}, **named)
        look('dns-silent', 'warning', silent=True, **named)
        look('dns-no-domain', 'note', **fixed)
        look('dns-domain', 'ok', {(DOMAIN, 'A'): ['203.0.113.10']}, **fixed)
        look('dns-elsewhere', 'warning', {(DOMAIN, 'A'): ['203.0.113.99']}, **fixed)
        look('dns-srv', 'warning', {(DOMAIN, 'A'): ['203.0.113.99'],
                                    (f'_sip._udp.{DOMAIN}', 'SRV'): [(5060, DOMAIN)]}, **fixed)
        with lab.postern_host.udp_socket(5070):
            look('port-taken', 'warning')


def test_a_full_disk():
    """The store's disk is full: named, with how much is left."""
    with Lab(homes=(), office_phones=0) as lab:
        disk = lab.path('disk')
        os.mkdir(disk)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk], check=True)
        lab.on_close(lambda: subprocess.run(['umount', disk], check=True))
        postern = Postern(lab.postern_host, lab.folder, {('store', 'path'): os.path.join(disk, 'postern.db')})
        postern.write_config()
        assert disk in expect(postern, 'disk-full', state=False)['seen']


