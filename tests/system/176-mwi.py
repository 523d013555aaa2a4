"""The lamp of a real phone at home follows a voicemail in the office (SIPp), through kill -9 of sigproxy."""

import os
import secrets
import time

from lab import sip
from lab.net import POSTERN_ADDRESS
from lab.office import Home, Office, password
from lab.postern import DOMAIN
from lab.watcher import MWI, Watcher

PAUSE_S = 1.6                      # runit waits when a process lived less than a second
HERE = os.path.dirname(os.path.abspath(__file__))
VOICEMAIL = '192.168.10.11'        # the place of the second desk


def voicemail_says(office, number, waiting, counts):
    """SIPp in the office, from the address that the configuration trusts."""
    host = office.lab.office.phones[1]
    assert host.address == VOICEMAIL, host
    with open(os.path.join(HERE, 'lab', 'mailbox.xml')) as file:
        text = file.read().replace('[$waiting]', waiting).replace('[$counts]', counts)
    path = office.lab.path('mailbox.xml')
    with open(path, 'w') as file:
        file.write(text)
    host.run(['sipp', f'{POSTERN_ADDRESS}:5060', '-sf', path, '-s', str(number), '-m', '1', '-i', host.address,
              '-p', '5090', '-timeout', '6', '-nostdin'], timeout=10, cwd=office.lab.path(''))


def lamp(phone, *wanted):
    """Wait until baresip says that a NOTIFY told it all of this."""
    said = ''
    while not all(text in said for text in wanted):
        said = phone.wait('MWI_NOTIFY', 6).get('param', '')
    return said


def trusting():
    """An office whose second place is a voicemail."""
    return Office(homes=[Home('A', phones=2)], office_phones=2, settings={('site', 'mwi_source'): VOICEMAIL})


def test_the_lamp_of_a_real_phone():
    with trusting() as office:
        outside = office.watch_outside()
        phone = office.home(modules=['mwi.so'], account=['mwi=yes'])
        lamp(phone, 'Messages-Waiting: no')
        voicemail_says(office, phone.number, 'yes', '2/8 (0/0)')
        lamp(phone, 'Messages-Waiting: yes', 'Voice-Message: 2/8 (0/0)', f'sip:{phone.number}@{DOMAIN}')
        time.sleep(PAUSE_S)
        old = office.postern.kill('sigproxy')
        office.postern.wait_restarted('sigproxy', old)
        lamp(phone, 'Messages-Waiting: yes', 'Voice-Message: 2/8 (0/0)')
        voicemail_says(office, phone.number, 'no', '0/9 (0/0)')
        lamp(phone, 'Messages-Waiting: no', 'Voice-Message: 0/9')
        row, = office.postern.rows('SELECT * FROM mailbox')
        assert (row['number'], row['waiting'], row['new'], row['old']) == ('201', 0, 0, 9), row
        for _, message in outside.sip():
            if message.start.startswith('NOTIFY'):
                assert b'192.168.10.' not in message.body, message.body


def source(method, number, local, body, headers=(), call_id=None, cseq=1):
    """A NOTIFY out of any dialog."""
    lines = ['Event: message-summary', 'Subscription-State: active',
             'Content-Type: application/simple-message-summary', *headers]
    return sip.request(method, f'sip:{number}@{DOMAIN}', local, headers=lines, body=body, call_id=call_id, cseq=cseq)


def test_whose_word_counts():
    """Not a stranger's, not any desk's; a flagged subscriber's does, with his password."""
    yes, no = b'Messages-Waiting: yes\r\n', b'Messages-Waiting: no\r\n'
    with trusting() as office:
        home = Watcher(office.lab.homes['A'].phones[1], (office.lab.office.public, 5070), 202, password(202), port=5066)
        office.lab.on_close(home.sock.close)
        home.register()
        status, key = home.key(202, MWI)
        assert status == 200
        key.until(lambda k: no in k.body)
        assert home.key(201, MWI)[0] == 403, 'another one\'s mailbox'
        outside, inside = (office.lab.office.public, 5070), (POSTERN_ADDRESS, 5060)
        with office.lab.attacker.udp_socket(5060) as sock:
            answer = sip.ask(sock, outside, source('NOTIFY', 202, sock.getsockname(), yes))
            assert sip.status(answer) == 481, answer.start
        with office.lab.office.phones[0].udp_socket(5060) as sock:
            local, call_id = sock.getsockname(), secrets.token_hex(8)
            for flagged, wanted in ((0, 403), (1, 200)):
                office.postern.sql(f"UPDATE subscriber SET mwi_source = {flagged} WHERE number = '168'")
                answer = sip.ask(sock, inside, source('NOTIFY', 202, local, yes, call_id=call_id))
                assert sip.status(answer) == 401, answer.start
                value = sip.digest(answer.headers['www-authenticate'][0], 'NOTIFY', f'sip:202@{DOMAIN}', 'SIP-168',
                                   password(168))
                answer = sip.ask(sock, inside, source('NOTIFY', 202, local, yes, [f'Authorization: {value}'], call_id,
                                                      2 + flagged))
                assert sip.status(answer) == wanted, answer.start
        key.until(lambda k: yes in k.body)
        with office.lab.office.phones[1].udp_socket(5060) as sock:
            for body, wanted in ((no, 200), (b'Messages-Waiting: no\r\nX: <script>\r\n', 400), (b'\0', 400)):
                answer = sip.ask(sock, inside, source('NOTIFY', 202, sock.getsockname(), body))
                assert sip.status(answer) == wanted, (body, answer.start)
        key.until(lambda k: no in k.body)
