"""SRTP calls between a phone at home with libsrtp2 and a plain one in the office, packet by packet."""

import base64
import os
import re
import select
import time

from . import rtp, sip
from .office import password
from .postern import DOMAIN
from .rawphone import RawPhone
from .securephone import Srtp, keys_in

SUITE = 'AES_CM_128_HMAC_SHA1_80'
PAYLOAD = bytes(range(160))
SDP = ('v=0\r\no=- 1 {1} IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n'
       'm=audio 10000 {2} 0\r\na=rtpmap:0 PCMU/8000\r\n')
PORT = re.compile(rb'm=audio (\d+) ')
ADDRESS = re.compile(rb'c=IN IP4 (\S+)')


class Side:
    """A raw phone and its media."""

    def __init__(self, host, server, number):
        self.phone = RawPhone(host, server, number, password(number)).register()
        self.media = host.udp_socket(10000)
        self.media.setblocking(False)
        self.relay = self.tx = self.rx = None
        self.key, self.version = os.urandom(30), 1

    def sdp(self, secure):
        """An offer or answer."""
        text = SDP.format(self.phone.local[0], self.version, 'RTP/SAVP' if secure else 'RTP/AVP')
        if secure:
            text += f'a=crypto:1 {SUITE} inline:{base64.b64encode(self.key).decode()}\r\n'
        return text.encode()

    def learn(self, body, secure):
        """Where to send to, and with which keys."""
        self.relay = ADDRESS.search(body)[1].decode(), int(PORT.search(body)[1])
        if secure:
            (suite, key), = keys_in(body)
            assert suite == SUITE
            self.tx, self.rx = Srtp(SUITE, self.key, sends=True), Srtp(suite, key)

    def send(self, sequence):
        """One packet."""
        packet = rtp.make(0, sequence, 160 * sequence, 0x1000 + self.phone.number, PAYLOAD)
        self.media.sendto(self.tx.protect(packet) if self.tx else packet, self.relay)

    def hear(self, last, seconds):
        """Sequence numbers of what comes in clear until this one, and how many packets made no sense."""
        heard, wrong = [], 0
        deadline = time.monotonic() + seconds
        while not (heard and heard[-1] == last & 0xffff) and (left := deadline - time.monotonic()) > 0:
            if not select.select([self.media], [], [], left)[0]:
                break
            packet = self.media.recv(4096)
            packet = self.rx.unprotect(packet) if self.rx else packet
            if packet is None or packet[12:] != PAYLOAD:
                wrong += packet is None or len(packet) > 12     # the relay's keepalives are empty
                continue
            heard.append(int.from_bytes(packet[2:4], 'big'))
        return heard, wrong


def in_dialog(home, answer, method, cseq, body=b''):
    """ACK or re-INVITE of the caller's."""
    phone, to = home.phone, answer.headers['to'][0]
    target = re.search(r'<([^>]+)>', answer.headers['contact'][0])[1]
    lines = [f'{method} {target} SIP/2.0',
             f'Via: SIP/2.0/UDP {phone.local[0]}:{phone.local[1]};branch=z9hG4bK{os.urandom(6).hex()};rport',
             'Max-Forwards: 70', f'From: <sip:{phone.number}@{DOMAIN}>;tag={phone.tag}', f'To: {to}',
             f'Call-ID: {phone.call_id}', f'CSeq: {cseq} {method}',
             f'Contact: <sip:{phone.number}@{phone.local[0]}:{phone.local[1]}>',
             'Content-Type: application/sdp', f'Content-Length: {len(body)}']
    phone.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)


def agree(home, desk, cseq, dialog=None):
    """Offer by home, answer by desk, ACK; gives the 200."""
    if dialog is None:
        home.phone.invite(desk.phone.number, body=home.sdp(True))
    else:
        in_dialog(home, dialog, 'INVITE', cseq, home.sdp(True))
    invite = desk.phone.hear_request('INVITE')
    assert b'crypto' not in invite.body and b'SAVP' not in invite.body, invite.body
    desk.learn(invite.body, False)
    desk.phone.answer(200, [f'Contact: <sip:{desk.phone.number}@{desk.phone.local[0]}:{desk.phone.local[1]}>',
                            'Content-Type: application/sdp'], desk.sdp(False))
    answer = home.phone.hear(lambda m: sip.status(m) == 200 and f'{cseq} INVITE' in m.headers['cseq'][0])
    assert answer, 'no 200'
    in_dialog(home, answer, 'ACK', cseq)
    assert desk.phone.hear_request('ACK')
    return answer


def again(home, desk, cseq, dialog, key=None):
    """A re-INVITE with the same key or a new one: libsrtp's contexts go on only with the same."""
    # It was silent for a second before the relay died: so it is asked whether it has moved.
    if home.phone.hear_request('INVITE', 1):
        home.phone.answer(488)
    tx, rx = home.tx, home.rx
    home.version += 1
    home.key = key or home.key
    answer = agree(home, desk, cseq, dialog)
    (_, ours), = keys_in(answer.body)
    if key is None:
        assert ours == rx_key(rx), 'our key changed'
        home.tx, home.rx = tx, rx
        return
    assert ours != rx_key(rx), 'our key did not change'
    home.learn(answer.body, True)


def rx_key(context):
    """The key libsrtp was given."""
    return context._key                                                 # pylint: disable=protected-access
