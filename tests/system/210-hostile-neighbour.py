"""A hostile process in the place of each one speaks to the others: what it learns, changes, exhausts.

The figures asserted here are those of SECURITY.md, "What a captured process gains".
"""

import hashlib
import os
import socket
import time

from lab import captured, ipc
from lab.capture import Capture
from lab.captured import BAD, FORBIDDEN, NOT_FOUND, OK, STALE, Sigproxy, digest, invite_uri
from lab.expect import hear_each_other
from lab.ipc import Closed, Neighbour
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.siege import RSS_KB, Siege, rss_kb
from lab.wait import until

DOORS = (('registrar-db', 'sigproxy'), ('sigproxy', 'registrar-db'), ('sigproxy', 'mediaproxy'),
         ('mediaproxy', 'sigproxy'), ('stunmon', 'sigproxy'), ('sigproxy', 'stunmon'), ('stunmon', 'mediaproxy'),
         ('mediaproxy', 'stunmon'), ('keyd', 'sigproxy'), ('sigproxy', 'keyd'), ('tracer', 'sigproxy'),
         ('sigproxy', 'tracer'), ('tracer', 'mediaproxy'))
# What keeps registrar-db busy without a pause.
FEW = ('test_a_million_guesses', 'test_guesses_over_many_subscribers')
BY_HAND = {'test_connections_nobody_asked_for': 'POSTERN_SLOW'}     # 9 s
DEADLINE = 240                     # a million questions, on a busy machine
GUESSES = 1000000
# Wrong answers looked at: for one subscriber by strangers and by each address it registered
# from, and in all (strangers, known addresses).
BURST, STRANGERS_S, KNOWN_S = 10, 20, 30
ALL_BURST, ALL_EACH_S = 20, 10
STUN_BURST, STUN_S = 200, 100      # STUN requests of one process: at once, each second
OFFICE_HOST, OWN = '192.168.10.10', '192.168.10.2'


# ---- frames ----------------------------------------------------------------

def allowed(to, as_):
    """The messages of the table from one to another."""
    return [name for name, (_, sent, got, _) in ipc.MESSAGES.items()
            if as_ in sent and to in got and name != 'HELLO']


def closes(siege, to, as_, data, greet=True):
    """Does data close the door?"""
    with Neighbour(siege.postern, to, as_, greet=greet) as door:
        try:
            door.send(data)
        except Closed:
            return True
        return door.is_closed()


def wrong_direction(to, as_):
    """A whole frame of each message that this pair does not have, and of numbers that none has."""
    for name, (_, _, _, fields) in ipc.MESSAGES.items():
        if name not in allowed(to, as_):
            yield ipc.frame(name, ipc.plain(fields))
    for number in (0, 2, 9, 255, 65535):
        yield ipc.HEADER.pack(0, number)
    for size in (16385, 65536, 2**31, 2**32 - 1):
        yield ipc.HEADER.pack(size, ipc.MESSAGES[(allowed(to, as_))[0]][0]) + b'x' * 100


def wrong_greetings(hello, to, as_):
    """Greetings that are not this neighbour's."""
    version, mark = hello['version'], hello['table']
    right = {'version': version, 'table': mark, 'role': ipc.ROLES[as_], 'instance': 0, 'started_us': 1}
    for wrong in ({'version': version + 1}, {'version': version - 1}, {'table': mark ^ 1}, {'role': 16},
                  {'role': ipc.ROLES[to]}, {'role': 3}, {'instance': 1}, {'instance': 31}):
        yield ipc.frame('HELLO', {**right, **wrong})
    yield from ipc.wrong_frames('HELLO')
    yield ipc.frame(allowed(to, as_)[0], ipc.plain(ipc.MESSAGES[allowed(to, as_)[0]][3]))


