"""The certificate is replaced under load: no connection, no registration and no call is lost."""

import os
import time

from lab import certs
from lab.expect import hear_each_other
from lab.net import Home
from lab.office import password
from lab.postern import program
from lab.tlsoffice import TlsOffice
from lab.wait import until

# A long run may have more.
PHONES = int(os.environ.get('POSTERN_TLS_PHONES', '50'))
CALLS = 10


def subscribers(office, numbers):
    """More of them, from the internet."""
    office.postern.sql('INSERT INTO subscriber(number, name, username, password, internet) VALUES ' + ','.join(
        f"('{n}','SIP-{n}','SIP-{n}','{password(n)}',1)" for n in numbers) + ';\n')
    office.postern.in_effect()


def certificate_seen(office, host):
    """The certificate a new phone is shown."""
    phone = office.tls_phone(301, host).connect()
    shown = phone.sock.getpeercert(binary_form=True)
    phone.close()
    return shown


def test_fifty_phones_and_ten_calls():
    with TlsOffice(homes=(Home('A'), Home('B'))) as office:
        host = office.lab.homes['A'].phones[0]
        numbers = range(301, 301 + PHONES)
        subscribers(office, numbers)
        home, desk = office.home(transport='tls'), office.desk()
        phones = []
        places = [office.lab.homes[name].phones[0] for name in 'AB']
        for index, number in enumerate(numbers):
            if index % 70 == 69:
                time.sleep(3.5)             # so many handshakes a home may begin at once
            phones.append(office.tls_phone(number, places[index % 2]).connect().register())
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
