"""A provider by TLS: its certificate is checked against the trunk's name, and calls go over the connection."""

from lab import streamitsp
from lab.dns import Dns
from lab.expect import hear_each_other
from lab.office import Office
from lab.streamitsp import NAME, Ca, StreamItsp
from lab.trunk import ITSP, SECRET
from lab.wait import until

BY_HAND = {'test_every_wrong_certificate': 'POSTERN_SLOW'}     # 15 s
GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


class TrustingOffice(Office):
    """An office that believes a CA of its own, and asks a resolver of the laboratory."""

    def __init__(self, **options):
        super().__init__(settings=GERMANY, **options)
        self.ca = self.dns = None

    def _prepare(self):
        self.ca = Ca(self.lab)
        self.dns = Dns(self.lab, itsp=ITSP, sip=ITSP)
        # RFC 5922: the name that counts is the trunk's, not what SRV says.
        self.dns.services[f'_sips._tcp.{NAME}'] = [(10, 1, 5061, 'sip.test')]
        self._resolver = self.dns.host.address
        self._settings[('tls', 'trunk_ca')] = self.ca.file


def why(office):
    """What was said of the connection, last."""
    lines = [line for line in office.postern.logs().splitlines() if 'trunk-not-connected' in line]
    return lines[-1] if lines else ''


def test_calls_both_ways_with_sound():
    with TrustingOffice() as office:
        # With SRTP, as providers by TLS want it; the phone at home has none.
        itsp = StreamItsp(office.lab, 'tls', office.ca.sign('itsp'), srtp=True)
        streamitsp.add(office, 'tls', NAME, srtp='required')
        streamitsp.registered(office)
        home = office.home()
        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        itsp.phone.wait('CALL_ESTABLISHED', 5)
        hear_each_other(home, itsp.phone)
        home.hang_up()
        itsp.phone.closed()
        itsp.phone.dial(f'sip:+49301234201@{ITSP}')
        itsp.phone.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        home.wait('CALL_ESTABLISHED', 5)

        # sigproxy dies: it is dialled and registered anew, and the call goes on by the new connection.
        before = itsp.connections()
        office.postern.wait_restarted('sigproxy', office.postern.kill('sigproxy'))
        until(lambda: itsp.connections() and not set(itsp.connections()) & set(before), 10, 'it is dialled anew', 0.1)
        until(lambda: 'call-moved' in office.postern.logs(), 5, 'the call goes on by it', 0.1)
        hear_each_other(home, itsp.phone)
        home.hang_up()
        itsp.phone.closed()
        assert office.records()[-1]['ended_by'] == 'called', office.records()[-1]
        assert len(itsp.connections()) == 1, itsp.connections()
        assert all('tls' in way for way in itsp.got('REGISTER')), itsp.got('REGISTER')
        assert len(itsp.got('REGISTER')) >= 3, 'registered anew by the new connection'
        # stunmon dies: the connection is sigproxy's, and stays.
        before = itsp.connections()
        office.postern.wait_restarted('stunmon', office.postern.kill('stunmon'))
        assert itsp.connections() == before
        assert SECRET not in office.postern.logs()


def test_wrong_certificates_are_refused_and_said(all_of_them=False):
    with TrustingOffice() as office:
        ca = office.ca
        wrong = [(ca.sign('other', names=('DNS:sip.test',)), 'for sip.test, not for itsp.test'),
                 (ca.sign('wild', names=('DNS:*.test',)), 'for *.test, not for itsp.test'),
                 (ca.sign('uri', names=('URI:sip:else.test', f'DNS:{NAME}')), 'not for itsp.test'),
                 (ca.sign('old', dates=('20200101000000Z', '20210203000000Z')), 'expired on 2021-02-03'),
                 (Ca(office.lab, 'strangers').sign('strange'), 'of a CA that is not known')]
        wrong = wrong if all_of_them else wrong[::3]
        itsp = StreamItsp(office.lab, 'tls', wrong[0][0])
        streamitsp.add(office, 'tls', NAME)
        for pair, words in wrong:
            if pair != itsp.pair:
                itsp.stop()
                itsp.pair = pair
                itsp.start()
                # It would try by itself, later.
                office.postern.sql("UPDATE trunk SET enabled = 0; UPDATE trunk SET enabled = 1;")
            until(lambda: words in why(office), 20, f'it is said: {words}', 0.1)
            now, = streamitsp.status(office)
            assert (now['state'], words in now['last_error']) == ('not connected', True), now
        assert not itsp.got('REGISTER'), 'something was said to it'

        # Put right, by the admin who knows what he does.
        office.postern.sql("UPDATE trunk SET tls_verify = 0;")
        streamitsp.registered(office, 20)


def test_every_wrong_certificate():
    test_wrong_certificates_are_refused_and_said(True)
