"""A stranger sprays RTP at the relay's ports: nothing of it is relayed, nothing is diverted to him.

POSTERN_SPRAY=1000000 sends so many packets in every_phase_of_a_call instead of a few thousand.
"""

import os
import struct
import threading
import time

from lab import rtp
from lab.capture import Capture
from lab.expect import does_not_hear, hear_each_other
from lab.office import Office
from lab.spray import Spray
from lab.wait import until

MARK = b'STRANGER' * 20            # 160 bytes, 20 ms of G.711
PORTS = range(16384, 16984)


def carries_mark(ear):
    """How many packets with the stranger's payload reached a phone."""
    return sum(1 for _, r in ear.incoming() if MARK[:32] in r.payload)


class Sprayer(threading.Thread):
    """Sends marked RTP to every given port, again and again."""

    def __init__(self, sock, address, ports, ssrc=0x5747, sequence=0):
        super().__init__(daemon=True)
        self._sock, self._address, self._ports = sock, address, list(ports)
        self._ssrc, self._sequence = ssrc, sequence
        self._done = threading.Event()
        self.sent = 0

    def run(self):
        while not self._done.wait(0.02):
            self._sequence += 1
            packet = rtp.make(0, self._sequence, 160 * self._sequence, self._ssrc, MARK)
            for port in self._ports:
                self._sock.sendto(packet, (self._address, port))
                self.sent += 1

    def stop(self):
        self._done.set()
        self.join()


def spray_during(office, start_call, aim):
    """Spray while start_call() runs and while both talk; nobody may hear it, he may get nothing."""
    home, desk = office.home(), office.desk()
    at_attacker = Capture(office.lab.attacker, office.lab.path('attacker.pcap'), filter_='udp')
    with office.lab.attacker.udp_socket(4000) as sock:
        sprayer = aim(sock, home, desk, start_call)
        hear_each_other(home, desk)
        sprayer.stop()
    assert sprayer.sent > 500, sprayer.sent
    assert carries_mark(home.ear) == carries_mark(desk.ear) == 0, \
        f'relayed: {carries_mark(home.ear)} to home, {carries_mark(desk.ear)} to the office'
    got = [p for p, _ in at_attacker.rtp() if p.destination[0] == office.lab.attacker.address]
    assert not got, f'{len(got)} packets went to the stranger'
    print(f'{sprayer.sent} packets sprayed, 0 relayed')


def test_whole_range_from_before_the_call():
    with Office() as office:
        def aim(sock, home, desk, start_call):
            sprayer = Sprayer(sock, office.lab.office.public, PORTS)
            sprayer.start()
            start_call(home, desk)
            return sprayer
        spray_during(office, lambda home, desk: home.call(desk), aim)


def test_stranger_knows_port_ssrc_and_sequence():
    """He saw the call's packets and goes on where they are."""
    with Office() as office:
        def aim(sock, home, desk, start_call):
            outside = office.watch_outside()
            start_call(home, desk)
            hear_each_other(home, desk, 1)
            packet, last = [(p, r) for p, r in outside.rtp()
                            if p.source[0] == office.lab.homes['A'].public][-1]
            outside.stop()
            sprayer = Sprayer(sock, office.lab.office.public, [packet.destination[1]] * 10,
                              last.ssrc, last.sequence)
            sprayer.start()
            return sprayer
        spray_during(office, lambda home, desk: home.call(desk), aim)


# -- every phase of a call -------------------------------------------------------

SPRAY = int(os.environ.get('POSTERN_SPRAY', 0))
PACKETS = SPRAY or 10000
RATE = 20000 if SPRAY else 2500    # a second, half of it at the call's own ports
PHASES = 7
SSRC = int.from_bytes(b'STRG', 'big')
MARKS = [b'STRANGER', b'STRG']


def rtcp(ssrc):
    """A sender report with the stranger's mark for a time, an APP and a BYE of this source."""
    report = struct.pack('>BBHI8sIII', 0x80, 200, 6, ssrc, b'STRANGER', 0, 1, 160)
    return report + struct.pack('>BBHI4s8s', 0x80, 204, 4, ssrc, b'STRG', b'STRANGER') \
        + struct.pack('>BBHI', 0x81, 203, 1, ssrc)


def datagrams(ssrc=SSRC, sequence=0, timestamp=0):
    """What he sends: two of three are sound; the rest RTCP, STUN, DTLS, and what is none of these."""
    sound = rtp.make(0, sequence, timestamp, ssrc, MARK)
    binding = struct.pack('>HHI12s', 1, 0, 0x2112a442, b'STRANGER0000')
    hello = b'\x16\xfe\xff' + bytes(8) + b'\x00\x30\x01' + b'STRANGER' * 5
    return [sound, sound, rtcp(ssrc), sound, sound, binding, sound, sound, hello, sound, sound, b'STRANGER']


