"""A killed process and phones by TLS: the sound stays, the phone comes back, keyd is missed by nobody who is up."""

import ssl
import time

from lab.expect import does_not_hear, hear_each_other
from lab.tlsoffice import TlsOffice
from lab.wait import until

PAUSE_S = 1.6                      # runit waits when a process lived less than a second


def kill(office, role):
    """Kill a role and wait for the next one."""
    time.sleep(PAUSE_S)
    old = office.postern.kill(role)
    office.postern.wait_restarted(role, old)


def nothing_live(office):
    """All calls are over."""
    until(lambda: not office.postern.rows('SELECT * FROM live_call'), 3, 'no call is live')


def test_a_call_outlives_sigproxy():
    """The phone's next request comes by a new connection, proves who it is, and moves the call there."""
    with TlsOffice() as office:
        home, desk = office.home(transport='tls'), office.desk()
        home.call(desk)
        kill(office, 'sigproxy')
        hear_each_other(home, desk)
        home.hold()
        does_not_hear(desk, home)
        home.resume()
        hear_each_other(home, desk, 1.0)
        desk.hang_up()                      # what the other side says finds the new connection
        home.closed()
        nothing_live(office)
        home.call(desk)
        kill(office, 'sigproxy')
        home.hang_up()
        desk.closed(10)
        nothing_live(office)


def test_who_connects_again_and_keyd_dies():
    with TlsOffice() as office:
        desk = office.desk()
        soon_back(office, desk)
        keyd_dies(office, desk)


def soon_back(office, desk):
    """One that connects again when its connection closes: registered, reachable, and its dialog with it."""
    home = office.tls_phone(201, office.lab.homes['A'].phones[0]).connect().register()
    desk.dial(201)
    assert home.hear_request('INVITE')
    home.answer(200, 'OK')
    desk.wait('CALL_ESTABLISHED')
    time.sleep(PAUSE_S)
    killed = time.monotonic()
    office.postern.kill('sigproxy')
    until(lambda: not home.is_open(), 3, 'its connection is closed', 0.005)
    until(lambda: connected(home), 5, 'it connects', 0.01)
    up = time.monotonic() - killed
    home.register()
    print(f'after the kill: connected by TLS in {up:.2f} s, registered in {time.monotonic() - killed:.2f} s')
    assert time.monotonic() - killed < 3
    desk.hang_up()
    assert home.hear_request('BYE'), 'its dialog did not come with it'
    home.answer(200, 'OK')
    nothing_live(office)
    desk.dial(201)
    assert home.hear_request('INVITE'), 'it is not reachable'
    home.answer(486, 'Busy Here')
    desk.closed()


def connected(phone):
    """One try."""
    try:
        phone.connect(2)
        return True
    except (ConnectionError, ssl.SSLError, TimeoutError):
        return False


def keyd_dies(office, desk):
    """Who is up notices nothing; who shakes hands waits for the next keyd."""
    home = office.home(number=203, transport='tls')
    home.call(desk)
    time.sleep(PAUSE_S)
    old = office.postern.kill('keyd')
    late = office.tls_phone(202, office.lab.homes['A'].phones[0])
    began = time.monotonic()
    late.connect(8).register()
    print(f'a handshake without keyd took {time.monotonic() - began:.2f} s')
    office.postern.wait_restarted('keyd', old)
    hear_each_other(home, desk, 1.0)
    home.hold()
    home.resume()
    desk.hang_up()
    home.closed()
    desk.call(home)
    home.hang_up()
    assert late.ping()
    assert office.counts()['tls_no_signature'] == 0
