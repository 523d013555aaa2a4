#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stunmon/io/dns.h"

#define QUERY_TIMEOUT_MS 2000
#define QUERY_TRIES 3
#define TICK_MS 500
#define TARGETS_MAX 4	/* of SRV */
#define TARGET_ADDRS_MAX 4	/* of one of several */
#define HOST_MAX 256

/* One socket of c-ares under the loop's eyes. */
struct dns_sock {
	uv_poll_t poll;
	struct dns *dns;
	ares_socket_t fd;
	struct dns_sock *next;
};

struct dns_target {
	char host[HOST_MAX];
	uint16_t port;
	uint16_t priority, weight;
};

struct dns_name {
	struct dns *dns;
	unsigned number;
	char name[HOST_MAX];
	unsigned what;	/* 0: the place is free */
	uint64_t next_ms;	/* loop time of the next question */
	bool asking;
	bool is_forgotten;	/* once its answer came */
	bool is_stale;	/* what is under way is for the name before */
	struct dns_target target[TARGETS_MAX];	/* the best first */
	unsigned n_targets, at;	/* the one asked for; no targets: `name` */
	struct dns_answer answer;	/* what there is so far */
};

struct dns {
	uv_loop_t *loop;
	uv_timer_t timer;
	ares_channel channel;
	dns_answered_cb *answered;
	void *arg;
	struct dns_sock *socks;
	struct dns_name name[DNS_NAMES_MAX];
	unsigned n_names;
	bool is_started;
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

/* ---- addresses ---- */

static struct addr
node_addr(const struct ares_addrinfo_node *node, uint16_t port)
{
	const struct sockaddr_in *v4 = (const void *)node->ai_addr;
	const struct sockaddr_in6 *v6 = (const void *)node->ai_addr;

	if (node->ai_family == AF_INET)
		return addr_from_bytes(&v4->sin_addr, 4, port);
	if (node->ai_family == AF_INET6)
		return addr_from_bytes(&v6->sin6_addr, 16, port);
	return (struct addr){ 0 };
}

static bool
is_wanted(const struct dns_name *n, const struct addr *a)
{
	return (a->family == ADDR_IPV4 && n->what & DNS_IPV4) ||
	    (a->family == ADDR_IPV6 && n->what & DNS_IPV6);
}

static void
collect(struct dns_name *n, const struct ares_addrinfo *list)
{
	struct dns_answer *a = &n->answer;
	uint16_t port = n->n_targets > 0 ? n->target[n->at].port : 0;
	unsigned most = n->n_targets > 1 ? a->n + TARGET_ADDRS_MAX /
	    n->n_targets : DNS_ADDRS_MAX;

	for (const struct ares_addrinfo_node *node = list->nodes;
	     node != NULL && a->n < DNS_ADDRS_MAX && a->n < most;
	     node = node->ai_next) {
		struct addr one = node_addr(node, port);
		uint32_t ttl = node->ai_ttl > 0 ? (uint32_t)node->ai_ttl : 0;

		if (!is_wanted(n, &one))
			continue;
		if (a->n == 0 || ttl < a->ttl_s)
			a->ttl_s = ttl;
		a->addr[a->n++] = one;
	}
}

static void on_tick(uv_timer_t *timer);

/* Nobody waits for what is under way. */
static bool
is_over(const struct dns_name *n)
{
	return n->is_forgotten || n->is_stale;
}

static void
finish(struct dns_name *n)
{
	struct dns *d = n->dns;

	n->asking = false;
	if (n->is_forgotten) {
		n->what = 0;
		return;
	}
	if (n->is_stale) {
		n->is_stale = false;
		uv_timer_start(&d->timer, on_tick, 0, 0);
		return;
	}
	if (n->answer.n > 0) {
		n->answer.err = 0;
	} else if (n->answer.err == 0) {
		n->answer.err = -ENOENT;
		n->answer.why = "no address of the wanted family";
	}
	n->next_ms = uv_now(d->loop) +
	    d->answered(d->arg, n->number, &n->answer);
}

static void
failed(struct dns_name *n, int status)
{
	bool none = status == ARES_ENOTFOUND || status == ARES_ENODATA;

	n->answer.err = none ? -ENOENT : -EAGAIN;
	n->answer.why = ares_strerror(status);
}

static void ask_addresses(struct dns_name *n);

static void
on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
	struct dns_name *n = arg;

	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS && list != NULL)
		collect(n, list);
	else
		failed(n, status);
	ares_freeaddrinfo(list);
	if (!is_over(n) && ++n->at < n->n_targets)
		ask_addresses(n);
	else
		finish(n);
}

static void
ask_addresses(struct dns_name *n)
{
	unsigned families = n->what & (DNS_IPV4 | DNS_IPV6);
	const struct ares_addrinfo_hints hints = {
		/* Sorting by route would need sockets of its own. */
		.ai_flags = ARES_AI_NOSORT,
		.ai_family = families == DNS_IPV4 ? AF_INET :
		    families == DNS_IPV6 ? AF_INET6 : AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
	};

	ares_getaddrinfo(n->dns->channel, n->n_targets > 0 ?
	    n->target[n->at].host : n->name, NULL, &hints, on_addresses, n);
}

/* ---- servers of a service (RFC 2782) ---- */

/* Lower priorities first; of one priority the heavier: one client that asks
 * every 15 s is no load to be spread. */
