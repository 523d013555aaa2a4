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

    def __init__(self, names=(f'DNS:{NAME}',), **options):
        super().__init__(**options)
        self._names = names
        self._ca = self.pair = self.sink = None

    def certificate(self, name, names=(f'DNS:{NAME}',), days=(-1, 30), **options):
        """(certificate, key) by our CA, valid between these days from now."""
        dates = [time.strftime(CLOCK, time.gmtime(time.time() + 86400 * d)) for d in days]
        return certs.signed(self.lab, name, dates, self._ca, names=names, **options)

    def _prepare(self):
        desk = self.lab.office.phones[0]
        self._ca = self.certificate('ca', days=(-10, 30), extension='basicConstraints=critical,CA:TRUE')
        self.pair = self.certificate('homer', self._names)
        self._settings['trace', 'hep'] = f'tls:{desk.address}:{HEP_PORT}'
        self._settings['trace', 'hep_tls_ca'] = self._ca[0]
        self._settings['trace', 'hep_tls_name'] = NAME
        self.sink = Sink(desk, HEP_PORT, self.lab.folder, self.pair)

    def tracer(self):
        """tracer's own figures."""
        one, = [p['status'] for p in self.postern.status()['processes'] if p['role'] == 'tracer']
        return one or {}

    def all_sent(self):
        """Wait until nothing waits."""
        until(lambda: self.tracer()['hep_waiting'] == 0, 8, 'nothing waits')


def complete(office, number, *sinks):
    """What the files have the receivers have, too: the same messages between the same two."""
    rows = [row for path in files(office.postern, f'-{number}-') for row in messages(path)]
    written = sorted((row['sip.Request-Line'] or row['sip.Status-Line'], row['udp.srcport'], row['udp.dstport'])
                     for row in rows)
    sent = sorted((m.first_line, str(int.from_bytes(m.sport, 'big')), str(int.from_bytes(m.dport, 'big')))
                  for sink in sinks for m in sink.messages())
    print(f'{len(written)} messages in files, {len(sent)} by HEP, {office.tracer()}')
    assert len(written) > 10 and sent == written, (len(sent), len(written))
    return [line for line, _, _ in written]


def there(office):
    """Wait for a connection."""
    until(lambda: office.tracer().get('hep_state') == 'connected', 5, 'there is a connection')


def a_call_while_it_is_away(office, home, desk, seconds):
    """201 calls the desk; they hang up while nothing reaches the receiver, which is then killed and away."""
    sink, host = office.sink, office.lab.office.phones[0]
    home.call(desk)
    hear_each_other(home, desk, 0.3)
    office.all_sent()
    had = len(sink.messages())
    assert had > 5 and sink.connections() == 1
    host.run(['nft', 'add table ip cut; add chain ip cut in { type filter hook input priority 0; }; '
                     f'add rule ip cut in tcp dport {HEP_PORT} drop'])
    home.hang_up()
    desk.closed()
    office.records()
    # The kernel took them, and nobody has them.
    until(lambda: office.tracer()['hep_waiting'] >= 4, 3, 'they are kept')
    assert office.tracer()['hep_state'] == 'connected'
    sink.kill()
    began = time.monotonic()
    until(lambda: office.tracer()['hep_state'] != 'connected', 3, 'the loss is seen')
    host.run(['nft', 'delete table ip cut'])
    one = office.tracer()
    assert one['hep_waiting'] >= 4 and one['hep_again'] >= 4 and one['hep_why'], one
    assert 'messages wait' in trace(office.postern, 'list') and len(sink.messages()) == had
    time.sleep(max(0, began + seconds - time.monotonic()))
    sink.start()
    office.all_sent()
    one = office.tracer()
    assert one['hep_lost'] == 0 and one['hep_state'] == 'connected' and one['hep_why'] == '', one


def test_nothing_is_missing():
    """By TLS, then by TCP."""
    with HepOffice() as office:
        there(office)
        assert 'trace 1' in trace(office.postern, 'on', 201, '--hep')
        assert 'connected' in trace(office.postern, 'list')
        home, desk = office.home('A'), office.desk()
        a_call_while_it_is_away(office, home, desk, 3)
        lines = complete(office, 201, office.sink)
        assert sum(line.startswith('BYE') for line in lines) == 2, lines
        assert office.tracer()['hep_sent'] >= len(lines)
        assert 'hep-receiver-away' in office.postern.logs() and 'by=TLSv1.3' in office.postern.logs()
        by_tls = office.sink
        by_tls.kill()
        office.sink = Sink(office.lab.office.phones[0], HEP_PORT, office.lab.folder, name='hep-tcp')
        settings = office.postern.settings
        settings['trace', 'hep'] = settings['trace', 'hep'].replace('tls:', 'tcp:')
        del settings['trace', 'hep_tls_ca'], settings['trace', 'hep_tls_name']
        office.postern.write_config()
        office.postern.wait_restarted('tracer', office.postern.kill('tracer'))
        there(office)
        a_call_while_it_is_away(office, home, desk, 0.5)
        assert 'by=TCP' in office.postern.logs()
        complete(office, 201, by_tls, office.sink)
