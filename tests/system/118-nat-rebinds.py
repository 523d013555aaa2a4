"""A home router changes its mappings in mid-call: sound is soon back, and the phone can hang up."""

import time

from lab import sip
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.office import Office
from lab.wait import until

BACK_S = 2.0


def longest_gap(ear, start, stop):
    """Seconds without sound, at most, between two moments."""
    times = [start, *(p.time for p, _ in ear.incoming(start, stop)), stop]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def rebind_in_mid_call(office, home, desk, ports):
    """The router's new mappings; then how long each side heard nothing."""
    hear_each_other(home, desk, 1)
    before = time.time()
    office.lab.rebind(office.lab.homes['A'], ports)
    until(lambda: desk.ear.incoming(before + 0.5), 5, f'{desk.name} hears the home again')
    until(lambda: home.ear.incoming(before + 0.5), 5, f'{home.name} hears the office again')
    hear_each_other(home, desk, 1)
    gaps = {phone.name: longest_gap(phone.ear, before, time.time()) for phone in (home, desk)}
    print('longest gaps: ' + ', '.join(f'{name} {gap:.2f} s' for name, gap in gaps.items()))
    assert max(gaps.values()) <= BACK_S, gaps


def bye_is_proved(wire, home, ports, since, challenged):
    """On the home's line: BYE from the new port, 401, BYE with the digest, 200.

    A phone that was challenged before in this dialog may send its digest at once.
    """
    def talk():
        said = [(p, m) for p, m in wire.sip() if p.time >= since and m.headers['cseq'][0].endswith(' BYE')]
        return said if any(sip.status(m) == 200 for _, m in said) else None

    said = until(talk, 3, 'BYE is answered')
    words = [m.start.split()[0] + ' with digest' * ('authorization' in m.headers) if sip.status(m) is None
             else str(sip.status(m)) for _, m in said]
    print(f'{home.name} hangs up: {", ".join(words)}')
    assert words[-2:] == ['BYE with digest', '200'] and words[:-2] in (['BYE', '401'], [])[:2 - challenged], words
    sources = {p.source[1] for p, m in said if sip.status(m) is None}
    assert sources <= set(ports), f'BYE came from {sources}: the mapping had not changed'


def ends_with_its_record(office, calls):
    """No call is live; so many have a record, ended the usual way, with sound both ways."""
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')
    records = office.postern.rows('SELECT * FROM call_record ORDER BY ticket')
    assert len(records) == calls, records
    last = records[-1]
    print(f'record: status {last["status"]}, {last["reason"]}; learnt {last["caller_learnt"]}, {last["called_learnt"]}')
    assert last['status'] == 200 and last['answered'] and last['ended'], last
    assert last['caller_packets_in'] > 100 and last['called_packets_in'] > 100, last
    return last


def test_home_moves_and_hangs_up():
    """Once as the called, once as the caller; each time from mappings never seen before."""
    with Office() as office:
        home, desk = office.home(), office.desk()
        wire = Capture(office.lab.homes['A'].router, office.lab.path('wire.pcap'), 'wan', 'udp')
        for calls, (caller, callee, ports) in enumerate([(desk, home, range(30000, 30100)),
                                                         (home, desk, range(40000, 40100))], 1):
            caller.call(callee)
            rebind_in_mid_call(office, home, desk, ports)
            hung_up = time.time()
            home.hang_up()
            desk.closed()
            bye_is_proved(wire, home, ports, hung_up, challenged=callee is home)
            record = ends_with_its_record(office, calls)
            learnt = record['caller_learnt' if caller is home else 'called_learnt']
            assert int(learnt.split(':')[1]) in ports, f'the relay still sent to {learnt}'
        assert office.postern.logs().count('call-moved') == 2
