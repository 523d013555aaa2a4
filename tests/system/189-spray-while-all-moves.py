"""A stranger sprays every port while a home's router forgets its mappings and the office gets another address.

POSTERN_SPRAY=1000000 sends so many packets instead of some ten thousands.
"""

import os
import struct
import time

from lab import rtp
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.net import Home
from lab.office import Office
from lab.spray import Spray
from lab.stun import COOKIE, XOR_MAPPED_ADDRESS
from lab.wait import until

DEADLINE = 200
RTP = range(16384, 16984)
RATE = 20000 if os.environ.get('POSTERN_SPRAY') else 3000     # a second, at each of the two
COUNT = int(os.environ.get('POSTERN_SPRAY', 0)) // 4
MARK = b'STRANGER' * 20
BACK_S = 20.0                      # the new address is confirmed, and the phone told
LIE = 0xc0000263                   # 192.0.2.99


def media():
    """RTP, RTCP with BYE, STUN, and nothing of these."""
    report = struct.pack('>BBHI8sIII', 0x80, 200, 6, 0x5747, MARK[:8], 0, 1, 160) + struct.pack('>BBHI', 0x81, 203, 1, 0x5747)
    return [rtp.make(0, 1, 160, 0x5747, MARK), report, *signalling()[:2], MARK[:20]]


def signalling():
    """Answers of STUN servers that nobody asked, with a lie; and what keeps a mapping open."""
    value = struct.pack('>HHBBHI', XOR_MAPPED_ADDRESS, 8, 0, 1, 5070 ^ (COOKIE >> 16), LIE ^ COOKIE)
    answers = [struct.pack('>HHI', 0x0101, 12, COOKIE) + bytes([n]) * 12 + value for n in range(4)]
    return [*answers, b'\r\n\r\n', b'\0']


class Stranger:
    """At the media range and at the SIP port of one address."""

    def __init__(self, office, port):
        host, to = office.lab.attacker, office.lab.office.public
        self._sprays = [Spray(host, to, RTP, media(), RATE, COUNT, port), Spray(host, to, [5070], signalling(), RATE, COUNT, port + 1)]

    def stop(self):
        """Packets sent, and packets that came back to either port."""
        while COUNT and any(spray.running for spray in self._sprays):
            time.sleep(0.5)
        said = [spray.stop() for spray in self._sprays]
        return sum(sent for sent, _ in said), sum(got for _, got in said)


def test_home_rebinds_and_office_moves():
    """Sound is back, nobody hears the stranger, he gets nothing, and nobody believes his STUN."""
    with Office(homes=[Home('A', nat='full-cone')]) as office:
        lab, home, desk = office.lab, office.home(), office.desk()
        at_attacker = Capture(lab.attacker, lab.path('attacker.pcap'), filter_=f'udp and dst host {lab.attacker.address}')
        home.call(desk)
        hear_each_other(home, desk, 1)
        old, strangers = lab.office.public, [Stranger(office, 4000)]
        lab.rebind(lab.homes['A'], range(30000, 30100))
        time.sleep(2.5)
        hear_each_other(home, desk, 1)
        lab.change_office_address()
        moved, new = time.time(), lab.office.public
        strangers.append(Stranger(office, 4100))
        office.postern.wait_public(new)
        until(lambda: desk.ear.incoming(max(moved + 1, time.time() - 0.5)), BACK_S, 'the desk hears the home again', 0.2)
        hear_each_other(home, desk, 1)
        print(f'heard again within {time.time() - moved:.1f} s of the change')
        said = [stranger.stop() for stranger in strangers]
        told = [m for p, m in home.ear._capture.sip() if p.time > moved and m.start.startswith('INVITE ')]
        print(f'{sum(sent for sent, _ in said)} sprayed; {len(told)} re-INVITEs to the home')
        assert sum(sent for sent, _ in said) > 20000, said
        assert 1 <= len({m.headers['cseq'][0] for m in told}) <= 3, [m.headers['cseq'] for m in told]
        for phone in (home, desk):
            assert not phone.ear.search([MARK[:32]]), f'{phone.name} heard the stranger'
        assert not any(got for _, got in said) and not at_attacker.packets(), (said, at_attacker.packets()[:2])
        knows = next(p['status'] for p in office.postern.status()['processes'] if p['role'] == 'stunmon')
        assert [row['address'] for row in knows['history'] if row['state'] == 'known'] == [old, new], knows['history']
        home.hang_up()
        desk.closed()
