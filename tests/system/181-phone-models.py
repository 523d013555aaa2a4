"""The phones of the seed's guide, by their own way of writing: Yealink T19P and T41P, Zoiper on iOS and Android.

STUN is off in all of them, their Contacts and SDP are private; server or domain is typed as ADDRESS:PORT, and
once as the domain itself. Each registers, calls and is called, at home and in the office.
"""

from lab import sip
from lab.agent import Agent, talk
from lab.models import MODELS
from lab.office import Office, password
from lab.postern import DOMAIN
from lab.tlsoffice import TlsOffice

SETTINGS = {('site', 'digest'): 'sha256, md5'}       # the table keeps these phones at what they can do


def registered(office, name, number, transport, inside=False, typed=None):
    """A phone of this model, registered."""
    lab = office.lab
    host = lab.office.phones[0] if inside else lab.homes['A'].phones[0]
    port = (5062 if inside else 5071) if transport == 'tls' else 5060 if inside else 5070
    server = (lab.postern_host.address if inside else lab.office.public, port)
    agent = Agent(host, server, MODELS[name], number, password(number), transport, typed)
    answer = agent.register()
    assert answer and sip.status(answer) == 200, f'{name}, {transport}: {answer and answer.start}'
    contact = [value for value in answer.headers['contact'] if agent.text(agent.model.contact) in value]
    assert contact, f'{name}: its Contact is not listed: {answer.headers["contact"]}'
    return agent


def whole_call(caller, callee):
    """A call with sound both ways, ended by the callee, then one ended by the caller."""
    caller.call(callee.number, callee)
    talk(caller, callee)
    callee.hang_up(caller)
    caller.call(callee.number, callee)
    caller.hang_up(callee)


def try_model(office, name, *transports):
    """Home and office phone of one model, called from either side."""
    for transport in transports:
        with registered(office, name, 201, transport) as home, \
                registered(office, name, 168, transport, inside=True) as desk:
            whole_call(home, desk)
            whole_call(desk, home)
            sizes = home.sizes
            spoken = home.wire.sock.version() if transport == 'tls' else ''
            assert spoken != 'TLSv1.3' or not home.model.tls, f'{name} spoke {spoken}'
            for agent in (home, desk):
                agent.challenge = None
                answer = agent.register(expires=0)
                assert sip.status(answer) == 200, answer.start
            print(f'{name}, {transport} {spoken}: REGISTER {sizes[0][0]} bytes, 401 {sizes[0][1]} bytes')


FORWARD = ('udp/5070', 'tcp/5070', 'udp/16384-16983')


def test_yealink():
    with Office(settings=SETTINGS, forward=FORWARD) as office:
        for name in ('T19P', 'T41P'):
            try_model(office, name, 'udp', 'tcp')


def test_zoiper():
    with Office(settings=SETTINGS, forward=FORWARD) as office:
        for name in ('Zoiper iOS', 'Zoiper Android'):
            try_model(office, name, 'udp', 'tcp')
        with registered(office, 'Zoiper iOS', 202, 'udp', typed=f'{DOMAIN}:5070') as named:
            assert sip.status(named.register(expires=0)) == 200


def test_by_tls():
    """Those of the four that can: T41P, by TLS 1.2 without GCM, and Zoiper on Android."""
    with TlsOffice(kind='rsa2048', settings=SETTINGS) as office:    # a T41P's only ECDHE is with RSA
        for name in ('T41P', 'Zoiper Android'):
            try_model(office, name, 'tls')
