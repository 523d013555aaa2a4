"""MESSAGE between real phones and clients at home and in the office (RFC 3428)."""

import threading

from lab import sip
from lab.net import POSTERN_ADDRESS
from lab.office import Home, Office, password
from lab.wait import until
from lab.watcher import Watcher


def writer(office, number=202):
    """A client at home that sends and gets messages."""
    phone = Watcher(office.lab.homes['A'].phones[1], (office.lab.office.public, 5070), number, password(number),
                    port=5066)
    office.lab.on_close(phone.sock.close)
    return phone.register()


def test_home_and_office_write_to_each_other():
    """A real phone in the office gets it and answers; what the office writes comes home under the database's name."""
    with Office(homes=[Home('A', phones=2)]) as office:
        desk, home = office.desk(), writer(office)
        assert home.text(desk.number, b'lunch at noon?') == 200
        log = f'{desk.folder}/log'
        until(lambda: b'lunch at noon?' in open(log, 'rb').read(), 3, 'the desk shows it')
        office_client = Watcher(office.lab.office.phones[0], (POSTERN_ADDRESS, 5060), 169, password(169), port=5066)
        office.lab.on_close(office_client.sock.close)
        answers = []
        writing = threading.Thread(target=lambda: answers.append(office_client.text(202, b'see 192.0.2.9')))
        writing.start()
        message = home.take(lambda m: m.start.startswith('MESSAGE '))
        assert message and message.body == b'see 192.0.2.9', message
        home.reply(message, 200)
        writing.join()
        assert answers == [200], answers
        text = '\n'.join(f'{name}: {value}' for name, values in message.headers.items() for value in values)
        assert '"SIP-169" <sip:169@sip.example.org>' in message.headers['from'][0], text
        assert '192.168.10.' not in text and 'contact' not in message.headers, text
        # 404, 480 as a call; a stranger without a password nothing at all.
        assert home.text(999, b'hello') == 404
        assert home.text(203, b'hello') == 480
        with office.lab.attacker.udp_socket(5060) as sock:
            server = (office.lab.office.public, 5070)
            for method in ('MESSAGE', 'SUBSCRIBE', 'PUBLISH', 'REFER', 'NOTIFY'):
                lines = ['Event: dialog'] if method in ('SUBSCRIBE', 'NOTIFY') else []
                answer = sip.ask(sock, server, sip.request(method, 'sip:168@sip.example.org', sock.getsockname(),
                                                           headers=lines))
                print(method, answer.start)
                assert sip.status(answer) in (401, 403, 405, 481, 489), answer.start
        statuses = [home.text(desk.number, b'again') for _ in range(30)]
        assert statuses.count(500) >= 5 and statuses[0] == 200, statuses
