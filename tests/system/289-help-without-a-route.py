"""112 goes out by any trunk where no route and no prefix provides for it; check says so where nobody can be called."""

import json

from lab import sip, trunk
from lab.office import Office, password
from lab.rawphone import RawPhone
from lab.trunk import Peer

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


def finding(office):
    """What `postern check` says of it, or None."""
    done = office.postern.asked('check', '--json', '--state', office.postern.state)
    return next((f for f in json.loads(done.stdout)['findings'] if f['code'] == 'emergency-nowhere'), None)


def invite(host, number):
    """An INVITE of a phone in the office that shows no password; its socket."""
    sock = host.udp_socket(0)
    local = sock.getsockname()
    body = (f'v=0\r\no=- 1 1 IN IP4 {local[0]}\r\ns=-\r\nc=IN IP4 {local[0]}\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n').encode()
    sock.sendto(sip.request('INVITE', f'sip:{number}@192.168.10.2', local, headers=['Content-Type: application/sdp'],
                            body=body), ('192.168.10.2', 5060))
    return sock


def test_help_is_called():
    with Office(homes=[], settings=GERMANY) as office:
        said = finding(office)
        assert said and '112' in said['what'] and 'postern trunk add' in said['do'], said
        itsp = Peer(office.lab.public_host('itsp', trunk.ITSP), (office.lab.office.public, 5070))
        trunk.add(office, prefix='0', numbers='e164', ping_s=0)
        assert not finding(office)
        desk = RawPhone(office.lab.office.phones[0], ('192.168.10.2', 5060), 168, password(168))
        office.lab.on_close(desk.sock.close)
        for number, call in (('112', lambda: invite(office.lab.office.phones[0], '112')),
                             ('0112', lambda: desk.register().invite('0112'))):
            call()
            came = itsp.hear_request('INVITE', 3)
            assert came and came.start.startswith('INVITE sip:112@'), f'{number}: {came}'
            itsp.answer(486)
        record = office.records()[-1]
        assert (record['number_class'], record['trunk'], record['sent']) == ('emergency', 'itsp', '112'), record
        office.postern.sql("INSERT INTO route(pattern, trunk, kinds, prepend) VALUES ('%', 'itsp', 'emergency', '9')")
        office.postern.in_effect()
        invite(office.lab.office.phones[0], '112')
        came = itsp.hear_request('INVITE', 3)
        assert came and came.start.startswith('INVITE sip:9112@'), came
        itsp.answer(486)
