"""A home phone with a right password says it is somebody else: the office sees the database's name only."""

import re

from lab import sip
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.rawphone import RawPhone

EVIL = 'Mallory-666'
PARTY = f'"{EVIL}" <sip:666@{DOMAIN}>'
TRUE = f'"SIP-201" <sip:201@{DOMAIN}>'

# Header lines as they go out. Each INVITE must be refused, or come out without a trace of EVIL.
SPELLINGS = {
    'plain': [f'P-Asserted-Identity: {PARTY}'],
    'twice': [f'P-Asserted-Identity: {PARTY}', f'P-Asserted-Identity: <tel:+666>;x={EVIL}'],
    'list': [f'P-Asserted-Identity: {PARTY}, <tel:+666>'],
    'small letters': [f'p-asserted-identity: {PARTY}'],
    'space before the colon': [f'P-Asserted-Identity : {PARTY}'],
    'tabs before the colon': [f'P-Asserted-Identity\t\t:\t{PARTY}'],
    'folded value': [f'P-Asserted-Identity:\r\n {PARTY}'],
    'folded twice': [f'P-Asserted-Identity:\r\n\t\r\n {PARTY}'],
    'folded before the colon': [f'P-Asserted-Identity\r\n : {PARTY}'],
    'space before the name': ['P-Charging-Vector: x', f' P-Asserted-Identity: {PARTY}'],
    'vertical tab before the colon': [f'P-Asserted-Identity\x0b: {PARTY}'],
    'NUL before the colon': [f'P-Asserted-Identity\x00: {PARTY}'],
    'no-break space before the colon': [f'P-Asserted-Identity\xa0: {PARTY}'],
    'behind a bare CR': [f'Subject: x\rP-Asserted-Identity: {PARTY}'],
    'behind a bare LF': [f'Subject: x\nP-Asserted-Identity: {PARTY}'],
    'behind CR CR LF': [f'Subject: x\r\r\nP-Asserted-Identity: {PARTY}'],
    'behind LF CR': [f'Subject: x\n\rP-Asserted-Identity: {PARTY}'],
    'behind an empty quoted pair': [f'Subject: "x\\\r\nP-Asserted-Identity: {PARTY}'],
    'unclosed quote': ['X-A: "', f'P-Asserted-Identity: {PARTY}'],
    'preferred': [f'P-Preferred-Identity: {PARTY}'],
    'Remote-Party-ID': [f'Remote-Party-ID: {PARTY};party=calling;screen=yes'],
    'Diversion': [f'Diversion: {PARTY};reason=unconditional'],
    'History-Info': [f'History-Info: <sip:666@{DOMAIN}>;index=1;x={EVIL}'],
    'Referred-By': [f'Referred-By: {PARTY}'],
    'compact Referred-By': [f'b: {PARTY}'],
    'Identity': [f'Identity: {EVIL}', f'Identity-Info: <https://{EVIL}>;alg=rsa-sha1'],
    'compact Identity': [f'y: {EVIL}'],
    'charging': [f'P-Charging-Vector: icid-value={EVIL}'],
    'called party': [f'P-Called-Party-ID: {PARTY}'],
    'Reply-To': [f'Reply-To: {PARTY}'],
    'second From': [f'From: {PARTY};tag=1'],
    'second From, compact': [f'f: {PARTY};tag=1'],
    'second Contact': [f'm: {PARTY}'],
    'Replaces': [f'Replaces: {EVIL}@x;to-tag=1;from-tag=2'],
    'Join': [f'Join: {EVIL}@x;to-tag=1;from-tag=2'],
    'Alert-Info': [f'Alert-Info: <http://{EVIL}.example/ring.wav>'],
    'Call-Info': [f'Call-Info: <http://{EVIL}.example/face.png>;purpose=icon'],
    'Record-Route': [f'Record-Route: <sip:{EVIL}.example;lr>'],
    'Route': [f'Route: <sip:{EVIL}.example;lr>'],
    'Authorization of another': [f'Proxy-Authorization: Digest username="{EVIL}"'],
}
ANSWER_MODES = ('Answer-Mode: Auto', 'Priv-Answer-Mode: Auto', 'Alert-Info: <http://x>;info=alert-autoanswer')


