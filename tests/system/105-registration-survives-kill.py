"""A 200 OK to REGISTER means 'on disk': kill -9 of registrar-db straight after it loses nothing."""

from lab import sip
from lab.expect import hear_each_other
from lab.office import Office, password
from lab.postern import DOMAIN


def test_binding_is_there_after_kill():
    with Office() as office:
        server = (office.lab.office.public, 5070)
        with office.lab.homes['A'].phones[0].udp_socket(5062) as sock:
            for number in office.OUTSIDE[:3]:
                pid = office.postern.pids()['registrar-db']
                answer = sip.register(sock, server, DOMAIN, number, f'SIP-{number}', password(number))
                old = office.postern.kill('registrar-db')
                assert answer and sip.status(answer) == 200, answer
                assert old == pid
                office.postern.wait_restarted('registrar-db', old)
                text = str(office.postern.rows('SELECT * FROM registration'))
                assert str(number) in text, f'{number} is lost; left: {text}'


def test_phone_is_reached_after_kill():
    with Office() as office:
        desk, home = office.desk(), office.home()
        old = office.postern.kill('registrar-db')
        office.postern.wait_restarted('registrar-db', old)
        desk.call(home)
        hear_each_other(desk, home)
