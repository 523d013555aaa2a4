"""A phone answers our requests with a challenge: nobody answers it, and the other phone does not see it."""

from lab import sip
from lab.office import Office, password
from lab.rawphone import RawPhone

CHALLENGES = {
    401: 'WWW-Authenticate: Digest realm="SMO-SIP", nonce="cafe0123", algorithm=MD5, qop="auth"',
    407: 'Proxy-Authenticate: Digest realm="SMO-SIP", nonce="cafe0123", algorithm=MD5',
}
SECRETS = (b'uthorization', b'response=')
TYPED = ['Content-Type: application/sdp']


def assert_no_digest(phone, what):
    """Nothing in all that this phone got is an answer to a challenge."""
    for data in phone.received:
        assert not any(secret in data for secret in SECRETS), f'{what}: got a digest: {data!r}'


def assert_no_challenge(phone, what):
    """The challenge with that nonce did not reach the other phone, whose password it would want."""
    assert not [data for data in phone.received if b'cafe0123' in data], f'{what}: the challenge was passed on'


def challenge(phone, status):
    """Answer what was heard with a challenge; take in whatever comes of it."""
    phone.answer(status, [CHALLENGES[status], f'Contact: <sip:{phone.number}@{phone.local[0]}>'])
    phone.hear(lambda m: False, 0.25)


def established(caller, callee):
    """A call; returns the Contact and To that the caller got."""
    caller.invite(callee.number)
    assert callee.hear_request('INVITE'), 'not offered'
    callee.answer(200, [f'Contact: <sip:{callee.number}@{callee.local[0]}:{callee.local[1]}>', *TYPED], callee.sdp)
    ok = caller.hear(lambda m: sip.status(m) == 200)
    token = ok.headers['contact'][0].split('<')[1].split('>')[0]
    caller.send(in_dialog(caller, ok, 'ACK', 2, token))
    assert callee.hear_request('ACK'), 'no ACK'
    return ok, token


def in_dialog(caller, ok, method, cseq, token, headers=(), body=b''):
    """A request of the caller in the call."""
    lines = [f'{method} {token} SIP/2.0', f'Via: SIP/2.0/UDP {caller.local[0]};branch=z9hG4bK{caller.call_id}{cseq};rport',
             'Max-Forwards: 70', f'From: {ok.headers["from"][0]}', f'To: {ok.headers["to"][0]}',
             f'Call-ID: {ok.headers["call-id"][0]}', f'CSeq: {cseq} {method}',
             f'Contact: <sip:{caller.number}@{caller.local[0]}:{caller.local[1]}>', *headers,
             f'Content-Length: {len(body)}']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def challenge_everything(caller, callee):
    """The callee challenges the INVITE, then in a call the re-INVITE, UPDATE, INFO and BYE."""
    for status in CHALLENGES:
        caller.invite(callee.number)
        assert callee.hear_request('INVITE'), 'not offered'
        challenge(callee, status)
        final = caller.hear(lambda m: (sip.status(m) or 0) >= 300, 1.0) or sip.parse(caller.received[-1])
        assert sip.status(final) == 480, f'the caller was told {final.start}'
        caller.send(ack_of(caller, final))
        ok, token = established(caller, callee)
        for cseq, (method, headers, body) in enumerate(
                [('INVITE', TYPED, caller.sdp), ('UPDATE', TYPED, caller.sdp),
                 ('INFO', ['Content-Type: application/dtmf-relay'], b'Signal=1\r\n'), ('BYE', [], b'')], 10):
            caller.send(in_dialog(caller, ok, method, cseq, token, headers, body))
            assert callee.hear_request(method), f'{method} did not come'
            challenge(callee, status)
            final = caller.hear(lambda m: (sip.status(m) or 0) >= 200 and method in m.headers['cseq'][0], 1.0)
            assert final and sip.status(final) not in CHALLENGES, f'{method}: the caller was told {final}'
            if method == 'INVITE':
                caller.send(in_dialog(caller, ok, 'ACK', cseq, token))
            print(f'{status} to {method}: the caller is told {sip.status(final)}')
        assert_no_digest(callee, f'{status}')
        assert_no_challenge(caller, f'{status}')


def ack_of(caller, final):
    """The ACK for a refusal of the newest INVITE."""
    lines = [f'ACK {caller.uri} SIP/2.0', f'Via: {final.headers["via"][0]}', 'Max-Forwards: 70',
             f'From: {final.headers["from"][0]}', f'To: {final.headers["to"][0]}',
             f'Call-ID: {final.headers["call-id"][0]}', f'CSeq: {final.headers["cseq"][0].split()[0]} ACK',
             'Content-Length: 0']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n'


def phones(office):
    """(office phone, home phone), both registered."""
    lab = office.lab
    return (RawPhone(lab.office.phones[0], (lab.postern_host.address, 5060), 168, password(168)).register(),
            RawPhone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, password(201)).register())


def test_a_home_phone_challenges_the_office():
    with Office() as office:
        desk, home = phones(office)
        challenge_everything(desk, home)


def test_an_office_phone_challenges_the_home():
    with Office() as office:
        desk, home = phones(office)
        challenge_everything(home, desk)
