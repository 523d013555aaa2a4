"""Somebody who saw a call's Call-ID, tags and token forges requests in it: nothing happens to the call."""

import secrets

from lab import sip
from lab.capture import Capture
from lab.expect import hear_each_other
from lab.office import Home, Office, password
from lab.rawphone import SDP
from lab.postern import DOMAIN


def branch(message):
    """The branch parameter of the top Via."""
    return message.headers['via'][0].split('branch=')[1].split(';')[0]


def find(messages, wanted):
    """The newest message for which wanted() is true."""
    return [m for _, m in messages if wanted(m)][-1]


def sniffed(outside, home):
    """Of the home's call, as seen outside: (INVITE with digest, its 200)."""
    messages = outside.sip()
    invite = find(messages, lambda m: m.start.startswith('INVITE ') and 'authorization' in m.headers)
    ok = find(messages, lambda m: sip.status(m) == 200 and m.headers['cseq'][0].endswith('INVITE')
              and m.headers['call-id'] == invite.headers['call-id'])
    return invite, ok


def forge(method, dialog, local, cseq, extra=(), body=b'', via_branch=None):
    """A request as the home phone would send it in its dialog, from somewhere else."""
    invite, ok = dialog
    token = ok.headers['contact'][0].split('<')[1].split('>')[0]
    lines = [f'{method} {token} SIP/2.0',
             f'Via: SIP/2.0/UDP {local[0]}:{local[1]};branch={via_branch or "z9hG4bK" + secrets.token_hex(8)};rport',
             'Max-Forwards: 70', f'From: {ok.headers["from"][0]}', f'To: {ok.headers["to"][0]}',
             f'Call-ID: {ok.headers["call-id"][0]}', f'CSeq: {cseq} {method}',
             f'Contact: <sip:evil@{local[0]}:{local[1]}>', *extra, f'Content-Length: {len(body)}']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def cseq_of(dialog):
    """The number of the newest INVITE: what is forged must go on from there to be in order."""
    return int(dialog[0].headers['cseq'][0].split()[0])


def status_of(sock, server, data):
    """The final status, or None."""
    answer = sip.ask(sock, server, data, 1.0)
    return answer and sip.status(answer)


def attack(sock, server, dialog):
    """Everything a stranger with the dialog's secrets can try; {what: status}."""
    local = sock.getsockname()
    sdp = SDP.format(local[0]).encode()
    typed = ['Content-Type: application/sdp']
    invite, number = dialog[0], cseq_of(dialog)
    got = {method: status_of(sock, server, forge(method, dialog, local, number + n, extra, body))
           for n, (method, extra, body) in enumerate([
               ('INVITE', typed, sdp), ('UPDATE', typed, sdp), ('INFO', [], b''), ('OPTIONS', [], b''),
               ('BYE', [], b''), ('MESSAGE', [], b''), ('REFER', ['Refer-To: <sip:evil@203.0.113.66>'], b'')], 1)}
    got['CANCEL'] = status_of(sock, server, forge('CANCEL', dialog, local, number, via_branch=branch(invite)))
    sock.sendto(forge('ACK', dialog, local, number, typed, sdp), server)
    # The digest the phone once sent, replayed with the forged BYE.
    replay = [f'Authorization: {invite.headers["authorization"][0]}']
    got['BYE with the digest seen'] = status_of(sock, server, forge('BYE', dialog, local, number + 20, replay))
    return got


def still_talking(home, desk, at_attacker, attacker):
    """Neither phone was told anything, sound goes on, none of it to the stranger."""
    hear_each_other(home, desk, 1)
    for phone in (home, desk):
        assert not [e for e in phone.events() if e['type'] == 'CALL_CLOSED'], f'{phone.name}: the call was ended'
    assert not [p for p, _ in at_attacker.rtp() if p.destination[0] == attacker.address], 'sound went to the stranger'


def assert_challenged(got):
    """In the dialog: a challenge, since it may be the phone behind a new mapping. CANCEL: no such request."""
    print(got)
    assert got.pop('CANCEL') == 481, 'CANCEL'
    assert set(got.values()) == {401}, got


def test_stranger_saw_everything():
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        outside = office.watch_outside()
        at_attacker = Capture(lab.attacker, lab.path('attacker.pcap'), filter_='udp')
        home, desk = office.home(), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1)
        with lab.attacker.udp_socket(5060) as sock:
            assert_challenged(attack(sock, server, sniffed(outside, home)))
        still_talking(home, desk, at_attacker, lab.attacker)
        home.hang_up()
        desk.closed()


