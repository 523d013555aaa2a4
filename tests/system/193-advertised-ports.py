"""The router forwards other port numbers than Postern listens on: 443 to TLS, 5999 to UDP."""

from lab.capture import Capture
from lab.expect import hear_each_other
from lab.net import Home, POSTERN_ADDRESS
from lab.tlsoffice import TlsOffice

DEADLINE = 60


class Remapped(TlsOffice):
    """An office whose router calls the SIP ports by other names."""

    def __init__(self):
        super().__init__(homes=(Home('A'), Home('B')), settings={
            ('listen', 'external_tls_advertised'): 443, ('listen', 'external_udp_advertised'): 5999})

    def _start(self):
        self.lab.office.router.run(['nft', f'''
            flush chain ip nat prerouting
            add rule ip nat prerouting iifname "wan" tcp dport 443 dnat to {POSTERN_ADDRESS}:5071
            add rule ip nat prerouting iifname "wan" udp dport 5999 dnat to {POSTERN_ADDRESS}:5070
            add rule ip nat prerouting iifname "wan" udp dport 16384-16983 dnat to {POSTERN_ADDRESS}'''])
        super()._start()

    def server(self, inside, transport='udp'):
        if inside:
            return super().server(inside, transport)
        return f'{self.lab.office.public}:{443 if transport == "tls" else 5999}'


def call(caller, callee):
    """A call with sound; the callee hangs up, which needs the Contact that it was given."""
    caller.call(callee)
    hear_each_other(caller, callee, 1)
    callee.hang_up()
    caller.closed()


def test_phones_are_told_what_the_router_forwards():
    with Remapped() as office:
        public = office.lab.office.public
        desk = office.desk()
        tls = office.home('A', transport='tls', ca=office.certificate)
        outside = Capture(office.lab.office.router, office.lab.path('outside.pcap'), interface='wan')
        udp = office.home('B')
        call(desk, tls)
        call(udp, desk)
        outside.stop()
        said = [message for packet, message in outside.sip() if packet.source[0] == public]
        contacts = {line for message in said for line in message.headers.get('contact', ()) if public in line}
        assert contacts and all(f'{public}:5999' in line for line in contacts), contacts
        assert not any(f'{public}:5070' in line for message in said for line in message.headers.get('via', ())
                       if line.startswith('SIP/2.0/UDP ' + public)), said
