/*
 * The time of day that expiry is counted in: the wall clock as it was, going
 * on by the monotonic one.  So a step of the wall clock (an admin, a machine
 * that boots in 1970, a wrong time server) ends no binding and prolongs none.
 * The owner moves what is stored by the step and then calls wall_follow(), in
 * one transaction: until then this clock and the rows agree with each other,
 * afterwards with the wall as well.
 */
#ifndef REGDB_IO_WALL_H
#define REGDB_IO_WALL_H

#include <stdint.h>

/* Less is not worth an UPDATE of everything; it adds up until it is. */
#define WALL_STEP_MIN_S 2

struct wall {
	int64_t ahead_ms; /* of the monotonic clock */
};

void wall_start(struct wall *w);
int64_t wall_s(const struct wall *w);
/* By how much the wall clock was moved since; 0 for nothing to speak of. */
int64_t wall_step_s(const struct wall *w);
void wall_follow(struct wall *w, int64_t step_s);

#endif
