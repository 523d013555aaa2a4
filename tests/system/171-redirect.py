"""The phone that is called redirects (302): real phones talk, and the books say where the call went."""

from lab.expect import hear_each_other
from lab.office import DOMAIN, Home, Office, password
from lab.rawphone import RawPhone
from lab.wait import until


def forwarding(office, number, contact, *more):
    """A desk phone whose every call is to go elsewhere."""
    phone = RawPhone(office.lab.office.phones[-1], ('192.168.10.2', 5060), number, password(number), port=5070)
    office.lab.on_close(phone.sock.close)
    phone.contact = f'Contact: <{contact}>'
    phone.more = more
    return phone.register()


def turn_away(phone):
    """It does so with one call."""
    assert phone.hear_request('INVITE', 5), 'it does not ring'
    phone.answer(302, (phone.contact, *phone.more))
    assert phone.hear_request('ACK')


def record_of(office):
    """The one call that is over."""
    row, = until(lambda: office.postern.rows('SELECT * FROM call_record'), 5, 'the call has its record')
    return row


def test_to_a_home_and_to_nobody():
    """A home calls a desk that forwards to another home: sound both ways; then one that forwards outside."""
    with Office(homes=[Home('A'), Home('B')], office_phones=2) as office:
        a, b = office.home('A'), office.home('B')
        desk = forwarding(office, 169, f'sip:{b.number}@{DOMAIN}')
        a.dial(169)
        turn_away(desk)
        for phone in (a, b):
            phone.wait('CALL_ESTABLISHED', 8, unless='CALL_CLOSED')
        hear_each_other(a, b, 1.0)
        live, = office.postern.rows('SELECT * FROM live_call')
        assert (live['called'], live['redirected_to'], int(live['channels'])) == ('169', '202', 2), live
        a.hang_up()
        b.closed()
        record = record_of(office)
        assert (record['called'], record['redirected_to'], int(record['status'])) == ('169', '202', 200), record
        office.postern.sql('DELETE FROM call')

        desk.contact = 'Contact: <sip:0900123@elsewhere.example>'
        a.dial(169)
        turn_away(desk)
        assert '480' in a.closed(5)
        denied = "SELECT caller, called, via, rule, verdict FROM call_record WHERE verdict LIKE 'denied%'"
        row, = until(lambda: office.postern.rows(denied), 5, 'the refusal has its record')
        assert row == {'caller': '169', 'called': '0900123', 'via': 'redirect', 'rule': 'redirect: foreign host',
                       'verdict': 'denied: elsewhere.example is no host of ours'}, row
        office.postern.sql("DELETE FROM call WHERE verdict LIKE 'denied%'")
        record = record_of(office)
        assert (record['redirected_to'], record['reason']) == ('', 'redirected'), record


def test_to_the_office_through_a_restart():
    """sigproxy is killed while the phone it was forwarded to rings: it is answered, and told whose call it was."""
    with Office(office_phones=2) as office:
        a = office.home('A')
        desk = forwarding(office, 169, 'tel:168')
        heard = RawPhone(office.lab.office.phones[0], ('192.168.10.2', 5060), 168, password(168), port=5070)
        office.lab.on_close(heard.sock.close)
        heard.register()
        a.dial(169)
        turn_away(desk)
        invite = heard.hear_request('INVITE', 5)
        assert invite.headers['diversion'] == [f'<sip:169@{DOMAIN}>;reason=unconditional;counter=1'], invite.headers
        assert invite.headers['history-info'][0].startswith(f'<sip:169@{DOMAIN}?Reason='), invite.headers
        heard.answer(180)
        a.wait('CALL_RINGING', 5)
        old = office.postern.kill('sigproxy')
        office.postern.wait_restarted('sigproxy', old)
        contact = f'Contact: <sip:168@{heard.local[0]}:{heard.local[1]}>'
        assert heard.hear_request('INVITE', 5), 'it is called again'
        heard.answer(200, (contact, 'Content-Type: application/sdp'), heard.sdp)
        a.wait('CALL_ESTABLISHED', 8, unless='CALL_CLOSED')
        a.hang_up()
        assert heard.hear_request('BYE', 3)
        heard.answer(200)
        record = record_of(office)
        assert (record['called'], record['redirected_to']) == ('169', '168'), record
