/*
 * Which of the relay's sockets have something to read.
 *
 * They lie in an epoll set of their own inside the loop's.  At rest the loop
 * wakes when any of them is ready.  While the relay ticks the loop does not
 * look at the set; a clock wakes it every 1.5 ms, and all that became
 * ready meanwhile is taken together.  Both are made before the cage, where
 * only epoll_ctl() and read() are needed.
 */
#ifndef MEDIAPROXY_IO_READY_H
#define MEDIAPROXY_IO_READY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define READY_TICK_NS 1500000
#define READY_MAX 256

/* Time to take what is ready. */
typedef void ready_cb(void *arg);

struct ready {
	int set, clock;
	uv_poll_t on_set, on_clock;
	bool ticking;
	ready_cb *cb;
	void *arg;
};

/* At rest, nothing in the set.  Errors: negative errno. */
int ready_init(struct ready *r, uv_loop_t *loop, ready_cb *cb, void *arg);

/* Errors: negative errno; nothing has changed then. */
int ready_add(struct ready *r, int fd, uint32_t number);
int ready_del(struct ready *r, int fd);

/* Numbers of sockets that are ready, out of READY_MAX; those that stay so
 * come again after all others had their turn. */
unsigned ready_take(struct ready *r, uint32_t *out);

/* From now on tick, or rest. */
void ready_tick(struct ready *r, bool on);

#endif
