"""Requests with a forged source: the victim gets one answer at most, hardly larger, and few of them."""

import time

from lab import sip
from lab.capture import Capture
from lab.forge import Forger
from lab.office import Office, password
from lab.postern import DOMAIN

VIA = 'Via: SIP/2.0/UDP {0};branch=z9hG4bK{1};rport'
FACTOR = 1.5
# STUN's shortest question has 20 octets, its shortest answer 32: on the wire, with the headers of IP and UDP, that is
# 1.25 times as much.
BELOW = {'STUN': 28}
VICTIMS = 8                        # ports of the victim's for the flood
BURST, RATE = 60, 20               # answers for one address: at once, each second
TOLERANCE = 10


def tiny(method, uri, extra=''):
    """As short as a request can be."""
    return (f'{method} {uri} SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK{method}\r\nf:<sip:a@b>;tag=1\r\nt:<{uri}>\r\n'
            f'i:a\r\nCSeq:1 {method}\r\n{extra}\r\n').encode()


def probes(number):
    """name -> bytes: all kinds of messages that could make a server talkative."""
    uri, phone = f'sip:{DOMAIN}', f'sip:{number}@{DOMAIN}'
    local = ('203.0.113.200', 5060)
    many = ''.join(f'Via: SIP/2.0/UDP h{n};branch=z9hG4bK{n}\r\n' for n in range(24))
    fake = 'Digest username="SIP-201", realm="SMO-SIP", nonce="{}", uri="{}", response="{}"'
    digest = 'Authorization: ' + fake.format('A' * 64, phone, '0' * 32)
    asks = {method: tiny(method, phone) for method in
            ('OPTIONS', 'INVITE', 'CANCEL', 'BYE', 'MESSAGE', 'SUBSCRIBE', 'FOO', 'ACK', 'UPDATE')}
    asks.update({
        'REGISTER': tiny('REGISTER', uri),
        'INVITE, all there': sip.request('INVITE', phone, local, headers=['Record-Route: <sip:r;lr>'] * 5),
        'INVITE with a nonce of nobody': sip.request('INVITE', phone, local, headers=[digest]),
        'OPTIONS, many Vias': tiny('OPTIONS', uri, many),
        'options wanted that nobody has': tiny('OPTIONS', uri, 'Require: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s\r\n'),
        'malformed': tiny('OPTIONS', uri, 'Content-Length: x\r\n'),
        'version': tiny('OPTIONS', uri).replace(b'SIP/2.0\r\nv', b'SIP/3.0\r\nv'),
        'scheme': tiny('OPTIONS', 'bar:x'),
        'not our name': tiny('OPTIONS', 'sip:x'),
        'no hops left': tiny('INVITE', phone, 'Max-Forwards: 0\r\n'),
        'in a dialog of nobody': tiny('BYE', phone).replace(b'\r\ni:', b';tag=2\r\ni:'),
        'an answer': b'SIP/2.0 200 OK\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@b>;tag=1\r\nt:<sip:a@b>;tag=2\r\n'
                     b'm:<sip:x@203.0.113.200>\r\ni:a\r\nCSeq:1 INVITE\r\n\r\n',
        'not SIP': b'X' * 20, 'keepalive': b'\r\n\r\n', 'nothing': b'',
        'STUN': b'\x00\x01\x00\x00\x21\x12\xa4\x42' + b'T' * 12,
        'STUN answer': b'\x01\x01\x00\x00\x21\x12\xa4\x42' + b'T' * 12,
    })
    return asks


def received(seen, address):
    """Payload sizes that reached the address, by its port."""
    sizes = {}
    for p in seen.packets():
        if p.destination[0] == address and p.source[1] == 5070:
            sizes.setdefault(p.destination[1], []).append(len(p.payload))
    return sizes


def test_one_answer_of_one_and_a_half_times():
    """A victim who never asked: per message one datagram at most, at most 1.5 times as long."""
    with Office() as office:
        lab, victim = office.lab, office.lab.stun
        seen = Capture(victim, lab.path('victim.pcap'), filter_='udp')
        forger, asks = Forger(lab.attacker, (lab.office.public, 5070)), probes(201)
        for port, data in enumerate(asks.values(), 20000):
            forger.send((victim.address, port), data)
            time.sleep(0.02)
        time.sleep(4.0)                # T1, 2 T1, 4 T1: any repetition would have come
        sizes, answered = received(seen, victim.address), 0
        for port, (what, data) in enumerate(asks.items(), 20000):
            got = sizes.get(port, [])
            answered += bool(got)
            print(f'{what}: {len(data)} bytes, answered with {got}')
            assert len(got) <= 1, f'{what}: {len(got)} answers to one message'
            below = BELOW.get(what, 0)
            assert sum(got) + below <= FACTOR * (len(data) + below), f'{what}: {sum(got)} bytes for {len(data)}'
        assert answered >= 5, f'only {answered} were answered: nothing was tested'


def test_a_flood_in_a_victims_name():
    """3,000 requests in one name: the victim gets what its budget is, whatever ports they come from."""
    with Office() as office:
        lab, victim = office.lab, office.lab.stun
        seen = Capture(victim, lab.path('victim.pcap'), filter_='udp port 5070')
        forger = Forger(lab.attacker, (lab.office.public, 5070))
        start, sent = time.monotonic(), 0
        for number in range(3000):
            asked = sip.request('OPTIONS', f'sip:{DOMAIN}', (victim.address, 5060))
            forger.send((victim.address, 20000 + number % VICTIMS), asked)
            sent += len(asked)
        time.sleep(0.5)
        took = time.monotonic() - start
        sizes = [size for sizes in received(seen, victim.address).values() for size in sizes]
        count = len(sizes)
        print(f'{count} answers in {took:.1f} s, {sum(sizes)} bytes for {sent}: {sum(sizes) / sent:.3f} for one')
        assert sum(sizes) < sent, 'the victim got more than was sent in its name'
        assert 10 < count <= BURST + RATE * took + TOLERANCE, f'{count} answers to the victim in {took:.1f} s'


def test_answers_in_a_registered_homes_name():
    """2xx that nobody asked for, as if a registered phone sent them: a few get an ACK and BYE, not all."""
    with Office() as office:
        lab, server, home = office.lab, (office.lab.office.public, 5070), office.lab.homes['A']
        with home.phones[0].udp_socket(5060) as sock:
            assert sip.status(sip.register(sock, server, DOMAIN, 201, 'SIP-201', password(201))) == 200
            seen = Capture(home.router, lab.path('home.pcap'), interface='wan',
                           filter_='udp src port 5070')
            forger = Forger(lab.attacker, server)
            for number in range(2000):
                forger.send((home.public, 30000), (
                    f'SIP/2.0 200 OK\r\nv:SIP/2.0/UDP h;branch=z9hG4bK{number}\r\nf:<sip:a@b>;tag=1\r\n'
                    f't:<sip:a@b>;tag=2\r\nm:<sip:x@{home.public}>\r\ni:{number}\r\nCSeq:1 INVITE\r\n\r\n').encode())
            time.sleep(2.0)
            count = len([p for p in seen.packets() if p.destination == (home.public, 30000)])
            used, = [process['status']['client_transactions'] for process in office.postern.status()['processes']
                     if process['role'] == 'sigproxy']
            print(f'{count} datagrams for 2000 forged answers, {used} transactions')
            assert used < 10, f'{used} transactions are kept for answers to nothing'
            assert 0 < count <= 20, f'{count} datagrams to a home that never asked'
            assert sip.status(sip.register(sock, server, DOMAIN, 201, 'SIP-201', password(201))) == 200
