"""A slow or dead STUN server makes no call wait: post-dial delay as with a quick one, a burst of calls too.

Nor does it make one fail: what was believed of our address outlives every process.
"""

import re
import secrets
import select
import statistics
import time

from lab import sip
from lab.expect import hear_each_other
from lab.office import Home, Office, SIP_PORT, password
from lab.postern import DOMAIN
from lab.rawphone import RawPhone
from lab.stun import SlowServer
from lab.wait import until
from lab.zone import A, Zone

DEADLINE = 120
ABOVE_PLAIN_MS = 100
BURST = 24                         # three times the spare ports
SINGLES = 5


class Call:
    """One call of a caller that measures: sent, first provisional, 200."""

    def __init__(self, phone, number):
        self.phone, self.id, self.tag = phone, secrets.token_hex(8), secrets.token_hex(4)
        self.uri = f'sip:{number}@{DOMAIN}'
        self.sent = self.rang = self.answered = None
        self.over = False
        phone.send(self.request('INVITE', 1, self.uri, '', phone.sdp))

    def request(self, method, cseq, uri, more='', body=b'', to_tag=''):
        ip, port = self.phone.local
        return (f'{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n'
                f'Max-Forwards: 70\r\nFrom: <sip:{self.phone.number}@{DOMAIN}>;tag={self.tag}\r\n'
                f'To: <{self.uri}>{to_tag}\r\nCall-ID: {self.id}\r\nCSeq: {cseq} {method}\r\n'
                f'Contact: <sip:{self.phone.number}@{ip}:{port}>\r\n{more}'
                f'Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n').encode() + body

    def prove(self, challenge):
        value = sip.digest(challenge, 'INVITE', self.uri, self.phone.username, self.phone.password)
        self.proof = self.request('INVITE', 2, self.uri, f'Authorization: {value}\r\n', self.phone.sdp)

    def go(self):
        self.sent = time.monotonic()
        self.phone.send(self.proof)

    def hear(self, message):
        now, code = time.monotonic(), sip.status(message)
        if 100 < code < 200 and not self.rang:
            self.rang = now
        assert code < 300, message.start
        self.over = self.over or message.headers['cseq'][0].endswith('BYE')
        if code == 200 and message.headers['cseq'][0].endswith('INVITE') and not self.answered:
            self.answered = now
            target = re.search(r'<([^>]+)>', message.headers['contact'][0])[1]
            to_tag = message.headers['to'][0].partition('>')[2]
            self.phone.send(self.request('ACK', 2, target, to_tag=to_tag))
            self.bye = self.request('BYE', 3, target, to_tag=to_tag)


def desk_answers(desk, data):
    """The desk rings and picks up at once, and answers whatever else it is told."""
    desk.received.append(data)
    if data.startswith(b'INVITE '):
        contact = f'Contact: <sip:{desk.number}@{desk.local[0]}:{desk.local[1]}>'
        desk.answer(180, [contact])
        desk.answer(200, [contact, 'Content-Type: application/sdp'], desk.sdp)
    elif not data.startswith((b'SIP/2.0', b'ACK ')):
        desk.answer(200)


def play(home, desk, calls, done, seconds=5.0):
    """Carry messages until done(call) for each call."""
    by_id = {call.id: call for call in calls}
    deadline = time.monotonic() + seconds
    home.sock.setblocking(False)
    desk.sock.setblocking(False)
    while not all(map(done, calls)):
        left = deadline - time.monotonic()
        assert left > 0, f'{sum(map(bool, map(done, calls)))} of {len(calls)} calls got there'
        for sock in select.select([home.sock, desk.sock], [], [], left)[0]:
            data = sock.recv(65535)
            if sock is desk.sock:
                desk_answers(desk, data)
            elif data.startswith(b'SIP/2.0'):
                message = sip.parse(data)
                call = by_id.get(message.headers['call-id'][0])
                if call and sip.status(message) == 401:
                    call.prove(message.headers['www-authenticate'][0])
                elif call:
                    call.hear(message)


def dial(home, desk, n):
    """n calls at the same moment; their delays in ms until ringing and until answered."""
    calls = [Call(home, desk.number) for _ in range(n)]
    play(home, desk, calls, lambda call: hasattr(call, 'proof'))
    for call in calls:
        call.go()
    play(home, desk, calls, lambda call: call.answered)
    for call in calls:
        home.send(call.bye)
    play(home, desk, calls, lambda call: call.over)
    return ([1000 * (call.rang - call.sent) for call in calls],
            [1000 * (call.answered - call.sent) for call in calls])


def measure(office, home, desk, name):
    """Single calls, then a burst."""
    ring, answer = [], []
    for _ in range(SINGLES):
        r, a = dial(home, desk, 1)
        ring += r
        answer += a
    burst_ring, burst = dial(home, desk, BURST)
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 5, 'all calls are over')
    print(f'{name}: one call rings after {statistics.median(ring):.1f} ms (most {max(ring):.1f}), is answered after '
          f'{statistics.median(answer):.1f} ms (most {max(answer):.1f}); {BURST} at once: ring {max(burst_ring):.1f}, '
          f'answered {max(burst):.1f} ms at most')
    return max(ring), max(answer), max(burst_ring), max(burst)


