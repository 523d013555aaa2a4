"""What an admin asks first says no more than is known, and names what it is: calls whose phone may hear nothing, guesses
of a neighbour, a phone whose power was cut, a trunk whose CA is not known, words that nobody has."""

import importlib
import json
import re
import time

from lab import sip, streamitsp
from lab.explained import explain, named
from lab.net import Home
from lab.office import Office, RTP_RANGE, SIP_PORT
from lab.postern import DOMAIN
from lab.streamitsp import NAME, Ca, StreamItsp
from lab.tracing import trace
from lab.wait import until

TrustingOffice = importlib.import_module('260-trunk-tls').TrustingOffice


def drop(router, rule, side='lan'):
    """The router drops what the rule matches of what comes from that side."""
    router.run(['nft', f'insert rule ip filter forward iifname "{side}" {rule} drop'])


def test_phones_at_home():
    with Office(homes=[Home('A'), Home('B', phones=2)], office_phones=2, forward=[SIP_PORT, RTP_RANGE]) as office:
        deaf_while_it_calls(office)
        told_apart_from_its_neighbour(office)
        power_is_cut_in_a_call(office)
        words_that_nobody_has(office)


def deaf_while_it_calls(office):
    """Nothing is said to be heard of a phone that hears nothing: as long as it calls, and after a short call."""
    drop(office.lab.homes['A'].router, 'udp sport 16384-16983', 'wan')
    deaf, desk = office.home('A'), office.desk(0)
    deaf.dial(desk.number)
    deaf.wait('CALL_ESTABLISHED')
    named(office, deaf.number, 'call-fine', f'the sound of both came to us; whether {deaf.number} hears is not known yet',
          level='ok', seconds=9)
    deaf.hang_up()
    desk.closed()
    office.records()
    said = explain(office, deaf.number)['call-fine']['what']
    assert f'whether {deaf.number} heard is not known: no report (RTCP) of it says so' in said, said
    deaf.stop()


def told_apart_from_its_neighbour(office):
    """Guesses from the same home are not the phone's; nor is it said that they are not of another phone of its own."""
    home = office.home('B')
    server = (office.lab.office.public, 5070)
    with office.lab.homes['B'].phones[1].udp_socket() as sock:
        answer = sip.register(sock, server, DOMAIN, home.number, f'SIP-{home.number}', 'a-guess-1234')
    assert sip.status(answer) == 403
    named(office, home.number, 'other-device', 'from its phone\'s own address', 'somebody else behind the same router',
          remedy='second phone or an app', level='warning', proof=office.lab.homes['B'].public)
    found = explain(office, home.number)
    assert 'registered' in found and not {'wrong-password', 'guessed'} & set(found), sorted(found)
    home.stop()


def power_is_cut_in_a_call(office):
    """Nothing more comes from it, and its registration runs out."""
    home, desk = office.home('B'), office.desk(1)
    home.call(desk)
    time.sleep(1)
    home.vanish()
    drop(office.lab.homes['B'].router, 'ip saddr != 0.0.0.0')
    until(lambda: office.postern.rows("SELECT 1 FROM live_call WHERE media_verdict NOT IN ('', 'ok')"), 15,
          'its silence is seen', 0.3)
    desk.hang_up()
    office.records()
    office.postern.sql(f"UPDATE registration SET expires_at = unixepoch() WHERE number = '{home.number}'")
    named(office, home.number, 'registration-lapsed', 'in the middle of its last call', 'its power was cut',
          remedy='has it power', seconds=10)


def words_that_nobody_has(office):
    """Traces of nobody, calls that never were: said, with what to do."""
    done = trace(office.postern, 'on', 999, check=False)
    assert done.returncode == 0 and 'no subscriber has the number 999' in done.stderr, done
    assert not trace(office.postern, 'on', office.INSIDE[0], check=False).stderr
    ended = office.records()[-1]['ticket']
    for ticket, words in ((1795794676483, 'there is no call 1795794676483'), (ended, f'call {ended} ended at ')):
        done = trace(office.postern, 'on', ticket, check=False)
        assert done.returncode == 1 and words in done.stderr, done
    named(office, 1795794676483, 'no-such-call', remedy='postern calls --past', proof='keep_records_days')
    assert 'no-subscriber' not in explain(office, 1795794676483)


def test_a_trunk_whose_ca_is_not_known():
    """explain of the trunk and of who called by it, and check, name the CA, the key and the line of openssl."""
    with TrustingOffice(homes=(), office_phones=1) as office:
        StreamItsp(office.lab, 'tls', Ca(office.lab, 'strangers').sign('strange'))
        streamitsp.add(office, 'tls', NAME, prefix='0')
        until(lambda: 'CA that is not known' in streamitsp.status(office)[0]['last_error'], 20, 'it is refused', 0.2)
        desk = office.desk()
        desk.dial('089987654321')
        desk.closed()
        shown = rf'openssl s_client -connect {re.escape(streamitsp.ITSP)}:5061 -servername {NAME} '
        for words in (('explain', 'trunk', 'itsp'), ('explain', str(desk.number)), ('check',)):
            done = office.postern.asked(*words, '--json', '--state', office.postern.state)
            found = {f['code']: f for f in json.loads(done.stdout)['findings']}
            assert '[tls] trunk_ca' in found['trunk-ca']['do'] and re.search(shown, found['trunk-ca']['do']), (words, found)
            assert 'trunk' not in found and done.returncode == 2, (words, found)
        named(office, desk.number, 'trunk-not-tried', 'CA that is not known')
