"""What real phones make of several challenges: the device table keeps each at what it can do."""

import os
import subprocess
import time

from lab import sip
from lab.net import Home
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.wait import until

BY_HAND = {'test_next_nonce': 'POSTERN_NEXT_NONCE'}     # seconds: 400, say

# linphonec says who it is (linphone-daemon does not).
LINPHONEC = '''\
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
register_only_when_network_is_up=1
use_ipv6=0
guess_hostname=0
contact="{number}" <sip:{number}@{address}>
default_proxy=0
[video]
enabled=0
[proxy_0]
reg_proxy=<sip:{server}>
reg_route=<sip:{server};lr>
reg_identity=<sip:{number}@{domain}>
reg_expires=300
reg_sendregister=1
publish=0
[auth_info_0]
username={number}
userid=SIP-{number}
passwd={password}
realm=SMO-SIP
domain={domain}
'''


def start_linphonec(office, number, home):
    """linphonec on the first phone of a home; it registers by itself."""
    host = office.lab.homes[home].phones[0]
    folder = office.lab.path(f'linphonec-{number}')
    os.makedirs(f'{folder}/.local/share/linphone')
    with open(f'{folder}/rc', 'w') as file:
        file.write(LINPHONEC.format(number=number, address=host.address, domain=DOMAIN, password=password(number),
                                    server=f'{office.lab.office.public}:5070'))
    host.spawn(['env', f'HOME={folder}', 'linphonec', '-c', f'{folder}/rc', '-d', '5', '-l', f'{folder}/log'],
               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_registered(office, number):
    """Has it a binding?"""
    return office.postern.rows(f"SELECT * FROM registration WHERE number = '{number}'")


def both_register(site):
    """baresip, which knows MD5 only, and linphonec, which must use SHA-256."""
    with Office(homes=(Home('A'), Home('B')), settings={('site', 'digest'): site}) as office:
        office.postern.sql("UPDATE subscriber SET min_digest = 'sha256' WHERE number = '202';\n")
        office.postern.in_effect()
        start_linphonec(office, 202, 'B')
        office.home('A')
        until(lambda: is_registered(office, 202), 8, f'linphonec registers with {site}')
        assert is_registered(office, 201)


def test_the_default():
    both_register('md5')


def test_all_three():
    both_register('sha512-256, sha256, md5')


def test_next_nonce():
    """linphonec takes the next nonce from a 200: five minutes and more with one 401 only."""
    seconds = int(os.environ['POSTERN_NEXT_NONCE'])
    with Office() as office:
        capture = office.watch_outside()
        start_linphonec(office, 201, 'A')
        until(lambda: is_registered(office, 201), 8, 'linphonec registers')
        time.sleep(seconds)
        messages = [sip.parse(p.payload) for p in capture.packets() if sip.looks_like(p.payload)]
        codes = [sip.status(m) for m in messages if 'REGISTER' in m.headers['cseq'][0]]
        print({code: codes.count(code) for code in set(codes) if code})
        assert codes.count(401) == 1 and codes.count(200) >= seconds // 60
