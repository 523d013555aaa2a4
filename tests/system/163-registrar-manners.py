"""What becomes of registrations: a restarted phone rings once, the newest wins, an admin's word cuts at once."""

import secrets

from lab import sip
from lab.office import Home, Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT, password
from lab.postern import DOMAIN
from lab.wait import until

FORWARD = (SIP_PORT, SIP_TCP_PORT, RTP_RANGE)
AGENT = 'User-Agent: Yealink SIP-T41P 36.83.0.35'


def register(office, host, port, expires=60, agent=AGENT, number=201):
    """One REGISTER, as a phone that was just started sends it; the answer and the socket."""
    sock = host.udp_socket(port)
    server, uri, aor = (office.lab.office.public, 5070), f'sip:{DOMAIN}', f'sip:{number}@{DOMAIN}'
    call_id = secrets.token_hex(8)

    def say(cseq, *more):
        data = sip.request('REGISTER', uri, sock.getsockname(), to=aor, from_=number, call_id=call_id, cseq=cseq,
                           headers=(f'Expires: {expires}', agent, *more))
        return sip.ask(sock, server, data)

    challenge = say(1)
    value = sip.digest(challenge.headers['www-authenticate'][0], 'REGISTER', uri, f'SIP-{number}', password(number))
    return say(2, f'Authorization: {value}'), sock


def rows(office):
    """The bindings of 201."""
    return office.postern.rows("SELECT source, granted_s FROM registration WHERE number = '201'")


def test_a_restarted_phone_has_one_binding():
    """New port, new Call-ID, no instance-id; another phone of that home stays another."""
    with Office(homes=(Home('A', phones=2),), forward=FORWARD) as office:
        one, two = office.lab.homes['A'].phones
        for port in (5060, 5062, 5064):
            answer, sock = register(office, one, port)
            assert sip.status(answer) == 200, answer.start
            sock.close()
        found = rows(office)
        assert len(found) == 1 and found[0]['source'].endswith(':5064'), found
        register(office, two, 5070)[1].close()
        assert len(rows(office)) == 2, rows(office)
        office.postern.sql("UPDATE subscriber SET max_contacts = 1 WHERE number = '201';\n")
        office.postern.in_effect()
        register(office, one, 5066)[1].close()
        found = rows(office)
        assert len(found) == 1 and found[0]['source'].endswith(':5066'), found


def test_too_brief_is_told_what_is_not():
    """423 with Min-Expires (RFC 3261 10.2.8)."""
    with Office(forward=FORWARD) as office:
        answer, sock = register(office, office.lab.homes['A'].phones[0], 5060, expires=10)
        sock.close()
        assert sip.status(answer) == 423 and answer.headers['min-expires'] == ['30'], answer


def test_a_disabled_phone_is_cut_off_at_once():
    """Its connection too."""
    with Office(forward=FORWARD) as office:
        home = office.home(transport='tcp')

        def tcp_open():
            text = office.postern.status_text()
            return int(text.split('"tcp_open":')[1].split(',')[0])

        assert tcp_open() == 1
        office.postern.sql(f"UPDATE subscriber SET enabled = 0 WHERE number = '{home.number}';\n")
        until(lambda: not rows(office), 2, 'the binding is gone')
        until(lambda: tcp_open() == 0, 1, 'its connection is cut')
