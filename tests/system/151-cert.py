"""postern cert and postern reload: certificates made, installed and replaced while everything runs."""

import os
import re
import shutil
import time

from lab import certs
from lab.ipc import Neighbour
from lab.net import Lab
from lab.postern import DOMAIN, Postern, program
from lab.wait import until


class Site:
    """A Postern with one certificate in a folder of its own."""

    def __enter__(self):
        self.lab = Lab(homes=(), office_phones=0).__enter__()
        self.postern = Postern(self.lab.postern_host, self.lab.folder)
        self.lab.on_close(self.postern.stop)
        self.postern.write_config()
        return self

    def __exit__(self, *_):
        self.lab.close()

    def run(self, *words):
        """postern WORD ...; (exit status, all that it said)."""
        done = self.postern.host.run([program(), *words, '--config', self.postern.config], check=False, timeout=20)
        return done.returncode, done.stdout + done.stderr

    def start(self):
        """Up, with what `cert create` made."""
        rc, said = self.run('cert', 'create')
        assert rc == 0, said
        self.pair = [os.path.join(self.lab.folder, 'tls', name) for name in ('server.crt', 'server.key')]
        assert f'certificate = {self.pair[0]}' in said and f'key = {self.pair[1]}' in said, said
        self.postern.settings.update(certs.settings(self.pair))
        self.postern.up()
        until(lambda: 'keyd' in self.postern.pids(), 5, 'keyd runs')

    def reload(self, *words):
        """What it came to, and whether another keyd runs."""
        old = self.postern.pids()
        rc, said = self.run(*(words or ('reload',)), '--state', self.postern.state)
        new = self.postern.pids()
        changed = {role for role in old if new.get(role) != old[role]}
        assert changed <= {'keyd'}, f'{changed} were restarted'
        return rc, said, bool(changed)

    def shown(self):
        """The chain that keyd tells."""
        with Neighbour(self.postern, 'keyd', 'sigproxy') as door:
            return door.hear('KEY_CERT')['chain']


def test_create():
    """The authority and the certificate: fields, files, modes, formats; again without harm; renewed by the same."""
    with Site() as site:
        word = site.lab.path('word')
        with open(word, 'w') as file:
            file.write('open sesame\n')
        os.chmod(word, 0o400)
        rc, said = site.run('cert', 'create', '--ca-name', 'Office CA', '--country', 'DE', '--organization', 'Office',
                            '--unit', 'Phones', '--name', 'sip.alias.example', '--name', '192.0.2.9', '--email',
                            'admin@example.org', '--crl', 'http://crl.example.org/office.crl', '--days', '825',
                            '--passphrase-file', word)
        assert rc == 0, said
        folder = site.lab.path('tls')
        modes = {name: os.stat(os.path.join(folder, name)).st_mode & 0o777 for name in os.listdir(folder)}
        assert modes == {'ca.crt': 0o644, 'ca.key': 0o400, 'server.crt': 0o644, 'server.key': 0o400,
                         'Office CA.crt': 0o644, 'Office CA-der.crt': 0o644, 'BasedOnOffice CA.p12': 0o400}, modes
        at = {name: os.path.join(folder, name) for name in modes}
        text = certs.openssl('x509', '-in', at['server.crt'], '-noout', '-text').decode()
        for want in ('Issuer: C = DE, O = Office, OU = Phones, CN = Office CA', f'CN = {DOMAIN}',
                     f'DNS:{DOMAIN}', 'DNS:sip.alias.example', 'IP Address:192.0.2.9', 'IP Address:192.168.10.2',
                     'email:admin@example.org', 'URI:http://crl.example.org/office.crl', 'CA:FALSE',
                     'TLS Web Server Authentication', 'ecdsa-with-SHA256', 'P-256'):
            assert want in text, f'{want} is not in {text}'
        assert certs.openssl('verify', '-x509_strict', '-CAfile', at['Office CA.crt'], '-verify_hostname', DOMAIN,
                             at['server.crt'])
        assert certs.openssl('x509', '-inform', 'DER', '-in', at['Office CA-der.crt'], '-outform', 'PEM') == \
            certs.openssl('x509', '-in', at['ca.crt'])
        inside = certs.openssl('pkcs12', '-in', at['BasedOnOffice CA.p12'], '-passin', f'file:{word}', '-nodes')
        assert inside.count(b'BEGIN CERTIFICATE') == 2 and b'PRIVATE KEY' in inside
        rc, said = site.run('cert', 'create')
        assert rc == 1 and '--renew' in said, said
        before = certs.der(at['server.crt'])
        rc, said = site.run('cert', 'create', '--renew', '--key', 'rsa2048')
        assert rc == 0 and 'RSA 2048' in said, said
        assert certs.der(at['server.crt']) != before
        assert certs.openssl('verify', '-CAfile', at['ca.crt'], at['server.crt'])
        for words, want in ((('--days', '826'), '1 to 825'), (('--key', 'rsa1024'), 'use p256'),
                            (('--country', 'Germany'), 'two letters')):
            shutil.rmtree(folder)
            rc, said = site.run('cert', 'create', *words)
            assert rc != 0 and want in said, said
            os.makedirs(folder, exist_ok=True)


