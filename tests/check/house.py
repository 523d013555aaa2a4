"""What the house checks share: which files there are, and how a complaint looks."""

import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
PROGRAMS = ('sigproxy', 'mediaproxy', 'stunmon', 'registrar-db', 'keyd', 'tracer', 'postern')
SOURCE_FOLDERS = ('common',) + PROGRAMS
PURE_LAYERS = ('codec', 'sip', 'core')


def sources(root):
    """Yield (path relative to root, text) of every C file of the programs."""
    for top in SOURCE_FOLDERS:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    path = os.path.join(folder, name)
                    with open(path, encoding='utf-8') as file:
                        yield os.path.relpath(path, root), file.read()


def without_comments(text):
    """C text with comments blanked, its lines kept; strings stay."""
    def blank(match):
        token = match.group(0)
        return re.sub(r'[^\n]', ' ', token) if token.startswith('/') else token
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def without_strings(text):
    """C text with comments and the insides of strings blanked."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', without_comments(text))


def write_tree(root, files):
    """Lay files {path: text} below root."""
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as file:
            file.write(text)
