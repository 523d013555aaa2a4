"""postern explain: twelve offices that are broken in one way each, with real phones; each fault is named.

Each is said by its code, in plain words (cause and remedy), with what proves it. The faults share two offices.
"""

import re
import time

from lab import certs
from lab.expect import does_not_hear, hear_each_other
from lab.explained import explain, named
from lab.linphone import Linphone
from lab.nat import masquerade, load
from lab.net import Home, POSTERN_ADDRESS, flush_connections
from lab.office import Office, RTP_RANGE, SIP_PORT, SIP_TLS_PORT, TONES, password
from lab.phone import Phone
from lab.postern import DOMAIN
from lab.wait import until
from lab.zone import A, Zone

DEADLINE = 120

NAME, OLD_ADDRESS = 'gate.example.net', '192.0.2.77'
LASTS_S = 12                         # the certificate that ends under way
RANGE = 'Here that is UDP 16384-16983, to 192.168.10.2'

# fault: (code, level, words of the cause, words of the remedy, what proves it)
FAULTS = {
    'private Contact and no ACK': (
        'no-ack', 'error', 'never acknowledged it (no ACK)', 'outbound proxy = our address, SIP ALG off',
        r'status (?:200|408), no-ack; caller at 198\.51\.100\.10:\d+, which calls itself <?sip:[^@]+@192\.168\.1\.10'),
    'wrong password': (
        'wrong-password', 'error', 'answers with a wrong password', 'postern subscriber passwd',
        r'"wrong password" \d+ times, the last \d+ s ago from 198\.51\.100\.10:\d+, user name SIP-204'),
    'flag missing': (
        'internet-flag-missing', 'error', 'registers from the internet, which it may not',
        'postern subscriber internet NUMBER on',
        r'"no internet flag" \d+ times, the last \d+ s ago from 198\.51\.100\.10:\d+'),
    'ALG': (
        'home-alg', 'error', "the router of 206's home rewrites SIP (SIP ALG)", 'or let the phone use TLS',
        r'home 198\.51\.100\.12 by udp: sip_alg is echo'),
    'symmetric with no range': (
        'symmetric-no-range', 'warning', '202 was not heard, the other one was (one-way): no packet ever came',
        RANGE, r'signals from 198\.51\.100\.11:\d+; packets from it 0.*told to send to 203\.0\.113\.10:\d+'),
    'pool empty': (
        'pool-empty', 'error', '203 to 168: all channels of the relay were in use', 'raise [media] channels',
        r'status 480, no-channel; .*; channels in use now: 2 of 2, refused since sigproxy started: 1'),
    'codec mismatch': (
        'codec-mismatch', 'error', '169 to 171: the called phone', 'switch the same codec on in both',
        r'it answered with 488'),
    'class denied': (
        'class-denied', 'error', '169 may not call 0900123456', 'class_grant',
        r'rule "[^"]+", the number is premium by the pattern 0900%'),
    'wrong forward': (
        'range-not-forwarded', 'warning', '201 was not heard, the other one was (one-way): no packet ever came',
        RANGE, r'says it is at 192\.168\.1\.10, it signals from 198\.51\.100\.10:\d+; packets from it 0, to it [1-9]\d+'
        r'.*told to send to 203\.0\.113\.10:16\d\d\d'),
    'blocked RTP': (
        'phone-silent', 'warning', 'or its own network drops them', 'that its own network lets UDP out',
        r'signals from 198\.51\.100\.10:\d+; packets from it 0, to it [1-9]\d+, refused from elsewhere 0'),
    'expired certificate': (
        'certificate-expired', 'error', 'which has expired', 'postern reload',
        r'tls-certificate-expired: \d+ TLS handshakes from 198\.51\.100\.10 ended so, the last \d+ s ago'),
    'stale DNS': (
        'dns-stale', 'error', NAME, 'what updates the name', r'192\.0\.2\.77.*our public address is 203\.0\.113\.10'),
}


