"""SRTP with keys in SDP: real phones that must, or may, encrypt, with a plain phone in the office; by TLS and by UDP."""

import json

from lab.expect import does_not_hear, hear_each_other
from lab.securephone import SecureEar
from lab.tlsoffice import TlsOffice

# The same again by another transport or the other way round.
BY_HAND = {'test_baresip_by_udp': 'POSTERN_SRTP', 'test_linphone_by_udp_required': 'POSTERN_SRTP',
           'test_baresip_that_may': 'POSTERN_SRTP'}


def encrypted(phone):
    """All that it hears must be SRTP with a key of its SDP."""
    phone.ear = SecureEar(phone)
    return phone


def baresip(office, mode, **options):
    """baresip at home: 'srtp-mand' offers RTP/SAVP, 'srtp' RTP/AVP with a=crypto."""
    return encrypted(office.home(modules=('srtp.so',), account=(f'mediaenc={mode}',), **options))


def linphone(office, transport, mandatory=True):
    """linphone at home, which takes nothing else."""
    return encrypted(office.linphone(201, office.lab.homes['A'].phones[0], transport, encryption='srtp',
                                     mandatory=mandatory))


def talk(caller, callee, hold=True):
    """Sound both ways, before a hold and after, and the end."""
    caller.call(callee)
    hear_each_other(caller, callee)
    if hold:
        caller.hold()
        does_not_hear(callee, caller)
        caller.resume()
        hear_each_other(caller, callee)
    caller.hang_up()
    callee.closed()


def require(office, number, policy='required'):
    """subscriber.srtp, in effect."""
    office.postern.sql(f"UPDATE subscriber SET srtp = '{policy}' WHERE number = '{number}';\n")
    office.postern.in_effect()


def plain_for_the_office(office, desk):
    """Nothing of a key, and no secure profile, got into the office."""
    found = desk.ear.search([b'a=crypto', b'SAVP'])
    assert not found, found


def test_baresip_by_udp():
    """It must encrypt: calls and is called, first the wrong way round, then known."""
    with TlsOffice() as office:
        home, desk = baresip(office, 'srtp-mand'), office.desk()
        talk(home, desk)
        talk(desk, home, hold=False)
        plain_for_the_office(office, desk)


def test_baresip_by_tls_required():
    """The subscriber must encrypt: it is offered nothing else, whatever it did before."""
    with TlsOffice() as office:
        require(office, 201)
        home, desk = baresip(office, 'srtp-mand', transport='tls', ca=office.certificate), office.desk()
        talk(desk, home, hold=False)
        talk(home, desk)
        plain_for_the_office(office, desk)
        assert [(row['caller_srtp'], row['called_srtp']) for row in office.records()] == \
            [('RTP', 'AES_CM_128_HMAC_SHA1_80'), ('AES_CM_128_HMAC_SHA1_80', 'RTP')], office.records()
        listed = json.loads(office.postern.asked('calls', '--past=2', '--json', '--state',
                                                 office.postern.state).stdout)
        assert [row['srtp'] for row in listed] == ['to', 'from'], listed


def test_baresip_that_may():
    """RTP/AVP with a=crypto (RFC 8643) is answered so."""
    with TlsOffice() as office:
        home, desk = baresip(office, 'srtp', transport='tls', ca=office.certificate), office.desk()
        talk(home, desk)
        talk(desk, home, hold=False)


def test_linphone_by_tls():
    with TlsOffice() as office:
        home, desk = linphone(office, 'tls'), office.desk()
        talk(home, desk)
        talk(desk, home, hold=False)
        plain_for_the_office(office, desk)


def test_linphone_by_udp_required():
    with TlsOffice() as office:
        require(office, 201)
        home, desk = linphone(office, 'udp'), office.desk()
        talk(desk, home, hold=False)
        talk(home, desk)


def test_plain_phone_that_must():
    """A phone without SRTP whose subscriber must have it: no call, either way, and the record says why."""
    with TlsOffice() as office:
        require(office, 201)
        home, desk = office.home(), office.desk()
        # it came by UDP, where keys can be read
        checked = json.loads(office.postern.asked('check', '--json', '--state', office.postern.state).stdout)
        found, = [f for f in checked['findings'] if f['code'] == 'srtp-keys-in-clear']
        assert found['level'] == 'warning' and found['what'].startswith('1 phones on the internet'), found
        home.dial(desk.number)
        home.wait('CALL_CLOSED')
        desk.dial(home.number)
        desk.wait('CALL_CLOSED')
        reasons = [(row['caller'], row['status'], row['reason']) for row in office.records()]
        print(reasons)
        assert [r[:2] for r in reasons] == [('201', 488), ('168', 488)], reasons
        assert reasons[0][2] == 'srtp-required', reasons
