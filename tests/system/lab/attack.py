"""The attack matrix: whose packets get into a call, and whose hands its sound falls into.

In each round one phase of a call is reached with one phone for each way at once; then one attack runs, and
what it put into each call and what it got out of it is counted. The phones are ours, octet by octet: what each of them sent is
known, so that anything else that comes is the attacker's.
"""

import itertools
import struct
import textwrap
import threading
import time
from dataclasses import dataclass

from . import rtp, sip, srtp
from .agent import Agent, media_of, target
from .models import Model
from .net import Home
from .office import Office, password
from .postern import DOMAIN

# How the phone at home sends, and from where the relay takes it.
WAYS = (('RTP', 'strict'), ('RTP', 'signalled'), ('RTP', 'open'), ('SRTP', 'strict'), ('SRTP', 'open'))
KILLED = 'after a relay kill'
PHASES = ('ringing, early media', 'before the first packet', 'talk', 're-INVITE', 'hold', 'silence of the phone', KILLED, 'after BYE')
ATTACKS = ('spray', 'informed', 'RTCP', 'neighbour')
# From here on the phone was heard: three packets that agree.
HEARD = PHASES[2:]
PORTS = range(16384, 16984)
ROUND_S = 0.4
AGREED_S = 0.8                     # two reports each, and the relay has told where they come from
SILENT_S = 1.15                    # of the phone, until another source may be taken for it
MARK = b'STRANGER'
SDP = ('v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} {profile} 0\r\n'
       'a=rtpmap:0 PCMU/8000\r\na={direction}\r\n')
PHONE = Model(user_agent='matrix', rport=True, expires=60, server=f'sip:{DOMAIN}', aor='sip:{number}@' + DOMAIN,
              contact='<sip:{number}@{local}>', call_id='{token}', headers=('Max-Forwards: 70',), sdp='')


def rtcp(ssrc, mark=None, types=(200, 203)):
    """A sender report whose time is the mark, and a BYE if it is wanted."""
    report = struct.pack('>BBHI8sIII', 0x80, 200, 6, ssrc, mark or bytes(8), 0, 1, 160)
    return report + (struct.pack('>BBHI', 0x81, 203, 1, ssrc) if 203 in types else b'')


