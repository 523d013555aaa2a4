"""Which way media gets in is found out and said: in status, in the log, and with each call's record."""

from lab.expect import does_not_hear, hear_each_other
from lab.office import Home, Office, RTP_RANGE, SIP_PORT
from lab.wait import until


def media(office):
    """What the relay says of its mode."""
    said = next(p['status'] for p in office.postern.status()['processes'] if p['role'] == 'mediaproxy')
    return said['media_mode'], said['media_used'], said['media_evidence']


def record(office, ticket):
    """A call's record, once it ended."""
    return until(lambda: office.postern.rows(f'SELECT * FROM call_record WHERE ticket = {ticket}'), 3,
                 'the call is recorded')[0]


def live(office, verdict):
    """The one live call, once its media has this verdict."""
    return until(lambda: office.postern.rows(f"SELECT * FROM live_call WHERE media_verdict = '{verdict}'"), 15,
                 f'live_call says {verdict}', 0.2)[0]


def proves(office, evidence, home, desk):
    """Talk until status says this."""
    desk.call(home)
    hear_each_other(home, desk, 1)
    until(lambda: evidence in media(office)[2], 25, f'status says {evidence!r}', 0.2)
    print(media(office))
    home.hang_up()
    desk.closed()


def settled(office):
    """Some seconds after its start the relay knows that what comes answers nothing of a life before."""
    until(lambda: all(p['up_s'] >= 4 for p in office.postern.status()['processes']), 5, 'it ran for 4 s', 0.1)


def unheard(office, home, desk, verdict, words, evidence=''):
    """A call in which the home's sound cannot get in: the record says why, and the status has this evidence."""
    desk.call(home)
    does_not_hear(desk, home)
    said = live(office, verdict)
    print(said['media_words'])
    assert words in said['media_words'] and said['media_words'].startswith(f'{home.number}: '), said
    assert said['called_media'] == verdict and said['caller_media'] == 'ok', said
    until(lambda: evidence in media(office)[2], 8, f'status says {evidence!r}', 0.2)
    desk.hang_up()
    home.closed()
    kept = record(office, said['ticket'])
    assert all(kept[key] == said[key] for key in ('media_verdict', 'media_words', 'media_mode', 'called_said')), kept
    assert f'verdict={verdict}' in office.postern.logs() and words in office.postern.logs()


def test_auto_finds_the_range_forwarded():
    with Office() as office:
        assert media(office)[:2] == ('auto', 'punch'), media(office)
        home, desk = office.home(), office.desk()
        settled(office)
        proves(office, 'a packet came unasked', home, desk)
        said = office.records()[-1]
        assert said['media_verdict'] == 'ok' and said['called_said'].startswith(office.lab.office.public), said
        assert 'media-mode' in office.postern.logs() and 'a packet came unasked' in office.postern.logs()


def test_auto_punches_and_says_whom_it_cannot_hear():
    """Beside a call that works, two that cannot: symmetric homes, with STUN and without."""
    with Office(homes=[Home('A'), Home('B', nat='symmetric')], forward=[SIP_PORT], office_phones=2) as office:
        settled(office)
        home, desk = office.home('A'), office.desk()
        desk.call(home)
        hear_each_other(home, desk, 1)
        other = office.desk(1)
        b = office.home('B', number=202)
        unheard(office, b, other, 'symmetric-no-range', 'gives each peer another port')
        b.stop()
        b = office.home('B', number=203, with_stun=True)
        unheard(office, b, other, 'symmetric-no-range', 'not even by STUN')
        until(lambda: 'the range is not forwarded' in media(office)[2], 20, 'status says what was found', 0.2)
        print(media(office))
        home.hang_up()
        desk.closed()
        said = office.records()[-1]
        assert (said['media_verdict'], said['media_mode']) == ('ok', 'punch'), said


class SymmetricOffice(Office):
    """The office's router gives each peer another port, and forwards the range."""

    def _prepare(self):
        self.lab.office.router.run(['nft', 'flush chain ip nat postrouting; '
                                    'add rule ip nat postrouting oifname "wan" masquerade fully-random'])


def test_auto_behind_a_symmetric_office_router():
    """The first call is not heard; what it taught serves the next."""
    with SymmetricOffice() as office:
        home, desk = office.home(), office.desk()
        unheard(office, home, desk, 'office-router', "the office's router loses it",
                'the port as it is is tried')
        desk.call(home)
        hear_each_other(home, desk, 1)
        until(lambda: media(office)[1] == 'forwarded', 3, 'it stays so')
        assert 'the router changes ports' in media(office)[2], media(office)


def test_forwarded_by_name_only():
    with Office(homes=[Home('A', nat='symmetric')], forward=[SIP_PORT],
                settings={('media', 'mode'): 'forwarded'}) as office:
        assert media(office)[:2] == ('forwarded', 'forwarded')
        unheard(office, office.home(), office.desk(), 'range-not-forwarded', 'does not forward the RTP range')


def test_forwarded_serves_a_symmetric_home_and_names_a_mute_one():
    with Office(homes=[Home('A', nat='symmetric')], settings={('media', 'mode'): 'forwarded'}) as office:
        settled(office)
        home, desk = office.home(), office.desk()
        proves(office, 'an unsolicited packet proved the range forwarded', home, desk)
        assert (office.records()[-1]['media_verdict'], office.records()[-1]['media_mode']) == ('ok', 'forwarded')
        office.lab.homes['A'].router.run(['nft', 'insert rule ip filter forward udp sport 10000-10199 drop'])
        unheard(office, home, desk, 'phone-silent', 'its own network drops')
