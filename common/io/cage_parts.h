/* Between the files of the cage only; see cage.h. */
#ifndef COMMON_IO_CAGE_PARTS_H
#define COMMON_IO_CAGE_PARTS_H

#include "common/io/cage.h"

/*
 * Landlock: no path but data_dir (may be NULL), no TCP bind, no TCP connect
 * but to the port of whom it dials, or any for stunmon, which learns of trunks
 * later; no signal and no abstract socket outside, as far as the kernel knows
 * them.
 *
 * Gives:   the ABI in force; 0: this kernel has none.
 * Errors:  negative errno.
 */
int cage_landlock(const struct cage *c);

/* Seccomp: only what cage_filter.c lists for this role.  Errors: negative
 * errno. */
int cage_filter(const struct cage *c);

#endif
