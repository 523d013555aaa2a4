/* The checklist of the three parties: this system, the office's router, each
 * phone, with the configuration's real values filled in. */
#ifndef POSTERN_SHEET_H
#define POSTERN_SHEET_H

#include <stdio.h>

#include "common/io/conf.h"

void sheet_print(FILE *to, const struct conf *c);

#endif
