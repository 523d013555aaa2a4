"""What a phone heard: its incoming RTP, captured in its namespace, decoded and measured."""

import time
from dataclasses import dataclass

from . import rtp, tone
from .capture import Capture
from .wait import Late, until


@dataclass
class Heard:
    """The sound of one window."""
    packets: int
    lost: int
    seconds: float
    rms: float
    samples: list
    sources: set

    def strength(self, frequency):
        """Share of the energy at frequency (tone.strength)."""
        return tone.strength(self.samples, frequency)

    @property
    def silent(self):
        """True when nothing came, or nothing but silence."""
        return self.rms < tone.SILENCE_RMS

    def describe(self, *frequencies):
        """One line for people: what was heard."""
        counts = f'packets {self.packets}, loss {self.lost}'
        if self.silent:
            return f'silence (rms {self.rms:.0f}), {counts}'
        tones = ', '.join(f'{f} Hz: {self.strength(f):.2f}' for f in frequencies)
        return f'strength of {tones}, {counts}'


class Ear:
    """Listens at a phone's interface from its creation on."""

    def __init__(self, host, path, address=None):
        self.host, self.address = host, address or host.address
        self._capture = Capture(host, path, filter_='udp')

    def stop(self):
        """End listening; what was heard can still be measured."""
        self._capture.stop()

    def search(self, strings):
        """Where any of the byte strings came in or went out (Capture.search)."""
        return self._capture.search(strings)

    def incoming(self, start=0.0, stop=float('inf')):
        """The RTP packets that reached the phone, as (packet, rtp packet)."""
        return [(p, r) for p, r in self._capture.rtp()
                if p.destination[0] == self.address and start <= p.time <= stop]

    def heard(self, start=0.0, stop=float('inf')):
        """Measure the window start..stop (time.time() values), stream by stream in order."""
        packets = self.incoming(start, stop)
        streams, samples, lost = {}, [], 0
        for packet, parsed in packets:
            stream = streams.setdefault((packet.destination, parsed.ssrc), {})
            stream[_extended(parsed.sequence, stream)] = parsed
        for stream in streams.values():
            order = sorted(stream)
            lost += order[-1] - order[0] + 1 - len(order)
            for key in order:
                samples += tone.decode(stream[key].payload_type, stream[key].payload)
        times = [p.time for p, _ in packets]
        seconds = times[-1] - times[0] if times else 0.0
        return Heard(len(packets), lost, seconds, tone.rms(samples), samples,
                     {p.source for p, _ in packets})

    def listen(self, seconds, patience=5.0):
        """Wait until sound has come for so many seconds from now, then measure it.

        When packets fail to come, what was heard until patience ran out is returned.
        """
        start = time.time()
        wanted = seconds * 50 * 0.95      # 20 ms packets
        try:
            until(lambda: len(self.incoming(start)) >= wanted and
                  time.time() - start >= seconds, seconds + patience, 'sound', step=0.05)
        except Late:
            pass
        return self.heard(start)


def _extended(sequence, stream):
    """A 16-bit sequence number continued over wrap-around, near the stream's newest."""
    if not stream:
        return sequence
    newest = next(reversed(stream))
    return newest + ((sequence - newest + 0x8000) & 0xffff) - 0x8000
