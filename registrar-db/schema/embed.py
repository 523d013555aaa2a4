#!/usr/bin/env python3
"""Write the schema files, in order, as C texts: embed.py OUT.c IN.sql..."""
import sys


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main(out, files):
    with open(out, "w", encoding="ascii") as c:
        c.write("extern const char *const schema_texts[%d];\n" % len(files))
        c.write("const char *const schema_texts[%d] = {\n" % len(files))
        for name in files:
            with open(name, encoding="ascii") as sql:
                for line in sql.read().splitlines():
                    c.write("\t" + quoted(line) + "\n")
            c.write("\t,\n")
        c.write("};\n")


main(sys.argv[1], sys.argv[2:])
