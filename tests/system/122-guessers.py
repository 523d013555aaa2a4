"""Twenty strangers guess one phone's password as fast as they can: the phone itself notices nothing.

POSTERN_GUESSES=20000 is a longer attack, for so many guesses of each of them.
"""

import os
import random
import re
import statistics
import time

from lab import sip
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.rawphone import RawPhone
from lab.spray import Spray

GUESSERS = 20
GUESSES = int(os.environ.get('POSTERN_GUESSES', 1000))    # of each
RATE = 500                         # a second, each
NETWORK = '198.51.100.128/25'
URI = f'sip:{DOMAIN}'
ANSWER = ('Authorization: Digest username="SIP-{0}", realm="SMO-SIP", nonce="{1}", uri="{2}", algorithm=MD5, '
          'qop=auth, nc=00000001, cnonce="a", response="{3:032x}"')


def guesses(host, server, own, numbers):
    """200 REGISTERs of a stranger with answers to a real nonce, all wrong, for these numbers in turn."""
    with host.udp_socket(5060, own) as sock:
        local = sock.getsockname()
        challenge = sip.ask(sock, server, sip.request('REGISTER', URI, local, to=f'sip:201@{DOMAIN}'))
        nonce = re.search('nonce="([^"]*)"', challenge.headers['www-authenticate'][0])[1]
    return [sip.request('REGISTER', URI, local, to=f'sip:{number}@{DOMAIN}', from_=str(number),
                        headers=[ANSWER.format(number, nonce, URI, random.getrandbits(128))])
            for number in numbers for _ in range(200 // len(numbers))]


def register_again(phones, busy):
    """Each phone in turn while busy(); (how often, seconds each took). All must be 200."""
    took = []
    while busy():
        for phone in phones:
            started = time.monotonic()
            phone.register()
            took.append(time.monotonic() - started)
        time.sleep(0.05)
    return took


def test_the_phone_registers_every_time():
    """The one at home, the one in the office, and the one at home when its router gave it a new port."""
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        home, desk = lab.homes['A'].phones[0], lab.office.phones[0]
        with RawPhone(home, server, 201, password(201)) as at_home, \
                RawPhone(home, server, 201, password(201), port=5066) as moved, \
                RawPhone(desk, (lab.postern_host.address, 5060), 168, password(168)) as at_desk:
            for phone in (at_home, at_desk):
                phone.register()       # their places are known from now on
            addresses = lab.attacker_addresses(NETWORK)[1:GUESSERS + 1]
            sprays = [Spray(lab.attacker, server[0], [server[1]], guesses(lab.attacker, server, own, (201, 168)), RATE,
                            GUESSES, 5060, own=own) for own in addresses]
            took = register_again((at_home, moved, at_desk), lambda: any(spray.running for spray in sprays))
            sent, got = (sum(pair) for pair in zip(*[spray.wait(10) for spray in sprays]))
        db, = [p for p in office.postern.status()['processes'] if p['role'] == 'registrar-db']
        print(f'{len(took)} registrations, all 200, median {statistics.median(took) * 1000:.1f} ms, '
              f'longest {max(took) * 1000:.1f} ms; {sent} guesses of {GUESSERS} strangers, {got} answers; {db["status"]}')
        assert sent == GUESSERS * GUESSES and len(took) >= 20, (sent, len(took))
        whys = {refusal['why'] for refusal in db['status']['refusals']}
        assert {'wrong password', 'too many wrong passwords'} <= whys, f'nothing was guessed: {whys}'
        assert got < sent / 10, f'{got} of {sent} guesses were answered: nobody was dropped'
