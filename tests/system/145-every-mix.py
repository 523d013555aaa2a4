"""Every transport with every other: baresip and linphone by UDP, TCP, TLS 1.2 and TLS 1.3, at two homes and in
the office.

Each calls each of the others and is called by it, in rounds of four calls at once; each must hear the other.
linphone by TLS 1.3 is not among them: Debian's is made with mbedTLS 2.28, which has none (docs/phones.md).
"""

import time

from lab.expect import ABSENT, CLEAR
from lab.net import Home
from lab.tlsoffice import FORWARD, TlsOffice
from lab.office import SIP_TCP_PORT

DEADLINE = 120

AT_HOME = (      # home, make, transport, at most
    ('A', 'baresip', 'udp', None), ('A', 'linphone', 'tcp', None),
    ('A', 'baresip', 'tls', None), ('A', 'baresip', 'tls', 'TLSv1.2'),
    ('B', 'linphone', 'udp', None), ('B', 'baresip', 'tcp', None), ('B', 'linphone', 'tls', None))
SOUND_S = 0.7


class EveryOffice(TlsOffice):
    """With a number for each of them."""
    OUTSIDE = tuple(range(201, 201 + len(AT_HOME)))


def phones_of(office):
    """All of them, registered; .kind says which it is."""
    phones, used = [office.desk()], {'A': 0, 'B': 0}
    phones[0].kind = 'baresip udp in the office'
    for number, (name, make, transport, most) in zip(office.OUTSIDE, AT_HOME):
        host = office.lab.homes[name].phones[used[name]]
        used[name] += 1
        if make == 'linphone':
            phone = office.linphone(number, host, transport)
        else:
            phone = office.phone(number, host, transport=transport, tls_most=most,
                                 ca=office.certificate if transport == 'tls' else None)
        phone.kind = f'{make} {most or transport} at home {name}'
        phones.append(phone)
        row = office.registration(number)
        assert row['transport'] == transport, row
    return phones


def rounds(phones):
    """Round robin: pairs of all, so that each is in one pair of a round."""
    first, *rest = phones
    for _ in rest:
        ring = [first, *rest]
        yield [(ring[i], ring[-1 - i]) for i in range(len(ring) // 2)]
        rest = rest[1:] + rest[:1]


def check_sound(listener, speaker, start, stop):
    """The listener heard the speaker's tone and no other phone's."""
    heard = listener.ear.heard(start, stop)
    said = f'{listener.kind} heard {speaker.kind}: {heard.describe(speaker.tone, listener.tone)}'
    print(said)
    assert not heard.silent and heard.strength(speaker.tone) >= CLEAR, said
    assert heard.strength(listener.tone) <= ABSENT and heard.lost <= heard.packets // 50, said


def calls_at_once(pairs):
    """One round: the first of each pair calls the second."""
    for caller, callee in pairs:
        caller.dial(callee.number)
    for pair in pairs:
        for phone in pair:
            phone.wait('CALL_ESTABLISHED', 10.0, unless='CALL_CLOSED')
    time.sleep(0.2)         # what the last one's tone began with
    start = time.time()
    time.sleep(SOUND_S)
    stop = time.time()
    for caller, _ in pairs:
        caller.hang_up()
    for caller, callee in pairs:
        callee.closed()
        check_sound(caller, callee, start, stop)
        check_sound(callee, caller, start, stop)


def test_each_calls_each():
    """56 calls: 8 phones, each with each, both ways."""
    with EveryOffice(homes=(Home('A', phones=4), Home('B', phones=3)), kind='rsa2048',
                     forward=(*FORWARD, SIP_TCP_PORT)) as office:
        phones = phones_of(office)
        counts = office.counts()
        assert (counts['tls_up'], counts['tls_1_3']) == (3, 1), counts
        for pairs in rounds(phones):
            calls_at_once(pairs)
            calls_at_once([(b, a) for a, b in pairs])
        records = office.postern.rows('SELECT * FROM call_record')
        assert len(records) == 56 and all(int(r['status']) == 200 for r in records), records
