/* Between the files of the cage only; see cage.h. */
#ifndef COMMON_IO_CAGE_PARTS_H
#define COMMON_IO_CAGE_PARTS_H

#include <stdbool.h>

#include "common/io/cage.h"

/*
 * Landlock: no path but data_dir (may be NULL), no TCP bind or connect, no
 * signal and no abstract socket outside, as far as the kernel knows them.
 *
 * Takes:   dials  it may connect by TCP: Landlock tells ports apart, not
 *                 addresses, and those of trunks are not known yet.
 * Gives:   the ABI in force; 0: this kernel has none.
 * Errors:  negative errno.
 */
int cage_landlock(const char *data_dir, bool dials);

/* Seccomp: only what cage_filter.c lists for this role.  Errors: negative
 * errno. */
int cage_filter(enum ipc_role role);

#endif
