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
PATIENCE = 0.4                   # silence for so long is silence
CHALLENGE_OR_REFUSAL = {401, 403, 404, 407}
HOSTS = 'example.com, example.net, example.org, biloxi.example.com, atlanta.example.com, company.com'


def vectors():
    """Yield (name, index row, bytes) for each message; RFC 5118 in its wire form."""
    for rfc, column in (('rfc4475', 'file'), ('rfc5118', 'wire_file')):
        with open(os.path.join(VECTORS, rfc, 'index.tsv'), newline='') as file:
            for row in csv.DictReader(file, delimiter='\t'):
                with open(os.path.join(VECTORS, rfc, row[column]), 'rb') as message:
                    yield f'{rfc}/{row[column]}', row, message.read()


def complaint(row, message, code):
    """Why this answer (None: silence) is not within the index's server_must, or None when it is.

    A challenge, a refusal or silence is right for any valid request from a stranger (for
    OPTIONS to us also 200), a 4xx or silence for an invalid one. Codes the index names
    are right, unless it calls them a failure.
    """
    must = row['server_must']
    failure = {int(c) for c in re.findall(r'(\d{3}) (?:or a crash )?is a failure', must)}
    named = {int(c) for c in re.findall(r'\b([2-6]\d\d)\b', must)} - failure
    if row['parser'] == 'drop':
        return None if code is None else f'{code} instead of dropping it'
    if code is None or code in CHALLENGE_OR_REFUSAL | named:
        return None
    if row['class'] in ('invalid', 'unreferenced'):
        return None if 400 <= code < 500 else f'{code}; wanted: {must}'
    if 401 <= code < 500 and code not in failure or code == 200 and message.startswith(b'OPTIONS '):
        return None
    return f'{code}; wanted: {must}'


def test_answers_and_keeps_serving():
    with Office(settings={('site', 'aliases'): HOSTS}) as office:
        lab, server = office.lab, (office.lab.office.public, 5070)
        seen = Capture(lab.attacker, lab.path('attacker.pcap'), filter_='udp')
        pids = office.postern.pids()
        complaints, answered = [], 0

        with lab.attacker.udp_socket(5060) as attacker, \
                lab.homes['A'].phones[0].udp_socket(5062) as neighbour:
            for name, row, message in vectors():
                code = provoke(attacker, server, message, seen)
                answered += code is not None
                print(f'{name}: {code or "silence"}')
                if problem := complaint(row, message, code):
                    complaints.append(f'{name}: {problem}')
                if answered % 10 == 0:
                    serves(neighbour, server)
            serves(neighbour, server)
        print(f'{answered} answered')
        assert office.postern.pids() == pids, 'a process died'
        assert answered, 'silence for everything: nothing was tested'
        assert not complaints, '; '.join(complaints)


def provoke(attacker, server, message, seen):
    """Send one message; the code of the answer, wherever its Via sends it, or None for silence."""
    start = time.time()
    attacker.sendto(message, server)

    def answer():
        codes = [sip.status(m) for p, m in seen.sip() if p.time >= start and p.source == server]
        return [code for code in codes if code and code >= 200]

    try:
        return until(answer, PATIENCE, 'an answer')[0]
    except Late:
        return None


def serves(sock, server):
    """The server still registers a subscriber."""
    answer = sip.register(sock, server, DOMAIN, 201, 'SIP-201', password(201))
    assert answer and sip.status(answer) == 200, f'no longer serving: {answer and answer.start}'
