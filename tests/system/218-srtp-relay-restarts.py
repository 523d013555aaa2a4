"""SRTP over relays that are killed: no counter is lost, and nothing that was heard is heard again.

Before relays kept their own keepalives' sources to themselves, these pushed the phone's out of the few that are
remembered: after three kills both sides were deaf for good.
"""

import time

from lab import rtp
from lab.net import Home, POSTERN_ADDRESS
from lab.office import Office
from lab.srtpcall import PAYLOAD, Side, agree, in_dialog

BURST = 20
KILLS = 5


def call(office):
    """A phone at home with SRTP, a plain one in the office."""
    home = Side(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201)
    desk = Side(office.lab.office.phones[0], (POSTERN_ADDRESS, 5060), 168)
    dialog = agree(home, desk, 2)
    home.learn(dialog.body, True)
    return home, desk, dialog


def hang_up(home, desk, dialog):
    in_dialog(home, dialog, 'BYE', 90)
    assert desk.phone.hear_request('BYE')


def kill(office):
    """One relay for another, when the old one has told how far it is."""
    time.sleep(1.2)
    office.postern.wait_restarted('mediaproxy', office.postern.kill('mediaproxy'))


def burst(home, desk, first):
    """Both speak: how many of BURST each heard, and what made no sense."""
    for sequence in range(first, first + BURST):
        home.send(sequence)
        desk.send(sequence)
    at_desk, bad = desk.hear(first + BURST - 1, 0.5)
    at_home, bad_home = home.hear(first + BURST - 1, 0.5)
    return len(at_desk), len(at_home), bad + bad_home


def test_kill_after_kill():
    """Across a rollover, and with a relay for each 400 packets after it."""
    with Office() as office:
        home, desk, dialog = call(office)
        sequence, heard = 65400, []
        for life in range(KILLS + 1):
            if life:
                kill(office)
                if home.phone.hear_request('INVITE', 0.3):
                    home.phone.answer(488)
            for _ in range(20):
                heard.append(burst(home, desk, sequence))
                sequence += BURST
        lost = 2 * BURST * len(heard) - sum(at_desk + at_home for at_desk, at_home, _ in heard)
        print(f'{KILLS} kills: {lost} of {2 * BURST * len(heard)} packets lost, '
              f'{sum(bad for *_, bad in heard)} made no sense; last bursts {heard[-3:]}')
        assert sum(bad for *_, bad in heard) == 0, heard
        assert lost <= 2 * BURST * KILLS, heard
        assert heard[-1] == (BURST, BURST, 0), heard
        hang_up(home, desk, dialog)


def drain(sock):
    """What lies there."""
    packets = []
    sock.setblocking(False)
    while True:
        try:
            packets.append(sock.recv(4096))
        except BlockingIOError:
            return packets


def sealed(home, sequence):
    """A packet of the phone's, as it goes over the wire."""
    return home.tx.protect(rtp.make(0, sequence, 160 * sequence, 0x1000 + home.phone.number, PAYLOAD))


def attack(home, desk, stranger, packets, seconds):
    """Old packets again and again, the desk speaking meanwhile: how many were injected, and bled."""
    drain(desk.media), drain(stranger)
    until, sequence, sent = time.monotonic() + seconds, 30000, 0
    while time.monotonic() < until:
        for packet in packets:
            stranger.sendto(packet, home.relay)
        sent += len(packets)
        sequence += 1
        desk.send(sequence)
        time.sleep(0.005)
    time.sleep(0.1)
    return sent, sum(len(p) > 12 for p in drain(desk.media)), sum(len(p) > 12 for p in drain(stranger))


def test_a_neighbour_replays_what_was_heard():
    """Behind the phone's own public address, before and after the relay is killed: in silence, and amid sound."""
    with Office(homes=(Home('A', phones=2),)) as office:
        home, desk, dialog = call(office)
        with office.lab.homes['A'].phones[1].udp_socket(0) as stranger:
            old, sequence = [], 0
            for what in ('alive', 'silent', 'amid sound'):
                for _ in range(100):
                    old.append(sealed(home, sequence))
                    home.media.sendto(old[-1], home.relay)
                    desk.send(sequence)
                    sequence += 1
                    time.sleep(0.005)
                if what == 'silent':
                    time.sleep(1.2)
                if what != 'alive':
                    office.postern.kill('mediaproxy')
                result = attack(home, desk, stranger, old[::3], 3)
                print(f'{what}: %d packets replayed, %d injected, %d bled' % result)
                assert result[1:] == (0, 0), (what, result)
            at_desk, at_home, bad = burst(home, desk, sequence)
            assert (at_desk, bad) == (BURST, 0), (at_desk, at_home, bad)
        hang_up(home, desk, dialog)
