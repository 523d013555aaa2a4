/*
 * Read the files that tracer writes, for the ladder.  tracer may have been
 * captured: every length is checked, and what is not ours is left out.
 */
#ifndef POSTERN_TRACE_FILE_H
#define POSTERN_TRACE_FILE_H

#include "common/base/addr.h"

/* One UDP datagram of a file. */
struct trace_packet {
	uint64_t at_us;		/* since 1970 */
	uint32_t interface;	/* in the order of the file */
	bool out;
	struct addr from, to;
	struct span bytes;	/* lent */
	struct span comment;	/* lent, may be empty */
};

/* Where in a file we are. */
struct trace_file {
	struct span left;
};

/*
 * Give the next packet.
 *
 * Takes:   f  the whole file at first, kept as long as packets are used.
 * Errors:  -ENOENT there is no more; -EBADMSG what follows is no block.
 */
int trace_file_next(struct trace_file *f, struct trace_packet *out);

#endif
