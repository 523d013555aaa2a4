"""The other ends of trunks: Kamailio as an ITSP with a telephone behind it, and peers of sockets."""

import os
import re
import secrets

from . import digest, sip
from .phone import Phone
from .rawphone import REPEATED, SDP
from .wait import until

ITSP, PSTN = '203.0.113.80', '203.0.113.81'
REALM, SECRET, ACCOUNT = 'itsp.example.net', 'weak-but-theirs', '4930123'

# Whoever comes from elsewhere than its own telephone is asked for a password, and reaches that telephone.
CONFIG = '''\
debug=0
log_stderror=yes
children=2
auto_aliases=no
listen=udp:{itsp}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "auth.so"
request_route {{
    if (has_totag() || is_method("ACK|CANCEL")) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (!is_method("INVITE")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (src_ip == {pstn}) {{
        record_route();
        $du = "sip:{office}:5070";
        t_relay();
        exit;
    }}
    if (!pv_proxy_authenticate("{realm}", "{secret}", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
    consume_credentials();
    record_route();
    $ru = "sip:pstn@{pstn}:5060";
    t_relay();
}}
'''


class Itsp:
    """Kamailio at ITSP, a baresip at PSTN that answers whatever is called."""

    def __init__(self, office, name='itsp'):
        lab = office.lab
        self.host, self.pstn_host = lab.public_host(name, ITSP), lab.public_host('pstn', PSTN)
        self.folder = lab.path(name)
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, 'kamailio.cfg')
        with open(path, 'w') as file:
            file.write(CONFIG.format(itsp=ITSP, pstn=PSTN, office=lab.office.public, realm=REALM, secret=SECRET))
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.host.spawn(['kamailio', '-DD', '-E', '-f', path, '-Y', self.folder, '-P', self.folder + '/pid'],
                            stdout=log, stderr=log)
        self.phone = Phone('pstn', f'{ITSP}:5060', lab.folder, host=self.pstn_host, domain=ITSP, tone=1900,
                           interval=0)
        self.phone.start()
        self.phone.add_account()
        lab.on_close(self.phone.stop)
        until(self._answers, 10, 'Kamailio answers')

    def _answers(self):
        sock = self.pstn_host.udp_socket(5099)
        try:
            return sip.ask(sock, (ITSP, 5060), sip.request('OPTIONS', f'sip:{ITSP}', sock.getsockname()), 0.3)
        finally:
            sock.close()


def add(office, **columns):
    """INSERT INTO trunk."""
    columns = {'name': 'itsp', 'address': f'{ITSP}:5060', 'prefix': '', 'transport': 'udp', **columns}
    names = ', '.join(columns)
    values = ', '.join("'%s'" % v if isinstance(v, str) else str(v) for v in columns.values())
    office.postern.sql(f'INSERT INTO trunk({names}) VALUES ({values});')
    office.postern.in_effect()
    until(lambda: columns['name'] in [t['name'] for t in trunks(office)], 5, 'sigproxy knows the trunk')


def trunks(office):
    """What sigproxy says of its trunks."""
    for process in office.postern.status()['processes']:
        if process['role'] == 'sigproxy':
            return process.get('status', process).get('trunks', [])
    return []