def offered(desk, home, headers=(), **how):
    """Send the INVITE; (bytes of the INVITE at the desk, or None; status at home when refused)."""
    desk.received.clear()
    home.invite(desk.number, headers, **how)
    refusal = home.hear(lambda m: (sip.status(m) or 0) >= 180, 0.25)
    invite = desk.hear_request('INVITE', 0.05 if refusal else 1.0)
    if invite is None:
        return None, refusal and sip.status(refusal)
    raw = desk.received[-1]
    desk.answer(486)
    desk.hear_request('ACK')
    home.hear(lambda m: sip.status(m) == 486)
    return raw, None


def assert_true_identity(raw, what):
    """Exactly the database's name and number, once as the network's word, nothing of the forger's."""
    message = sip.parse(raw)
    assert EVIL.encode() not in raw, f'{what}: came through: {raw!r}'
    assert message.headers['p-asserted-identity'] == [TRUE], f'{what}: {message.headers["p-asserted-identity"]}'
    assert len(message.headers['from']) == 1 and message.headers['from'][0].startswith(TRUE + ';tag='), \
        f'{what}: From: {message.headers["from"]}'
    assert b'666' not in message_head(raw), f'{what}: a trace of the number: {raw!r}'


def message_head(raw):
    """The header without what is random: Call-ID, tags, our token and branch."""
    return re.sub(rb'(?im)^(?:call-id|contact|via):.*\r\n|;tag=\w+', b'', raw.partition(b'\r\n\r\n')[0])


class Phones:
    """An office phone and a home phone, both registered, in a laboratory."""

    def __enter__(self):
        self.office = Office().__enter__()
        lab = self.office.lab
        self.desk = RawPhone(lab.office.phones[0], (lab.postern_host.address, 5060), 168, password(168)).register()
        self.home = RawPhone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, password(201)).register()
        return self

    def __exit__(self, *error):
        self.office.__exit__(*error)


def test_forged_from():
    """The From display, and the From user."""
    with Phones() as phones:
        raw, refused = offered(phones.desk, phones.home, from_display=f'"{EVIL}" ')
        assert raw, f'not offered: {refused}'
        assert_true_identity(raw, 'From display')
        for what, old, new in (('From user', f'From: <sip:201@{DOMAIN}>', f'From: <sip:666@{DOMAIN}>'),
                               ('From host', f'From: <sip:201@{DOMAIN}>', f'From: <sip:201@{EVIL}.example>'),
                               ('From tel', f'From: <sip:201@{DOMAIN}>', 'From: <tel:+666>'),
                               ('Contact', 'Contact: <', f'Contact: "{EVIL}" <')):
            raw, refused = offered(phones.desk, phones.home, expand=lambda head: head.replace(old, new))
            print(f'{what}: {refused or "offered"}')
            assert raw or 400 <= refused < 500, f'{what}: {refused}'
            if raw:
                assert_true_identity(raw, what)


def test_smuggled_headers():
    with Phones() as phones:
        came = 0
        for what, lines in SPELLINGS.items():
            raw, refused = offered(phones.desk, phones.home, lines)
            print(f'{what}: {refused or "offered"}')
            assert raw or refused and 400 <= refused < 500, f'{what}: {refused}'
            if raw:
                came += 1
                assert_true_identity(raw, what)
        assert came > 15, 'nearly everything was refused: nothing was tested'


def test_no_microphone_is_opened():
    """What makes a desk phone answer by itself does not come from outside."""
    with Phones() as phones:
        for line in ANSWER_MODES:
            raw, refused = offered(phones.desk, phones.home, [line])
            assert raw, f'{line}: {refused}'
            assert b'uto' not in raw.replace(b'Auto-', b''), f'{line}: came through: {raw!r}'
