/* The checklist of the three parties: this system, the office's router, each
 * phone, with the configuration's real values filled in. */
#ifndef POSTERN_SHEET_H
#define POSTERN_SHEET_H

#include <stdio.h>

#include "common/io/conf.h"

/* seen: the public address as stunmon sees it now, or NULL. */
void sheet_print(FILE *to, const struct conf *c, const char *seen);

#endif
