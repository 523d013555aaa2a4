#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>

#include "common/io/clock.h"
#include "postern/names.h"

struct question {
	ares_channel channel;
	bool done;
	int n;			/* or a negative errno */
	unsigned max;
	struct addr *addrs;
	struct names_srv *srvs;
};

static int
errno_of(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND ? -ENOENT :
								    -ETIMEDOUT;
}

static void
on_addrs(void *arg, int status, int timeouts, struct ares_addrinfo *got)
{
	struct question *q = arg;

	q->done = true;
	q->n = status == ARES_SUCCESS ? 0 : errno_of(status);
	for (struct ares_addrinfo_node *a = got == NULL ? NULL : got->nodes;
	     a != NULL && q->n >= 0 && (unsigned)q->n < q->max;
	     a = a->ai_next) {
		const struct sockaddr_in *v4 = (const void *)a->ai_addr;
		const struct sockaddr_in6 *v6 = (const void *)a->ai_addr;

		if (a->ai_family == AF_INET)
			q->addrs[q->n++] = addr_from_bytes(&v4->sin_addr, 4,
			    0);
		else if (a->ai_family == AF_INET6)
			q->addrs[q->n++] = addr_from_bytes(&v6->sin6_addr, 16,
			    0);
	}
	if (got != NULL)
		ares_freeaddrinfo(got);
}

static void
on_srv(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct ares_srv_reply *list = NULL;
	struct question *q = arg;

	q->done = true;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(answer, len, &list);
	q->n = status == ARES_SUCCESS ? 0 : errno_of(status);
	for (struct ares_srv_reply *r = list;
	     r != NULL && (unsigned)q->n < q->max; r = r->next) {
		snprintf(q->srvs[q->n].target, NAMES_TARGET_MAX, "%s",
		    r->host);
		q->srvs[q->n++].port = r->port;
	}
	if (list != NULL)
		ares_free_data(list);
}

static int
begin(struct question *q)
{
	struct ares_options o = { .lookups = (char[]){ "b" },
		.timeout = NAMES_WAIT_MS / 2, .tries = 2 };

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -ENOMEM;
	if (ares_init_options(&q->channel, &o, ARES_OPT_LOOKUPS |
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
		return -ENOMEM;
	return 0;
}

/* c-ares's own timers run out before the whole is given up. */
static void
step(struct question *q, struct mono now, struct mono end)
{
	ares_socket_t socks[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(q->channel, socks, ARES_GETSOCK_MAXNUM);
	uint64_t wait = mono_ms_between(now, end) + 1;
	nfds_t n = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
		    (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0);

		if (events != 0)
			fds[n++] = (struct pollfd){ socks[i], events, 0 };
	}
	poll(fds, n, wait > 100 ? 100 : (int)wait);
	for (nfds_t i = 0; i < n; i++)
		ares_process_fd(q->channel,
		    fds[i].revents & (POLLIN | POLLERR | POLLHUP) ?
			fds[i].fd : ARES_SOCKET_BAD,
		    fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static int
finish(struct question *q)
{
	struct mono end = mono_add_ms(clock_mono(), 2 * NAMES_WAIT_MS);

	while (!q->done && !mono_due(end, clock_mono()))
		step(q, clock_mono(), end);
	ares_destroy(q->channel);	/* ends what still waits */
	ares_library_cleanup();
	return q->n == 0 ? -ENOENT : q->n;
}

int
names_addrs(const char *name, struct addr *out, unsigned max)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_flags = ARES_AI_NOSORT };
	struct question q = { .addrs = out, .max = max };
	int err = begin(&q);

	if (err)
		return err;
	ares_getaddrinfo(q.channel, name, NULL, &hints, on_addrs, &q);
	return finish(&q);
}

int
names_srv(const char *name, struct names_srv *out, unsigned max)
{
	struct question q = { .srvs = out, .max = max };
	int err = begin(&q);

	if (err)
		return err;
	ares_query(q.channel, name, ns_c_in, ns_t_srv, on_srv, &q);
	return finish(&q);
}