def test_reload_and_install():
    """Good files are taken into use and only keyd is restarted; bad ones are refused, each with its reason."""
    with Site() as site:
        site.start()
        time.sleep(1)                       # runit restarts at once what has run for a second
        assert site.shown() == certs.der(site.pair[0])
        good = certs.make(site.lab.folder, 'acme', days=90)
        rc, said, changed = site.reload('cert', 'install', *good)
        assert rc == 0 and changed and 'new handshakes' in said, said
        assert site.shown() == certs.der(good[0])
        modes = [os.stat(path).st_mode & 0o777 for path in site.pair]
        assert modes == [0o644, 0o400] and os.stat(site.pair[1]).st_uid == 0
        assert not [name for name in os.listdir(os.path.dirname(site.pair[0])) if '.new' in name]
        installed = [open(path, 'rb').read() for path in site.pair]
        other, weak = certs.make(site.lab.folder, 'other'), certs.make(site.lab.folder, 'weak', 'rsa1024')
        old = expired(site)
        crypted = site.lab.path('crypted.key')
        certs.openssl('pkey', '-in', good[1], '-aes256', '-passout', 'pass:x', '-out', crypted)
        os.chmod(crypted, 0o400)
        for what, words in (('another certificate', (good[0], other[1])), ('too weak', weak), ('expired', old),
                            ('no such file', (good[0], '/nonexistent')), ('is encrypted', (good[0], crypted)),
                            ('no certificate', (good[1], good[1])), ('no private key', (good[0], good[0] + '.key'))):
            if what == 'no private key':
                shutil.copy(good[0], good[0] + '.key')
                os.chmod(good[0] + '.key', 0o400)
            rc, said, changed = site.reload('cert', 'install', *words)
            assert rc == 1 and not changed and what in said, f'{what}: {said}'
            assert [open(path, 'rb').read() for path in site.pair] == installed
        # Files that somebody put there himself.
        for what, spoil in (('others than its owner may read it', lambda: os.chmod(site.pair[1], 0o444)),
                            ('belongs to user', lambda: os.chown(site.pair[1], 65534, 65534)),
                            ('another certificate', lambda: shutil.copy(other[0], site.pair[0])),
                            ('no such file', lambda: os.unlink(site.pair[1]))):
            spoil()
            rc, said, changed = site.reload()
            assert rc == 1 and not changed and what in said and 'stay' in said, f'{what}: {said}'
            assert site.shown() == certs.der(good[0]), 'the old certificate is still in use'
            rc, said, changed = site.reload('cert', 'install', *good)
            assert rc == 0 and changed, said
            time.sleep(1)


def expired(site):
    """A certificate that ended yesterday."""
    certificate, key = certs.make(site.lab.folder, 'old')
    certs.openssl('req', '-new', '-key', key, '-subj', '/CN=old', '-out', site.lab.path('old.csr'))
    settings = site.lab.path('ca.cnf')
    with open(settings, 'w') as file:
        file.write(f'[ca]\ndefault_ca=d\n[d]\ndatabase={site.lab.path("index")}\nserial={site.lab.path("serial")}\n'
                   f'new_certs_dir={site.lab.folder}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n')
    open(site.lab.path('index'), 'w').close()
    with open(site.lab.path('serial'), 'w') as file:
        file.write('01\n')
    certs.openssl('ca', '-batch', '-config', settings, '-selfsign', '-keyfile', key, '-in', site.lab.path('old.csr'),
                  '-startdate', '20200101000000Z', '-enddate', '20200201000000Z', '-notext', '-out', certificate)
    return certificate, key