class Phone(Agent):
    """A phone whose every packet is known."""

    def __init__(self, host, server, number, public=None, secure=False, mux=False):
        super().__init__(host, server, PHONE, number, password(number), rtp_port=10000)
        self.secure, self.mine, self.theirs = secure, None, None
        self.mux, self.may_mux = mux, False      # it offers RTCP by its RTP port, and that was answered
        self.reports = {'rtp': 0, 'rtcp': 0}     # at each port
        self.rtcp = host.udp_socket(10001)
        for sock in (self.rtp, self.rtcp):
            sock.setblocking(False)
        self.ip = public or host.address         # what its SDP says
        self.direction, self.version = 'sendrecv', 1
        self.media, self.speaks, self.gone = None, False, False
        self.ssrc = self.sequence = 0
        self.heard = self.injected = 0
        self.spoken, self._seen = [], set()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def __exit__(self, *_):
        self.gone = True
        self._thread.join()
        self.rtcp.close()
        super().__exit__()

    @property
    def sdp(self):
        """Where it is, and what it does."""
        text = SDP.format(ip=self.ip, port=10000, version=self.version, direction=self.direction,
                          profile='RTP/SAVP' if self.secure else 'RTP/AVP')
        return (text + (srtp.line(self.mine.key) if self.secure else '') + ('a=rtcp-mux\r\n' if self.mux else '')).encode()

    def fresh(self):
        """A new call: another source of sound."""
        self.media, self.speaks, self.direction, self.version = None, False, 'sendrecv', 1
        self.ssrc, self.sequence = int.from_bytes(MARK[4:], 'big') ^ self.number << 8 ^ int(time.monotonic() * 1000), 100
        self.heard = self.injected = 0
        self.spoken, self._seen = [], set()
        if self.secure:
            self.mine, self.theirs = srtp.Direction(srtp.new_key(), False), None

    def told(self, sdp):
        """What the other side's SDP says: where to, and with which key."""
        key = srtp.key_of(sdp) if self.secure else None
        assert key or not self.secure, f'{self.number}: no key in {sdp}'
        if key and (self.theirs is None or self.theirs.key != key):
            self.theirs = srtp.Direction(key, True)
        self.media, self.may_mux = media_of(sdp), b'a=rtcp-mux\r\n' in sdp

    # -- sound --------------------------------------------------------------

    def _live(self):
        for tick in itertools.count():
            if self.gone:
                return
            if self.speaks and self.media:
                self._speak(tick)
            self._listen()
            time.sleep(0.02)

    def _speak(self, tick):
        self.sequence += 1
        address, port = self.media
        sound = rtp.make(0, self.sequence, 160 * self.sequence, self.ssrc, bytes(160))
        if self.secure:
            sound = self.mine.turn(sound)
        self.rtp.sendto(sound, (address, port))
        self.spoken = [*self.spoken[-4:], sound]
        if tick % 10 == 0:
            report = rtcp(self.ssrc, types=(200,))
            by, to = (self.rtp, port) if self.mux and self.may_mux else (self.rtcp, port + 1)
            by.sendto(self.mine.turn(report, True) if self.secure else report, (address, to))

    def _listen(self):
        for sock in (self.rtp, self.rtcp):
            while True:
                try:
                    data = sock.recv(2048)
                except BlockingIOError:
                    break
                is_rtcp = len(data) > 1 and 200 <= data[1] <= 207
                self.reports['rtcp' if sock is self.rtcp else 'rtp'] += is_rtcp
                if self.secure:
                    data = self.theirs.turn(data, is_rtcp) if self.theirs else None
                self._look(sock, data)

    def _look(self, sock, data):
        """Nobody but the attacker says MARK or BYE, in whatever place, or something twice."""
        if data is None:
            self.injected += 1                   # not from who has the key
        elif sock is self.rtp and rtp.looks_like(data):
            self.heard += 1
            packet = data[2:12]
            self.injected += packet in self._seen or MARK in data
            self._seen.add(packet)
        else:
            self.injected += MARK in data or b'\x81\xcb\0\1' in data

    # -- calls --------------------------------------------------------------

    def _answer(self, status=None):
        """The final answer to the newest INVITE, or that with a status; what is sent again of older ones is passed over."""
        def wanted(message):
            return message.headers['call-id'][0] == self.call_id and message.headers['cseq'][0] == f'{self.cseq} INVITE' \
                and (sip.status(message) == status if status else sip.final(message))
        return self.hear(wanted, 3)

    def invite(self, number):
        """INVITE with its digest; the callee is then rung."""
        self.dialog_uri, self.to, self.call_id = f'sip:{number}@{DOMAIN}', f'<sip:{number}@{DOMAIN}>', f'c{time.monotonic()}'
        headers = ['Content-Type: application/sdp']
        self.challenge, self.cseq = None, 1
        self.wire.send(self.request('INVITE', self.dialog_uri, self.to, self.call_id, 1, headers, self.sdp))
        answer = self._answer()
        assert answer and sip.status(answer) == 401, answer and answer.start
        self.acknowledge(answer, self.dialog_uri, self.to, self.call_id, 1)
        self.challenge, self.nc, self.cseq = self.choose(answer), 0, 2
        self.wire.send(self.request('INVITE', self.dialog_uri, self.to, self.call_id, 2,
                                    [*headers, self.authorization('INVITE', self.dialog_uri)], self.sdp))

    def early(self, invite):
        """183 with sound."""
        self.told(invite.body)
        self.respond(invite, 183, 'Session Progress', ['Content-Type: application/sdp'], self.sdp)

    def hears_early(self):
        """What the 183 says."""
        answer = self._answer(183)
        assert answer, f'{self.number}: no 183'
        self.told(answer.body)

    def connected(self, callee):
        """200 and ACK."""
        answer = self._answer()
        assert answer and sip.status(answer) == 200, answer and answer.start
        self.told(answer.body)
        self.dialog = {'uri': target(answer), 'to': answer.headers['to'][0], 'call_id': self.call_id, 'cseq': self.cseq}
        self._ack()
        assert callee.hear(lambda m: m.start.startswith('ACK '), 3), 'no ACK at the callee'

    def _ack(self):
        d = self.dialog
        self.wire.send(self.request('ACK', d['uri'], d['to'], d['call_id'], d['cseq']))

    def again(self, callee, direction='sendrecv'):
        """A re-INVITE that says nothing new but, perhaps, the direction."""
        d, self.direction, self.version = self.dialog, direction, self.version + 1
        d['cseq'] = self.cseq = self.cseq + 1
        self.wire.send(self.request('INVITE', d['uri'], d['to'], d['call_id'], d['cseq'],
                                    ['Content-Type: application/sdp'], self.sdp))
        invite = callee.hear(lambda m: m.start.startswith('INVITE '), 3)
        assert invite, 'no re-INVITE at the callee'
        callee.version += 1
        callee.direction = {'sendonly': 'recvonly'}.get(direction, direction)
        callee.respond(invite, 200, 'OK', ['Content-Type: application/sdp'], callee.sdp)
        answer = self._answer()
        assert answer and sip.status(answer) == 200, answer and answer.start
        self.told(answer.body)
        self._ack()
        assert callee.hear(lambda m: m.start.startswith('ACK '), 3), 'no ACK at the callee'


