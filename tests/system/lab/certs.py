"""Certificates for tests: made by openssl, not by what is tested."""

import atexit
import os
import shutil
import subprocess
import tempfile

from .postern import DOMAIN

KINDS = {'p256': ('ec', 'ec_paramgen_curve:P-256'), 'p384': ('ec', 'ec_paramgen_curve:P-384'),
         'rsa2048': ('rsa', 'rsa_keygen_bits:2048'), 'rsa1024': ('rsa', 'rsa_keygen_bits:1024'),
         'ed25519': ('ed25519', None)}


def openssl(*words, **options):
    """Run openssl; what it prints."""
    return subprocess.run(['openssl', *words], capture_output=True, check=True, **options).stdout


def make(folder, name, kind='p256', days=60, names=(f'DNS:{DOMAIN}',)):
    """A self-signed certificate; (its file, its key's file)."""
    certificate, key = (os.path.join(folder, f'{name}.{end}') for end in ('crt', 'key'))
    algorithm, option = KINDS[kind]
    if os.path.exists(key):
        os.unlink(key)
    openssl('req', '-x509', '-newkey', algorithm, *(['-pkeyopt', option] if option else []), '-nodes', '-keyout', key,
            '-out', certificate, '-days', str(days), '-subj', f'/CN={name}',
            '-addext', f'subjectAltName={",".join(names)}')
    os.chmod(key, 0o400)
    return certificate, key


def signed(lab, name, dates, issuer=None, extension='basicConstraints=CA:FALSE', names=(f'DNS:{DOMAIN}',),
           kind='p256'):
    """A certificate with these dates (start, end), by issuer or by itself; (file, key)."""
    certificate, key = make(lab.folder, name, kind)
    request, config = lab.path(f'{name}.csr'), lab.path(f'{name}.cnf')
    openssl('req', '-new', '-key', key, '-subj', f'/CN={name}', '-out', request)
    with open(config, 'w') as file:
        file.write(f'[ca]\ndefault_ca=d\n[d]\ndatabase={lab.path(name)}.index\nserial={lab.path(name)}.serial\n'
                   f'new_certs_dir={lab.folder}\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\n'
                   f'commonName=supplied\n[x]\n{extension}\nsubjectAltName={",".join(names)}\n')
    open(lab.path(f'{name}.index'), 'w').close()
    with open(lab.path(f'{name}.serial'), 'w') as file:
        file.write('01\n')
    by = ['-cert', issuer[0], '-keyfile', issuer[1]] if issuer else ['-selfsign', '-keyfile', key]
    openssl('ca', '-batch', '-config', config, *by, '-in', request, '-startdate', dates[0], '-enddate',
            dates[1], '-notext', '-out', certificate)
    return certificate, key


def settings(*pairs):
    """The settings of a Postern that serves TLS with these (certificate, key), all in one folder."""
    lists = {'certificate': [pair[0] for pair in pairs], 'key': [pair[1] for pair in pairs if pair[1]]}
    return {('tls', key): ', '.join(paths[:1] + [os.path.basename(path) for path in paths[1:]])
            for key, paths in lists.items() if paths}


def plain():
    """The settings of a Postern with one certificate, made for this test."""
    folder = tempfile.mkdtemp(prefix='postern-certs-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return settings(make(folder, 'gate'))


def der(certificate):
    """The certificate's bytes."""
    return openssl('x509', '-in', certificate, '-outform', 'DER')
