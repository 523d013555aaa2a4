"""An SRTP call of 80,000 packets across two rollovers, with re-INVITEs, killed relays and wrong tags in between.

libsrtp2 is the phone at home; a plain phone stands in the office. Packets go in bursts that wait for each other.
"""

import os
import time

from lab import rtp
from lab.office import Office
from lab.net import POSTERN_ADDRESS
from lab.srtpcall import Side, again, agree, in_dialog

FIRST, PACKETS, BURST = 65000, 80000, 80
KILLS = (400, 30000, 66000)         # before a rollover, between, before the next one
SAME_KEY, NEW_KEY, SPRAY = 20000, 70000, 50000


def spray(office, home):
    """Wrong tags from a stranger, and from the phone's own address by another port."""
    sent = 0
    for host in (office.lab.attacker, office.lab.homes['A'].phones[0]):
        with host.udp_socket(4444) as sock:
            for n in range(2000):
                sock.sendto(rtp.make(0, n, n, 0x1000 + home.phone.number, b'\x55' * 170), home.relay)
                sent += 1
                if n % 50 == 0:
                    time.sleep(0.005)
    return sent


def test_80000_packets():
    with Office() as office:
        home = Side(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201)
        desk = Side(office.lab.office.phones[0], (POSTERN_ADDRESS, 5060), 168)
        dialog = agree(home, desk, 2)
        home.learn(dialog.body, True)
        cseq, kills, sprayed, heard, back, wrong = 2, list(KILLS), 0, 0, 0, 0
        for first in range(FIRST, FIRST + PACKETS, BURST):
            done = first - FIRST
            if kills and done >= kills[0]:
                kills.pop(0)
                time.sleep(1.2)                # runit waits when a process lived less than a second
                old = office.postern.kill('mediaproxy')
                office.postern.wait_restarted('mediaproxy', old)
            if done in (SAME_KEY, NEW_KEY):
                cseq += 1
                again(home, desk, cseq, dialog, os.urandom(30) if done == NEW_KEY else None)
            if done == SPRAY:
                sprayed = spray(office, home)
            for sequence in range(first, first + BURST):
                home.send(sequence)
            for sequence in range(first, first + BURST, 4):
                desk.send(sequence)
            at_desk, bad = desk.hear(first + BURST - 1, 0.5)
            at_home, bad_home = home.hear(first + BURST - 4, 0.5)
            heard, back, wrong = heard + len(at_desk), back + len(at_home), wrong + bad + bad_home
        print(f'{PACKETS} packets from home: {heard} in clear in the office; {PACKETS // 4} to it: {back} decrypted; '
              f'{wrong} made no sense; {sprayed} with wrong tags')
        # What was under way when a relay died is lost, and nothing else.
        assert heard >= PACKETS - 4 * 3 * BURST, heard
        assert back >= PACKETS // 4 - 3 * BURST, back
        assert wrong == 0, wrong
        in_dialog(home, dialog, 'BYE', cseq + 1)
        assert desk.phone.hear_request('BYE')
