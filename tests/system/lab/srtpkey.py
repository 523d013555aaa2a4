"""SRTP with keys from SDP (RFC 3711, 4568), by libsrtp2: AES_CM_128_HMAC_SHA1_80 only."""

import base64
import ctypes
import re
import secrets

SUITE = 'AES_CM_128_HMAC_SHA1_80'
KEY_LEN, TRAILER = 30, 64
ANY_INBOUND, ANY_OUTBOUND = 2, 3
CRYPTO = re.compile(rf'a=crypto:\d+ {SUITE} inline:([A-Za-z0-9+/=]+)')


class CryptoPolicy(ctypes.Structure):
    """srtp_crypto_policy_t."""

    _fields_ = [(name, ctypes.c_uint32) for name in ('cipher', 'key_len', 'auth', 'auth_key_len', 'tag_len', 'services')]


class Policy(ctypes.Structure):
    """srtp_policy_t."""

    _fields_ = [('ssrc_type', ctypes.c_int), ('ssrc', ctypes.c_uint), ('rtp', CryptoPolicy), ('rtcp', CryptoPolicy),
                ('key', ctypes.c_char_p), ('keys', ctypes.c_void_p), ('n_keys', ctypes.c_ulong), ('ekt', ctypes.c_void_p),
                ('window', ctypes.c_ulong), ('repeat', ctypes.c_int), ('headers', ctypes.c_void_p),
                ('n_headers', ctypes.c_int), ('next', ctypes.c_void_p)]


def _library():
    """Initialised once, before any thread uses it; None where it is not installed."""
    try:
        library = ctypes.CDLL('libsrtp2.so.1')
    except OSError:
        return None
    library.srtp_init()
    return library


LIBRARY = _library()


def new_key():
    """Key and salt."""
    return secrets.token_bytes(KEY_LEN)


def line(key):
    """The line of an SDP."""
    return f'a=crypto:1 {SUITE} inline:{base64.b64encode(key).decode()}\r\n'


def key_of(sdp):
    """The key that an SDP tells, or None."""
    found = CRYPTO.search(sdp.decode())
    return base64.b64decode(found[1]) if found else None


class Direction:
    """What one side says with its key."""

    def __init__(self, key, inbound):
        self.key = key
        self._held = ctypes.create_string_buffer(key, len(key))
        policy = Policy(ssrc_type=ANY_INBOUND if inbound else ANY_OUTBOUND, window=128, repeat=1)
        policy.key = ctypes.cast(self._held, ctypes.c_char_p)
        LIBRARY.srtp_crypto_policy_set_rtp_default(ctypes.byref(policy.rtp))
        LIBRARY.srtp_crypto_policy_set_rtcp_default(ctypes.byref(policy.rtcp))
        self._session = ctypes.c_void_p()
        error = LIBRARY.srtp_create(ctypes.byref(self._session), ctypes.byref(policy))
        assert error == 0, f'srtp_create: {error}'
        words = ('unprotect', 'unprotect_rtcp') if inbound else ('protect', 'protect_rtcp')
        self._do = [getattr(LIBRARY, f'srtp_{word}') for word in words]

    def turn(self, data, rtcp=False):
        """Protected or in clear, as the direction is; None: the library refuses it."""
        buffer = ctypes.create_string_buffer(data, len(data) + TRAILER)
        size = ctypes.c_int(len(data))
        error = self._do[rtcp](self._session, buffer, ctypes.byref(size))
        return buffer.raw[:size.value] if error == 0 else None
