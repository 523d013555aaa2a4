"""The SIP port is the phones' STUN server: coturn's client and a baresip that is given no other one."""

import re

from lab import stun
from lab.expect import hear_each_other
from lab.office import Office, SIP_PORT


def reflexive(host, server, port):
    """What coturn's client is told."""
    said = host.run(['turnutils_stunclient', '-p', str(port), '-L', host.address, server], timeout=10).stdout
    found = re.search(r'UDP reflexive addr: ([\d.]+):(\d+)', said)
    assert found, said
    return found[1], int(found[2])


def test_home_and_desk_are_told_their_addresses():
    with Office() as office:
        home, desk = office.lab.homes['A'], office.lab.office.phones[0]
        address, _ = reflexive(home.phones[0], office.lab.office.public, 5070)
        assert address == home.public, address
        address, _ = reflexive(desk, office.postern.host.address, 5060)
        assert address == desk.address, address
        with home.phones[0].udp_socket(5062) as sock:
            sock.settimeout(1)
            assert stun.request(sock, (office.lab.office.public, 5070)) == (home.public, 5062)
        assert '"stun_answered":0' not in office.postern.status_text()


def test_baresip_uses_it_and_is_heard():
    """Its SDP then says the home's public address, as the seed's phones are set up to do."""
    with Office(forward=(SIP_PORT,)) as office:
        office.stun = (office.lab.office.public, 5070)
        home, desk = office.home(with_stun=True), office.desk()
        home.call(desk)
        hear_each_other(home, desk)
        desk.hang_up()
        home.closed()
