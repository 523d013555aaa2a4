/*
 * The small file in which stunmon keeps what it believes (core/recall.h), in
 * $STATE_DIRECTORY.
 *
 * It is opened, filled to its size and mapped before the cage closes, and
 * closed: in the cage there is no path, no descriptor and no system call by
 * which anything but these 4096 octets could be written, by whoever runs
 * there.  The kernel has the pages at once, so kill -9 loses nothing; the
 * disk has them half a minute later.
 */
#ifndef STUNMON_IO_KEEPER_H
#define STUNMON_IO_KEEPER_H

#include "stunmon/core/kept.h"

struct keeper {
	char *page;		/* NULL: nothing is kept */
	int in, out;		/* a pipe's ends; see keeper.c */
	uint64_t generation;	/* of the newest slot */
	char slot[KEPT_SLOT];	/* as written last, of generation 1 */
};

/*
 * Before the cage, as the user it is for.
 *
 * Takes:   dir  NULL: there is none, nothing is kept.
 * Gives:   in *out what was kept, and true, if anything was.
 */
bool keeper_open(struct keeper *k, const char *dir, struct kept *out);
/* Write it, if it is another state than before. */
void keeper_write(struct keeper *k, const struct kept *now);

#endif
