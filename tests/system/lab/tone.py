"""How strong a tone is in G.711 sound.

The strength is the share of the sound's energy that lies at the frequency: 1.0 for
a pure tone, about 0 for silence, noise or another tone.
"""

import functools
import math
import operator

RATE = 8000
BLOCK = 400              # 50 ms: a lost packet spoils one block, not the whole window
SILENCE_RMS = 30.0       # of 32768; comfort noise and coded zero lie well below


def _ulaw(code):
    code = ~code & 0xff
    magnitude = (((code & 0x0f) << 3) + 0x84) << ((code >> 4) & 7)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _alaw(code):
    code ^= 0x55
    mantissa, exponent = (code & 0x0f) << 4, (code >> 4) & 7
    magnitude = mantissa + 8 if exponent == 0 else (mantissa + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


ULAW = [_ulaw(code) for code in range(256)]
ALAW = [_alaw(code) for code in range(256)]
TABLES = {0: ULAW, 8: ALAW}      # by static RTP payload type


def decode(payload_type, payload):
    """The samples of one RTP payload; nothing for other codecs."""
    table = TABLES.get(payload_type)
    return [table[byte] for byte in payload] if table else []


def _dot(a, b):
    return sum(map(operator.mul, a, b))


def rms(samples):
    """Root mean square of the samples."""
    return math.sqrt(_dot(samples, samples) / len(samples)) if samples else 0.0


@functools.cache
def _waves(frequency, rate, length):
    """Cosine and sine of frequency; each block needs the same."""
    step = 2 * math.pi * frequency / rate
    return [math.cos(step * i) for i in range(length)], [math.sin(step * i) for i in range(length)]


def _power(samples, frequency, rate):
    """Energy of the samples at frequency: the sum of the squared projections on sine and cosine."""
    cosine, sine = _waves(frequency, rate, len(samples))
    return 2 * (_dot(samples, cosine) ** 2 + _dot(samples, sine) ** 2) / len(samples)


def strength(samples, frequency, rate=RATE):
    """Share of the energy at frequency, 0.0 to 1.0, measured block by block."""
    block = BLOCK * rate // RATE
    at_frequency = total = 0.0
    for start in range(0, len(samples) - block + 1, block):
        part = samples[start:start + block]
        energy = _dot(part, part)
        if energy:
            at_frequency += _power(part, frequency, rate)
            total += energy
    return min(at_frequency / total, 1.0) if total else 0.0
