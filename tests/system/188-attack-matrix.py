"""Strangers' packets in each phase of a call, for each way of latching (tests/attack-matrix, docs/attack-matrix.md)."""

from lab import attack

DEADLINE = 120


def test_who_gets_in_and_who_gets_the_sound():
    """Nothing, wherever the source is checked or the phone is heard; and the matrix does see what `open` lets in."""
    cells, sent = attack.run()
    print(attack.table(cells))
    print(f'{sent} packets sent')
    wrong = [(cell.latching, cell.phase, cell.attack, str(cell)) for cell in cells if not cell.right]
    assert not wrong, wrong
    for found in ('injected', 'bled'):
        assert any(getattr(cell, found) for cell in cells if cell.latching == 'open' and cell.attack == 'spray'), \
            f'nothing {found} even where it must be: the attack does not come through'