static int
by_rank(const void *a, const void *b)
{
	const struct dns_target *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->weight == y->weight ? 0 : x->weight > y->weight ? -1 : 1;
}

static void
read_targets(struct dns_name *n, const struct ares_srv_reply *list)
{
	for (const struct ares_srv_reply *r = list; r != NULL; r = r->next) {
		struct dns_target *t = &n->target[n->n_targets];
		size_t len = strlen(r->host);

		/* "." says that there is no such service. */
		if (n->n_targets == TARGETS_MAX || len == 0 ||
		    len >= HOST_MAX || strcmp(r->host, ".") == 0 ||
		    r->port < 1024)
			continue;
		memcpy(t->host, r->host, len + 1);
		t->port = r->port;
		t->priority = r->priority;
		t->weight = r->weight;
		n->n_targets++;
	}
	qsort(n->target, n->n_targets, sizeof(n->target[0]), by_rank);
}

static void
on_servers(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct dns_name *n = arg;
	struct ares_srv_reply *list = NULL;

	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(reply, len, &list);
	if (status == ARES_SUCCESS)
		read_targets(n, list);
	if (list != NULL)
		ares_free_data(list);
	/* Without SRV, the name's own addresses and the usual port. */
	if (is_over(n) || (status == ARES_SUCCESS && n->n_targets == 0))
		finish(n);
	else
		ask_addresses(n);
}

/* ---- questions ---- */

static const char *
service_of(unsigned what)
{
	return what & DNS_STUN ? "_stun._udp" :
	    what & DNS_SIP_UDP ? "_sip._udp" :
	    what & DNS_SIP_TCP ? "_sip._tcp" :
	    what & DNS_SIP_TLS ? "_sips._tcp" : NULL;
}

static void
ask(struct dns_name *n)
{
	const char *what = service_of(n->what);
	char service[HOST_MAX + 16];

	n->asking = true;
	n->n_targets = n->at = 0;
	n->answer = (struct dns_answer){ 0 };
	if (what == NULL) {
		ask_addresses(n);
		return;
	}
	snprintf(service, sizeof(service), "%s.%s", what,
	    n->name);
	ares_query(n->dns->channel, service, ns_c_in, ns_t_srv, on_servers, n);
}

static void
on_tick(uv_timer_t *timer)
{
	struct dns *d = timer->data;
	uint64_t now = uv_now(d->loop), next = now + 10 * TICK_MS;

	/* Timeouts of questions under way. */
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (unsigned i = 0; i < d->n_names; i++) {
		struct dns_name *n = &d->name[i];

		if (n->what == 0)
			continue;
		if (!n->asking && now >= n->next_ms)
			ask(n);
		if (n->asking && now + TICK_MS < next)
			next = now + TICK_MS;
		if (!n->asking && n->next_ms < next)
			next = n->next_ms;
	}
	uv_timer_start(&d->timer, on_tick, next > now ? next - now : 0, 0);
}

void
dns_hurry(struct dns *d, unsigned number)
{
	for (unsigned i = 0; i < d->n_names; i++) {
		if (d->name[i].what == 0 || d->name[i].is_forgotten ||
		    d->name[i].number != number || d->name[i].asking)
			continue;
		d->name[i].next_ms = 0;
		uv_timer_start(&d->timer, on_tick, 0, 0);
	}
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
dns_new(uv_loop_t *loop, dns_answered_cb *answered, void *arg)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->answered = answered;
	d->arg = arg;
	if (open_channel(d) != 0 || uv_timer_init(loop, &d->timer) != 0) {
		free(d);
		return NULL;
	}
	d->timer.data = d;
	return d;
}

static struct dns_name *
free_place(struct dns *d)
{
	for (unsigned i = 0; i < d->n_names; i++) {
		if (d->name[i].what == 0)
			return &d->name[i];
	}
	return d->n_names == DNS_NAMES_MAX ? NULL : &d->name[d->n_names++];
}

/* c-ares keeps the place until its answer: a new name waits there for it. */
static struct dns_name *
forgotten_place(struct dns *d)
{
	for (unsigned i = 0; i < d->n_names; i++) {
		if (d->name[i].what != 0 && d->name[i].is_forgotten)
			return &d->name[i];
	}
	return NULL;
}

void
dns_forget(struct dns *d, unsigned number)
{
	for (unsigned i = 0; i < d->n_names; i++) {
		struct dns_name *n = &d->name[i];

		if (n->what == 0 || n->number != number)
			continue;
		if (n->asking)
			n->is_forgotten = true;
		else
			n->what = 0;
	}
}

void
dns_watch(struct dns *d, unsigned number, const char *name, unsigned what)
{
	struct dns_name *n = free_place(d);
	bool waits = n == NULL;

	if (waits)
		n = forgotten_place(d);
	if (n == NULL || strlen(name) >= HOST_MAX)
		return;
	*n = (struct dns_name){ .dns = d, .number = number, .what = what,
		.asking = waits, .is_stale = waits };
	memcpy(n->name, name, strlen(name) + 1);
	if (d->is_started)
		uv_timer_start(&d->timer, on_tick, 0, 0);
}

void
dns_start(struct dns *d)
{
	d->is_started = true;
	if (d->n_names > 0)
		uv_timer_start(&d->timer, on_tick, 0, 0);
}
