"""Home routers that soon forget: idle phones stay reachable, by UDP and by TCP, and the pace found can be seen.

With POSTERN_IDLE=1 the long form too: routers that forget after 30 s, and ten idle minutes.
"""

import time

from lab.expect import hear_each_other
from lab.office import Home, Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)
DEADLINE = 900
BY_HAND = {'test_ten_idle_minutes': 'POSTERN_IDLE'}
TIMEOUTS = ('udp_timeout', 'udp_timeout_stream', 'tcp_timeout_established', 'tcp_timeout_unacknowledged')


def forgets_after(site, seconds):
    """A router whose mappings live so long unused."""
    site.router.sysctl(**{f'netfilter__nf_conntrack_{name}': seconds for name in TIMEOUTS})


def paces(office):
    """The table an admin looks into, by transport."""
    return {row['transport']: row for row in office.postern.rows('SELECT * FROM home')}


def idle_then_called(router_s, idle_s):
    """Two phones of one home, one by each transport; nobody says anything but the keepalives."""
    with Office(homes=(Home('A', phones=2),), forward=FORWARD) as office:
        forgets_after(office.lab.homes['A'], router_s)
        udp = office.home(number=201)
        tcp = office.home(index=1, number=202, transport='tcp')
        desk = office.desk()
        time.sleep(idle_s)
        for phone in (udp, tcp):
            desk.call(phone)
            hear_each_other(desk, phone, 1)
            desk.hang_up()
            phone.closed()
        return paces(office), office.postern.status_text()


def test_router_forgets_after_5_s():
    """Four times that, and called."""
    found, status = idle_then_called(5, 20)
    print(found)
    assert '"keepalives_answered":0' not in status and '"keepalives":0' not in status, status
    assert {'udp', 'stream'} == found.keys(), found
    assert all(float(row['keepalive_s']) < 5 for row in found.values()), found


def test_ten_idle_minutes():
    """The long form; told which pace was found."""
    found, status = idle_then_called(30, 600)
    print(found)
    assert 9 < float(found['udp']['keepalive_s']) < 30, found
    assert float(found['stream']['keepalive_s']) < 30, found