@dataclass
class Pair:
    """A call under attack."""

    way: tuple
    home: Phone
    desk: Phone

    @property
    def target(self):
        """The relay's address and RTP port for the home, as an SDP in clear tells."""
        return self.home.media

    def reach(self, phase):
        """From nothing to this phase of a new call."""
        for phone in (self.home, self.desk):
            phone.fresh()
        self.home.invite(self.desk.number)
        invite = self.desk.ring()
        if phase == PHASES[0]:
            self.desk.early(invite)
            self.home.hears_early()
            self.desk.speaks = True
            self.invited = invite
            return
        self._pick_up(invite)
        self.desk.speaks = True
        if phase == PHASES[1]:
            return
        self.home.speaks = True
        self._talk()
        if phase == KILLED:
            time.sleep(AGREED_S)
        if phase == 'hold':
            self.home.again(self.desk, 'sendonly')
        if phase in ('hold', 'silence of the phone'):
            self.home.speaks = False
            time.sleep(SILENT_S)
        if phase == 'after BYE':
            self._hang_up()

    def _pick_up(self, invite):
        self.desk.pick_up(invite)
        self.home.connected(self.desk)

    def _talk(self):
        deadline = time.monotonic() + 3
        while min(self.home.heard, self.desk.heard) < 10:
            assert time.monotonic() < deadline, f'{self.way}: {self.home.heard} and {self.desk.heard} packets heard'
            time.sleep(0.02)

    def meanwhile(self, phase):
        """What the phones themselves do during the attack, once or again."""
        if phase == 're-INVITE':
            self.home.again(self.desk)
        time.sleep(0.05)

    def leave(self, phase):
        """The end of the call, whoever came in."""
        if phase == PHASES[0]:
            self._pick_up(self.invited)
        if phase != 'after BYE':
            self._hang_up()
        self.home.speaks = self.desk.speaks = False

    def _hang_up(self):
        """BYE and its answer."""
        home, d = self.home, self.home.dialog
        home.wire.send(home.request('BYE', d['uri'], d['to'], d['call_id'], d['cseq'] + 1))
        bye = self.desk.hear(lambda m: m.start.startswith('BYE '), 3)
        assert bye, 'no BYE at the other side'
        self.desk.respond(bye, 200, 'OK')
        answer = home.hear(lambda m: sip.final(m) and m.headers['cseq'][0].endswith(' BYE'), 3)
        assert answer and sip.status(answer) == 200, answer and answer.start


class Attacker:
    """Sends from one host, and counts what comes back from each call's ports."""

    def __init__(self, host, pairs, address):
        self._pairs, self._office = pairs, address
        self._sock = host.udp_socket(4000)
        self._sock.setblocking(False)
        self.sent, self._beats = 0, 0
        self.got = {}

    def begin(self):
        """Forget what came before."""
        self._receive()
        self.got = {}

    def _send(self, data, port):
        try:
            self._sock.sendto(data, (self._office, port))
            self.sent += 1
        except BlockingIOError:
            pass

    def _receive(self):
        while True:
            try:
                _, source = self._sock.recvfrom(2048)
            except BlockingIOError:
                return
            self.got[source[1] & ~1] = self.got.get(source[1] & ~1, 0) + 1

    def beat(self, attack):
        """A moment's packets."""
        self._beats += 1
        if attack == 'spray':
            sound = rtp.make(0, self._beats, 160 * self._beats, 0x5747, MARK * 20)
            for port in PORTS:
                self._send(rtcp(0x5747, MARK) if port % 2 else sound, port)
        for pair in self._pairs:
            home, port = pair.home, pair.target[1]
            if attack in ('informed', 'neighbour'):
                for ahead in range(1, 11):
                    number = home.sequence + ahead
                    self._send(rtp.make(0, number, 160 * number, home.ssrc, MARK * 20), port)
                for sound in home.spoken:
                    self._send(sound, port)
            if attack in ('RTCP', 'neighbour'):
                for ssrc in (home.ssrc, pair.desk.ssrc):
                    self._send(rtcp(ssrc, MARK), port + 1)
                    self._send(rtcp(ssrc, MARK), port)
        self._receive()

    def bled(self, pair):
        """Packets that this call's ports sent here."""
        self._receive()
        return self.got.get(pair.target[1] & ~1, 0)