def frames(as_):
    """Every message wrong in every field, cut short at every byte, in the wrong direction."""
    with Siege(as_) as siege:
        count = 0
        for to, attacker in DOORS:
            if attacker != as_:
                continue
            with Neighbour(siege.postern, to, as_) as door:
                hello = door.hello
            for data in wrong_greetings(hello, to, as_):
                assert closes(siege, to, as_, data, greet=False), f'{to} takes the greeting {data!r}'
                count += 1
            broken = [(name, data) for name in allowed(to, as_) for data in ipc.wrong_frames(name)]
            broken += [('wrong direction', data) for data in wrong_direction(to, as_)]
            for name, data in broken:
                assert closes(siege, to, as_, data), f'{to} takes a broken {name}: {data!r}'
                count += 1
            half(siege, to, as_)
        print(f'{count} broken frames, {count} doors closed')
        assert count > 40


def half(siege, to, as_):
    """Half a frame and silence: nobody waits for the rest; without greeting the door closes."""
    name = allowed(to, as_)[0]
    whole = ipc.frame(name, ipc.plain(ipc.MESSAGES[name][3]))
    with Neighbour(siege.postern, to, as_) as door, Neighbour(siege.postern, to, as_, greet=False) as mute:
        door.send(whole[:len(whole) // 2])
        siege.settle(to)
        assert mute.is_closed(4), f'{to} keeps a connection that never greets'


def test_frames_of_sigproxy():
    frames('sigproxy')


def test_frames_of_registrar_db():
    frames('registrar-db')


def test_frames_of_mediaproxy():
    frames('mediaproxy')


def test_frames_of_stunmon():
    frames('stunmon')


def test_frames_of_keyd():
    frames('keyd')


def test_frames_of_tracer():
    frames('tracer')


def flood(as_):
    """Well-formed messages of every kind as fast as they go, and no answer read."""
    with Siege(as_) as siege:
        for to, attacker in DOORS:
            if attacker != as_:
                continue
            for name in allowed(to, as_):
                plain = ipc.plain(ipc.MESSAGES[name][3])
                part = b''.join(ipc.frame(name, {**plain, **vary(name, n)}) for n in range(2000))
                with Neighbour(siege.postern, to, as_) as door:
                    try:
                        for _ in range(10):
                            door.sock.settimeout(30)
                            door.sock.sendall(part)
                    except (BrokenPipeError, ConnectionResetError, TimeoutError) as error:
                        print(f'{to}: {name}: {error}')
                siege.settle(to, 30)
        knock_flood(siege, as_)
        if as_ == 'sigproxy':
            # Ports that he took are kept for calls he might have had: mediaproxy goes with him.
            old = siege.postern.kill('mediaproxy')
            siege.postern.wait_restarted('mediaproxy', old)
            siege.pids['mediaproxy'] = siege.postern.pids()['mediaproxy']


def vary(name, n):
    """Other ids, tickets, sessions, flows and sockets each time."""
    flow = {'zone': 1, 'transport': 1, 'listener': 0, 'remote': (f'198.51.{100 + n // 250}.{1 + n % 250}', 5060),
            'conn': 0}
    some = {'id': n, 'ticket': n + 1, 'session': n + 1, 'flow': flow, 'socket': n, 'expires_s': 3600}
    return {field.name: some[field.name] for field in ipc.MESSAGES[name][3] if field.name in some}


def knock_flood(siege, as_):
    """Connections made and dropped, and many held open."""
    for to, attacker in DOORS:
        if attacker == as_:
            held = []
            for n in range(200):
                held.append(Neighbour(siege.postern, to, as_))
                if n % 3 == 0:
                    held.pop().sock.close()
            assert rss_kb(siege.pids[to]) - siege.rss[to] <= RSS_KB
            for door in held:
                door.sock.close()
            siege.settle(to)


def test_flood_of_sigproxy():
    flood('sigproxy')


def test_flood_of_registrar_db():
    flood('registrar-db')


def test_flood_of_mediaproxy():
    flood('mediaproxy')


def test_flood_of_stunmon():
    flood('stunmon')


def test_flood_of_keyd():
    flood('keyd')


# ---- the oracle ------------------------------------------------------------

def right_response(nonce):
    """The true response to the guesses' challenge (Sigproxy.guesses)."""
    second = hashlib.md5(f'INVITE:{invite_uri(168)}'.encode()).hexdigest()

    def response(number):
        text = f'{captured.ha1(number, password(number))}:{nonce.decode()}:00000001:c:auth:{second}'
        return hashlib.md5(text.encode()).hexdigest().encode()
    return response


def guess(siege, door, numbers, count, sources):
    """Ask count times; (wrong answers that were looked at, seconds, verdicts)."""
    nonce = door.nonces()[0]
    before, start, verdicts = siege.number('registrar-db', 'wrong'), time.monotonic(), {}
    step = 2000           # their answers stay below what a door lets wait
    for _ in range(count // step):
        door.send(door.guesses(numbers, nonce, step, right_response(nonce), sources))
        for name, payload in door.frames():
            if name == 'AUTH_SAY':
                verdicts[payload[4]] = verdicts.get(payload[4], 0) + 1
    siege.settle('registrar-db', 30)
    seconds = time.monotonic() - start
    return siege.number('registrar-db', 'wrong') - before, seconds, verdicts


def test_a_million_guesses():
    """One subscriber from 1000 forged sources, then every subscriber: none is confirmed."""
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        wrong, seconds, verdicts = guess(siege, door, [201], GUESSES // 2, 1000)
        known = len({row['source'].rsplit(':', 1)[0] for row in
                     siege.postern.rows("SELECT source FROM registration WHERE number = '201'")})
        most = BURST + seconds / STRANGERS_S + known * (BURST + seconds / KNOWN_S) + 2
        print(f'one subscriber: {wrong} of {GUESSES // 2} guesses looked at in {seconds:.1f} s (at most '
              f'{most:.0f}); verdicts {verdicts}')
        assert 0 < wrong <= most
        assert verdicts.keys() == {FORBIDDEN}, f'{verdicts}'
        numbers = list(Office.INSIDE + Office.OUTSIDE)
        wrong, seconds, verdicts = guess(siege, door, numbers, GUESSES // 2, 1000)
        most = 2 * (ALL_BURST + ALL_EACH_S * seconds) + 2
        each = len(numbers) * (2 * BURST + seconds / STRANGERS_S + seconds / KNOWN_S) + 2
        print(f'{len(numbers)} subscribers: {wrong} looked at in {seconds:.1f} s (at most {min(most, each):.0f}); '
              f'{verdicts}')
        assert wrong <= min(most, each)
        assert verdicts.keys() == {FORBIDDEN}, f'{verdicts}'


def test_guesses_over_many_subscribers():
    """300 subscribers: the budget of all strangers binds, whatever sources are forged."""
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        numbers = list(range(3000, 3300))
        siege.postern.sql(''.join(
            'INSERT INTO subscriber(number, name, username, password, internet) VALUES '
            f"('{n}','S','SIP-{n}','{password(n)}',1);\n" for n in numbers))
        siege.postern.in_effect()
        nonce = door.nonces()[0]
        before, start = siege.number('registrar-db', 'wrong'), time.monotonic()
        while time.monotonic() - start < 5:
            door.send(door.guesses(numbers, nonce, 6000, None, 3))
        siege.settle('registrar-db', 30)
        seconds = time.monotonic() - start
        wrong = siege.number('registrar-db', 'wrong') - before
        most = ALL_BURST + ALL_EACH_S * seconds + 2
        print(f'{wrong} looked at in {seconds:.1f} s, at most {most:.0f}')
        assert ALL_BURST <= wrong <= most


def test_names_are_not_confirmed():
    """Without a right digest, existing and missing usernames and numbers get the same bytes."""
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        said = set()
        nonce = door.nonces()[0]
        for want in (0, 1):
            for user in [*range(160, 210), 'a', 'admin']:
                for called in (168, 199, 201):
                    answer = digest(nonce, user, 'wrong', 'INVITE', invite_uri(called))
                    got = door.auth(answer, id=7, want=want)
                    said.add(str(got))
                    answer = digest(nonce, user, 'wrong', 'REGISTER', f'sip:{DOMAIN}')
                    got = door.bind(answer, user, 'sip:1@198.51.100.66', id=7)
                    assert got['verdict'] == FORBIDDEN and not got['bindings'], f'{got}'
        assert len(said) == 1 and f"'verdict': {FORBIDDEN}" in said.pop(), f'{said}'
        print('names confirmed: 0')


def lookups(door):
    """What one right answer of 201's buys: one lookup, of the number that it names."""
    nonce = door.nonces()[0]
    answer = digest(nonce, 201, password(201), 'INVITE', invite_uri(168))
    changed = [{**answer, 'uri': invite_uri(202)}, {**answer, 'uri': invite_uri(203)}, {**answer, 'method': 'BYE'},
               {**answer, 'nc': '00000002'}, {**answer, 'username': 'SIP-202'}, {**answer, 'cnonce': 'x'},
               {**answer, 'uri': invite_uri('%31%36%38')}, {**answer, 'qop': ''}]
    for wrong in changed:
        got = door.auth(wrong)
        assert got['verdict'] in (FORBIDDEN, STALE) and not got['targets'], f'{wrong}: {got}'
    got = door.auth(answer)
    assert got['verdict'] == OK and got['called']['number'] == b'168' and len(got['targets']) == 1, f'{got}'
    for wrong in [answer, *changed]:
        got = door.auth(wrong)
        assert got['verdict'] in (FORBIDDEN, STALE) and not got['targets'], f'after it was spent: {wrong}: {got}'
    assert door.auth({**answer, 'realm': 'other'})['verdict'] == STALE
    got = door.auth({**answer, 'method': 'REGISTER'})
    assert got['verdict'] == BAD, f'{got}'


def test_one_answer_one_lookup():
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        lookups(door)
        missing = digest(door.nonces()[0], 201, password(201), 'INVITE', invite_uri(199))
        assert door.auth(missing)['verdict'] == NOT_FOUND
        plain = digest(door.nonces()[0], 201, password(201), 'OPTIONS', invite_uri(168))
        got = door.auth(plain)
        assert not got['targets'] and not got['called']['number'], f'{got}'


def bindings(siege):
    """Number and contact of every binding but 201's."""
    return sorted((row['number'], row['contact']) for row in siege.postern.rows('SELECT * FROM registration')
                  if row['number'] != '201')


def test_bindings_do_not_move():
    """A right answer of 201's moves no other number's binding, and works once."""
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        before, evil = bindings(siege), 'sip:evil@198.51.100.66:5060'
        answer = digest(door.nonces()[0], 201, password(201), 'REGISTER', f'sip:{DOMAIN}')
        call = digest(door.nonces()[0], 201, password(201), 'INVITE', invite_uri(168))
        for number in (168, 202, 203, '', '0201', '201 '):
            assert door.bind(answer, number, evil)['verdict'] == FORBIDDEN, f'{number}'
        for wrong in ({**answer, 'username': 'SIP-168'}, {**answer, 'uri': 'sip:evil.example'}, call,
                      {**call, 'method': 'REGISTER', 'uri': f'sip:{DOMAIN}'}, {**answer, 'nonce': b'A' * 32}):
            assert door.bind(wrong, 201, evil)['verdict'] in (FORBIDDEN, STALE, BAD), f'{wrong}'
        text = str(siege.postern.rows('SELECT * FROM registration'))
        assert 'evil' not in text, f'{text}'
        assert door.bind(answer, 201, 'sip:201@198.51.100.10:5060')['verdict'] == OK
        for number in (201, 168, 203):
            assert door.bind(answer, number, evil)['verdict'] in (FORBIDDEN, STALE), f'{number}, again'
        assert door.bind(answer, 201, evil, star=1, contacts=[])['verdict'] in (FORBIDDEN, STALE)
        text = str(siege.postern.rows('SELECT * FROM registration'))
        assert 'evil' not in text and bindings(siege) == before, f'{text}'
        print('bindings moved: 0')
        door.sock.close()


def test_forged_tickets():
    """A recorded call's parties stay, whatever news is forged; records may be invented."""
    query = 'SELECT ticket, caller, caller_name, called, from_zone, from_source, call_id FROM call'
    with Siege('sigproxy') as siege, Sigproxy(siege.postern) as door:
        before = until(lambda: siege.postern.rows(query), 5, 'the call is recorded', 0.1)
        tickets = [row['ticket'] + n for row in before for n in range(-500, 501)] + [1, 2**63 - 1, 2**63, 2**64 - 1]
        for ticket in tickets:
            for state in range(1, 6):
                door.say('CALL_NOTE', ticket=ticket, state=state, status=200, reason=b"'; DROP TABLE call; --")
            door.say('CALL_MEDIA', ticket=ticket)
        siege.settle('registrar-db')
        until(lambda: siege.number('registrar-db', 'waiting') == 0, 20, 'all news is written', 0.1)
        after = siege.postern.rows(query)
        print(f'{len(after) - len(before)} records invented')
        assert all(row in after for row in before), f'{before} became {after}'


# ---- where packets go ------------------------------------------------------

def watch(siege):
    """Everything that leaves the host, or stays on it by loopback."""
    host, lab = siege.office.lab.postern_host, siege.office.lab
    return [Capture(host, lab.path(f'siege-{name}.pcap'), interface=name, filter_='udp') for name in ('eth0', 'lo')]


def sent(captures, ports=None):
    """The destinations of the host's packets."""
    for capture in captures:
        capture.stop()
    return [p.destination for capture in captures for p in capture.packets()
            if p.source[0] in (OWN, '127.0.0.1') and (ports is None or p.source[1] in ports)]


def test_stun_goes_to_servers_only():
    """STUN_SEND to the office, loopback, ourselves and strangers: nothing leaves, and little to servers."""
    with Siege('stunmon') as siege:
        targets = [(OFFICE_HOST, 53), (OFFICE_HOST, 3478), ('127.0.0.1', 3478), (OWN, 5060), (OWN, 3478),
                   ('203.0.113.66', 3478), ('192.168.10.255', 3478), ('224.0.0.1', 3478),
                   (siege.office.stun[0], 53), (siege.office.stun[0], siege.office.stun[1] + 1), ('::1', 3478)]
        captures = watch(siege)
        for to, socket in (('sigproxy', 0), ('mediaproxy', 16384)):
            with siege.attack(to) as door:
                for target in targets:
                    for number in (socket, 0, 1, 2, 16384, 16385, 17000, 65535):
                        door.say('STUN_SEND', socket=number, server=target, tid=os.urandom(12))
                start = time.monotonic()
                for _ in range(5000):
                    door.say('STUN_SEND', socket=socket, server=siege.office.stun, tid=os.urandom(12))
                siege.settle(to)
                seconds = time.monotonic() - start
            said = siege.number(to, 'stun_sent' if to == 'sigproxy' else 'sent')
            print(f'{to}: {said} STUN requests; 5000 asked in {seconds:.1f} s')
            assert said <= STUN_BURST + STUN_S * (time.monotonic() - siege.began), f'{to} sent {said} requests'
            assert said < 5000, f'{to} is not metered'
        gone = {tuple(where) for where in sent(captures)}
        wrong = [target for target in targets if target in gone]
        assert not wrong, f'packets went to {wrong}'
        assert tuple(siege.office.stun) in gone, 'the capture sees nothing'


def test_public_address_is_public():
    """PUBLIC_ADDR that names the office, loopback or nothing of use is not believed."""
    with Siege('stunmon') as siege:
        lies = ['192.168.10.66', '10.0.0.1', '127.0.0.1', '100.64.0.1', '169.254.1.1', '224.0.0.1', '0.0.0.0',
                '255.255.255.255', '::1', 'fe80::1', 'fd00::1']
        for to in ('sigproxy', 'mediaproxy'):
            with siege.attack(to) as door:
                for lie in lies:
                    for socket in (0, 1, 16384, 16386, 65535):
                        for state in (2, 3):
                            door.say('PUBLIC_ADDR', socket=socket, state=state, mapped=(lie, 5070))
                siege.settle(to)
                text = str(siege.status(to))
                believed = [lie for lie in lies if f"'{lie}'" in text or f"'{lie}:" in text]
                assert not believed, f'{to} believes {believed}'
                assert siege.office.lab.office.public in text, f'{to} forgot the address: {text}'


def test_fixed_address_is_fixed():
    """With a configured address stunmon's word counts for nothing."""
    with Siege('stunmon', settings={('address', 'public'): '203.0.113.10'}) as siege:
        for to in ('sigproxy', 'mediaproxy'):
            with siege.attack(to) as door:
                for state in (1, 2, 3):
                    door.say('PUBLIC_ADDR', socket=65535, state=state, mapped=('203.0.113.66', 0))
                siege.settle(to)
                assert '203.0.113.66' not in str(siege.status(to)), f'{to} believes it'
        assert '203.0.113.10' in str(siege.status('mediaproxy'))


def open_all(siege, door):
    """Take every port there is; (answers that gave ports, refusals)."""
    given, refused = [], 0
    for session in range(1, 800):
        for zone in (1, 2):
            phone = ('198.51.100.10', 5060) if zone == 1 else (OFFICE_HOST, 5060)
            said = door.ask('RELAY_OPEN', id=session, session=session, end=zone, zone=zone, family=4, latching=3,
                            streams=1, phone=phone)
            refused += said['refusal'] != 0
            if said['refusal'] == 0:
                given.append((session, zone, said['ports'][0]))
    return given, refused


def spray(siege, given):
    """RTP from the attacker and from the office into ports, so that there is something to send on."""
    lab = siege.office.lab
    packet = b'\x80\x00\0\1' + bytes(8) + b'\xff' * 160
    with lab.attacker.udp_socket(4000) as outside, lab.office.phones[0].udp_socket(4000) as inside:
        for _ in range(3):
            for _, zone, ports in given[:200]:
                sock, to = (outside, lab.office.public) if zone == 1 else (inside, OWN)
                sock.sendto(packet, (to, ports['rtp']))
            time.sleep(0.3)


def test_relay_sends_to_nobody_of_ours():
    """Every port taken, every session told to send to loopback, to us, to the office from outside."""
    with Siege('sigproxy') as siege, siege.attack('mediaproxy') as door:
        given, refused = open_all(siege, door)
        print(f'{len(given)} ends opened, {refused} refused')
        assert refused > 0 and len(given) <= 600, 'more than the configured ports were given'
        targets = [('127.0.0.1', 53), (OWN, 5060), (OWN, 5070), (OWN, 16390), ('192.168.10.255', 4000),
                   ('224.0.0.1', 4000), ('0.0.0.0', 4000), ('255.255.255.255', 4000), (OFFICE_HOST, 4000),
                   ('203.0.113.10', 5070), ('203.0.113.10', 16390)]
        captures = watch(siege)
        external = {ports[kind] for _, zone, ports in given if zone == 1 for kind in ('rtp', 'rtcp')}
        for index, (session, zone, _) in enumerate(given):
            target = targets[index // 2 % len(targets)]
            if zone == 2 and target[0] == OFFICE_HOST:
                target = ('203.0.113.66', 4000)
            door.say('RELAY_ICE', session=session, end=zone, stream=0, ufrag=b'liar', pwd=b'p' * 24, rtp=target, rtcp=target)
            for to_end in (zone, 3 - zone):
                door.say('RELAY_SET', session=session, end=zone, stream=0, to_end=to_end, form=0, rtp=target, rtcp=target,
                         mux=0, relearn=1, held=0, phone=target)
        spray(siege, given)
        gone = sent(captures, external)
        wrong = {where for where in gone if where[0].startswith(('127.', '192.168.', '224.', '0.', '255.'))
                 or where[0] == '203.0.113.10'}
        print(f'{len(gone)} packets left external ports, {len(wrong)} of them to us or the office')
        assert not wrong, f'packets went to {wrong}'
        for session, _, _ in given:
            door.say('RELAY_CLOSE', session=session, end=255)
        until(lambda: siege.status('mediaproxy') and siege.number('mediaproxy', 'sessions') == 0, 10,
              'all ports are given back', 0.2)


# ---- forged ids to sigproxy ------------------------------------------------

def test_forged_answers_to_sigproxy():
    """Answers nobody asked for, during a call: it goes on, and nobody gets in."""
    with Siege('mediaproxy') as siege:
        siege.home.call(siege.desk)
        with siege.attack('sigproxy') as door:
            for n in range(3000):
                for name in ('RELAY_SAY', 'RELAY_STATS', 'RELAY_NEWS', 'RELAY_REACH', 'RELAY_NOMINATED',
                             'RELAY_DIGIT'):
                    door.say(name, **{key: value for key, value in
                                      {'id': n, 'session': (n << 32) + n % 16 or 1}.items()
                                      if any(f.name == key for f in ipc.MESSAGES[name][3])})
            siege.settle('sigproxy')
        hear_each_other(siege.home, siege.desk, 1)
        siege.home.hang_up()
        siege.desk.closed()


def test_forged_verdicts_to_sigproxy():
    """registrar-db's word is believed, but only as the answer to a question: unasked it does nothing."""
    with Siege('registrar-db') as siege:
        siege.home.call(siege.desk)
        outside = siege.office.watch_outside()
        with siege.attack('sigproxy') as door:
            for n in range(3000):
                party = {'number': b'201', 'name': b'x', 'hold': 0, 'latching': 0, 'srtp': 0, 'codecs': b'', 'max_kbps': 0}
                door.say('REG_SAY', id=n, verdict=OK, number=b'201', retry_after_s=0)
                door.say('AUTH_SAY', id=n, verdict=OK, ticket=n + 1, caller=party, called=party)
            siege.settle('sigproxy')
        hear_each_other(siege.home, siege.desk, 1)
        outside.stop()
        assert not [m for _, m in outside.sip() if m.start.startswith(('SIP/2.0 2', 'INVITE'))
                    and 'REGISTER' not in m.headers['cseq'][0]], 'sigproxy acted on an answer nobody asked for'
        siege.home.hang_up()
        siege.desk.closed()


# ---- stunmon ---------------------------------------------------------------

def forged_stun(as_):
    """Lists that change all the time, and answers to nothing: few requests, no lie believed."""
    with Siege(as_) as siege, siege.attack('stunmon') as door:
        start, requests = time.monotonic(), 0
        response = b'\x01\x01\0\x0c\x21\x12\xa4\x42' + bytes(12) + b'\0\x20\0\x08\0\1' + bytes(6)
        for n in range(5000):
            door.say('MAP_WANT', sockets=[{'number': (n * 64 + k) % 65536} for k in range(n % 65)])
            door.say('STUN_HEARD', socket=n, source=siege.office.stun, packet=response)
        siege.settle('stunmon')
        seconds = time.monotonic() - start
        requests = sum(name == 'STUN_SEND' for name, _ in door.frames())
        print(f'{requests} STUN_SEND in {seconds:.1f} s')
        assert '33.18' not in str(siege.status('stunmon')), 'a forged answer is believed'


def test_forged_stun_of_sigproxy():
    forged_stun('sigproxy')


def test_looks_without_end():
    """MAP_LOOK all the time, for each socket there could be: one wanted socket is asked for once in four seconds."""
    with Siege('sigproxy') as siege, siege.attack('stunmon') as door:
        door.say('MAP_WANT', sockets=[{'number': 0}])
        start, rounds = time.monotonic(), set()
        while time.monotonic() - start < 13:
            for n in range(500):
                door.say('MAP_LOOK', socket=n % 32)
            rounds |= {ipc.get(ipc.MESSAGES[name][3], payload)[0]['tid'] for name, payload in door.frames()
                       if name == 'STUN_SEND'}
            time.sleep(0.1)
        seconds = time.monotonic() - start
        print(f'{len(rounds)} questions in {seconds:.1f} s')
        assert 3 <= len(rounds) <= 2 + seconds / 4, len(rounds)
        siege.settle('stunmon')


def test_forged_stun_of_mediaproxy():
    forged_stun('mediaproxy')


# ---- connections to trunks -------------------------------------------------

TRUNK = "INSERT INTO trunk(name, address, transport, prefix, zone, ping_s) VALUES ('{}', '{}', '{}', '', 'external', 0);"
DIALLED, DIAL_UNKNOWN, DIAL_BUSY = ('203.0.113.80', 5061), 4, 5


def sockets(pid):
    """Descriptors of a process."""
    return len(os.listdir(f'/proc/{pid}/fd'))


def test_trunks_alone_are_dialled():
    """TRUNK_DIAL to the office, loopback, strangers and other trunks: no connection; to a trunk: few."""
    with Siege('sigproxy') as siege:
        siege.office.lab.public_host('itsp', DIALLED[0])
        siege.postern.sql(TRUNK.format('itsp', '%s:%d' % DIALLED, 'tcp') + TRUNK.format('other', '203.0.113.81:5060', 'udp'))
        siege.postern.in_effect()
        with siege.attack('stunmon') as door:
            targets = [(OFFICE_HOST, 5060), ('127.0.0.1', 5060), (OWN, 5060), ('203.0.113.66', 5061),
                       (DIALLED[0], 5060), (DIALLED[0], 22), ('203.0.113.81', 5060), ('::1', 5061), ('224.0.0.1', 5061)]
            for trunk in (1, 2, 3, 1000000):
                for target in targets + ([DIALLED] if trunk != 1 else []):
                    door.say('TRUNK_DIAL', id=7, trunk=trunk, address=target)
                    answer = door.hear('TRUNK_CONN')
                    if answer and answer['id'] != 7:    # of the sigproxy before
                        answer = door.hear('TRUNK_CONN')
                    assert answer and answer['refusal'] == DIAL_UNKNOWN, (trunk, target, answer)
            start = time.monotonic()
            for _ in range(2000):
                door.say('TRUNK_DIAL', id=8, trunk=1, address=DIALLED)
            answers = [door.hear('TRUNK_CONN') for _ in range(2000)]
            dialled = sum(answer['refusal'] != DIAL_BUSY for answer in answers if answer)
            assert 0 < dialled <= 2 + 2 * (time.monotonic() - start), f'{dialled} dials'
        tried = siege.number('stunmon', 'dials_made') + siege.number('stunmon', 'dials_failed')
        assert siege.number('stunmon', 'dials_refused') == 4 * len(targets) + 3 and tried <= dialled + 2, tried


def test_connections_nobody_asked_for():
    """TRUNK_CONN with descriptors of all kinds: sigproxy keeps none."""
    with Siege('stunmon') as siege:
        siege.office.lab.public_host('itsp', DIALLED[0])
        siege.postern.sql(TRUNK.format('itsp', '%s:%d' % DIALLED, 'tls'))
        siege.postern.in_effect()
        pid = siege.pids['sigproxy']
        with open('/etc/passwd', 'rb') as file, socket.socket() as listens, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            listens.bind(('127.0.0.1', 0))
            listens.listen()
            with socket.create_connection(listens.getsockname()) as other:
                kinds = [file.fileno(), listens.fileno(), udp.fileno(), other.fileno()]
                before = None
                for fds in [[kind] for kind in kinds] + [kinds[:2], kinds * 10]:
                    with siege.attack('sigproxy') as door:
                        before = before or sockets(pid)
                        asked = door.hear('TRUNK_DIAL', 5)
                        for refusal in (0, 0, 1):
                            said = {'id': asked['id'] if asked else 1, 'trunk': 1, 'address': DIALLED,
                                    'refusal': refusal}
                            try:
                                socket.send_fds(door.sock, [ipc.frame('TRUNK_CONN', said)], fds)
                            except OSError:
                                break
                        assert len(fds) == 1 or door.is_closed(), f'{fds} are taken'
                        assert len(fds) > 1 or not door.is_closed(0.2), 'one that is of no use is no crime'
                until(lambda: sockets(pid) <= before, 5, 'nothing is kept', 0.2)
        assert siege.number('sigproxy', 'tcp_dialled') == 0
