"""A traced call goes to a receiver of HEP by TLS or TCP, and nothing of it is missing when the receiver was away."""

import time

from lab import certs
from lab.expect import hear_each_other
from lab.hepsink import Sink
from lab.office import Office
from lab.tracing import HEP_PORT, files, messages, trace
from lab.wait import until

CLOCK = '%Y%m%d%H%M%SZ'
NAME = 'homer.office.example'


class HepOffice(Office):
    """One whose desk takes HEP, by TLS with a certificate of a CA of its own."""

    def __init__(self, way='tls', names=(f'DNS:{NAME}',), days=(-1, 30), **options):
        super().__init__(**options)
        self._way, self._names, self._days = way, names, days
        self.sink = None

    def _prepare(self):
        lab, desk = self.lab, self.lab.office.phones[0]
        self._settings['trace', 'hep'] = f'{self._way}:{desk.address}:{HEP_PORT}'
        pair = None
        if self._way == 'tls':
            now = time.time()
            start, end = (time.strftime(CLOCK, time.gmtime(now + 86400 * d)) for d in self._days)
            ca = certs.signed(lab, 'ca', (time.strftime(CLOCK, time.gmtime(now - 864000)), '20990101000000Z'),
                              extension='basicConstraints=critical,CA:TRUE')
            pair = certs.signed(lab, 'homer', (start, end), ca, names=self._names)
            self._settings['trace', 'hep_tls_ca'] = ca[0]
            self._settings['trace', 'hep_tls_name'] = NAME
        self.sink = Sink(desk, HEP_PORT, lab.folder, pair)

    def tracer(self):
        """tracer's own figures."""
        one, = [p['status'] for p in self.postern.status()['processes'] if p['role'] == 'tracer']
        return one

    def all_sent(self):
        """Wait until nothing waits."""
        until(lambda: self.tracer()['hep_waiting'] == 0, 8, 'nothing waits')


def complete(office, number):
    """What the files have the receiver has, too: the same messages between the same two."""
    rows = [row for path in files(office.postern, f'-{number}-') for row in messages(path)]
    written = sorted((row['sip.Request-Line'] or row['sip.Status-Line'], row['udp.srcport'], row['udp.dstport'])
                     for row in rows)
    sent = sorted((m.first_line, str(int.from_bytes(m.sport, 'big')), str(int.from_bytes(m.dport, 'big')))
                  for m in office.sink.messages())
    print(f'{len(written)} messages in files, {len(sent)} by HEP, {office.tracer()}')
    assert len(written) > 10 and sent == written, (len(sent), len(written))
    return [line for line, _, _ in written]


def a_call_while_it_is_away(office):
    """201 calls the desk; the receiver is killed while they talk, for 3 s, in which they hang up."""
    until(lambda: office.tracer()['hep_state'] == 'connected', 5, 'there is a connection')
    assert 'trace 1' in trace(office.postern, 'on', 201, '--hep')
    assert 'connected' in trace(office.postern, 'list')
    home, desk = office.home('A'), office.desk()
    home.call(desk)
    hear_each_other(home, desk, 0.5)
    office.all_sent()
    had = len(office.sink.messages())
    assert had > 5 and office.sink.connections() == 1
    office.sink.kill()
    began = time.monotonic()
    home.hang_up()
    desk.closed()
    office.records()
    until(lambda: office.tracer()['hep_state'] != 'connected', 3, 'the loss is seen')
    one = office.tracer()
    assert one['hep_waiting'] >= 4 and one['hep_why'], one
    assert 'HEP' in trace(office.postern, 'list') and len(office.sink.messages()) == had
    time.sleep(max(0, began + 3 - time.monotonic()))
    office.sink.start()
    office.all_sent()
    lines = complete(office, 201)
    assert sum(line.startswith('BYE') for line in lines) == 2, lines
    one = office.tracer()
    assert one['hep_lost'] == 0 and one['hep_state'] == 'connected' and one['hep_sent'] >= len(lines), one
    assert one['hep_why'] == '', one
    assert 'hep-receiver-away' in office.postern.logs() and 'by=' in office.postern.logs()


def test_by_tls():
    """Nothing is missing."""
    with HepOffice() as office:
        a_call_while_it_is_away(office)
        assert 'by=TLSv1.3' in office.postern.logs()


def test_by_tcp():
    """Nor by TCP."""
    with HepOffice('tcp') as office:
        a_call_while_it_is_away(office)