@dataclass
class Cell:
    """What one attack did to one call in one phase."""

    way: tuple
    phase: str
    attack: str
    injected: int
    bled: int

    def __str__(self):
        return f'{self.injected}/{self.bled}'

    @property
    def must_be_nothing(self):
        """SRTP lets nobody in. Whoever is elsewhere gets nothing in or out where the source is checked, nor, without hearing the line, where it is
        not, once the phone was heard; and behind the phone's own address nobody does while it is heard."""
        media, latching = self.way
        if media == 'SRTP':
            return True
        if self.attack == 'neighbour' or (latching == 'open' and self.attack == 'informed'):
            return self.phase in ('talk', 're-INVITE', KILLED, 'after BYE')
        return latching != 'open' or self.phase in HEARD

    @property
    def right(self):
        """Is it so?"""
        return not self.must_be_nothing or self.injected == self.bled == 0


class Wide(Office):
    """A desk and a home for each way."""

    INSIDE, OUTSIDE = tuple(range(300, 300 + len(WAYS))), tuple(range(400, 400 + len(WAYS)))


class Matrix:
    """The office under attack."""

    def __enter__(self):
        homes = [Home(str(index), phones=2) for index in range(len(WAYS))]
        self.office = Wide(homes=homes, office_phones=len(WAYS)).__enter__()
        try:
            self._people()
        except BaseException:
            self.office.__exit__(None, None, None)
            raise
        return self

    def _people(self):
        lab, postern = self.office.lab, self.office.postern
        secure = 'srtp' in postern.sql("SELECT name FROM pragma_table_info('subscriber');\n").split()
        self.ways = [way for way in WAYS if secure or way[0] == 'RTP']
        for index, (media, latching) in enumerate(self.ways):
            postern.sql(f"UPDATE subscriber SET latching = '{latching}' WHERE number = '{Wide.OUTSIDE[index]}';\n")
            if secure:
                postern.sql(f"UPDATE subscriber SET srtp = '{'required' if media == 'SRTP' else 'off'}' "
                            f"WHERE number = '{Wide.OUTSIDE[index]}';\n"
                            f"UPDATE subscriber SET srtp = 'off' WHERE number = '{Wide.INSIDE[index]}';\n")
        postern.in_effect()
        self.pairs = []
        for index, way in enumerate(self.ways):
            site = lab.homes[str(index)]
            home = Phone(site.phones[0], (lab.office.public, 5070), Wide.OUTSIDE[index], site.public, way[0] == 'SRTP')
            desk = Phone(lab.office.phones[index], (postern.host.address, 5060), Wide.INSIDE[index])
            for phone in (home, desk):
                lab.on_close(lambda phone=phone: phone.__exit__())
                answer = phone.register()
                assert answer and sip.status(answer) == 200, f'{phone.number}: {answer and answer.start}'
            self.pairs.append(Pair(way, home, desk))
        self.stranger = Attacker(lab.attacker, self.pairs, lab.office.public)
        self.neighbours = [Attacker(lab.homes[str(index)].phones[1], [pair], lab.office.public)
                           for index, pair in enumerate(self.pairs)]

    def __exit__(self, *failure):
        self.office.__exit__(*failure)

    @property
    def sent(self):
        """Packets of all attackers so far."""
        return sum(attacker.sent for attacker in (self.stranger, *self.neighbours))

    @staticmethod
    def _together(work):
        threads = [Work(one) for one in work]
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.failure:
                raise thread.failure

    def round(self, phase, attack):
        """One attack on one phase of a call of each latching; its cells."""
        attackers = self.neighbours if attack == 'neighbour' else [self.stranger] * len(self.pairs)
        self._together([lambda pair=pair: pair.reach(phase) for pair in self.pairs])
        for attacker in set(attackers):
            attacker.begin()
        for pair in self.pairs:
            pair.home.injected = pair.desk.injected = 0
        relay = Work(self._kill_relay) if phase == KILLED else None
        end = time.monotonic() + ROUND_S
        calls = [Work(lambda pair=pair: self._live(pair, phase, end)) for pair in self.pairs]
        while time.monotonic() < end or (relay and relay.is_alive()):
            for attacker in set(attackers):
                attacker.beat(attack)
            time.sleep(0.02)
        self._together([call.join for call in calls])
        if relay and relay.failure:
            raise relay.failure
        time.sleep(0.06)
        cells = [Cell(pair.way, phase, attack, pair.home.injected + pair.desk.injected, attacker.bled(pair))
                 for pair, attacker in zip(self.pairs, attackers)]
        self._together([lambda pair=pair: pair.leave(phase) for pair in self.pairs])
        for call in calls:
            if call.failure:
                raise call.failure
        return cells

    def _kill_relay(self):
        """Another one takes its place, and is attacked as soon as it hears anybody."""
        postern = self.office.postern
        postern.wait_restarted('mediaproxy', postern.kill('mediaproxy'))
        before = [(pair.home.heard, pair.desk.heard) for pair in self.pairs]
        deadline = time.monotonic() + 5
        while any(pair.home.heard < home + 10 or pair.desk.heard < desk + 10 for pair, (home, desk) in zip(self.pairs, before)):
            assert time.monotonic() < deadline, 'not heard again: ' + ', '.join(
                f'{pair.way} {pair.home.heard - home} {pair.desk.heard - desk}' for pair, (home, desk) in zip(self.pairs, before))
            time.sleep(0.02)
        time.sleep(ROUND_S)

    @staticmethod
    def _live(pair, phase, end):
        while time.monotonic() < end:
            pair.meanwhile(phase)


