"""What tests say about sound, in words that tell what was heard."""

CLEAR = 0.9        # strength of a tone that came through whole
ABSENT = 0.05      # strength of a tone that is not there


class Skip(Exception):
    """This test cannot run here; the text says why."""


def hears(listener, speaker, seconds=2.0):
    """listener must hear the speaker's tone, clearly, without loss, and not its own."""
    heard = listener.ear.listen(seconds)
    said = f'{listener.name} heard: {heard.describe(speaker.tone, listener.tone)}'
    print(said)
    assert heard.strength(speaker.tone) >= CLEAR and not heard.silent, \
        f'{said}; wanted {speaker.tone} Hz of {speaker.name}'
    assert heard.strength(listener.tone) <= ABSENT, f'{said}; it hears itself'
    assert heard.lost <= heard.packets // 50, f'{said}; too much was lost'
    return heard


def hear_each_other(one, other, seconds=2.0):
    """Two-way audio: each hears the other's tone."""
    return hears(one, other, seconds), hears(other, one, 0.5)


def does_not_hear(listener, speaker, seconds=1.0):
    """listener must not hear the speaker's tone (silence or something else is fine)."""
    heard = listener.ear.listen(seconds, patience=0.5)
    said = f'{listener.name} heard: {heard.describe(speaker.tone)}'
    print(said)
    assert heard.silent or heard.strength(speaker.tone) <= ABSENT, f'{said}; wanted no {speaker.tone} Hz'
    return heard
