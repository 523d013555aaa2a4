"""Who cannot speak our TLS is named in one line; who only pretends to costs little and hurts nobody."""

import re
import select
import socket
import ssl
import struct
import subprocess
import time

from lab import certs
from lab.expect import hear_each_other
from lab.net import ATTACKER_ADDRESS, Home
from lab.tlsoffice import TlsOffice
from lab.wait import until

WHOLE_S, PENDING = 10, 32


def line(office, event):
    """The newest line of sigproxy's log about this."""
    lines = [one for one in office.postern.logs().splitlines() if f' {event} ' in one]
    return lines[-1] if lines else ''


def said(office, event, *parts):
    """Wait for the line; it has these parts."""
    until(lambda: line(office, event), 3, f'a line {event}')
    text = line(office, event)
    print(text)
    for part in parts:
        assert part in text, (part, text)


def s_client(office, host, *options):
    """openssl s_client at our TLS port; what it printed."""
    address, port = office.tls_server
    done = subprocess.run(host.enter(['openssl', 's_client', '-connect', f'{address}:{port}', *options]),
                          input=b'', capture_output=True, timeout=10)
    return (done.stdout + done.stderr).decode(errors='replace')


def dial(office, host, source=None):
    """A TCP connection to our TLS port."""
    def make():
        sock = socket.socket()
        if source:
            sock.bind((source, 0))
        sock.settimeout(3)
        sock.connect(office.tls_server)
        return sock
    return host.inside(make)


def reset(sock):
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def is_closed(sock, seconds=3.0):
    """Does the other side close within this time?"""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
        try:
            if not sock.recv(4096):
                return True
        except OSError:
            return True
    return False


def client_hello():
    """The octets of a ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = context.wrap_bio(incoming, outgoing, server_hostname='sip.example.org')
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def test_who_cannot_and_who_pretends():
    with TlsOffice(homes=(Home('A'), Home('B'))) as office:
        slow = slow_one(office)
        who_cannot_is_named(office)
        pretenders(office, *slow)


def who_cannot_is_named(office):
    """Too old, nothing in common, no trust, no TLS at all."""
    home = office.home()                    # by UDP, from the same home
    router = office.lab.homes['A'].phones[0]
    refused = s_client(office, router, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')
    assert 'alert protocol version' in refused, refused
    said(office, 'tls-too-old', f'from={office.lab.homes["A"].public}:', 'offered="up to TLS 1.1"', 'ciphers=',
         f'last_registered={home.number}', 'device="baresip', 'remedy="update the phone')
    assert 'handshake failure' in s_client(office, router, '-tls1_2', '-cipher', 'AES128-SHA:AES256-SHA')
    said(office, 'tls-nothing-in-common', 'first_ciphers=AES128-SHA,AES256-SHA', 'device="baresip')
    for version in ('-tls1_2', '-tls1_3'):
        fine = s_client(office, router, version, '-CAfile', office.certificate, '-verify_return_error')
        assert 'Verification: OK' in fine and 'New, TLSv1' in fine, fine
    other = certs.make(office.lab.folder, 'other')[0]
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        try:
            office.tls_phone(201, router, ca=other, least=version, most=version).connect()
            raise AssertionError('it believes anybody')
        except ssl.SSLCertVerificationError:
            pass
    said(office, 'tls-certificate-not-trusted', 'remedy="install the CA certificate')
    for text, event in ((b'REGISTER sip:sip.example.org SIP/2.0\r\n\r\n', 'sip-without-tls'),
                        (b'GET / HTTP/1.1\r\n\r\n', 'http-on-the-tls-port'), (b'\x80\x2e\x01\x00\x02', 'not-tls')):
        sock = dial(office, router)
        sock.sendall(text)
        assert is_closed(sock), event
        said(office, event)
    # A flood of them is counted, and a few are told.
    before = office.postern.logs().count(' not-tls ')
    socks = []
    for _ in range(24):
        socks.append(dial(office, router))
        socks[-1].sendall(b'xxxxxxxx')
    for sock in socks:
        assert is_closed(sock)
    assert office.postern.logs().count(' not-tls ') - before <= 20, 'too many lines'
    now = office.counts()
    assert now['tls_not_tls'] + now['tls_refused'] == 25, now


def slow_one(office):
    """A handshake that never ends."""
    slow = dial(office, office.lab.attacker)
    slow.sendall(client_hello()[:7])
    return slow, time.monotonic()


def pretenders(office, slow, began):
    """Torn at each octet, silent, slow, too many: nobody dies, phones come and talk meanwhile."""
    pids = office.postern.pids()
    hello = client_hello()
    refused = office.counts()['tls_refused']
    silent = [dial(office, office.lab.attacker) for _ in range(PENDING + 14)]
    until(lambda: office.counts()['tls_refused'] >= refused + 15, 3, 'the rest was refused')
    assert office.counts()['tls_shaking'] == PENDING, office.counts()
    home, desk = office.home('B', transport='tls'), office.desk()
    home.call(desk)
    for sock in silent:
        reset(sock)
    until(lambda: office.counts()['tls_shaking'] == 1, 3, 'their places are free')
    for index in range(0, len(hello), 7):
        sock = dial(office, office.lab.homes['A'].phones[0])
        sock.sendall(hello[:index])
        reset(sock)
        if index % 70 == 0:
            time.sleep(0.3)                 # within what one source may begin
    slow.sendall(hello[7:20])
    hear_each_other(home, desk, 1.0)
    assert is_closed(slow, WHOLE_S), 'a handshake without end'
    assert WHOLE_S - 2 < time.monotonic() - began < WHOLE_S + 2
    until(lambda: office.counts()['tls_shaking'] == 0, 3, 'all handshakes are over')
    hear_each_other(home, desk, 1.0)
    desk.hang_up()
    home.closed()
    assert re.search(r'"tcp_slow": ?1\b', office.postern.status_text())
    assert office.postern.pids() == pids, 'a process died'
    assert ATTACKER_ADDRESS not in line(office, 'tls-too-old')