class Work(threading.Thread):
    """A thread whose failure is not lost."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work, self.failure = work, None
        self.start()

    def run(self):
        try:
            self._work()
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure


def run(phases=PHASES, attacks=ATTACKS):
    """All cells of these, and how many packets it took."""
    with Matrix() as matrix:
        cells = [cell for phase in phases for attack in attacks for cell in matrix.round(phase, attack)]
        return cells, matrix.sent


def table(cells):
    """The matrix as text for a terminal and for a page."""
    by_place = {(cell.way, cell.phase, cell.attack): cell for cell in cells}
    ways = [way for way in WAYS if any(cell.way == way for cell in cells)]
    phases = [phase for phase in PHASES if any(cell.phase == phase for cell in cells)]
    attacks = [attack for attack in ATTACKS if any(cell.attack == attack for cell in cells)]
    lines = ['| media | latching | phase | ' + ' | '.join(attacks) + ' |', '| --- | --- | --- |' + ' ---: |' * len(attacks)]
    for way, phase in itertools.product(ways, phases):
        row = [str(by_place.get((way, phase, attack), '')) for attack in attacks]
        lines.append(f'| {" | ".join(way)} | {phase} | ' + ' | '.join(row) + ' |')
    return '\n'.join(lines)


PAGE = """
    # Who gets into a call, and who gets its sound

    The attacks of EnableSecurity's ES2025-01 and of the older advisories on RTP bleed and injection
    ([advisories.md](advisories.md), rows 46 and 47), in each phase of a call and for each way of latching. `tests/attack-matrix
    --write` made this page; `tests/system/188-attack-matrix.py` runs the same.

    Each cell says how many packets of the attacker reached one of the two phones, and how many packets went to the attacker:
    `injected/bled`. The call is between a phone at home, with plain RTP or SRTP (keys in SDP), and one in the office.

    * **spray**: somebody elsewhere, who knows nothing, sends RTP and RTCP to all 600 ports.
    * **informed**: somebody elsewhere, who hears the line, sends to the call's own port with the phone's SSRC and next sequence
      numbers, and again what the phone sent.
    * **RTCP**: he sends sender reports and BYE in the name of either phone.
    * **neighbour**: he sits behind the phone's own public address (in the same home, or behind the same carrier's router), hears the
      line, and does all of that.

    `hold` and `silence of the phone` are the moments after the phone has been silent for a second. `after a relay kill` is from the
    moment in which mediaproxy is killed (kill -9) until the next one has relayed sound for half a second.
"""

READING = """
    ## How to read it

    `strict` and `signalled` let nobody in who is elsewhere, not even before the phone's first packet. `open` takes whoever comes
    first, and whoever carries on SSRC and sequence when the phone is silent: it is for phones whose sound comes from another address
    than their signalling, and for those alone.

    A neighbour who hears the line is not told from the phone by anything in plain RTP. While the phone is heard he gets nothing;
    before its first packet and when it is silent he does, under `strict` from any port, under `signalled` only from the announced
    one. SRTP closes that: what does not have the right tag, or was there before, neither passes nor is learnt from.

    A relay that takes the place of one that was killed is told where RTP and RTCP of each phone were heard from, and waits for their
    silence as the one before. What that one had not yet agreed on (three packets of RTP, two reports) is open as before the first packet.
"""


def write_page(path, cells, sent):
    """The page of what was measured."""
    with open(path, 'w') as file:
        file.write(textwrap.dedent(PAGE).lstrip() + '\n' + table(cells) + f'\n\n{sent} packets were sent for it.\n'
                   + textwrap.dedent(READING))
