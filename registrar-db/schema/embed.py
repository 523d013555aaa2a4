#!/usr/bin/env python3
"""Write the schema as C texts: embed.py OUT.c IN.sql...

schema_texts[]: the steps, in order, for a database of an older Postern.
schema_whole: what they come to, for a new one; building it by the steps costs
registrar-db ten times the work at each start.
"""
import sqlite3
import sys

ORDER = ("table", "index", "view", "trigger")


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def rows(db, table):
    """The rows that the steps put into a table, as INSERTs."""
    got = db.execute('SELECT * FROM "%s"' % table)
    columns = ", ".join('"%s"' % column[0] for column in got.description)
    for row in got.fetchall():
        values = [db.execute("SELECT quote(?)", (value,)).fetchone()[0]
                  for value in row]
        yield 'INSERT INTO "%s"(%s) VALUES(%s);' % (
            table, columns, ", ".join(values))


def whole(steps):
    """The statements that make at once what the steps come to; a table has
    its rows before there is a trigger to fire."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in steps:
        db.executescript(step)
    made = db.execute("SELECT type, name, sql FROM sqlite_schema "
                      "WHERE name NOT LIKE 'sqlite_%'").fetchall()
    for kind in ORDER:
        for _, name, sql in (one for one in made if one[0] == kind):
            yield sql + ";"
            if kind == "table":
                yield from rows(db, name)


def text(c, sql):
    for line in sql.splitlines():
        c.write("\t" + quoted(line) + "\n")


def read(name):
    with open(name, encoding="ascii") as sql:
        return sql.read()


def main(out, files):
    steps = [read(name) for name in files]
    with open(out, "w", encoding="ascii") as c:
        c.write("extern const char *const schema_texts[%d];\n" % len(files))
        c.write("extern const char schema_whole[];\n")
        c.write("const char *const schema_texts[%d] = {\n" % len(files))
        for step in steps:
            text(c, step)
            c.write("\t,\n")
        c.write("};\nconst char schema_whole[] =\n")
        for statement in whole(steps):
            text(c, statement)
        c.write("\t;\n")


main(sys.argv[1], sys.argv[2:])