def is_named(office, word, fault, seconds=3):
    """Asked about word, postern explain names this fault as FAULTS has it."""
    code, level, cause, remedy, proof = FAULTS[fault]
    found = named(office, word, code, cause, remedy=remedy, level=level, seconds=seconds, proof=proof)
    print(f"{fault}: {found['what']}\n    seen: {found['seen']}\n    do:   {found['do']}")
    return found


class Crowd(Office):
    """Four phones in the office, six numbers outside."""
    INSIDE, OUTSIDE = (168, 169, 170, 171), (201, 202, 203, 204, 205, 206)


def another_phone(office, number, port, secret=None):
    """A second phone on the host of home A's last one, which tries to register; it is not waited for."""
    phone = Phone(number, office.server(False), office.lab.folder, host=office.lab.homes['A'].phones[1],
                  name=f'A2-{number}', username=f'SIP-{number}', password=secret or password(number), domain=DOMAIN,
                  tone=TONES[number], sip_port=port, control_port=port, rtp_ports=f'{port + 10}-{port + 19}')
    phone.start(listen=False)
    office.lab.on_close(phone.stop)
    phone.add_account()
    phone.wait('REGISTER_FAIL', 10)


def drop(router, rule):
    """The router drops what the rule matches of what comes from inside."""
    router.run(['nft', f'insert rule ip filter forward iifname "lan" {rule} drop'])


def test_who_may_and_who_reaches_us():
    """No ACK, wrong password, flag missing, ALG, symmetric, pool empty, codec mismatch, class denied."""
    homes = (Home('A', phones=2), Home('B', nat='symmetric'), Home('C', alg=True))
    with Crowd(homes=homes, forward=[SIP_PORT], office_phones=4, settings={('media', 'channels'): 2}) as office:
        first = office.home('A', number=201)
        desks = [office.desk(index, codec='pcma' if index == 3 else 'pcmu') for index in range(4)]
        drop(office.lab.homes['A'].router, 'udp dport 5070 @th,64,32 0x41434b20')        # "ACK "
        first.dial(168)
        first.wait('CALL_ESTABLISHED')
        begun = time.monotonic()

        home = office.home('B', number=202, with_stun=True)
        desks[2].call(home)
        alg = office.home('C', number=206)
        third = office.home('A', index=1, number=203)
        third.dial(168)
        third.closed()
        is_named(office, 203, 'pool empty')
        desks[1].dial(171)
        desks[1].closed()
        is_named(office, 169, 'codec mismatch')
        desks[1].dial('0900123456')
        desks[1].closed()
        is_named(office, 169, 'class denied')
        office.postern.sql("UPDATE subscriber SET internet = 0 WHERE number = '205';\n")
        another_phone(office, 204, 5500, 'not-its-password-1')
        is_named(office, 204, 'wrong password')
        another_phone(office, 205, 5600)
        is_named(office, 205, 'flag missing')
        does_not_hear(desks[2], home)
        is_named(office, 202, 'symmetric with no range', 8)
        is_named(office, 206, 'ALG', 8)
        alg.stop()

        desks[0].closed(40 - (time.monotonic() - begun))
        is_named(office, 201, 'private Contact and no ACK', 10)


class Moved(Office):
    """TLS with a certificate that ends in a moment; a name that DNS gives another address; RTP led to a desk."""
    INSIDE, OUTSIDE = (168, 169), (201, 202, 203, 204, 205)

    def _prepare(self):
        self.zone = Zone(self.lab.stun)
        self.zone.table = {(NAME, A): [OLD_ADDRESS]}
        self._resolver = self.lab.stun.address
        self.ends = time.time() + LASTS_S
        stamps = [time.strftime('%Y%m%d%H%M%SZ', time.gmtime(at)) for at in (self.ends - 86400, self.ends)]
        public = self.lab.office.public
        self.pair = certs.signed(self.lab, 'gate', stamps, names=[f'DNS:{DOMAIN}', f'IP:{public}', f'DNS:{public}'])
        self._settings.update(certs.settings(self.pair))
        self.forward_rtp(self.lab.office.phones[1].address)

    def forward_rtp(self, to):
        """Have the office's router lead the RTP range to that address."""
        router = self.lab.office.router
        router.run(['nft', 'flush ruleset'])
        load(router, masquerade('port-restricted'), [(SIP_PORT, POSTERN_ADDRESS), (SIP_TLS_PORT, POSTERN_ADDRESS),
                                                     (RTP_RANGE, to)])
        flush_connections(router)


