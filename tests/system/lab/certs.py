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
