#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mediaproxy/io/ready.h"

static void
on_set(uv_poll_t *poll, int status, int events)
{
	struct ready *r = poll->data;

	r->cb(r->arg);
}

static void
on_clock(uv_poll_t *poll, int status, int events)
{
	struct ready *r = poll->data;
	uint64_t ticks;

	/* Until it is read it does not run: at rest it costs nothing. */
	if (read(r->clock, &ticks, sizeof(ticks)) > 0)
		r->cb(r->arg);
}

static int
open_clock(void)
{
	const struct itimerspec every = { { 0, READY_TICK_NS },
		{ 0, READY_TICK_NS } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) == 0)
		return fd;
	return -errno;
}

int
ready_init(struct ready *r, uv_loop_t *loop, ready_cb *cb, void *arg)
{
	int err;

	*r = (struct ready){ .cb = cb, .arg = arg };
	r->set = epoll_create1(EPOLL_CLOEXEC);
	if (r->set < 0)
		return -errno;
	r->clock = open_clock();
	if (r->clock < 0)
		return r->clock;
	err = uv_poll_init(loop, &r->on_set, r->set);
	if (err == 0)
		err = uv_poll_init(loop, &r->on_clock, r->clock);
	r->on_set.data = r->on_clock.data = r;
	return err ? err : uv_poll_start(&r->on_set, UV_READABLE, on_set);
}

int
ready_add(struct ready *r, int fd, uint32_t number)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = number };

	return epoll_ctl(r->set, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int
ready_del(struct ready *r, int fd)
{
	return epoll_ctl(r->set, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

unsigned
ready_take(struct ready *r, uint32_t *out)
{
	struct epoll_event e[READY_MAX];
	int n = epoll_wait(r->set, e, READY_MAX, 0);

	for (int i = 0; i < n; i++)
		out[i] = e[i].data.u32;
	return n < 0 ? 0 : (unsigned)n;
}

void
ready_tick(struct ready *r, bool on)
{
	if (on == r->ticking)
		return;
	/* The new way first: with neither, nobody would ever wake us. */
	if (uv_poll_start(on ? &r->on_clock : &r->on_set, UV_READABLE,
		on ? on_clock : on_set) != 0)
		return;
	uv_poll_stop(on ? &r->on_set : &r->on_clock);
	r->ticking = on;
}