def talk(office, caller, callee, heard):
    """A call that is heard by the called one, or not; its record is written when this returns."""
    caller.call(callee)
    if heard:
        hear_each_other(caller, callee, 1)
        time.sleep(5)                 # the first figures come after five seconds
    else:
        does_not_hear(callee, caller)
        code = {'wrong': 'range-not-forwarded', 'blocked': 'phone-silent'}
        until(lambda: set(explain(office, caller.number)) & set(code.values()), 12, 'it is named while it lasts', 0.3)
    caller.hang_up()
    callee.closed()
    office.records()


def a_good_call(office, caller, callee):
    """It is called so, with its figures. A machine that is busy makes bad calls: then another one."""
    for _ in range(3):
        talk(office, caller, callee, True)
        found = explain(office, caller.number)
        if 'call-fine' in found:
            break
    figures = r'MOS [34]\.\d\d \(R [6-9]\d\), loss \d\.\d\d %, jitter \d+\.\d ms'
    assert re.search(rf'the sound of both came to us; .*; sound from {caller.number}: {figures}.*; sound from {callee.number}: {figures}',
                     found['call-fine']['what']), found


def test_ways_that_lead_elsewhere():
    """Wrong forward, blocked RTP, expired certificate, stale DNS; a good call between them is called so."""
    with Moved(homes=(Home('A', nat='symmetric', phones=2), Home('B')), settings={
            ('media', 'mode'): 'forwarded', ('listen', 'external_tls'): 5071,
            ('address', 'name'): NAME}, office_phones=2) as office:
        home, good, desk = office.home('A'), office.home('B'), office.desk()
        astray = office.lab.office.phones[1]
        astray.run(['nft', '-f', '-'], input='table ip seen { chain in { type filter hook input priority filter; '
                                             'udp dport 16384-16983 counter; }; }')
        talk(office, home, desk, False)
        packets = int(re.search(r'packets (\d+)', astray.run(['nft', 'list', 'table', 'ip', 'seen']).stdout)[1])
        assert packets > 50, f'{packets} packets of the home at the desk'
        is_named(office, 201, 'wrong forward')

        office.forward_rtp(POSTERN_ADDRESS)
        a_good_call(office, good, desk)

        drop(office.lab.homes['A'].router, 'udp dport 16384-16983')
        flush_connections(office.lab.homes['A'].router)
        talk(office, home, desk, False)
        is_named(office, 201, 'blocked RTP')

        time.sleep(max(0, office.ends + 1 - time.time()))
        secure = Linphone(203, office.server(False, 'tls'), office.lab.folder, host=office.lab.homes['A'].phones[1],
                          username='SIP-203', password=password(203), domain=DOMAIN, transport='tls',
                          root_ca=office.pair[0])      # baresip 1.0.0 takes an expired one
        office.lab.on_close(secure.stop)
        secure.start()
        is_named(office, 203, 'expired certificate', 10)
        secure.stop()
        lost = office.phone(204, office.lab.homes['A'].phones[1], server=f'{NAME}:5070', register=False,
                            dns=f'{office.lab.stun.address}:53')
        lost.add_account()
        is_named(office, 204, 'stale DNS')
        assert {'dns-stale', 'not-registered'} <= explain(office, 204).keys()


def test_all_twelve_are_here():
    """Each fault of the list is asserted by one of the two tests."""
    with open(__file__) as file:
        asserted = re.findall(r"is_named\(office, \d+, '([^']+)'", file.read())
    assert sorted(asserted) == sorted(FAULTS) and len(FAULTS) == 12, asserted