class SlowOffice(Office):
    """An office whose router forwards the SIP port only, and whose one STUN server has a delay."""

    def __init__(self, delay=0.0, **options):
        self.delay, self.server_of = delay, None
        super().__init__(forward=[SIP_PORT], stun_server=self._slow, **options)

    def _slow(self, lab):
        self.server_of = SlowServer(lab, self.delay)
        return self.server_of.address

    def raw_phones(self):
        """A phone at home and one in the office that measure."""
        lab = self.lab
        return (RawPhone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, password(201)),
                RawPhone(lab.office.phones[0], (lab.postern_host.address, 5060), 168, password(168)))


def within(plain, got, name):
    """The bound."""
    for what, ms, base in zip(('ring', 'answer', 'burst rings', 'burst answered'), got, plain):
        assert ms < base + ABOVE_PLAIN_MS, f'{name}: {what} after {ms:.1f} ms, plain {base:.1f}'


def test_stun_never_delays_a_call():
    with SlowOffice() as office:
        stun = office.server_of
        home, desk = office.raw_phones()
        with home, desk:
            home.register()
            desk.register()
            until(lambda: spares(office) == 8, 10, 'eight spares are mapped')
            plain = measure(office, home, desk, 'quick STUN')
            stun.delay = 2.0
            slow = measure(office, home, desk, 'STUN after 2 s')
            stun.delay = None
            just = measure(office, home, desk, 'STUN dead just now')
            until(lambda: status(office, 'stunmon')['public_state'] == 'old', 25, 'stunmon notices', 0.2)
            dead = measure(office, home, desk, 'STUN dead for a while')
        for name, got in ('slow', slow), ('just dead', just), ('dead', dead):
            within(plain, got, name)


def talk(caller, callee):
    """A call, with sound both ways."""
    caller.call(callee)
    hear_each_other(caller, callee, 1)
    caller.hang_up()
    callee.closed()


def compare(office, raw, plain, name):
    """The bound holds; on a machine busy with other things, the second time."""
    try:
        within(plain, measure(office, *raw, name), name)
    except AssertionError as late:
        print(late)
        within(plain, measure(office, *raw, name), name)


def kill_all(office, *roles):
    """At the same moment, and wait until they are back and know each other."""
    pids = {role: office.postern.kill(role) for role in roles}
    for role, pid in pids.items():
        office.postern.wait_restarted(role, pid)
    until(lambda: status(office, 'stunmon')['wanted'] > 1, 10, 'relay and sigproxy are with stunmon')


def test_the_address_outlives_every_process():
    """Every STUN server is dead; then stunmon, sigproxy and the relay are killed, and then all is started cold."""
    with SlowOffice(homes=[Home('A'), Home('B')], office_phones=2) as office:
        raw = office.raw_phones()
        with raw[0], raw[1]:
            for phone in raw:
                phone.register()
            home, desk = office.home('B'), office.desk(1)
            until(lambda: spares(office) == 8, 10, 'eight spares are mapped')
            plain = measure(office, *raw, 'quick STUN')
            office.server_of.delay = None
            kill_all(office, 'stunmon', 'sigproxy', 'mediaproxy')
            said = status(office, 'stunmon')
            print(said['public'], said['public_state'], said['public_source'], said['words'])
            assert (said['public'], said['public_state'], said['public_source']) == \
                (office.lab.office.public, 'old', 'kept'), said
            compare(office, raw, plain, 'all killed while STUN is dead')
            talk(home, desk)
            until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'its end is on disk')
            office.postern.down()
            office.postern.up()
            office.postern.wait_public(office.lab.office.public, 2)
            for phone in raw:
                phone.register()
            home.register()
            desk.register()
            compare(office, raw, plain, 'started cold while STUN is dead')
            talk(desk, home)
            until(lambda: 'stun-silent' in office.postern.logs(), 20, 'the silence is said', 0.2)
            said = status(office, 'stunmon')
            assert said['public_state'] == 'old' and said['history'][0]['state'] == 'known', said


NAME = 'gate.example.net'


def test_a_cold_start_with_a_name_only():
    """Nothing was kept, no STUN server answers: the name that phones use says where we are."""
    class Named(SlowOffice):
        """Its router's dynamic DNS client works."""
        def _slow(self, lab):
            zone = Zone(lab.stun)
            zone.table = {(NAME, A): [lab.office.public]}
            self._resolver = lab.stun.address
            return super()._slow(lab)

    with Named(delay=None, settings={('address', 'name'): NAME}) as office:
        until(lambda: status(office, 'stunmon')['public_state'] == 'old', 10, 'STUN had its chance')
        assert status(office, 'stunmon')['public_source'] == 'dns'
        talk(office.desk(), office.home())


def status(office, role):
    """What one process says of itself."""
    return next(p['status'] for p in office.postern.status()['processes'] if p['role'] == role)


def spares(office):
    """Spare pairs with fresh mappings."""
    return status(office, 'mediaproxy')['spares_mapped']
