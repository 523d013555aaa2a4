#!/usr/bin/env python3
"""The digest vectors as rows of C: vectors.py IN.json OUT.h"""
import json
import sys

FIELDS = ("name", "algorithm", "username", "realm", "password", "method",
          "uri", "nonce", "nc", "cnonce", "qop", "ha1", "response_computed")


def quoted(text):
    return '"' + "".join(
        chr(c) if 32 <= c < 127 and chr(c) not in '"\\?' else "\\%03o" % c
        for c in text.encode()) + '"'


with open(sys.argv[1], encoding="utf-8") as source, \
        open(sys.argv[2], "w", encoding="ascii") as out:
    for vector in json.load(source):
        out.write("{ %s },\n" % ", ".join(quoted(vector[f]) for f in FIELDS))