def test_p12_and_several():
    """PKCS#12 with its passphrase beside PEM files; the order is the configuration's."""
    with Site() as site:
        one, two = certs.make(site.lab.folder, 'one'), certs.make(site.lab.folder, 'two', 'rsa2048')
        p12, word = site.lab.path('two.p12'), site.lab.path('word')
        with open(word, 'w') as file:
            file.write('open sesame\n')
        certs.openssl('pkcs12', '-export', '-in', two[0], '-inkey', two[1], '-out', p12, '-passout', f'file:{word}')
        for path in (p12, word):
            os.chmod(path, 0o400)
        site.postern.settings.update(certs.settings((p12, None), one))
        site.postern.write_config()
        rc, said = site.run('check')
        assert rc == 2 and 'set [tls] passphrase_file' in said, said
        site.postern.settings[('tls', 'passphrase_file')] = word
        site.postern.up()
        until(lambda: 'keyd' in site.postern.pids(), 5, 'keyd runs')
        with Neighbour(site.postern, 'keyd', 'sigproxy') as door:
            told = [door.hear('KEY_CERT')['chain'] for _ in range(2)]
        assert told == [certs.der(two[0]), certs.der(one[0])]
        rc, said = site.run('cert', 'show')
        assert rc == 0 and said.count('days left') == 2 and 'CN = two' in said, said
        out, fresh = site.lab.path('moved.p12'), site.lab.path('fresh')
        export = ('cert', 'p12', '--out', out, '--passphrase-file', fresh)
        shutil.copy(word, fresh)
        os.chmod(fresh, 0o644)
        rc, said = site.run(*export)
        assert rc == 1 and f'chmod 400 {fresh}' in said and not os.path.exists(out), said
        os.chmod(fresh, 0o400)
        rc, said = site.run(*export)
        inside = certs.openssl('pkcs12', '-in', out, '-passin', f'file:{fresh}', '-nodes')
        assert rc == 0 and b'PRIVATE KEY' in inside, said
        rc, said = site.run(*export)
        assert rc == 1 and 'is there already' in said, said
        # Back to one: the old index is nobody's.
        for key in ('certificate', 'passphrase_file'):
            site.postern.settings.pop(('tls', key))
        site.postern.settings.update(certs.settings(one))
        site.postern.write_config()
        rc, said, changed = site.reload()
        assert rc == 0 and changed, said
        with Neighbour(site.postern, 'keyd', 'sigproxy') as door:
            tbs = b' ' * 64 + b'TLS 1.3, server CertificateVerify\0' + bytes(32)
            assert door.ask('SIGN_ASK', id=1, index=1, scheme=0x0804, tbs=tbs)['refusal'] == 3
            assert door.ask('SIGN_ASK', id=2, index=0, scheme=0x0403, tbs=tbs)['refusal'] == 0


def test_days_left_are_told():
    """30, 7 and 1 days ahead in the log and by check; a name that is not the domain's too."""
    with Site() as site:
        pairs = [certs.make(site.lab.folder, f'in-{days}', days=days) for days in (90, 20, 5, 1)]
        pairs.append(certs.make(site.lab.folder, 'stranger', names=('DNS:other.example',)))
        site.postern.settings.update(certs.settings(*pairs))
        site.postern.up()
        until(lambda: 'keyd' in site.postern.pids(), 5, 'keyd runs')
        log = site.postern.logs()
        levels = {days: level for level, days in re.findall(
            r'keyd (\w+) certificate-expires file=\S*/in-(\d+)\.crt', log)}
        assert levels == {'20': 'warn', '5': 'warn', '1': 'error'}, log
        assert re.search(r'keyd warn certificate file=\S*/stranger.crt .*does not name', log), log
        rc, said = site.run('check')
        assert re.search(r'note: \S*/in-90.crt is good for (89|90) days', said), said
        assert re.search(r'warning: \S*/in-20.crt is good for (19|20) days', said), said
        assert 'stranger.crt names other.example, not sip.example.org' in said, said
        text = site.postern.host.run([program(), 'status', '--state', site.postern.state], check=False).stdout
        assert re.search(r'days left (89|90)\b', text), text


def test_expired_does_not_start():
    """keyd refuses, says why, and everything else runs; a new file and it comes."""
    with Site() as site:
        pair = expired(site)
        site.postern.settings.update(certs.settings(pair))
        site.postern.up()
        until(lambda: 'expired' in site.postern.logs(), 5, 'keyd says why')
        assert {'sigproxy', 'registrar-db'} <= site.postern.pids().keys()
        new = certs.make(site.lab.folder, 'new')
        shutil.copy(new[1], pair[1] + '.x')
        os.chmod(pair[1] + '.x', 0o400)
        os.rename(pair[1] + '.x', pair[1])
        shutil.copy(new[0], pair[0])
        until(lambda: any(p['role'] == 'keyd' and p['answers'] for p in site.postern.status()['processes']), 5,
              'keyd runs', 0.1)
