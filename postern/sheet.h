/* The checklist of the three parties: this system, the office's router, each
 * phone, with the configuration's real values filled in. */
#ifndef POSTERN_SHEET_H
#define POSTERN_SHEET_H

#include <stdio.h>

#include "common/io/conf.h"

/*
 * Takes:   seen  the public address as stunmon sees it now, or NULL.
 * Gives:   how many warnings are in it: of external addresses that the
 *          internet cannot reach, while `public = none` says that it can.
 */
unsigned sheet_print(FILE *to, const struct conf *c, const char *seen);

#endif
