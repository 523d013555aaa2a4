"""Calls that are never right here, and words that have no place in finished code."""

import re

from house import sources, without_comments, without_strings, write_tree

CALLS = {
    r'strcpy|strcat|stpcpy|strncpy|strncat|sprintf|vsprintf|gets': 'writes without a bound; use buf_put or snprintf',
    r'system|popen|wordexp': 'runs a shell',
    r'strtok|asctime|ctime|tmpnam|mktemp|tempnam': 'is not safe',
    r'atoi|atol|atof': 'takes garbage for a number; use span_to_u32',
    r'alloca': 'takes stack without a limit',
    r'rand|srand|random|srandom|drand48': 'is predictable; use secret_random',
    r'setjmp|longjmp': 'leaves by the window',
    r'sqlite3_mprintf|sqlite3_vmprintf|sqlite3_snprintf': 'builds SQL from text; bind instead',
    r'uv_getaddrinfo|uv_queue_work|uv_fs_\w+|uv_spawn': 'starts threads or programs after the cage closed',
}
# sscanf and fscanf with %s have no bound; %31s has.
SCAN = re.compile(r'\b[fs]?scanf\s*\([^;]*?"[^"]*%(?:s|\[)')
EXEC = re.compile(r'\bsqlite3_(?:exec|get_table)\s*\(([^;]*);')
WORDS = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')


def line_of(text, position):
    """The line number of a position."""
    return text.count('\n', 0, position) + 1


def constants(texts):
    """The names of constant strings, and of arrays of them, in these C texts."""
    return {name for text in texts
            for name in re.findall(r'\bconst char (?:\*\s*const )?(\w+)\s*\[', without_comments(text))}


def constant_sql(arguments, known):
    """Is the second argument made of string literals, or a constant by name?"""
    parts = arguments.split(',', 1)
    if len(parts) != 2:
        return False
    name = re.match(r'\s*(\w+)(?:\[\w+\])?\s*,', parts[1])
    return (name and name.group(1) in known) or \
        re.match(r'\s*(?:"(?:\\.|[^"\\])*"\s*|[A-Z][A-Z0-9_]+\s*)+,', parts[1])


def check(root):
    """The complaints."""
    known = constants(text for _, text in sources(root))
    for path, text in sources(root):
        bare = without_strings(text)
        for names, why in CALLS.items():
            for match in re.finditer(rf'(?<![\w.>])({names})\s*\(', bare):
                yield f'{path}:{line_of(bare, match.start())}: {match.group(1)} {why}'
        code = without_comments(text)
        for match in SCAN.finditer(code):
            yield f'{path}:{line_of(code, match.start())}: scanf with %s writes without a bound'
        for match in EXEC.finditer(code):
            if not constant_sql(match.group(1), known):
                yield f'{path}:{line_of(code, match.start())}: SQL that is not a constant'
        for match in WORDS.finditer(text):
            yield f'{path}:{line_of(text, match.start())}: {match.group(1)}: finish it or open an issue'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {'registrar-db/io/a.c': '''
void f(char *d, const char *s)
{
	static const char fixed[] = "PRAGMA y";
	strcpy(d, s);
	system("x");		/* strcpy( in a comment is fine */
	puts("strcpy(a, b)");
	sqlite3_exec(db, "PRAGMA x", NULL, NULL, NULL);
	sqlite3_exec(db, fixed, NULL, NULL, NULL);
	sqlite3_exec(db, s, NULL, NULL, NULL);
	sscanf(s, "%s", d);
	sscanf(s, "%31s", d);
	/* TODO later */
}
'''})
    yield 'strcpy', 'registrar-db/io/a.c:5: strcpy writes without a bound; use buf_put or snprintf'
    yield 'system', 'registrar-db/io/a.c:6: system runs a shell'
    yield 'SQL from a variable', 'registrar-db/io/a.c:10: SQL that is not a constant'
    yield 'unbounded %s', 'registrar-db/io/a.c:11: scanf with %s writes without a bound'
    yield 'unfinished work', 'registrar-db/io/a.c:13: TODO: finish it or open an issue'
    yield 'nothing else', None
