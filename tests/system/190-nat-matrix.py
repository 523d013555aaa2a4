"""The most telling cells of the NAT matrix (tests/nat-matrix has all, docs/nat-matrix.md what came of them)."""

from concurrent.futures import ThreadPoolExecutor

from lab.matrix import Cell, OFFICES, run_office, table

DEADLINE = 240
CELLS = [
    Cell('punch', 'port-restricted', 'udp', False),     # the announced port is guessed to be kept
    Cell('punch', 'port-restricted', 'tls', True),
    Cell('punch', 'symmetric', 'udp', True),            # impossible
    Cell('punch', 'symmetric', 'tls', False),           # impossible
    Cell('punch', 'double NAT', 'tcp', False),
    Cell('punch', 'CGN', 'udp', True),                  # only STUN knows the port
    Cell('punch', 'CGN', 'tcp', False),                 # only our SIP port sees it
    Cell('punch', 'same home', 'udp', False),
    Cell('forwarded', 'symmetric', 'udp', True),        # what STUN told the phone is wrong
    Cell('forwarded', 'symmetric', 'tls', False),
    Cell('forwarded', 'double NAT', 'udp', True),
    Cell('forwarded', 'CGN', 'tls', False),
    Cell('forwarded', 'same home', 'tls', True),
    Cell('public edge', 'full-cone', 'udp', False),
    Cell('public edge', 'symmetric', 'tcp', False),
    Cell('public edge', 'CGN', 'udp', False),
]


def test_the_most_telling_cells():
    """Each works, or fails for the reason that physics gives, and its record says so."""
    with ThreadPoolExecutor(len(OFFICES)) as pool:
        done = pool.map(lambda kind: run_office(kind, [cell for cell in CELLS if cell.office == kind]), OFFICES)
        results = [result for of_kind in done for result in of_kind]
    print(table(results))
    wrong = [result.describe() for result in results if not result.right]
    assert len(results) == len(CELLS) and not wrong, '\n'.join(wrong)
