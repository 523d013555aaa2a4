#!/bin/sh
# same_doc.sh PROGRAM FILE: is FILE what PROGRAM prints?
"$1" | diff -u "$2" - && exit 0
echo "$2 is out of date; make it anew: $1 > $2" >&2
exit 1
