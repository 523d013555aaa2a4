"""Somebody has a password and telephones by the trunk: what costs is refused, a cap ends what is allowed, also there."""

import importlib

from lab import sip, trunk
from lab.office import Office
from lab.trunk import Peer
from lab.wait import until

stolen = importlib.import_module('172-stolen-password')
GERMANY = {('site', 'country'): '49', ('site', 'area'): '30', ('site', 'domain'): 'sip.example.org'}


class Robbed(Office):
    """A trunk that takes everything, a thief at home with 201's password, a desk."""

    def _start(self):
        super()._start()
        self.peer = Peer(self.lab.public_host('itsp', trunk.ITSP), (self.lab.office.public, 5070))
        trunk.add(self, numbers='e164', username=trunk.ACCOUNT, password=trunk.SECRET)
        self.postern.sql("UPDATE subscriber SET class = 'premium'")
        self.thief = stolen.raw(self, self.lab.homes['A'].phones[0], (self.lab.office.public, 5070), 201)
        self.desk = stolen.raw(self, self.lab.office.phones[0], ('192.168.10.2', 5060), 168)

    def nothing_left(self):
        """The trunk heard of no call."""
        assert not self.peer.hear_request('INVITE', 0.3), self.peer.received


def test_a_stolen_password_and_a_trunk():
    """Dialled, by 302, by REFER, and behind an access code that a route cuts off."""
    with Robbed(settings=GERMANY) as office:
        for number, kind in stolen.DIALLED.items():
            answer = stolen.ask(office.thief, number)
            assert answer and sip.status(answer) == 403, f'{number}: {answer and answer.start}'
            assert f'no {kind} calls from the internet' in answer.headers['reason'][0], answer.headers
        office.nothing_left()
        office.desk.invite(201)
        assert office.thief.hear_request('INVITE', 5)
        office.thief.answer(302, ('Contact: <sip:0900123456@sip.example.org>',))
        final = office.desk.hear(lambda m: sip.final(m) and '2 INVITE' in m.headers['cseq'][0], 5)
        assert final and sip.status(final) == 480, final
        office.nothing_left()
        until(lambda: stolen.denied(office, 'redirect'), 5, 'the redirect has its record')

        # 8 is an access code in front of numbers that every class may call, it seems
        office.postern.sql("""
            INSERT INTO number_class(pattern, class) VALUES ('*8%', 'internal'), ('*8XXXXXXXXXX', 'internal');
            INSERT INTO route(pattern, trunk, strip) VALUES ('*8XXXXXXXXXX', 'itsp', 2);""")
        office.postern.in_effect()
        answer = stolen.ask(office.thief, '*80900123456')
        assert answer and sip.status(answer) == 403, answer and answer.start
        office.nothing_left()
        until(lambda: [row for row in stolen.denied(office, 'call') if row[0] == '*80900123456' and row[1] == 'premium'],
              5, 'what is left is premium, says the record')

        # from the office the same class may: the trunk hears of it, and a third phone's 302 goes there
        office.desk.invite('0900123456')
        invite = office.peer.hear_request('INVITE', 3)
        assert invite and 'sip:+49900123456@' in invite.start, invite
        office.peer.answer(486)
        record = office.records()[-1]
        assert (record['trunk'], record['number_class'], record['payer']) == ('itsp', 'premium', '168'), record


def test_a_cap_ends_a_call_by_a_trunk():
    """55 of 60 seconds are used, and registrar-db dies meanwhile: both ends get BYE."""
    with Robbed(settings=GERMANY) as office:
        office.postern.sql("""
            INSERT INTO class_of_service(name, internet, minutes_day) VALUES ('one', 'national', 1);
            UPDATE subscriber SET rights = 'one' WHERE number = '201';
            INSERT INTO spent VALUES ('201', date('now', 'localtime'), 55, 0);""")
        office.postern.in_effect()
        office.thief.invite('089123456')
        assert office.peer.hear_request('INVITE', 3)
        office.peer.challenge()
        assert trunk.is_right(office.peer.hear_request('INVITE', 3), trunk.ACCOUNT, trunk.SECRET)
        office.peer.take()
        answer = office.thief.hear(lambda m: sip.status(m) == 200, 5)
        stolen.inside(office.thief, answer, 'ACK', 2)
        assert office.peer.hear_request('ACK', 3)
        until(lambda: office.postern.rows('SELECT * FROM live_call WHERE answered IS NOT NULL'), 5, 'it is written down')
        old = office.postern.kill('registrar-db')
        office.postern.wait_restarted('registrar-db', old)
        for end in (office.thief, office.peer):
            bye = end.hear_request('BYE', 10)
            assert bye and 'minutes are used up' in bye.headers['reason'][0], bye
            end.answer(200)
        record = office.records()[-1]
        assert (record['ended_by'], record['stop'], record['trunk'], record['sent']) == \
            ('policy', 'minutes', 'itsp', '+4989123456'), record
        assert sip.status(stolen.ask(office.thief, '089123456')) == 403