class Peer:
    """A socket that speaks as a trunk's server does."""

    def __init__(self, host, server, address=None, port=5060):
        self.sock = host.udp_socket(port, address)
        self.local, self.server = self.sock.getsockname(), server
        self.received, self.cseq = [], 0

    @property
    def sdp(self):
        """A plain offer or answer."""
        return SDP.format(self.local[0]).encode()

    def send(self, data):
        """One datagram to Postern."""
        self.sock.sendto(data, self.server)

    def hear(self, wanted, seconds=3.0):
        """The first message for which wanted(message) is true, or None."""
        self.sock.settimeout(0.05)
        for _ in range(int(seconds / 0.05) or 1):
            try:
                while True:
                    data = self.sock.recv(65535)
                    if not sip.looks_like(data):
                        continue
                    self.received.append(data)
                    if wanted(sip.parse(data)):
                        return sip.parse(data)
            except TimeoutError:
                pass
        return None

    def hear_request(self, method, seconds=3.0):
        """The next request of this method, or None."""
        return self.hear(lambda m: m.start.startswith(method + ' '), seconds)

    def final(self, seconds=3.0):
        """The next final answer to its newest INVITE, or None."""
        return self.hear(lambda m: sip.final(m) and m.headers['call-id'] == [self.call_id], seconds)

    def invite(self, number, caller='+4989555', headers=(), call_id=None):
        """An INVITE as it comes from the telephone network; its Call-ID."""
        self.cseq += 1
        self.call_id, self.tag = call_id or secrets.token_hex(10), secrets.token_hex(4)
        self.uri = f'sip:{number}@{self.server[0]}:{self.server[1]}'
        lines = [f'INVITE {self.uri} SIP/2.0',
                 f'Via: SIP/2.0/UDP {self.local[0]}:{self.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
                 'Max-Forwards: 70', f'From: "Caller" <sip:{caller}@{self.local[0]}>;tag={self.tag}',
                 f'To: <{self.uri}>', f'Call-ID: {self.call_id}', f'CSeq: {self.cseq} INVITE',
                 f'Contact: <sip:{self.local[0]}:{self.local[1]}>', 'Content-Type: application/sdp', *headers,
                 f'Content-Length: {len(self.sdp)}']
        self.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + self.sdp)
        return self.call_id

    def inside(self, answer, method, cseq):
        """A request in the dialog that this 200 to our INVITE made."""
        target = re.search(r'<([^>]+)>', answer.headers['contact'][0])[1]
        lines = [f'{method} {target} SIP/2.0',
                 f'Via: SIP/2.0/UDP {self.local[0]}:{self.local[1]};branch=z9hG4bK{secrets.token_hex(6)};rport',
                 'Max-Forwards: 70', f'From: {answer.headers["from"][0]}', f'To: {answer.headers["to"][0]}',
                 f'Call-ID: {self.call_id}', f'CSeq: {cseq} {method}', 'Content-Length: 0']
        self.send('\r\n'.join(lines).encode() + b'\r\n\r\n')

    def answer(self, status, headers=(), body=b'', tag='peer'):
        """Answer the newest request heard."""
        request = [data for data in self.received if not data.startswith(b'SIP/2.0')][-1]
        repeated = b''.join(REPEATED.findall(request.partition(b'\r\n\r\n')[0] + b'\r\n'))
        repeated = re.sub(rb'(?im)^(to:(?:(?!;tag=)[^\r\n])*)\r\n', rb'\1;tag=' + tag.encode() + b'\r\n', repeated)
        lines = [*headers, f'Content-Length: {len(body)}']
        self.send(f'SIP/2.0 {status} Answer\r\n'.encode() + repeated
                  + ''.join(line + '\r\n' for line in lines).encode() + b'\r\n' + body)

    def take(self, body=True):
        """Answer the INVITE heard last with 200 and SDP."""
        self.answer(200, (f'Contact: <sip:{self.local[0]}:{self.local[1]}>', 'Content-Type: application/sdp'),
                    self.sdp if body else b'')

    def challenge(self, realm=REALM, more=''):
        """407 to the INVITE heard last; its nonce."""
        nonce = secrets.token_hex(12)
        self.answer(407, (f'Proxy-Authenticate: Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, '
                          f'qop="auth"{more}',), tag=secrets.token_hex(3))
        return nonce


def is_right(invite, username, password):
    """Does the INVITE hold a right answer to a challenge?"""
    fields = digest.parameters(invite.headers['proxy-authorization'][0].partition(' ')[2])
    method, uri = invite.start.split()[:2]
    want = digest.credentials({'realm': fields['realm'], 'nonce': fields['nonce']}, method, uri, username, password,
                              cnonce=fields['cnonce'])
    return fields['username'] == username and fields['uri'] == uri and \
        digest.parameters(want.partition(' ')[2])['response'] == fields['response']


__all__ = ['ACCOUNT', 'ITSP', 'Itsp', 'Peer', 'REALM', 'SECRET', 'add', 'is_right', 'trunks']
