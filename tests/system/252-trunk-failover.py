"""Which way a call goes out, and the next one when that fails."""

from lab import sip, trunk
from lab.office import Office, password
from lab.rawphone import RawPhone
from lab.trunk import Peer
from lab.wait import until

SECOND = '203.0.113.90'
GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


class Two(Office):
    """Two trunks, of which a route tries `first` before `second`; a desk of sockets."""

    def _start(self):
        super()._start()
        server = (self.lab.office.public, 5070)
        self.first = Peer(self.lab.public_host('first', trunk.ITSP), server)
        self.second = Peer(self.lab.public_host('second', SECOND), server)
        self.desk = RawPhone(self.lab.office.phones[0], ('192.168.10.2', 5060), 168, password(168), port=5070)
        self.lab.on_close(self.desk.sock.close)
        self.desk.register()
        trunk.add(self, name='first', wait_s=2, username='u1', password='secret-of-first', outbound=1)
        trunk.add(self, name='second', address=f'{SECOND}:5060', numbers='e164', wait_s=2, username='u2',
                  password='secret-of-second', realm=trunk.REALM)
        self.postern.sql("""
            INSERT INTO route(pattern, trunk, priority) VALUES ('0%', 'first', 10);
            INSERT INTO route(pattern, trunk, priority, prepend) VALUES ('0%', 'second', 20, '99');""")
        self.postern.in_effect()

    def last(self):
        """The newest record."""
        return self.records()[-1]


def talk(office, peer):
    """The INVITE that peer hears is answered; the desk hears that and hangs up."""
    peer.take()
    answer = office.desk.hear(lambda m: sip.status(m) == 200 and '2 INVITE' in m.headers['cseq'][0], 5)
    assert answer, 'no 200'
    assert peer.hear_request('ACK', 0.2) is None     # it waits for the desk's
    return answer


def final(desk, seconds):
    """The final answer to the INVITE sent last, or None; refusals before have no ACK and come again."""
    return desk.hear(lambda m: sip.final(m) and m.headers['call-id'] == [desk.call_id]
                     and '2 INVITE' in m.headers['cseq'][0], seconds)


def test_ways_that_fail():
    with Two(settings=GERMANY) as office:
        desk, first, second = office.desk, office.first, office.second
        desk.invite('089123456')             # refused by the server: at once
        invite = first.hear_request('INVITE', 3)
        assert invite.start.startswith('INVITE sip:089123456@'), invite.start
        first.answer(503)
        invite = second.hear_request('INVITE', 3)
        assert invite.start.startswith('INVITE sip:99+4989123456@'), invite.start
        assert 'proxy-authorization' not in invite.headers
        second.challenge()
        again = second.hear_request('INVITE', 3)
        assert trunk.is_right(again, 'u2', 'secret-of-second'), again.headers
        second.answer(486)
        assert sip.status(final(desk, 3)) == 486
        record = office.last()
        assert (record['trunk'], record['sent'], record['status'], record['route']) == \
            ('second', '99+4989123456', 486, 'route 2'), record

        desk.invite('089123457')             # one that failed a moment ago comes last
        assert second.hear_request('INVITE', 3), 'the way that failed is avoided'
        second.answer(404)
        assert sip.status(final(desk, 3)) == 404
        assert not first.hear_request('INVITE', 0.2), 'an answer is no failure'


def test_a_way_that_is_silent():
    """No answer at all for wait_s; the last way that said 100 has more time; a late 200 of the first is hung up."""
    with Two(settings=GERMANY) as office:
        desk, first, second = office.desk, office.first, office.second
        desk.invite('089123456')
        assert first.hear_request('INVITE', 3)
        invite = second.hear_request('INVITE', 4)
        assert invite, 'the second way'
        second.answer(180)
        assert desk.hear(lambda m: sip.status(m) == 180, 3)
        first.take()                         # too late
        assert first.hear_request('ACK', 3) and first.hear_request('BYE', 3)
        second.answer(486)
        assert sip.status(final(desk, 3)) == 486

        office.postern.sql('UPDATE route SET enabled = 0 WHERE id = 1')
        office.postern.in_effect()
        desk.invite('089123458')
        assert second.hear_request('INVITE', 3)
        second.answer(100)
        assert not final(desk, 3), 'it works on it'
        second.answer(183)
        assert desk.hear(lambda m: sip.status(m) == 183, 3)
        second.answer(486)
        assert sip.status(final(desk, 3)) == 486


def test_a_way_that_says_100_and_no_more():
    with Two(settings=GERMANY) as office:
        desk, first, second = office.desk, office.first, office.second
        desk.invite('089123456')
        assert first.hear_request('INVITE', 3)
        first.answer(100)
        assert second.hear_request('INVITE', 4), 'the second way'
        second.answer(486)
        assert sip.status(final(desk, 3)) == 486
        assert first.hear_request('CANCEL', 3)
        until(lambda: [(t['trunk'], t['why']) for t in office.postern.rows('SELECT * FROM call_try ORDER BY n')] ==
              [('first', 'stalled'), ('second', 'refused')], 3, 'the record says why')


def test_challenges_that_get_no_answer():
    """Another realm, the same nonce refused twice, no way left: 480, and no secret is used for it."""
    with Two(settings=GERMANY) as office:
        desk, second = office.desk, office.second
        office.postern.sql('UPDATE route SET enabled = 0 WHERE id = 1')
        office.postern.in_effect()
        desk.invite('089123456')
        assert second.hear_request('INVITE', 3)
        second.challenge('another.example.org')
        assert sip.status(final(desk, 4)) == 480
        desk.invite('089123457')
        assert second.hear_request('INVITE', 3)
        second.challenge()
        assert second.hear_request('INVITE', 3)
        second.challenge()                   # a wrong password, it says
        assert sip.status(final(desk, 4)) == 480
        assert not second.hear_request('INVITE', 0.3)
        until(lambda: 'trunk-digest-refused' in office.postern.logs(), 3, 'it is in the log')
        assert 'secret-of' not in office.postern.logs()
