#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/dscp.h"
#include "mediaproxy/io/socks.h"

/* Loop, doors, log and the connections at the doors. */
#define OTHER_FILES 128
static uint32_t
pairs_of(uint16_t first, uint16_t last, uint32_t processes)
{
	return ((uint32_t)last - first + 1) / processes / 2;
}

static uint32_t
external_pairs(const struct conf *c)
{
	return pairs_of(c->ports_first, c->ports_last, c->processes);
}

static uint32_t
internal_pairs(const struct conf *c)
{
	return pairs_of(c->internal_ports_first, c->internal_ports_last,
	    c->processes);
}

static uint32_t
all_pairs(const struct conf *c)
{
	return external_pairs(c) * c->n_external +
	    internal_pairs(c) * c->n_internal;
}

unsigned
socks_files(const struct conf *c)
{
	return 2 * all_pairs(c) + OTHER_FILES;
}

int
priv_socks_allow_files(const struct conf *c)
{
	rlim_t need = socks_files(c);
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	if (l.rlim_cur >= need)
		return 0;
	l.rlim_cur = need;
	if (l.rlim_max < need)
		l.rlim_max = need;
	return setrlimit(RLIMIT_NOFILE, &l) < 0 ? -errno : 0;
}

/* ---- planning ---- */

/* This process's part of what is reserved; a range that fits the channels
 * exactly has none for it. */
static uint32_t
pairs_kept(const struct conf *c, uint32_t pairs)
{
	uint32_t share = (c->channels + c->processes - 1) / c->processes;
	uint32_t keep = (c->reserved + c->processes - 1) / c->processes;

	return pairs <= share ? 0 : pairs - share < keep ? pairs - share : keep;
}

/* STUN looks after the first external IPv4 address; with none, the first. */
static unsigned
mapped_index(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_external; i++) {
		if (c->external[i].family == ADDR_IPV4)
			return i;
	}
	return 0;
}

int
socks_plan(const struct conf *c, uint8_t instance, struct ports *out)
{
	uint32_t outer = external_pairs(c), inner = internal_pairs(c);
	uint16_t first;
	int err;

	err = ports_init(out, all_pairs(c));
	first = (uint16_t)(c->ports_first + 2 * outer * instance);
	for (unsigned i = 0; i < c->n_external && err == 0; i++)
		err = ports_add(out, ZONE_EXTERNAL, &c->external[i], first,
		    outer, i == mapped_index(c));
	first = (uint16_t)(c->internal_ports_first + 2 * inner * instance);
	for (unsigned i = 0; i < c->n_internal && err == 0; i++)
		err = ports_add(out, ZONE_INTERNAL, &c->internal[i], first,
		    inner, false);
	ports_reserve(out, ZONE_EXTERNAL, pairs_kept(c, outer));
	ports_reserve(out, ZONE_INTERNAL, pairs_kept(c, inner));
	return err;
}

/* ---- binding ---- */

socklen_t
sock_addr_to(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;

	if (a->family == ADDR_IPV6) {
		memset(v6, 0, sizeof(*v6));
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(a->port);
		memcpy(&v6->sin6_addr, a->ip, 16);
		return sizeof(*v6);
	}
	memset(v4, 0, sizeof(*v4));
	v4->sin_family = AF_INET;
	v4->sin_port = htons(a->port);
	memcpy(&v4->sin_addr, a->ip, 4);
	return sizeof(*v4);
}

struct addr
sock_addr_from(const struct sockaddr_storage *from)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (from->ss_family == AF_INET)
		return addr_from_bytes(&v4->sin_addr, 4, ntohs(v4->sin_port));
	if (from->ss_family == AF_INET6)
		return addr_from_bytes(&v6->sin6_addr, 16,
		    ntohs(v6->sin6_port));
	return (struct addr){ 0 };
}

static int
bind_one(const struct addr *own, uint32_t dscp)
{
	bool v6 = own->family == ADDR_IPV6;
	struct sockaddr_storage at;
	socklen_t len = sock_addr_to(own, &at);
	int fd, on = 1, err;

	fd = socket(v6 ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	dscp_mark(fd, (enum addr_family)own->family, dscp);
	if (bind(fd, (const struct sockaddr *)&at, len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int
priv_socks_bind(struct socks *s, const struct ports *ports, uint32_t dscp,
    struct addr *failed_out)
{
	s->n = 2 * ports->n;
	s->sock = calloc(s->n, sizeof(s->sock[0]));
	if (s->sock == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++) {
		struct addr own = port_own(&ports->pair[i / 2],
		    (enum port_which)(i % 2));
		int fd = bind_one(&own, dscp);

		if (fd < 0) {
			*failed_out = own;
			return fd;
		}
		s->sock[i].fd = fd;
		s->sock[i].dscp = (uint8_t)dscp;
	}
	return 0;
}

void
socks_mark(struct socks *s, uint32_t pair, enum addr_family family,
    uint32_t dscp)
{
	for (uint32_t i = 2 * pair; i < 2 * pair + 2; i++) {
		if (s->sock[i].dscp != dscp)
			dscp_mark(s->sock[i].fd, family, dscp);
		s->sock[i].dscp = (uint8_t)dscp;
	}
}

int
socks_attach(struct socks *s, uv_loop_t *loop, struct media *m)
{
	int err = 0;

	for (uint32_t i = 0; i < s->n && err == 0; i++) {
		err = uv_poll_init(loop, &s->sock[i].poll, s->sock[i].fd);
		s->sock[i].poll.data = m;
	}
	return err;
}

int
sock_send(const struct sock *s, const struct addr *to, const void *data,
    size_t len)
{
	struct sockaddr_storage at;
	socklen_t at_len = sock_addr_to(to, &at);

	if (sendto(s->fd, data, len, MSG_DONTWAIT,
		(const struct sockaddr *)&at, at_len) < 0)
		return -errno;
	return 0;
}
