"""SIPp as two providers: calls out by digest, by the second when the first refuses, and one in by DID, with sound."""

import os
import secrets

from lab import trunk
from lab.expect import CLEAR
from lab.office import Office

FIRST, SECOND = '203.0.113.82', '203.0.113.83'
GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}

# Who challenges once and then answers, and sends back what it hears; who refuses all.
HEAD = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="trunk">\n'
SAY = '''  <send><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]{tag}
[last_Call-ID:]
[last_CSeq:]
{headers}

{body}]]></send>
'''
SDP = '''v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
'''
INVITE, ACK, BYE = ('  <recv request="%s"/>\n' % method for method in ('INVITE', 'ACK', 'BYE'))
EMPTY = 'Content-Length: 0'


def say(status, tag, headers=EMPTY, body=''):
    """An answer of a scenario."""
    return SAY.format(status=status, tag=tag, headers=headers, body=body)


CHALLENGES = HEAD + INVITE + say('401 Unauthorized', 'a', 'WWW-Authenticate: Digest realm="'
                                 + trunk.REALM + '", nonce="b0a1", algorithm=MD5, qop="auth"\n' + EMPTY) + ACK + (
    '  <recv request="INVITE"><action>\n'
    '    <verifyauth assign_to="good" username="' + trunk.ACCOUNT + '" password="' + trunk.SECRET + '"/>\n'
    '  </action></recv>\n'
    '  <nop test="good" next="good"/>\n') + say('403 Forbidden', 'b') + '  <label id="good"/>\n' + say(
    '180 Ringing', 'b') + say(
    '200 OK', 'b', 'Contact: <sip:[local_ip]:[local_port]>\nContent-Type: application/sdp\nContent-Length: [len]',
    SDP) + ACK + BYE + '  <send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n' \
    '[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n' + '</scenario>\n'
REQUEST = '''  <send retrans="500"><![CDATA[
{line} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:+4989555@[local_ip]>;tag=[pid]d
To: <sip:+49301234201@[remote_ip]>{tag}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:[local_ip]:[local_port]>
{headers}

{body}]]></send>
'''


def ask(line, cseq, tag='[peer_tag_param]', headers=EMPTY, body=''):
    """A request of a scenario."""
    return REQUEST.format(line=line, cseq=cseq, tag=tag, headers=headers, body=body)


CALLS = HEAD + ask('INVITE sip:+49301234201@[remote_ip]:[remote_port]', '1 INVITE', '',
                   'Content-Type: application/sdp\nContent-Length: [len]', SDP) + (
    '  <recv response="100" optional="true"/>\n  <recv response="180" optional="true"/>\n'
    '  <recv response="200" rrs="true"/>\n') + ask('ACK [next_url]', '1 ACK').replace(' retrans="500"', '') + (
    '  <pause milliseconds="3000"/>\n') + ask('BYE [next_url]', '2 BYE') + '  <recv response="200"/>\n</scenario>\n'
REFUSES = HEAD + INVITE + say('503 Service Unavailable', 'c') + ACK + '</scenario>\n'


class Sipp:
    """One SIPp at a provider's address."""

    def __init__(self, office, host, scenario):
        path = office.lab.path(f'sipp-{secrets.token_hex(3)}')
        with open(path + '.xml', 'w') as file:
            file.write(scenario)
        self._log = path + '.log'
        with open(self._log, 'wb') as log:
            self._process = host.spawn(
                ['sipp', '-sf', path + '.xml', '-nostdin', '-m', '1', '-i', host.address, '-p', '5060', '-mi', host.address, '-mp',
                 '6000', '-rtp_echo', '-timeout', '30', '-timeout_error', '-trace_err', '-error_file', path + '.err',
                 f'{office.lab.office.public}:5070'], stdout=log, stderr=log, env={**os.environ, 'TERM': 'dumb'})

    def went_well(self):
        """It ends, and everything came as its scenario wants."""
        code = self._process.wait(35)
        with open(self._log, errors='replace') as file:
            assert code == 0, f'sipp ended with {code}: {file.read()[-1500:]}'


def provide(office):
    """Two providers for everything outside; the first one is asked first."""
    for name, address, priority in (('first', FIRST, 10), ('second', SECOND, 20)):
        trunk.add(office, name=name, address=f'{address}:5060', outbound=1, numbers='e164', ping_s=0, prefix='9',
                  username=trunk.ACCOUNT, password=trunk.SECRET, realm=trunk.REALM)
        office.postern.sql(f"INSERT INTO route(pattern, trunk, priority) VALUES ('0%', '{name}', {priority});")
    office.postern.sql("UPDATE class_of_service SET internet = 'internal,national' WHERE name = 'national';"
                       "INSERT INTO did(trunk, pattern, target) VALUES ('second', '+493012342XX', '2XX');")
    office.postern.in_effect()


def hears_itself(phone):
    """SIPp sends back what it hears."""
    heard = phone.ear.listen(1.5)
    print(f'{phone.name} heard: {heard.describe(phone.tone)}')
    assert heard.strength(phone.tone) >= CLEAR, heard.describe(phone.tone)


def test_out_by_the_second_and_in_by_did():
    with Office(settings=GERMANY) as office:
        hosts = [office.lab.public_host(name, address) for name, address in (('first', FIRST), ('second', SECOND))]
        provide(office)
        home = office.home()
        first, second = Sipp(office, hosts[0], REFUSES), Sipp(office, hosts[1], CHALLENGES)
        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        hears_itself(home)
        home.hang_up()
        first.went_well()
        second.went_well()
        record = office.records()[-1]
        assert (record['trunk'], record['sent'], record['number_class'], record['status']) == \
            ('second', '+4989987654321', 'national', 200), record

        caller = Sipp(office, hosts[1], CALLS)
        home.wait('CALL_ESTABLISHED', 10)
        hears_itself(home)
        caller.went_well()
        home.closed()
        record = office.records()[-1]
        assert (record['trunk'], record['called'], record['ended_by']) == ('second', '201', 'caller'), record
