"""postern sql says what was dropped: Postern's own tables are not missed at the next start only."""

import subprocess

from lab.office import Office
from lab.postern import program


def sql(office, *words, line=''):
    """Its stderr."""
    done = subprocess.run([program(), 'sql', '--state', office.postern.state, *words], capture_output=True, text=True,
                          timeout=15, input=line, check=False)
    assert done.returncode == 0, done
    return done.stdout, done.stderr


def test_what_is_gone_is_said():
    with Office(homes=[]) as office:
        assert sql(office, 'CREATE TABLE mine(a)') == ('', '')
        assert sql(office, 'SELECT 7') == ('7\n', '')
        assert sql(office, line='SELECT 8;\n') == ('8\n', '')
        assert sql(office, "SELECT 'drop'") == ('drop\n', '')
        out, said = sql(office, line='BEGIN; DROP VIEW call_record; ROLLBACK;\n')
        assert (out, said) == ('', '')
        for words in ((('drop table mine',), ''), ((), 'DROP VIEW call_record;\n')):
            out, said = sql(office, *words[0], line=words[1])
            what = 'table mine' if words[0] else 'view call_record'
            assert f'the {what} is gone' in said and 'backup' in said, said
