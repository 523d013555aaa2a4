"""Dialog features through real processes: tel: URIs with SIPp and a real phone, PRACK and UPDATE before the
answer, session timers over a kill of sigproxy, a body of several parts."""

import os
import secrets

from lab import sip
from lab.expect import hear_each_other
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.rawphone import RawPhone

CALLER = '''<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="tel caller">
  <send retrans="500"><![CDATA[

INVITE {uri} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <tel:201;phone-context={domain}>;tag=[pid]c[call_number]
To: <{uri}>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:201@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
  <recv response="100" optional="true"/>
  <recv response="401" auth="true"/>
  <send><![CDATA[

ACK {uri} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-2];rport
Max-Forwards: 70
From: <tel:201;phone-context={domain}>;tag=[pid]c[call_number]
To: <{uri}>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[

INVITE {uri} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <tel:201;phone-context={domain}>;tag=[pid]c[call_number]
To: <{uri}>
Call-ID: [call_id]
CSeq: 2 INVITE
Contact: <sip:201@[local_ip]:[local_port]>
[authentication username=SIP-201 password={password}]
Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[

ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <tel:201;phone-context={domain}>;tag=[pid]c[call_number]
To: <{uri}>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 ACK
Content-Length: 0

]]></send>
  <pause milliseconds="500"/>
  <send retrans="500"><![CDATA[

BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <tel:201;phone-context={domain}>;tag=[pid]c[call_number]
To: <{uri}>[peer_tag_param]
Call-ID: [call_id]
CSeq: 3 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
'''
SDP = '\n'.join(('v=0', 'o=- 1 1 IN IP4 [local_ip]', 's=-', 'c=IN IP4 [local_ip]', 't=0 0', 'm=audio 6000 RTP/AVP 0',
                 'a=rtpmap:0 PCMU/8000', ''))


class Dialog:
    """One dialog of a RawPhone: what it needs to say more in it."""

    def __init__(self, phone, local, remote, call_id, target, cseq):
        self.phone, self.local, self.remote = phone, local, remote
        self.call_id, self.target, self.cseq = call_id, target, cseq

    @classmethod
    def of_answer(cls, phone, message, cseq=2):
        """The caller's, from an answer to its INVITE."""
        head = message.headers
        return cls(phone, head['from'][0], head['to'][0], head['call-id'][0], uri_of(head['contact'][0]), cseq)

    @classmethod
    def of_invite(cls, phone, message, tag='rawphone'):
        """The called phone's."""
        head = message.headers
        return cls(phone, f'{head["to"][0]};tag={tag}', head['from'][0], head['call-id'][0],
                   uri_of(head['contact'][0]), 100)

    def send(self, method, headers=(), body=b'', cseq=None):
        """A request inside."""
        if cseq is None:
            self.cseq += 1
        ip, port = self.phone.local
        lines = [f'{method} {self.target} SIP/2.0',
                 f'Via: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{secrets.token_hex(6)};rport', 'Max-Forwards: 70',
                 f'From: {self.local}', f'To: {self.remote}', f'Call-ID: {self.call_id}',
                 f'CSeq: {cseq or self.cseq} {method}', f'Contact: <sip:{self.phone.number}@{ip}:{port}>', *headers,
                 f'Content-Length: {len(body)}']
        self.phone.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

    def ask(self, method, status, headers=(), body=b''):
        """Send it and hear this status."""
        self.send(method, headers, body)
        number = str(self.cseq)
        answer = self.phone.hear(lambda m: sip.final(m) and m.headers['cseq'][0] == f'{number} {method}')
        assert answer and sip.status(answer) == status, f'{method}: {answer}'
        return answer


def uri_of(value):
    """What stands in the brackets."""
    return value.split('<')[1].split('>')[0]


def contact(phone):
    """A Contact line."""
    return f'Contact: <sip:{phone.number}@{phone.local[0]}:{phone.local[1]}>'


def raw_pair(office):
    """A phone at home (201) and one in the office (168), both registered."""
    home = RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201))
    desk = RawPhone(office.lab.office.phones[0], (office.postern.host.address, 5060), 168, password(168))
    return home.register(), desk.register()


def sipp_calls(office, uri):
    """One call of SIPp at home; its exit code must be 0."""
    path = office.lab.path(f'tel-{secrets.token_hex(3)}.xml')
    with open(path, 'w') as file:
        file.write(CALLER.format(uri=uri, domain=DOMAIN, password=password(201), sdp=SDP))
    host = office.lab.homes['A'].phones[0]
    done = host.run(['sipp', '-sf', path, '-nostdin', '-m', '1', '-i', host.address, '-p', '5090', '-auth_uri',
                     f'168@{DOMAIN}', '-timeout', '15', '-timeout_error', '-trace_err', '-error_file', path + '.log',
                     f'{office.lab.office.public}:5070'], check=False, env={**os.environ, 'TERM': 'dumb'})
    assert done.returncode == 0, f'{uri}: sipp ended with {done.returncode}: {done.stdout[-2000:]}'


def test_tel_calls_a_real_phone():
    with Office() as office:
        home, desk = office.home(), office.desk()
        home.call(desk)             # the house is in order
        hear_each_other(home, desk, 1.0)
        home.hang_up()
        desk.closed()
        for uri in ('tel:168', f'tel:1-6-8;phone-context={DOMAIN}', f'sip:1.68@{DOMAIN};user=phone'):
            sipp_calls(office, uri)
            desk.wait('CALL_ESTABLISHED', 5)
            desk.closed()
        # The digest's own uri may be tel: too, as RFC 3261 22.4 wants it for a tel: Request-URI.
        assert tel_call(office), 'no call by a tel: digest uri'


