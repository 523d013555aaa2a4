"""What a captured sigproxy can make of subscriptions and mailboxes; the figures are those of SECURITY.md."""

from lab.captured import FORBIDDEN, NOT_FOUND, OK, Sigproxy, digest, invite_uri
from lab.office import password
from lab.siege import Siege
from lab.wait import until


def subscribe(door, number, method='SUBSCRIBE', **value):
    """What a right answer of 201's buys for this number."""
    return door.auth(digest(door.nonces()[0], 201, password(201), method, invite_uri(number)), **value)


def test_only_what_a_right_answer_bought():
    with Siege('sigproxy') as siege:
        sql = siege.postern.sql
        sql("UPDATE subscriber SET watched = 0 WHERE number = '169'")
        with Sigproxy(siege.postern) as door:
            got = subscribe(door, 168)
            assert got['verdict'] == OK and got['ticket'] and got['show'] == 1 and not got['targets'], got
            ticket = got['ticket']
            hidden, unknown = subscribe(door, 169), subscribe(door, 999)
            assert {**hidden, 'id': 0} == {**unknown, 'id': 0} and hidden['verdict'] == NOT_FOUND, (hidden, unknown)
            # Another method in the digest than what is asked for buys that method's, and no more.
            assert subscribe(door, 168, 'NOTIFY')['verdict'] == FORBIDDEN
            assert not subscribe(door, 168, 'SUBSCRIBE', want=0)['ticket']
            invented = [ticket + n for n in range(1, 2000)] + [1, 2**63 - 1]
            for number in invented:
                door.say('SUB_SAVE', id=number, expires_s=3600, version=1, state=b'x' * 1000)
            door.say('SUB_SAVE', id=ticket, expires_s=3600, version=1, state=b'his word')
            for number in range(5000, 8000):
                door.say('MWI_SAVE', mailbox={'number': str(number), 'waiting': 1, 'counted': 1, 'fresh': 1, 'old': 0,
                                              'urgent_fresh': 0, 'urgent_old': 0})
            siege.settle('registrar-db', 30)
            until(lambda: siege.number('registrar-db', 'waiting') == 0, 20, 'all is written', 0.1)
            rows = siege.postern.rows('SELECT id, watcher, number FROM watcher')
            assert rows == [{'id': ticket, 'watcher': '201', 'number': '168'}], rows
            assert not siege.postern.rows('SELECT * FROM mailbox')
            print(f'kept of {len(invented)} invented subscriptions: 0; of 3000 mailboxes of nobody: 0')
        # The sigproxy that was there, and the next one, know of no such subscription.
        until(lambda: not siege.postern.rows('SELECT id FROM watcher'), 20, 'the lie is gone')
