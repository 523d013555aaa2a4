"""A subscriber outside names others' addresses, in SDP, Contact, Via and Route: nothing is sent there."""

import re
import time

from lab import rtp, sip
from lab.capture import Capture
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.rawphone import SDP, RawPhone

PROBES = 5                         # sparse packets the relay may send to a public address that never answered
PUBLIC = ('203.0.113.200', '203.0.113.10')    # ours too: somebody else may share the office's router
PLACES = {
    'a victim on the internet': '203.0.113.200',
    'the office router': '192.168.10.1',
    'an office phone': '192.168.10.11',
    'ourselves': '192.168.10.2',
    'our public address': '203.0.113.10',
    'loopback': '127.0.0.1',
    'no address': '0.0.0.0',
    'a group': '224.0.0.1',
    'everybody': '255.255.255.255',
    'everybody in the office': '192.168.10.255',
    'link-local': '169.254.169.254',
    'mapped': '::ffff:192.168.10.11',
}


def raw_home(office):
    """The hostile subscriber: 201 of home A, registered."""
    lab = office.lab
    return RawPhone(lab.homes['A'].phones[0], (lab.office.public, 5070), 201, password(201)).register()


def sdp_for(place):
    """An offer whose media is to go to this address."""
    return SDP.format(place).replace('IN IP4 ' + place, f'IN IP{6 if ":" in place else 4} {place}').encode()


def talk(home, number, place):
    """Call with that offer; the answer's status, after half a second of the office's sound. Then hang up."""
    home.invite(number, body=sdp_for(place))
    answer = home.hear(lambda m: (sip.status(m) or 0) >= 200, 3.0)
    if answer is None or sip.status(answer) != 200:
        return answer and sip.status(answer)
    token = answer.headers['contact'][0].split('<')[1].split('>')[0]
    for method, cseq, pause in (('ACK', 2, 0.6), ('BYE', 3, 0.1)):
        lines = [f'{method} {token} SIP/2.0', f'Via: SIP/2.0/UDP h;branch=z9hG4bK{home.call_id}{method};rport',
                 f'From: {answer.headers["from"][0]}', f'To: {answer.headers["to"][0]}',
                 f'Call-ID: {home.call_id}', f'CSeq: {cseq} {method}', 'Max-Forwards: 70', 'Content-Length: 0']
        home.send('\r\n'.join(lines).encode() + b'\r\n\r\n')
        time.sleep(pause)
    return 200


def divert(settings, probes):
    """Calls with each place in the SDP; none may get more than is allowed."""
    with Office(office_phones=2, settings=settings) as office:
        lab = office.lab
        home, desk = raw_home(office), office.desk()
        sent = [Capture(lab.postern_host, lab.path(f'postern-{name}.pcap'), interface=name, filter_='udp')
                for name in ('eth0', 'lo')]
        heard = 0
        for what, place in PLACES.items():
            start = time.time()
            status = talk(home, desk.number, place)
            packets = [p for capture in sent for p in capture.packets()
                       if p.time >= start and rtp.looks_like(p.payload) and p.source[0] == lab.postern_host.address]
            there = [p for p in packets if p.destination[0] == place.removeprefix('::ffff:')]
            at_home = [p for p in packets if p.destination[0] == lab.homes['A'].public]
            heard += len(at_home)
            print(f'{what}: {status}, {len(there)} packets there, {len(at_home)} to his home')
            assert status and (status == 200 or 400 <= status < 500), f'{what}: {status}'
            assert len(there) <= (probes if place in PUBLIC else 0), f'{what}: {len(there)} packets'
        return heard


def test_media():
    """Sound goes to the address he signals from, whatever his SDP says."""
    assert divert({}, 0), 'no sound at all: nothing was tested'


def test_media_where_the_sdp_is_believed():
    """Even then the relay itself sends to nothing inside and to no group, and only probes outside."""
    divert({('media', 'latching'): 'signalled'}, PROBES)


def test_signalling():
    """Contact, Via, Route and Record-Route are no destinations: everything goes where he registered from."""
    with Office() as office:
        lab, victim = office.lab, office.lab.stun.address
        at_victim = Capture(lab.stun, lab.path('victim.pcap'), filter_='udp port 5060')
        home = raw_home(office)
        desk = RawPhone(lab.office.phones[0], (lab.postern_host.address, 5060), 168, password(168)).register()
        for inside in (victim, desk.local[0]):
            desk.received.clear()
            home.invite(168, [f'Route: <sip:{DOMAIN};lr>, <sip:{inside};lr>', f'Record-Route: <sip:{inside};lr>'],
                        expand=lambda head: re.sub(r'(?<=Contact: )[^\r]*', f'<sip:201@{inside}:5060>', re.sub(
                            r'(?<=UDP )[^;]*', f'{inside}:5060', head)))
            assert desk.hear_request('INVITE'), 'not offered'
            assert inside.encode() not in b''.join(line for line in desk.received[-1].split(b'\r\n')
                                                   if line.startswith((b'Via', b'Route', b'Record'))), desk.received[-1]
            desk.answer(200, ['Contact: <sip:168@192.168.10.10>', 'Content-Type: application/sdp'], desk.sdp)
            assert home.hear(lambda m: sip.status(m) == 200), 'the 200 did not come to his flow'
            desk.hear(lambda m: False, 0.7)      # the 2xx again, for want of an ACK: to whom?
            request = [d for d in desk.received if d.startswith(b'INVITE')][-1]
            message = sip.parse(request)
            lines = [f'BYE {message.headers["contact"][0][1:-1]} SIP/2.0',
                     f'Via: SIP/2.0/UDP {desk.local[0]};branch=z9hG4bKbye{home.call_id};rport',
                     f'From: {message.headers["to"][0]};tag=rawphone', f'To: {message.headers["from"][0]}',
                     f'Call-ID: {message.headers["call-id"][0]}', 'CSeq: 1 BYE', 'Max-Forwards: 70',
                     'Content-Length: 0']
            desk.send('\r\n'.join(lines).encode() + b'\r\n\r\n')
            assert home.hear_request('BYE'), 'the BYE did not come to his flow'
            home.answer(200)
            assert not [d for d in desk.received if d.startswith(b'BYE') or b'201@' + inside.encode() in d], desk.received
        assert not [m for _, m in at_victim.sip()], f'the victim got {at_victim.sip()}'
