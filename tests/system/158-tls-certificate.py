"""The certificate is replaced under load: no connection, no registration and no call is lost."""

import os

from lab import certs
from lab.expect import hear_each_other
from lab.office import password
from lab.postern import program
from lab.tlsoffice import TlsOffice
from lab.wait import until

# A long run may have more: POSTERN_TLS_PHONES=1000 --deadline 600.
PHONES = int(os.environ.get('POSTERN_TLS_PHONES', '50'))
CALLS = 10
AT_HOME = 40                        # of one address, which may have 64 connections


def subscribers(office, numbers):
    """More of them, from the internet."""
    office.postern.sql('INSERT INTO subscriber(number, name, username, password, internet) VALUES ' + ','.join(
        f"('{n}','SIP-{n}','SIP-{n}','{password(n)}',1)" for n in numbers) + ';\n')
    office.postern.in_effect()


def homes(office, many):
    """Addresses on the internet, each with a home behind it: (host, source) for each phone."""
    lab = office.lab
    sources = [f'100.66.0.{n}' for n in range(1, many // AT_HOME + 2)]
    lab._ip(lab.attacker, *(f'addr add {source}/32 dev eth0' for source in sources))
    lab._ip(lab.internet, 'route add 100.66.0.0/24 dev to-attacker')
    return [(lab.attacker, sources[index // AT_HOME]) for index in range(many)]


def certificate_seen(office, host):
    """The certificate a new phone is shown."""
    phone = office.tls_phone(301, host).connect()
    shown = phone.sock.getpeercert(binary_form=True)
    phone.close()
    return shown


def test_fifty_phones_and_ten_calls():
    with TlsOffice() as office:
        host = office.lab.homes['A'].phones[0]
        numbers = range(301, 301 + PHONES)
        subscribers(office, numbers)
        home, desk = office.home(transport='tls'), office.desk()
        phones = []
        for number, (place, source) in zip(numbers, homes(office, PHONES)):
            phones.append(office.tls_phone(number, place, source=source).connect().register())
        home.call(desk)
        pairs = [(phones[2 * i], phones[2 * i + 1]) for i in range(CALLS - 1)]
        for caller, callee in pairs:
            caller.dial(callee.number)
            assert callee.hear_request('INVITE')
            callee.answer(200, 'OK')
            caller.established()
            assert callee.hear_request('ACK')
        until(lambda: len(office.postern.rows('SELECT * FROM live_call')) == CALLS, 5, f'{CALLS} calls are live')
        before, pids = office.counts(), office.postern.pids()
        # The same file, another certificate; then take it into use.
        assert certificate_seen(office, host) == certs.der(office.certificate)
        certs.make(office.lab.folder, 'gate', 'rsa2048')
        fresh = certs.der(office.certificate)
        office.lab.postern_host.run([program(), 'reload', '--state', office.postern.state], timeout=15)
        until(lambda: certificate_seen(office, host) == fresh, 5, 'the new certificate is shown')
        hear_each_other(home, desk, 1.0)
        after = office.counts()
        lost = [phone.number for phone in phones if not phone.is_open()]
        assert not lost, f'connections lost: {lost}'
        assert all(phone.ping() for phone in phones), 'one is not answered any more'
        assert after['tcp_open'] >= PHONES + 1 and after['tcp_evicted'] == before['tcp_evicted'] == 0
        assert len(office.postern.rows('SELECT * FROM registration')) == PHONES + 2
        assert len(office.postern.rows('SELECT * FROM live_call')) == CALLS
        for caller, callee in pairs:
            assert caller.bye() == 200
            assert callee.hear_request('BYE')
            callee.answer(200, 'OK')
        desk.hang_up()
        home.closed()
        assert office.postern.pids()['sigproxy'] == pids['sigproxy']
        assert office.postern.pids()['keyd'] != pids['keyd'], 'keyd was not restarted'
