"""Channels: the call beyond the limit is refused and harms nobody; emergency calls have room of their own."""

from lab.expect import hear_each_other
from lab.net import Home
from lab.office import Office
from lab.wait import until

SETTINGS = {('media', 'channels'): 1, ('media', 'reserved'): 1, ('site', 'emergency'): '112, 169'}


def channels(office):
    """What postern status says of them."""
    one, = [p['status'] for p in office.postern.status()['processes'] if p['role'] == 'sigproxy']
    if one is None:                     # it starts
        return [None]
    return [one[f'channels{what}'] for what in ('', '_max', '_reserved', '_emergency', '_refused')]


def refused(phone, number):
    """Call a number; the reason the phone was given."""
    phone.dial(number)
    return phone.closed(5)


def test_the_limit_and_an_emergency_beyond_it():
    homes = (Home('A'), Home('B'), Home('C'))
    with Office(homes=homes, office_phones=2, settings=SETTINGS) as office:
        first, second, third = office.home('A'), office.home('B'), office.home('C')
        desk, ambulance = office.desk(0), office.desk(1)
        outside = office.watch_outside()
        first.call(desk)
        assert '480' in refused(second, 168)
        assert channels(office) == [1, 1, 1, 0, 1], channels(office)
        second.call(ambulance)
        hear_each_other(second, ambulance, 1)
        assert channels(office) == [2, 1, 1, 1, 1], channels(office)
        # what is reserved is not without end either, and the others talk on
        assert '480' in refused(third, 169)
        hear_each_other(first, desk, 1)
        assert office.postern.kill('sigproxy')
        until(lambda: channels(office)[:4] == [2, 1, 1, 1], 5, 'a restart knows which call is which')
        hear_each_other(second, ambulance, 1)
        for phone in (first, second):
            phone.hang_up()
        until(lambda: channels(office)[0] == 0, 3, 'all channels are free')
        assert {r['reason'] for r in office.records() if r['status'] == 480} == {'no-channel'}
        outside.stop()
        assert any(b'\r\nReason: SIP;cause=503;text="No channel free"\r\n' in p.payload for p, _ in outside.sip())
