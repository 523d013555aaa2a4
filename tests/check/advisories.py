"""Every test named in the tables of docs/advisories.md exists."""

import glob
import os
import re

from house import write_tree

PAGE = 'docs/advisories.md'
FILES = {'fuzz': 'tests/fuzz/fuzz_{}.c', 'check': 'tests/check/{}.py', 'scenario': 'tests/scenario/sig/{}.scn'}


def texts(root, pattern):
    """The contents of all files of a pattern, joined."""
    return ''.join(open(path, encoding='utf-8').read() for path in sorted(glob.glob(os.path.join(root, pattern))))


def exists(root, name, unit):
    """Is there a test of this name?"""
    kind, _, rest = name.partition(' ')
    if kind in FILES and rest:
        return os.path.isfile(os.path.join(root, FILES[kind].format(rest)))
    topic, _, function = name.partition('/')
    if function:
        return f'\ndef test_{function}(' in texts(root, f'tests/system/{topic}.py')
    return f'START_TEST({name})' in unit


def check(root):
    """The complaints."""
    unit = texts(root, 'tests/unit/*/*.c')
    with open(os.path.join(root, PAGE), encoding='utf-8') as page:
        for number, line in enumerate(page, 1):
            cells = line.split(' | ')
            if not line.startswith('| ') or len(cells) < 4:
                continue
            names = re.findall(r'`([^`]+)`', cells[-1])
            for name in names:
                if not name.startswith('-W') and not exists(root, name, unit):
                    yield f'{PAGE}:{number}: no such test: {name}'
            if not names and not re.search(r'not applicable yet|as \d+|^test here', cells[-1]) and '---' not in line:
                yield f'{PAGE}:{number}: neither a test nor a reason'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {PAGE: '''
| # | advisory | fault | test here |
| --- | --- | --- | --- |
| 1 | a | b | `there_is_one` `gone` |
| 2 | a | b | `100-a/here` `100-a/away` `fuzz x` |
| 3 | a | b | not applicable yet: no TCP |
| 4 | a | b | nothing |
''', 'tests/unit/a/test_a.c': 'START_TEST(there_is_one)\n', 'tests/system/100-a.py': '\ndef test_here():\n    pass\n'})
    yield 'a unit test', f'{PAGE}:4: no such test: gone'
    yield 'a system test', f'{PAGE}:5: no such test: 100-a/away'
    yield 'a fuzz target', f'{PAGE}:5: no such test: fuzz x'
    yield 'an empty row', f'{PAGE}:7: neither a test nor a reason'
    yield 'nothing else', None
