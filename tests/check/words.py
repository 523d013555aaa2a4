"""The commands of `postern help`, their options, and the manual page tell of one another."""

import os
import re

from house import write_tree
from made import content, said

PAGE = 'docs/man/postern.8'
NOT_FOR_PEOPLE = {'exec', 'watchdog'}     # the supervisor's
ITSELF = {'help'}


def commands(root, build):
    """{word: what its own help says}, or None when nothing is built."""
    listed = said(build, root, 'help')
    if listed is None:
        return None
    words = set(re.findall(r'^  postern ([a-z][a-z-]*)', listed, re.M)) - ITSELF - NOT_FOR_PEOPLE
    return {word: said(build, root, word, '--help') for word in words}


def parts(page):
    """{word: its lines} of the synopsis, and the same of the description."""
    synopsis, told = {}, {}
    before, _, after = page.partition('.Sh DESCRIPTION')
    for block in before.split('\n.Nm\n')[1:]:
        words = re.match(r'\.Cm ([^\n]*)', block)[1].split(' | ') if block.startswith('.Cm ') else []
        # "password | sample" are two commands, "trunk enable | disable" is one.
        for word in words[:1] if words and ' ' in words[0] else words:
            word = word.split()[0]
            synopsis[word] = synopsis.get(word, '') + block
    for block in re.split(r'\n\.It Cm ', after)[1:]:
        word = block.split()[0]
        told[word] = told.get(word, '') + block
    return synopsis, told


def check(root, build=None):
    """The complaints."""
    build = build or os.environ.get('POSTERN_BUILD', os.path.join(root, 'build'))
    known = commands(root, build)
    if known is None:
        yield f'no postern in {build}'
        return
    synopsis, told = parts(content(root, PAGE))
    for word, words in sorted(known.items()):
        for name, where in (('synopsis', synopsis), ('description', told)):
            if word not in where:
                yield f'{PAGE}: the {name} has no `{word}`'
        if f'postern {word}' not in words:
            yield f'postern {word} --help does not tell of it'
        for option in sorted(set(re.findall(r'--([a-z][a-z-]*)', words))):
            page = synopsis.get(word, '') + told.get(word, '')
            if f'Fl -{option}' not in page and option not in ('json', 'config', 'state'):
                yield f'{PAGE}: `{word}` has no --{option}, of which `postern {word} --help` tells'
    for word in sorted((set(synopsis) | set(told)) - set(known) - ITSELF - NOT_FOR_PEOPLE):
        yield f'{PAGE}: there is no command `{word}`'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {
        PAGE: '.Sh SYNOPSIS\n.Nm\n.Cm here\n.Op Fl -one\n.Nm\n.Cm gone\n.Sh DESCRIPTION\n.Bl\n.It Cm here\nText.\n',
        'build/postern': '#!/bin/sh\n[ "$1" = help ] && printf "  postern here\\n  postern new\\n  postern help\\n"\n'
                         '[ "$2" = --help ] && echo "postern $1 --one --two"\n',
    })
    os.chmod(os.path.join(root, 'build/postern'), 0o755)
    yield 'a command that the page lacks', f'{PAGE}: the synopsis has no `new`'
    yield 'twice', f'{PAGE}: the description has no `new`'
    yield 'its options', f'{PAGE}: `new` has no --one, of which `postern new --help` tells'
    yield 'all of them', f'{PAGE}: `new` has no --two, of which `postern new --help` tells'
    yield 'an option that the page lacks', f'{PAGE}: `here` has no --two, of which `postern here --help` tells'
    yield 'a command of the page alone', f'{PAGE}: there is no command `gone`'
