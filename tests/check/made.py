"""Files made from tables are what the programs make today; documents name what exists."""

import os
import re
import subprocess

from house import write_tree

SAMPLE, FIREWALL = 'etc/postern.conf.sample', 'etc/nftables/postern.nft'
MAIN_PAGES = ('README.md', 'HACKING.md', 'SECURITY.md', 'docs')


def said(build, root, *arguments):
    """What the admin command prints, or None when it is not built."""
    program = os.path.join(build, 'postern')
    if not os.path.isfile(program):
        return None
    done = subprocess.run([program, *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout


def content(root, path):
    """A file's text, or None."""
    try:
        with open(os.path.join(root, path), encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return None


def without_resolvers(text):
    """The firewall table without this machine's own name servers."""
    return ''.join(line + '\n' for line in text.splitlines() if 'dport 53' not in line)


def check(root, build=None):
    """The complaints."""
    build = build or os.environ.get('POSTERN_BUILD', os.path.join(root, 'build'))
    sample = said(build, root, 'sample')
    firewall = said(build, root, 'nft', '--config', SAMPLE)
    if sample is None:
        yield f'no postern in {build}'
    else:
        if content(root, SAMPLE) != sample:
            yield f'{SAMPLE} is out of date: build/postern sample > {SAMPLE}'
        if content(root, FIREWALL) != without_resolvers(firewall):
            yield f'{FIREWALL} is out of date: build/postern nft --config {SAMPLE} | grep -v "dport 53" > {FIREWALL}'
    yield from broken_links(root)


def pages(root):
    """Yield the documents' paths."""
    for page in MAIN_PAGES:
        full = os.path.join(root, page)
        if os.path.isfile(full):
            yield page
        for folder, _, names in sorted(os.walk(full)):
            for name in sorted(names):
                if name.endswith('.md'):
                    yield os.path.relpath(os.path.join(folder, name), root)


def broken_links(root):
    """Links of the documents that lead nowhere."""
    for page in pages(root):
        for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', content(root, page)):
            if '://' in target or target.startswith('mailto:'):
                continue
            if not os.path.exists(os.path.join(root, os.path.dirname(page), target)):
                yield f'{page}: the link to {target} leads nowhere'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {
        'README.md': '[a](docs/none.md) [b](docs/here.md) [c](https://example.org/)\n',
        'docs/here.md': 'text\n', SAMPLE: 'old\n', FIREWALL: 'old\n',
        'build/postern': '#!/bin/sh\necho new\n',
    })
    os.chmod(os.path.join(root, 'build/postern'), 0o755)
    yield 'an old sample', f'{SAMPLE} is out of date: build/postern sample > {SAMPLE}'
    yield 'an old firewall table', (f'{FIREWALL} is out of date: build/postern nft --config {SAMPLE} '
                                    f'| grep -v "dport 53" > {FIREWALL}')
    yield 'a broken link', 'README.md: the link to docs/none.md leads nowhere'
    yield 'nothing else', None
