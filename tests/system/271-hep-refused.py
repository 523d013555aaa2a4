"""A receiver of HEP whose certificate is wrong gets nothing, it is said why, and tracing goes on."""

import importlib
import os

from lab import certs
from lab.expect import hear_each_other
from lab.hepsink import Sink
from lab.tracing import HEP_PORT, files, messages, trace
from lab.wait import until

stream = importlib.import_module('270-hep-stream')


def refused(office, pair, words):
    """A fresh tracer meets a receiver with this certificate."""
    office.sink.kill()
    office.sink = Sink(office.lab.office.phones[0], HEP_PORT, office.lab.folder, pair, name=f'hep-{os.path.basename(pair[0])}')
    pid = office.postern.kill('tracer')
    office.postern.wait_restarted('tracer', pid)
    until(lambda: words in office.tracer().get('hep_why', ''), 5, f'it is said: {words}')
    assert words in trace(office.postern, 'list') and words in office.postern.logs()


def test_wrong_certificates():
    """Expired, of nobody we know, for another name; then the right one, and what waited arrives."""
    with stream.HepOffice(names=('DNS:another.example',)) as office:
        assert 'trace 1' in trace(office.postern, 'on', 201, '--hep')
        desk_host, lab = office.lab.office.phones[0], office.lab
        expired = office.certificate('expired', days=(-9, -1))
        refused(office, expired, 'its certificate has expired')
        refused(office, certs.make(lab.folder, 'nobody', names=(f'DNS:{stream.NAME}',)), 'signed by nobody we know')
        refused(office, office.pair, f'its certificate is not for {stream.NAME}')
        home, desk = office.home('A'), office.desk()
        home.call(desk)
        hear_each_other(home, desk, 0.3)
        home.hang_up()
        desk.closed()
        office.records()
        rows = [row for path in files(office.postern, '-call-201-') for row in messages(path)]
        one = office.tracer()
        assert len(rows) > 8 and not office.sink.messages(), len(rows)
        assert one['hep_waiting'] >= len(rows) and one['hep_state'] != 'connected' and one['hep_lost'] == 0, one
        office.sink.kill()
        office.sink = Sink(desk_host, HEP_PORT, lab.folder, office.certificate('right', kind='rsa2048'), name='hep-right')
        until(lambda: office.tracer()['hep_state'] == 'connected', 20, 'it is dialled again')
        office.all_sent()
        stream.complete(office, 201, office.sink)