class Stranger:
    """Sprays through one phase after the other, and counts."""

    def __init__(self, office):
        self._host, self._server = office.lab.attacker, office.lab.office.public
        self._home = office.lab.homes['A'].public
        # What a wiretap at the home tells him; at the office it would hold the spray itself.
        self._wire = Capture(office.lab.homes['A'].router, office.lab.path('wire.pcap'), 'wan', 'udp')
        self.sent = self.got = 0

    def _known(self):
        """The relay's port for the home and the home's newest packet; None before there is one."""
        sent = [(p, r) for p, r in self._wire.rtp() if p.source[0] == self._home]
        return (sent[-1][0].destination[1], sent[-1][1]) if sent else None

    def spray(self, phase, meanwhile):
        """His packets of one phase while meanwhile() is done again and again, at least once."""
        ports, what = PORTS, datagrams()
        known = self._known()
        if known:
            port, last = known
            ports, what = range(port, port + 2), datagrams(last.ssrc, last.sequence, last.timestamp)
        count = PACKETS // PHASES // 2 + 1
        sprays = [Spray(self._host, self._server, PORTS, datagrams(), RATE // 2, count, 4000),
                  Spray(self._host, self._server, ports, what, RATE // 2, count, 4001)]
        started, times = time.monotonic(), 0
        while times == 0 or all(spray.running for spray in sprays):
            meanwhile()
            times += 1
        for sent, got in [spray.wait(30) for spray in sprays]:
            self.sent, self.got = self.sent + sent, self.got + got
        print(f'{phase}: {2 * count} packets in {time.monotonic() - started:.1f} s, {times} times; {self.got} came back')


def hold_and_resume(home):
    home.hold()
    home.resume()


def answered(desk):
    """It is, once."""
    if not [e for e in desk.events() if e['type'] == 'CALL_ESTABLISHED']:
        desk.accept()
    time.sleep(0.1)


def test_every_phase_of_a_call():
    """Nothing relayed, nothing learnt, nothing sent to him, and the call goes on."""
    with Office() as office:
        lab, home, desk = office.lab, office.home(), office.desk(answer='manual')
        at_attacker = Capture(lab.attacker, lab.path('attacker.pcap'), filter_=f'udp and dst host {lab.attacker.address}')
        stranger = Stranger(office)
        stranger.spray('before the call', lambda: time.sleep(0.5))
        home.dial(desk.number)
        home.wait('CALL_RINGING')
        stranger.spray('ringing', lambda: time.sleep(0.5))
        stranger.spray('the first packets', lambda: answered(desk))
        stranger.spray('talk', lambda: hear_each_other(home, desk, 1))
        home.hold()
        stranger.spray('hold', lambda: does_not_hear(desk, home, 1))
        home.resume()
        stranger.spray('re-INVITE', lambda: hold_and_resume(home))
        hear_each_other(home, desk, 0.5)
        home.freeze()
        time.sleep(1.2)                # from now on whoever carries on its stream may
        stranger.spray('silence of the phone', lambda: does_not_hear(desk, home, 0.6))
        home.thaw()
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()
        check_untouched(office, stranger, at_attacker, (home, desk))


def check_untouched(office, stranger, at_attacker, phones):
    """What the call's record and the captures say."""
    record = until(lambda: office.postern.rows('SELECT * FROM call_record'), 3, 'the call has its record')[0]
    relayed = {phone.name: len(phone.ear.search(MARKS)) for phone in phones}
    print(f'{stranger.sent} sprayed; relayed {relayed}; refused {record["caller_packets_refused"]}; '
          f'learnt {record["caller_learnt"]}, {record["called_learnt"]}; to the stranger {len(at_attacker.packets())}')
    assert stranger.sent >= PACKETS, stranger.sent
    assert record['caller_packets_refused'] > PACKETS // 12, 'his packets did not come to the relay: nothing was tested'
    assert not any(relayed.values()), f'relayed: {relayed}'
    assert not at_attacker.packets() and not stranger.got, at_attacker.packets()[0]
    assert record['caller_learnt'].split(':')[0] == office.lab.homes['A'].public, record
    learnt = [line for line in office.postern.logs().splitlines() if 'media-learnt' in line]
    assert learnt and not [line for line in learnt if office.lab.attacker.address in line], learnt
