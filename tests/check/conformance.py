"""Every test named in the tables of docs/conformance.md exists, and each row names one."""

import os
import re

from advisories import exists, texts
from house import write_tree

PAGE = 'docs/conformance.md'


def check(root):
    """The complaints."""
    unit = texts(root, 'tests/unit/*/*.c') + texts(root, 'tests/scenario/*/*.c')
    with open(os.path.join(root, PAGE), encoding='utf-8') as page:
        for number, line in enumerate(page, 1):
            cells = line.split(' | ')
            if not line.startswith('| ') or '---' in line or cells[-1].strip(' |\n') == 'test':
                continue
            if len(cells) != 3:
                yield f'{PAGE}:{number}: not three cells'
                continue
            names = re.findall(r'`([^`]+)`', cells[-1])
            for name in names:
                if not exists(root, name, unit):
                    yield f'{PAGE}:{number}: no such test: {name}'
            if not names:
                yield f'{PAGE}:{number}: no test'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {PAGE: '''
| section | what | test |
| --- | --- | --- |
| 1 | a | `there_is_one` `gone` |
| 2 | a | `100-a/here` `100-a/away` |
| 3 | a | nothing |
| 4 | a |
''', 'tests/unit/a/test_a.c': 'START_TEST(there_is_one)\n', 'tests/system/100-a.py': '\ndef test_here():\n    pass\n'})
    yield 'a unit test', f'{PAGE}:4: no such test: gone'
    yield 'a system test', f'{PAGE}:5: no such test: 100-a/away'
    yield 'an empty row', f'{PAGE}:6: no test'
    yield 'a broken row', f'{PAGE}:7: not three cells'
    yield 'nothing else', None
