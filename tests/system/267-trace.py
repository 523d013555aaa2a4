"""A traced call by TLS: tshark reads its SIP, sngrep gets all of it by HEP, and no digest and no key is in either."""

import re

from lab.expect import hear_each_other
from lab.office import password
from lab.securephone import SecureEar
from lab.tlsoffice import TlsOffice
from lab.tracing import HEP_PORT, Sngrep, fields, files, messages, trace
from lab.wait import until


class TracedOffice(TlsOffice):
    """One whose desk takes HEP."""

    def _prepare(self):
        self._settings['trace', 'hep'] = f'{self.lab.office.phones[0].address}:{HEP_PORT}'


def first_lines(rows):
    """'INVITE' or '200' of each message."""
    return [row['sip.Request-Line'].split(' ')[0] or row['sip.Status-Line'].split(' ')[1] for row in rows]


def no_secret(data, *secrets):
    """What is crossed out is: digests' answers, nonces, keys."""
    for name in (b'response', b'nonce', b'cnonce', b'opaque'):
        for value in re.findall(b'[ ,]' + name + b'="([^"]*)"', data):
            assert not value.strip(b'x'), (name, value)
    for value in re.findall(rb'inline:([^\r\n]*)', data):
        assert not value.strip(b'x'), value
    for secret in secrets:
        assert secret.encode() not in data, secret


def test_a_call_by_tls():
    """201 at home by TLS with SRTP calls the desk by UDP; traced by number, with HEP."""
    with TracedOffice() as office:
        sngrep = Sngrep(office.lab.office.phones[0], office.lab.folder)
        office.lab.on_close(sngrep.stop)
        assert 'trace 1' in trace(office.postern, 'on', 201, '--for', '10m', '--hep')
        home = office.home('A', transport='tls', ca=office.certificate, modules=('srtp.so',),
                           account=('mediaenc=srtp-mand',))
        home.ear = SecureEar(home)
        desk = office.desk()
        home.call(desk)
        hear_each_other(home, desk, 1.0)
        home.hang_up()
        desk.closed()
        office.records()
        registered, = files(office.postern, '-trace-201-1.')
        until(lambda: files(office.postern, '-call-201-'), 3, 'the call has a file')
        called, = files(office.postern, '-call-201-')
        rows = messages(called)
        seen = first_lines(rows)
        print(seen)
        # Both legs: by TLS outside, by UDP inside.
        assert seen.count('INVITE') == 3 and seen.count('BYE') == 2 and '401' in seen, seen
        outside = [row for row in rows if row['frame.interface_name'] == 'external-tls']
        inside = [row for row in rows if row['frame.interface_name'] == 'internal-udp']
        assert len(outside) + len(inside) == len(rows) and outside and inside
        assert {row['udp.srcport'] for row in outside} | {row['udp.dstport'] for row in outside} >= {'5071'}
        assert all('TLS' in row['frame.comment'] for row in outside)
        assert home_address(office) in {row['ip.src'] for row in outside}
        media = fields(called, ('udp.length', 'frame.cap_len', 'rtp.seq', 'rtp.payload'), '-o', 'rtp.heuristic_rtp:TRUE',
                       '-Y', 'frame.interface_name == "media"')
        assert len(media) > 150 and all(int(row['frame.cap_len']) <= 28 + 76 for row in media), len(media)
        assert {row['rtp.payload'] for row in media} <= {'', '<MISSING>'}
        assert len({row['rtp.seq'] for row in media}) > 50
        asked = first_lines(messages(registered))
        assert asked[:4] == ['REGISTER', '401', 'REGISTER', '200'], asked
        sent = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'tracer'][0]
        assert sent['hep_lost'] == 0 and sent['not_written'] == 0, sent
        copy = sngrep.stop()
        taken = first_lines(fields(copy, ('sip.Request-Line', 'sip.Status-Line'), '-Y', 'sip'))
        print(taken)
        assert sorted(taken) == sorted(seen + asked), (len(taken), len(seen), len(asked))
        for path in (registered, called, copy):
            with open(path, 'rb') as file:
                no_secret(file.read(), password(201), password(168))
        shown = trace(office.postern, 'show', 201)
        print(shown)
        assert 'INVITE' in shown and '200 OK' in shown and 'BYE' in shown


def home_address(office):
    """What the internet sees of home A."""
    return office.lab.homes['A'].public
