"""BLF keys of a phone at home follow the office's calls, through restarts of sigproxy (C35, S21)."""

import time

from lab import sip
from lab.office import Home, Office, password
from lab.wait import until
from lab.watcher import Watcher

PAUSE_S = 1.6                      # runit waits when a process lived less than a second


def watcher(office, number=202, host=None, inside=False):
    """A registered phone with keys: at home beside the real one, or in the office."""
    host = host or office.lab.homes['A'].phones[1]
    server = ('192.168.10.2', 5060) if inside else (office.lab.office.public, 5070)
    phone = Watcher(host, server, number, password(number), port=5066)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def kill(office, role='sigproxy'):
    """Kill a process, wait for the next one."""
    time.sleep(PAUSE_S)
    old = office.postern.kill(role)
    office.postern.wait_restarted(role, old)


def test_a_key_at_home_follows_the_office():
    """Real phones call; the key rings and talks with them, also after three kill -9."""
    with Office(homes=[Home('A', phones=2)], office_phones=2) as office:
        outside = office.watch_outside()
        one, other = office.desk(0), office.desk(1, answer='manual')
        home = watcher(office)
        status, key = home.key(other.number)
        assert status == 200
        key.until(lambda k: k.state == 'terminated')
        one.dial(other.number)
        key.until(lambda k: k.state == 'early')
        assert b'direction="recipient"' in key.body, key.body
        kill(office)                     # while it rings
        before = key.version
        key.until(lambda k: k.version > before + 100 and k.state == 'early')
        other.accept()
        key.until(lambda k: k.state == 'confirmed')
        before = key.version
        kill(office)                     # in the call
        key.until(lambda k: k.version > before + 100 and k.state == 'confirmed')
        one.hang_up()
        other.closed()
        key.until(lambda k: k.state == 'terminated')
        assert key.ask(600) == 200       # the same dialog goes on
        # From home the state is told, not with whom, and nothing of the office.
        told = [m for _, m in outside.sip() if m.start.startswith('NOTIFY')]
        assert len(told) >= 6, len(told)
        for message in told:
            assert b'192.168.10.' not in message.body and b'sip:168@' not in message.body, message.body
        rows = office.postern.rows('SELECT watcher, number, zone FROM subscription')
        assert rows == [{'watcher': '202', 'number': '169', 'zone': 'external'}], rows
        assert key.ask(0) == 200
        key.until(lambda k: k.ended == 'timeout')
        until(lambda: not office.postern.rows('SELECT * FROM subscription'), 2, 'no row is left')


def test_a_key_in_the_office_follows_a_phone_at_home():
    """Also its own calls outwards; with whom; and an admin's word ends it."""
    with Office(homes=[Home('A')], office_phones=2) as office:
        desk, home = office.desk(0), office.home()
        phone = watcher(office, 169, office.lab.office.phones[1], inside=True)
        status, key = phone.key(home.number)
        assert status == 200
        key.until(lambda k: k.state == 'terminated')
        home.call(desk)
        key.until(lambda k: k.state == 'confirmed')
        assert b'direction="initiator"' in key.body and b'sip:168@sip.example.org' in key.body, key.body
        kill(office, 'registrar-db')
        home.hang_up()
        desk.closed()
        key.until(lambda k: k.state == 'terminated')
        assert phone.key(999)[0] == 404
        office.postern.sql("UPDATE subscriber SET watched = 0 WHERE number = '201'")
        key.until(lambda k: k.ended == 'rejected', 4)
        assert phone.key(201)[0] == 404, 'who is not watched is not there'
        office.postern.sql("UPDATE subscriber SET watch = 'none' WHERE number = '202'")
        with Watcher(office.lab.homes['A'].phones[0], (office.lab.office.public, 5070), 202, password(202),
                     port=5068) as other:
            other.register()
            assert other.key(168)[0] == 403 and other.key(999)[0] == 403, 'without a right no number is looked at'


def test_a_home_router_forgets_and_the_refresh_moves_the_key():
    """SUBSCRIBE from a new port is challenged, and NOTIFY then goes there only."""
    with Office(homes=[Home('A', phones=2)]) as office:
        desk = office.desk()
        first = watcher(office)
        status, key = first.key(desk.number)
        assert status == 200
        key.until(lambda k: k.state == 'terminated')
        moved = Watcher(office.lab.homes['A'].phones[1], first.server, 202, password(202), port=5077)
        office.lab.on_close(moved.sock.close)
        key.phone, moved.keys = moved, [key]
        moved.send(key.request(600))
        assert sip.status(moved.take(lambda m: sip.status(m))) == 401
        assert key.ask(600) == 200
        before = len(first.received)
        key.until(lambda k: k.version >= 1)
        first.listen(1)
        assert not [d for d in first.received[before:] if d.startswith(b'NOTIFY')]
