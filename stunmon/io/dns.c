#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/io/log.h"
#include "stunmon/io/dns.h"

#define QUERY_TIMEOUT_MS 2000
#define QUERY_TRIES 3
#define TICK_MS 500

/* One socket of c-ares under the loop's eyes. */
struct dns_sock {
	uv_poll_t poll;
	struct dns *dns;
	ares_socket_t fd;
	struct dns_sock *next;
};

struct dns_name {
	struct dns *dns;
	unsigned number;
	const char *name;
	struct addr addr;
	uint64_t next_ms;	/* loop time of the next question */
	bool asking, failed;
};

struct dns {
	uv_loop_t *loop;
	uv_timer_t timer;
	ares_channel channel;
	enum addr_family family;
	dns_changed_cb *changed;
	void *arg;
	struct dns_sock *socks;
	struct dns_name name[DNS_NAMES_MAX];
	unsigned n_names;
};

/* ---- sockets of c-ares ---- */

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct dns_sock *s = poll->data;
	ares_socket_t fd = s->fd;
	bool in = status < 0 || events & UV_READABLE;
	bool out = status < 0 || events & UV_WRITABLE;

	ares_process_fd(s->dns->channel, in ? fd : ARES_SOCKET_BAD,
	    out ? fd : ARES_SOCKET_BAD);
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
forget_sock(struct dns *d, struct dns_sock *s)
{
	struct dns_sock **at = &d->socks;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, on_closed);
}

static struct dns_sock *
add_sock(struct dns *d, ares_socket_t fd)
{
	struct dns_sock *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (uv_poll_init_socket(d->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->dns = d;
	s->fd = fd;
	s->next = d->socks;
	d->socks = s;
	return s;
}

/* c-ares made, wants or will close a socket. */
static void
on_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_sock *s = d->socks;

	while (s != NULL && s->fd != fd)
		s = s->next;
	if (!readable && !writable) {
		if (s != NULL)
			forget_sock(d, s);
		return;
	}
	if (s == NULL)
		s = add_sock(d, fd);
	if (s != NULL)
		uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) |
		    (writable ? UV_WRITABLE : 0), on_ready);
}

/* ---- questions ---- */

static struct addr
node_addr(const struct ares_addrinfo_node *node)
{
	const struct sockaddr_in *v4 = (const void *)node->ai_addr;
	const struct sockaddr_in6 *v6 = (const void *)node->ai_addr;

	if (node->ai_family == AF_INET)
		return addr_from_bytes(&v4->sin_addr, 4, 0);
	if (node->ai_family == AF_INET6)
		return addr_from_bytes(&v6->sin6_addr, 16, 0);
	return (struct addr){ 0 };
}

/* The one we have, if it is still among them: lists come in any order. */
static struct addr
choose(const struct ares_addrinfo *list, const struct addr *have)
{
	struct addr first = { 0 };

	for (const struct ares_addrinfo_node *n = list->nodes; n != NULL;
	     n = n->ai_next) {
		struct addr a = node_addr(n);

		if (addr_same_ip(&a, have))
			return a;
		if (first.family == ADDR_NONE)
			first = a;
	}
	return first;
}

static void
log_failure(struct dns_name *n, const char *why)
{
	if (n->failed)
		return;
	n->failed = true;
	log_begin(LOG_WARN_, "name-not-resolved");
	log_str("name", n->name);
	log_str("why", why);
	log_end();
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
	struct dns_name *n = arg;
	struct dns *d = n->dns;
	struct addr a = { 0 };

	if (status == ARES_EDESTRUCTION)
		return;
	n->asking = false;
	if (status == ARES_SUCCESS && list != NULL)
		a = choose(list, &n->addr);
	ares_freeaddrinfo(list);
	if (a.family == ADDR_NONE) {
		n->next_ms = uv_now(d->loop) + DNS_RETRY_MS;
		log_failure(n, status == ARES_SUCCESS ?
		    "no address of our family" : ares_strerror(status));
		return;
	}
	n->failed = false;
	n->next_ms = uv_now(d->loop) + DNS_AGAIN_MS;
	if (addr_same_ip(&a, &n->addr))
		return;
	n->addr = a;
	d->changed(d->arg, n->number, &a);
}

static void
ask(struct dns_name *n)
{
	const struct ares_addrinfo_hints hints = {
		/* Sorting by route would need sockets of its own. */
		.ai_flags = ARES_AI_NOSORT,
		.ai_family = n->dns->family == ADDR_IPV6 ? AF_INET6 :
		    AF_INET,
		.ai_socktype = SOCK_DGRAM,
	};

	n->asking = true;
	ares_getaddrinfo(n->dns->channel, n->name, NULL, &hints, on_answer, n);
}

static void
on_tick(uv_timer_t *timer)
{
	struct dns *d = timer->data;
	bool asking = false;

	/* Timeouts of questions under way. */
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (unsigned i = 0; i < d->n_names; i++) {
		struct dns_name *n = &d->name[i];

		if (!n->asking && uv_now(d->loop) >= n->next_ms)
			ask(n);
		asking = asking || n->asking;
	}
	uv_timer_start(&d->timer, on_tick, asking ? TICK_MS : 10 * TICK_MS, 0);
}

/* ---- making ---- */

static int
open_channel(struct dns *d)
{
	struct ares_options o = {
		/* No TCP, no search list, no file behind HOSTALIASES. */
		.flags = ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH |
		    ARES_FLAG_NOALIASES,
		.timeout = QUERY_TIMEOUT_MS,
		.tries = QUERY_TRIES,
		.sock_state_cb = on_sock_state,
		.sock_state_cb_data = d,
	};
	static char dns_only[] = "b";

	o.lookups = dns_only;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -1;
	return ares_init_options(&d->channel, &o, ARES_OPT_FLAGS |
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
	    ARES_OPT_LOOKUPS) == ARES_SUCCESS ? 0 : -1;
}

struct dns *
dns_new(uv_loop_t *loop, enum addr_family family, dns_changed_cb *changed,
    void *arg)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->family = family;
	d->changed = changed;
	d->arg = arg;
	if (open_channel(d) != 0 || uv_timer_init(loop, &d->timer) != 0) {
		free(d);
		return NULL;
	}
	d->timer.data = d;
	return d;
}

void
dns_watch(struct dns *d, unsigned number, const char *name)
{
	if (d->n_names == DNS_NAMES_MAX)
		return;
	d->name[d->n_names++] = (struct dns_name){ .dns = d,
		.number = number, .name = name };
}

void
dns_start(struct dns *d)
{
	if (d->n_names > 0)
		uv_timer_start(&d->timer, on_tick, 0, 0);
}
