"""What postern explain says."""

import json
import re

from .wait import Late, until


def findings(office, word):
    """All findings about a number or a call."""
    done = office.postern.asked('explain', str(word), '--json', '--state', office.postern.state)
    assert done.returncode in (0, 1, 2) and not done.stderr, f'{word}: {done.returncode} {done.stderr}'
    return json.loads(done.stdout)['findings']


def explain(office, word):
    """The same by code; of one code the first."""
    return {finding['code']: finding for finding in reversed(findings(office, word))}


def named(office, word, code, *evidence, remedy='', level='error', seconds=3, proof=''):
    """A finding of that code comes, and says all this; proof is a pattern of what was seen."""
    def look():
        nonlocal found
        found = findings(office, word)
        return next((f for f in found if (f['code'], f['level']) == (code, level) and remedy in f['do']
                     and all(text in f['seen'] + f['what'] for text in evidence) and re.search(proof, f['seen'])
                     and (f['do'] or level in ('note', 'ok'))), None)
    found = []
    try:
        return until(look, seconds, f'{word} is explained as {code}', 0.2)
    except Late as late:
        raise Late(f'{late}; it says {json.dumps(found, indent=1)}') from None
