"""Digest answers in any algorithm, as phones of several kinds give them (RFC 7616, RFC 8760)."""

import hashlib
import re
import secrets

HASHES = {'MD5': 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512_256'}
PARAMETER = re.compile(r'([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def parameters(value):
    """The parameters of a challenge, of credentials or of Authentication-Info."""
    return {name.lower(): quoted or bare for name, quoted, bare in PARAMETER.findall(value)}


def hashed(algorithm, *parts):
    """The hash of the parts joined by colons."""
    data = b':'.join(part if isinstance(part, bytes) else part.encode() for part in parts)
    return hashlib.new(HASHES[algorithm].replace('sha512_256', 'sha512-256'), data).hexdigest()


def credentials(challenge, method, uri, username, password, *, nc=1, body=None, algorithm=None, cnonce=None):
    """The Authorization value for a challenge (its parameters); with a body: qop=auth-int."""
    algorithm = algorithm or challenge.get('algorithm', 'MD5')
    realm, nonce, qop = challenge['realm'], challenge['nonce'], 'auth' if body is None else 'auth-int'
    cnonce = cnonce or secrets.token_hex(4)
    second = [method, uri] + ([] if body is None else [hashed(algorithm, body)])
    response = hashed(algorithm, hashed(algorithm, username, realm, password), nonce, f'{nc:08x}', cnonce, qop,
                      hashed(algorithm, *second))
    return (f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", '
            f'algorithm={algorithm}, cnonce="{cnonce}", qop={qop}, nc={nc:08x}')
