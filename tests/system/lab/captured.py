"""What a captured sigproxy can say to registrar-db: digests that it saw, made up, or changed."""

import hashlib
import secrets

from . import ipc
from .postern import DOMAIN, REALM

OK, STALE, FORBIDDEN, NOT_FOUND, UNREACHABLE, BRIEF, BUSY, BAD = range(1, 9)
HOME = {'zone': 1, 'transport': 1, 'listener': 0, 'remote': ('198.51.100.10', 5060), 'conn': 0}


def ha1(number, password):
    """The HA1 of SIP-number, in hexadecimal digits."""
    return hashlib.md5(f'SIP-{number}:{REALM}:{password}'.encode()).hexdigest()


def digest(nonce, number, password, method, uri, nc=1):
    """A right answer."""
    cnonce, count = secrets.token_hex(4), f'{nc:08x}'
    second = hashlib.md5(f'{method}:{uri}'.encode()).hexdigest()
    text = f'{ha1(number, password)}:{nonce.decode()}:{count}:{cnonce}:auth:{second}'
    return {'method': method, 'username': f'SIP-{number}', 'realm': REALM, 'nonce': nonce, 'uri': uri,
            'response': hashlib.md5(text.encode()).hexdigest(), 'cnonce': cnonce, 'nc': count, 'qop': 'auth',
            'algorithm': 'MD5', 'body_hash': ''}


def invite_uri(number):
    """The Request-URI of a call to number."""
    return f'sip:{number}@{DOMAIN}'


class Sigproxy(ipc.Neighbour):
    """At registrar-db's door, in sigproxy's place."""

    def __init__(self, postern):
        super().__init__(postern, 'registrar-db', 'sigproxy')

    def nonces(self, count=1):
        """Fresh nonces."""
        text = self.ask('NONCE_ASK', id=1, count=count)['nonces']
        return [text[at:at + 32] for at in range(0, len(text), 32)]

    def auth(self, answer, **value):
        """AUTH_ASK with a digest; the answer to it."""
        return self.ask('AUTH_ASK', **{'flow': HOME, 'digest': answer, 'want': 1, **value})

    def bind(self, answer, number, contact, **value):
        """REG_ASK for one contact; the answer to it."""
        item = {'uri': contact, 'expires_s': 600, 'q_permille': 1000, 'instance': b'', 'reg_id': 0, 'ice': 0}
        return self.ask('REG_ASK', **{'flow': HOME, 'digest': answer, 'aor_user': str(number), 'star': 0,
                                      'call_id': secrets.token_hex(8), 'cseq': 1, 'contacts': [item], **value})

    def guesses(self, numbers, nonce, count, right=None, sources=1):
        """Frames of count AUTH_ASKs with made-up responses, in turn for each number and source.

        Every 1000th carries right(number), the true response, if given: once the budget is
        empty it must look as wrong as the others.
        """
        marked = []
        for index in range(min(count, len(numbers) * sources)):
            number = numbers[index % len(numbers)]
            source = index // len(numbers)
            flow = {**HOME, 'remote': (f'198.51.{100 + source // 250}.{1 + source % 250}', 5060)}
            answer = {**digest(nonce, number, 'x', 'INVITE', invite_uri(168)), 'response': b'#' * 32,
                      'cnonce': b'c'}
            whole = ipc.frame('AUTH_ASK', {'id': 7, 'flow': flow, 'digest': answer, 'from_user': b'',
                                           'call_id': b'x', 'want': 1})
            marked.append((number, whole.split(b'#' * 32)))
        out = []
        for index in range(count):
            number, (head, tail) = marked[index % len(marked)]
            if right and index % 1000 == 999:
                out.append(head + right(number) + tail)
            else:
                out.append(head + b'%032x' % index + tail)
        return b''.join(out)
