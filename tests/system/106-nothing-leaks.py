"""Nothing sent outside tells of the inside: addresses, host name, library versions."""

import re
import subprocess

from lab import stun
from lab.expect import hear_each_other
from lab.office import Office, SIP_PORT
from lab.postern import HOST_NAME

LIBRARIES = ('libuv', 'openssl', 'sqlite', 'libsodium', 'libseccomp', 'c-ares', 'inih')


def forbidden(lab):
    """The byte strings that must not be seen, addresses as text and as four bytes."""
    addresses = [lab.postern_host.address] + [phone.address for phone in lab.office.phones]
    texts = ['192.168.10.', HOST_NAME, *LIBRARIES]
    for package in ('libuv1', 'libsqlite3-0', 'libsodium23', 'libssl3'):
        said = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', package], capture_output=True, text=True)
        texts += re.findall(r'\d+\.\d+\.\d+', said.stdout)[:1]
    packed = [bytes(int(part) for part in address.split('.')) for address in addresses]
    return [text.encode() for text in texts] + packed


def whole_run(office, home, desk):
    """Register, call both ways, hold, resume, hang up."""
    for caller, callee in ((home, desk), (desk, home)):
        caller.call(callee)
        hear_each_other(caller, callee, 1)
        for holder in (caller, callee):
            holder.hold()
            holder.resume()
        caller.hang_up()
        callee.closed()
    home.unregister()


def search_everything(forward):
    """One whole run, everything on the public side captured; the office phone knows only an address."""
    settings = {('site', 'aliases'): '192.168.10.2'}
    with Office(forward=forward, settings=settings) as office:
        outside = office.watch_outside()
        whole_run(office, office.home(), office.desk(domain=None))
        outside.stop()
        assert outside.sip() and outside.rtp() and outside.stun(), 'the capture is not whole'
        found = outside.search(forbidden(office.lab), source=office.lab.office.public)
        assert not found, f'{len(found)} leaks; the first: {found[0][1]} in {found[0][2]!r}'
        for packet, message in outside.stun():
            assert packet.source[0] != office.lab.office.public or stun.SOFTWARE not in message.attributes, \
                f'a STUN request tells our software to {packet.destination}'


def test_rtp_range_forwarded():
    search_everything([SIP_PORT, 'udp/16384-16983'])


def test_punch():
    search_everything([SIP_PORT])