def test_another_subscriber_of_the_same_home():
    """The same public address and a right password of his own: 403, for it is not his call."""
    with Office(homes=[Home('A', phones=2)]) as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        outside = office.watch_outside()
        at_attacker = Capture(lab.attacker, lab.path('attacker.pcap'), filter_='udp')
        home, desk = office.home(), office.desk()
        home.call(desk)
        with lab.homes['A'].phones[1].udp_socket(5070) as sock:
            registered = sip.register(sock, server, DOMAIN, 204, 'SIP-204', password(204))
            assert sip.status(registered) == 200, registered.start
            dialog = sniffed(outside, home)
            assert_challenged(attack(sock, server, dialog))
            for number, method in enumerate(('BYE', 'INVITE'), cseq_of(dialog) + 30):
                local, uri = sock.getsockname(), dialog[1].headers['contact'][0].split('<')[1].split('>')[0]
                challenge = sip.ask(sock, server, forge(method, dialog, local, number))
                value = sip.digest(challenge.headers['www-authenticate'][0], method, uri, 'SIP-204', password(204))
                status = status_of(sock, server, forge(method, dialog, local, number + 10, [f'Authorization: {value}']))
                assert status == 403, f'{method} in a call that is not his: {status}'
        still_talking(home, desk, at_attacker, lab.attacker)
        home.hang_up()
        desk.closed()


def test_cancel_of_a_ringing_call():
    """Branch, Call-ID and tags of the INVITE under way do not make a stranger its sender."""
    with Office(homes=[Home('A', phones=2)]) as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        outside = office.watch_outside()
        home, desk = office.home(), office.desk(answer='manual')
        home.dial(desk.number)
        home.wait('CALL_RINGING')
        messages = outside.sip()
        invite = find(messages, lambda m: m.start.startswith('INVITE ') and 'authorization' in m.headers)
        for host in (lab.attacker, lab.homes['A'].phones[1]):
            with host.udp_socket(5060) as sock:
                number = invite.headers['cseq'][0].split()[0]
                lines = [invite.start.replace('INVITE', 'CANCEL'), f'Via: {invite.headers["via"][0]}',
                         f'From: {invite.headers["from"][0]}', f'To: {invite.headers["to"][0]}',
                         f'Call-ID: {invite.headers["call-id"][0]}', f'CSeq: {number} CANCEL',
                         'Max-Forwards: 70', 'Content-Length: 0']
                status = status_of(sock, server, '\r\n'.join(lines).encode() + b'\r\n\r\n')
                assert status == 481, f'CANCEL from {host}: {status}'
        desk.accept()
        home.wait('CALL_ESTABLISHED')
        hear_each_other(home, desk, 1)
        home.hang_up()
        desk.closed()


def test_answers_to_our_invite():
    """Whoever saw our INVITE to a home phone cannot answer it from elsewhere."""
    with Office() as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        outside = office.watch_outside()
        home, desk = office.home(answer='manual'), office.desk()
        desk.dial(home.number)
        home.wait('CALL_INCOMING')
        desk.wait('CALL_RINGING')
        invite = find(outside.sip(), lambda m: m.start.startswith('INVITE ') and f':{home.number}@' in m.headers['to'][0])
        with lab.attacker.udp_socket(5060) as sock:
            for code, to_tag in ((200, 'evil'), (200, ''), (603, 'evil'), (183, 'evil'), (302, 'evil'), (401, 'evil')):
                sock.sendto(forged_answer(invite, code, to_tag, sock.getsockname()), server)
            assert not sip.answers(sock, 0.5), 'the stranger got something'
        home.accept()
        desk.wait('CALL_ESTABLISHED')
        hear_each_other(home, desk, 1)
        desk.hang_up()
        home.closed()


def forged_answer(invite, code, to_tag, local):
    """The answer with this code to an INVITE that was meant for another."""
    body = SDP.format(local[0]).encode()
    tag = f';tag={to_tag}' if to_tag else ''
    lines = [f'SIP/2.0 {code} Evil', *(f'Via: {via}' for via in invite.headers['via']),
             f'From: {invite.headers["from"][0]}', f'To: {invite.headers["to"][0]}{tag}',
             f'Call-ID: {invite.headers["call-id"][0]}', f'CSeq: {invite.headers["cseq"][0]}',
             f'Contact: <sip:evil@{local[0]}:{local[1]}>', 'Content-Type: application/sdp',
             f'Content-Length: {len(body)}']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body
