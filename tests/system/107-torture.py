"""Every message of RFC 4475 and RFC 5118 from a stranger: the right answer, and the server serves on."""

import csv
import os
import re
import time

from lab import sip
from lab.capture import Capture
from lab.office import Office, password
from lab.postern import DOMAIN, REPOSITORY
from lab.wait import Late, until

VECTORS = os.path.join(REPOSITORY, 'tests', 'vectors')
PATIENCE = 5.0                   # for the last answer; silence is what has not come then
CHALLENGE_OR_REFUSAL = {401, 403, 404, 407}
HOSTS = 'example.com, example.net, example.org, biloxi.example.com, atlanta.example.com, company.com'
STRANGERS = '198.51.100.128/25'  # one address for each message: no budget of one tells on another

# The messages that get no answer, and why. All others must get exactly one.
SILENT = {
    'rfc4475/unreason.dat': 'a response; it belongs to no request of ours',
    'rfc4475/noreason.dat': 'a response; it belongs to no request of ours',
    'rfc4475/scalarlg.dat': 'a response, and a broken one',
    'rfc4475/bigcode.dat': 'a response, and a broken one',
    'rfc4475/bcast.dat': 'a response; its second Via must not be obeyed',
    'rfc4475/test.dat': 'its first line has no SIP version: it is not SIP, and nothing says who asks',
    'rfc5118/ipv6-in-sdp.wire': 'an INVITE for a bare address, by nobody known: so scanners ask',
    'rfc5118/mult-ip-in-sdp.wire': 'the same',
}


def vectors():
    """Yield (name, index row, bytes) for each message; RFC 5118 in its wire form."""
    for rfc, column in (('rfc4475', 'file'), ('rfc5118', 'wire_file')):
        with open(os.path.join(VECTORS, rfc, 'index.tsv'), newline='') as file:
            for row in csv.DictReader(file, delimiter='\t'):
                with open(os.path.join(VECTORS, rfc, row[column]), 'rb') as message:
                    yield f'{rfc}/{row[column]}', row, message.read()


def complaint(name, row, message, codes):
    """Why these final answers are not within the index's server_must, or None when they are.

    A challenge or a refusal is right for any valid request from a stranger (for OPTIONS
    to us also 200), a 4xx for an invalid one. Codes the index names are right, unless it
    calls them a failure. Nobody unproven is answered twice.
    """
    must = row['server_must']
    if name in SILENT:
        return f'{codes} instead of silence' if codes else None
    if len(codes) != 1:
        return f'{codes or "silence"}; wanted one answer: {must}'
    code, = codes
    failure = {int(c) for c in re.findall(r'(\d{3}) (?:or a crash )?is a failure', must)}
    named = {int(c) for c in re.findall(r'\b([2-6]\d\d)\b', must)} - failure
    if code in CHALLENGE_OR_REFUSAL | named:
        return None
    if row['class'] in ('invalid', 'unreferenced'):
        return None if 400 <= code < 500 else f'{code}; wanted: {must}'
    if 401 <= code < 500 and code not in failure or code == 200 and message.startswith(b'OPTIONS '):
        return None
    return f'{code}; wanted: {must}'


def send_all(office):
    """Send every message from an address of its own; return {address: name} and the capture."""
    lab, server = office.lab, (office.lab.office.public, 5070)
    addresses = lab.attacker_addresses(STRANGERS)
    seen = Capture(lab.attacker, lab.path('attacker.pcap'), filter_='udp')
    sent = {}
    for (name, _, message), address in zip(vectors(), addresses):
        with lab.attacker.udp_socket(5060, address) as sock:
            sock.sendto(message, server)
        sent[address] = name
        time.sleep(0.02)
    return sent, seen


def answers(sent, seen, server):
    """{name: final codes that came to its address, wherever its Via says}."""
    codes = {name: [] for name in sent.values()}
    for packet, message in seen.sip():
        code = sip.status(message)
        if packet.source == server and code and code >= 200:
            codes[sent[packet.destination[0]]].append(code)
    return codes


def torture(settings):
    """All of them; what came back must be right, and the processes live and serve."""
    with Office(settings=settings) as office:
        server, pids = (office.lab.office.public, 5070), office.postern.pids()
        outside = office.watch_outside()
        sent, seen = send_all(office)
        try:
            until(lambda: all(codes or name in SILENT for name, codes in answers(sent, seen, server).items()),
                  PATIENCE, 'an answer to each', step=0.2)
        except Late:
            pass
        time.sleep(1.0)                # T1 and its first repetition: what must not come
        codes = answers(sent, seen, server)
        astray = [(packet.destination, message.start) for packet, message in outside.sip()
                  if packet.source == server and packet.destination[0] not in sent]
        for name, got in codes.items():
            print(f'{name}: {got or "silence"}')
        problems = [f'{name}: {problem}' for name, row, message in vectors()
                    if (problem := complaint(name, row, message, codes[name]))]
        with office.lab.homes['A'].phones[0].udp_socket(5062) as neighbour:
            serves(neighbour, server)
        assert office.postern.pids() == pids, 'a process died'
        assert not problems, '; '.join(problems)
        assert not astray, f'sent to others than who asked: {astray}'


def test_answers_and_keeps_serving():
    """The hosts they name are ours: they go as deep as a stranger's message can."""
    torture({('site', 'aliases'): HOSTS})


def test_names_that_are_not_ours():
    """The same messages for a server they do not mean."""
    torture({})


def serves(sock, server):
    """The server still registers a subscriber."""
    answer = sip.register(sock, server, DOMAIN, 201, 'SIP-201', password(201))
    assert answer and sip.status(answer) == 200, f'no longer serving: {answer and answer.start}'
