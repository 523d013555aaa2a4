"""A call too short to find out why its phone was not heard says so, and what is known of it."""

import re
import time

from lab.net import Home
from lab.office import Office, SIP_PORT

CALL_S = 1.2


def test_symmetric_homes():
    """With STUN and without, while the office forwards nothing but SIP."""
    homes = [Home('A', 'symmetric'), Home('B', 'symmetric')]
    with Office(homes=homes, forward=[SIP_PORT], office_phones=2) as office:
        pairs = [(office.home('A', with_stun=True), office.desk(0)), (office.home('B'), office.desk(1))]
        for home, desk in pairs:
            home.call(desk)
        time.sleep(CALL_S)
        for home, desk in pairs:
            home.hang_up()
            desk.closed()
        verdicts = {}
        for record in office.records():
            print(record['caller'], record['media_verdict'], record['media_words'], record['caller_evidence'])
            verdicts[record['caller']] = record['media_verdict']
            assert re.search(r'it announced .+; the relay .+ sent first to .+, and nothing came', record['caller_evidence']), record
            assert 'too short' in record['media_words'] or record['media_verdict'] == 'symmetric-no-range', record
        assert set(verdicts.values()) <= {'symmetric-no-range', 'never-heard', 'never-heard-with-stun', 'ports-changed-no-range'}, verdicts
        said = office.postern.asked('check', '--state', office.postern.state).stdout
        for number in verdicts:
            assert number in said, said
