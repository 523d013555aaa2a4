"""A stranger sprays RTP at the relay's ports: nothing of it is relayed, nothing is diverted to him."""

import threading

from lab import rtp
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.office import Office

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
