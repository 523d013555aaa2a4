"""SRTP as phones have it: libsrtp2 by ctypes, and an ear that decrypts what a phone got."""

import base64
import ctypes
import os
import re

from . import rtp
from .hear import Ear

LINE = re.compile(rb'a=crypto:\d+ (\w+) inline:([A-Za-z0-9+/=]+)')
SETTERS = {'AES_CM_128_HMAC_SHA1_80': 'rtp_default', 'AES_CM_128_HMAC_SHA1_32': 'aes_cm_128_hmac_sha1_32',
           'AES_256_CM_HMAC_SHA1_80': 'aes_cm_256_hmac_sha1_80', 'AES_256_CM_HMAC_SHA1_32': 'aes_cm_256_hmac_sha1_32',
           'AEAD_AES_128_GCM': 'aes_gcm_128_16_auth', 'AEAD_AES_256_GCM': 'aes_gcm_256_16_auth'}
KEY_LENGTHS = {'AES_CM_128_HMAC_SHA1_80': 30, 'AES_CM_128_HMAC_SHA1_32': 30, 'AES_256_CM_HMAC_SHA1_80': 46,
               'AES_256_CM_HMAC_SHA1_32': 46, 'AEAD_AES_128_GCM': 28, 'AEAD_AES_256_GCM': 44}
ANY_INBOUND, ANY_OUTBOUND = 2, 3


class _Crypto(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('cipher', 'key_len', 'auth', 'auth_key', 'tag', 'services')]


class _Policy(ctypes.Structure):
    _fields_ = [('ssrc_type', ctypes.c_int), ('ssrc', ctypes.c_uint), ('rtp', _Crypto), ('rtcp', _Crypto),
                ('key', ctypes.c_char_p), ('keys', ctypes.c_void_p), ('n_keys', ctypes.c_ulong),
                ('ekt', ctypes.c_void_p), ('window', ctypes.c_ulong), ('repeat', ctypes.c_int),
                ('headers', ctypes.c_void_p), ('n_headers', ctypes.c_int), ('next', ctypes.c_void_p)]


_LIB = None


def _lib():
    global _LIB                                                         # pylint: disable=global-statement
    if _LIB is None:
        _LIB = ctypes.CDLL('libsrtp2.so.1')
        assert _LIB.srtp_init() == 0
    return _LIB


class Srtp:
    """One direction with one key, as libsrtp2 has it."""

    def __init__(self, suite, key, sends=False):
        self._lib, self._context = _lib(), ctypes.c_void_p()
        self._key = key                  # libsrtp copies it, ctypes does not
        policy = _Policy(ssrc_type=ANY_OUTBOUND if sends else ANY_INBOUND, key=key, window=1024)
        for part in (policy.rtp, policy.rtcp):
            getattr(self._lib, f'srtp_crypto_policy_set_{SETTERS[suite]}')(ctypes.byref(part))
        assert self._lib.srtp_create(ctypes.byref(self._context), ctypes.byref(policy)) == 0
        self._memory = ctypes.create_string_buffer(4096)
        self._length = ctypes.c_int()

    def _run(self, call, packet):
        ctypes.memmove(self._memory, packet, len(packet))
        self._length.value = len(packet)
        if call(self._context, self._memory, ctypes.byref(self._length)) != 0:
            return None
        return self._memory.raw[:self._length.value]

    def protect(self, packet):
        """The packet as it is sent."""
        return self._run(self._lib.srtp_protect, packet)

    def unprotect(self, packet):
        """The packet in clear, or None: a wrong tag, or heard before."""
        return self._run(self._lib.srtp_unprotect, packet)


def keys_in(text):
    """(suite, key) of each a=crypto line."""
    found = [(suite.decode(), base64.b64decode(key + b'=' * (-len(key) % 4))) for suite, key in LINE.findall(text)]
    return [(suite, key) for suite, key in dict.fromkeys(found) if KEY_LENGTHS.get(suite) == len(key)]


class SecureEar(Ear):
    """What a phone hears when all it gets is SRTP: whatever none of the keys in its log opens is no sound."""

    def __init__(self, phone):          # pylint: disable=super-init-not-called
        self._of, self._log = phone.ear, os.path.join(phone.folder, 'log')
        self.host, self.address = phone.ear.host, phone.ear.address

    def stop(self):
        self._of.stop()

    def search(self, strings):
        return self._of.search(strings)

    def raw(self):
        """RTP packets as they came."""
        return [p for p, _ in self._of.incoming()]

    def incoming(self, start=0.0, stop=float('inf')):
        with open(self._log, 'rb') as file:
            keys = keys_in(file.read())
        contexts = [Srtp(*key) for key in keys]
        clear = []
        for packet in self.raw():
            for context in contexts:
                plain = context.unprotect(packet.payload)
                if plain is not None:
                    contexts.remove(context)
                    contexts.insert(0, context)
                    if start <= packet.time <= stop:
                        clear.append((packet._replace(payload=plain), rtp.parse(plain)))
                    break
        return clear
