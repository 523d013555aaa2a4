"""The support bundle tells what is needed and no secret, wherever secrets were planted."""

import base64
import hashlib
import os
import re
import tarfile

from lab.office import password
from lab.postern import REALM, program
from lab.tlsoffice import TlsOffice

REMARK = 'tr4shcan-pin-8812'
WANTED = {'README', 'config', 'status', 'check', 'traces', 'registered', 'homes', 'live', 'past', 'counts', 'schema',
          'network', 'system', 'log-sigproxy', 'log-registrar-db', 'log-mediaproxy-0', 'log-tracer', 'log-keyd',
          'log-stunmon'}


def secrets(office):
    """All that must not be found, as text."""
    found = {REMARK}
    for number in (168, 201, 202):
        found.add(password(number))
        for algorithm in ('md5', 'sha256'):
            ha1 = hashlib.new(algorithm, f'SIP-{number}:{REALM}:{password(number)}'.encode()).digest()
            found |= {ha1.hex(), ha1.hex().upper(), base64.b64encode(ha1).decode().rstrip('=')}
    with open(office.postern.settings['store', 'key'], 'rb') as file:
        key = file.read()
    found |= {key.hex(), base64.b64encode(key).decode().rstrip('=')}
    with open(office.pair[1]) as file:
        found |= {line.strip() for line in file if len(line) > 40}
    return found


def test_no_secret_in_it():
    """A phone with a wrong password, one that calls by TLS, secrets in comments and in what phones say."""
    with TlsOffice() as office:
        with open(office.postern.config, 'a') as file:
            file.write(f'# {REMARK}\n; password = {REMARK}\n')
        home = office.home('A', transport='tls', ca=office.certificate)
        desk = office.desk()
        home.call(desk)
        home.hang_up()
        desk.closed()
        office.records()
        stranger = office.lab.attacker.udp_socket()
        stranger.sendto((f'REGISTER sip:nobody SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n'
                         f'From: <sip:a@b>;tag=1\r\nTo: <sip:password={REMARK}@b>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n'
                         f'User-Agent: password={REMARK}\r\nContact: <sip:a@1.2.3.4>\r\n\r\n').encode(),
                        (office.lab.office.public, 5070))
        text = bundled(office)
        assert set(text) == WANTED, set(text) ^ WANTED
        planted = secrets(office)
        planted |= set(re.findall(r'nonce="([^"]{16,})"', desk_log(office)))
        assert len(planted) > 15, planted
        for name, content in text.items():
            for secret in planted:
                assert secret not in content, f'{secret} in {name}'
        # And what is needed is there.
        assert 'domain = sip.example.org' in text['config'] and '#' not in text['config']
        assert '"role":"tracer"' in text['status'] and '"user_agent"' in text['registered']
        assert '"called":"168"' in text['past'] and '"schema"' in text['counts']
        assert 'CREATE TABLE subscriber' in text['schema'] and 'ready' in text['log-sigproxy']
        assert office.lab.postern_host.address in text['network']


        hidden = bundled(office, '--hide-numbers')
        assert set(hidden) == WANTED
        for name in ('registered', 'past', 'log-sigproxy', 'log-registrar-db'):
            assert re.search(r'\b(168|201)\b', text[name]) or name.startswith('log'), name
            assert not re.search(r'(?<![\d.])\b(168|201)\b(?!\.\d)', re.sub(r'":\d+', '', hidden[name])), hidden[name]
        calling, = re.findall(r'"caller":"(hidden-[0-9a-f]{8})"', hidden['past'])
        assert f'"number":"{calling}"' in hidden['registered'] and 'hidden under words' in hidden['README'], hidden


def bundled(office, *words):
    """A bundle's files."""
    path = office.lab.path('bundle.tar.gz')
    done = office.postern.asked('bundle', path, *words, '--state', office.postern.state)
    assert done.returncode == 0, done.stderr
    assert os.stat(path).st_mode & 0o077 == 0
    with tarfile.open(path) as bundle:
        return {os.path.basename(one.name): bundle.extractfile(one).read().decode(errors='replace')
                for one in bundle if one.isfile()}


def desk_log(office):
    """What the phones wrote down of what they said: nonces are in it."""
    text = ''
    for folder, _, names in os.walk(office.lab.folder):
        for name in names:
            if name == 'log' and 'phone' in folder:
                with open(os.path.join(folder, name), errors='replace') as file:
                    text += file.read()
    return text
