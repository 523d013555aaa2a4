"""postern trunk: made, changed, shown, shut; a PBX in the office by it, whose call a phone at home takes."""

import json

from lab import sip, trunk
from lab.office import Office
from lab.postern import program
from lab.trunk import Peer
from lab.wait import until


def ask(office, *words, text=None, ok=True):
    """postern trunk WORDS; what it prints."""
    done = office.postern.host.run([program(), 'trunk', *words, '--state', office.postern.state], input=text,
                                   check=False, timeout=10)
    assert (done.returncode == 0) == ok, (words, done.stdout, done.stderr)
    return done.stdout if ok else done.stderr


def test_a_trunk_by_the_command():
    with Office() as office:
        pbx = Peer(office.lab.office.phones[0], ('192.168.10.2', 5060))
        ask(office, 'add', 'pbx', f'{pbx.local[0]}:5060', 'prefix=1', 'channels=2')
        ask(office, 'password', 'pbx', text=trunk.SECRET + '\n')
        office.postern.sql("INSERT INTO did(trunk, pattern, target) VALUES ('pbx', '2XX', '2XX');")
        until(lambda: trunk.trunks(office), 5, 'sigproxy knows it')
        assert trunk.trunks(office)[0]['zone'] == 'internal'
        shown = json.loads(ask(office, 'show', 'pbx', '--json'))
        assert (shown['has_password'], shown['channels'], shown['calls'], shown['dids']) == (1, 2, 0, 1), shown
        until(lambda: trunk.SECRET.encode() not in b''.join(
            open(path, 'rb').read() for path in office.postern.state_files()), 5, 'the password is sealed')

        home = office.home()
        pbx.invite('201', caller='177')
        answer = pbx.final(5)
        assert answer and sip.status(answer) == 200, answer
        pbx.inside(answer, 'ACK', pbx.cseq)
        home.wait('CALL_ESTABLISHED', 5)
        until(lambda: json.loads(ask(office, 'show', '--json'))[0]['calls'] == 1, 5, 'it has a call')
        ask(office, 'disable', 'pbx')            # its calls end
        assert pbx.hear_request('BYE', 5)
        home.closed()
        ask(office, 'enable', 'pbx')
        ask(office, 'set', 'pbx', 'prefix=7', 'channels=', 'numbers=e164')
        assert 'e164' in ask(office, 'show', 'pbx')
        assert 'wait_s: 1 to 32' in ask(office, 'set', 'pbx', 'wait_s=99', ok=False)
        assert 'there is no trunk' in ask(office, 'set', 'other', 'wait_s=9', ok=False)
        assert 'usage' in ask(office, 'set', 'pbx', 'sealed=1', ok=False)
        ask(office, 'remove', 'pbx')
        assert json.loads(ask(office, 'show', '--json')) == []