def tel_call(office):
    """INVITE tel:168 with a digest for tel:168; True when it is answered."""
    with RawPhone(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 201, password(201), 5099) as raw:
        call_id = secrets.token_hex(8)
        first = sip.request('INVITE', 'tel:168', raw.local, to=f'sip:168@{DOMAIN}', from_='201', call_id=call_id)
        answer = sip.ask(raw.sock, raw.server, first)
        if not answer or sip.status(answer) != 401:
            return False
        value = sip.digest(answer.headers['www-authenticate'][0], 'INVITE', 'tel:168', 'SIP-201', password(201))
        again = sip.request('INVITE', 'tel:168', raw.local, to=f'sip:168@{DOMAIN}', from_='201', call_id=call_id,
                            cseq=2, headers=[f'Authorization: {value}', 'Content-Type: application/sdp'],
                            body=raw.sdp)
        answer = sip.ask(raw.sock, raw.server, again, 5.0)
        return answer is not None and sip.status(answer) == 200


def test_prack_and_update():
    with Office() as office:
        home, desk = raw_pair(office)
        typed = ['Content-Type: application/sdp']
        with home, desk:
            home.invite(168, ['Supported: 100rel, timer', 'Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE',
                              'Session-Expires: 120;refresher=uac'])
            invite = desk.hear_request('INVITE')
            assert invite and '100rel' in invite.headers['supported'][0], invite
            assert invite.headers['session-expires'] == ['1800'], invite.headers
            desk.answer(183, ['Require: 100rel', 'RSeq: 41', contact(desk), *typed], desk.sdp)
            early = home.hear(lambda m: sip.status(m) == 183)
            assert early and early.headers['rseq'] == ['41'] and office.lab.office.public.encode() in early.body, early
            caller = Dialog.of_answer(home, early)
            # Killed between answer and PRACK: nobody notices.
            pid = office.postern.pids()['sigproxy']
            office.postern.kill('sigproxy')
            office.postern.wait_restarted('sigproxy', pid)
            caller.send('PRACK', ['RAck: 41 2 INVITE'])
            prack = desk.hear_request('PRACK', 5.0)
            assert prack, 'no PRACK'
            assert prack.headers['rack'] == [f'41 {invite.headers["cseq"][0]}'], prack.headers
            desk.answer(200)
            assert home.hear(lambda m: sip.status(m) == 200 and 'PRACK' in m.headers['cseq'][0]), 'no 200 to PRACK'
            caller.send('UPDATE', typed, home.sdp)
            assert desk.hear_request('UPDATE'), 'no UPDATE'
            desk.answer(200, [contact(desk), *typed], desk.sdp)
            assert home.hear(lambda m: sip.status(m) == 200 and 'UPDATE' in m.headers['cseq'][0]), 'no 200 to UPDATE'
            answer_and_talk(office, home, desk, caller, invite)


def answer_and_talk(office, home, desk, caller, invite):
    """The INVITE is answered without SDP; session timers live on over a kill."""
    desk.received.append(next(d for d in reversed(desk.received) if d.startswith(b'INVITE ')))
    desk.answer(200, [contact(desk), 'Supported: timer', 'Session-Expires: 1800;refresher=uas'])
    ok = home.hear(lambda m: sip.status(m) == 200 and 'INVITE' in m.headers['cseq'][0])
    assert ok and ok.headers['session-expires'] == ['120;refresher=uac'] and ok.headers['require'] == ['timer'], ok
    assert not ok.body, ok
    caller.send('ACK', cseq=2)
    assert desk.hear_request('ACK'), 'no ACK'
    pid = office.postern.pids()['sigproxy']
    office.postern.kill('sigproxy')
    office.postern.wait_restarted('sigproxy', pid)
    refresh = caller.ask('UPDATE', 200, ['Supported: timer', 'Session-Expires: 120;refresher=uac'])
    assert refresh.headers['session-expires'] == ['120;refresher=uac'], refresh
    assert caller.ask('UPDATE', 422, ['Supported: timer', 'Session-Expires: 30']).headers['min-se'] == ['90']
    Dialog.of_invite(desk, invite).ask('BYE', 200, ['Reason: Q.850;cause=16'])
    bye = home.hear_request('BYE')
    assert bye and bye.headers['reason'] == ['Q.850;cause=16'], bye


def test_a_body_of_parts():
    with Office() as office:
        home, desk = raw_pair(office)
        with home, desk:
            body = (b'--b\r\nContent-Type: application/sdp\r\n\r\n' + home.sdp + b'\r\n--b\r\nContent-Type: text/plain'
                    b'\r\nContent-Disposition: render;handling=optional\r\n\r\nhello\r\n--b--\r\n')
            home.invite(168, body=body,
                        expand=lambda head: head.replace('application/sdp', 'multipart/mixed;boundary=b'))
            invite = desk.hear_request('INVITE')
            assert invite, 'no INVITE'
            assert invite.headers['content-type'] == ['multipart/mixed;boundary=b'], invite.headers
            assert b'hello' in invite.body and home.local[0].encode() not in invite.body, invite.body
            assert office.postern.host.address.encode() in invite.body, invite.body
            desk.answer(488)
            assert desk.hear_request('INVITE'), 'not asked with SRTP'     # once more the other way
            desk.answer(488)
            assert home.hear(lambda m: sip.status(m) == 488), 'no 488'
