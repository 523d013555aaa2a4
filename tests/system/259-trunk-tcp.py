"""A provider by TCP: Postern dials, registers, and calls go both ways over the one connection."""

from lab import streamitsp
from lab.expect import hear_each_other
from lab.office import Office
from lab.trunk import ITSP
from lab.wait import until

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


def test_calls_both_ways_over_one_connection():
    with Office(settings=GERMANY) as office:
        itsp = streamitsp.StreamItsp(office.lab, 'tcp')
        streamitsp.add(office, 'tcp')
        streamitsp.registered(office)
        home = office.home()
        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        itsp.phone.wait('CALL_ESTABLISHED', 5)
        hear_each_other(home, itsp.phone)
        home.hang_up()
        itsp.phone.closed()
        record = office.records()[-1]
        assert (record['trunk'], record['sent'], record['status']) == ('itsp', '+4989987654321', 200), record

        itsp.phone.dial(f'sip:+49301234201@{ITSP}')
        itsp.phone.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        home.wait('CALL_ESTABLISHED', 5)
        hear_each_other(home, itsp.phone)
        itsp.phone.hang_up()
        home.closed()
        assert office.records()[-1]['ended_by'] == 'caller', office.records()[-1]
        assert len(itsp.connections()) == 1, itsp.connections()
        ways = set(itsp.got('REGISTER') + itsp.got('INVITE')) - {way for way in itsp.got('INVITE') if 'udp' in way}
        assert len(ways) == 1 and 'tcp' in ways.pop(), itsp.got('INVITE')
        now = streamitsp.status(office, 'itsp')
        assert (now['transport'], now['state'] in ('connected', 'up'), now['registration'], now['last_error']) == \
            ('tcp', True, 'registered', ''), now
        assert [(s['address'], s['connection']) for s in now['servers']] == [(f'{ITSP}:5060', 'up')], now
        # Nothing is left to wait for: pings are asked and answered by it too.
        until(lambda: 'trunk-up' in office.postern.logs(), 15, 'OPTIONS are answered by the connection', 0.2)
        assert streamitsp.status(office)[0]['state'] == 'up', streamitsp.status(office)
        office.postern.sql("UPDATE trunk SET enabled = 0;")
        until(lambda: not itsp.connections(), 5, 'a trunk that is off has no connection', 0.1)
        assert streamitsp.status(office)[0]['state'] == 'off'
