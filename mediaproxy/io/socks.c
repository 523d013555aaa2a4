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
	return 3 * all_pairs(c) + OTHER_FILES;
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

/* Both at one port, and nobody else: for the time of a bind(), two of one
 * user may be there. */
static void
share_port(int first, int second, int on)
{
	if (first < 0)
		return;
	setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/*
 * Make a socket there.
 *
 * Takes:   first  the one that has the port; -1: nobody may have it.
 */
static int
bind_one(const struct addr *own, uint32_t dscp, int first)
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
	share_port(first, fd, 1);
	err = bind(fd, (const struct sockaddr *)&at, len) == 0 ? 0 : -errno;
	share_port(first, fd, 0);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int
sock_connect(struct sock *s, const struct addr *peer, const struct addr *own)
{
	struct sockaddr_storage at;
	socklen_t len = sock_addr_to(peer, &at);

	if (connect(s->fd, (const struct sockaddr *)&at, len) < 0)
		return -errno;
	s->peer = *peer;
	if (addr_eq(peer, own))
		s->peer = (struct addr){ 0 };
	return 0;
}

static int
bind_pair(struct socks *s, const struct port_pair *pair, uint32_t i,
    uint32_t dscp, struct addr *failed_out)
{
	struct sock *rtp = &s->sock[2 * i], *rtcp = rtp + 1,
	    *direct = &s->sock[socks_direct(s, i)];
	struct addr own = *failed_out = port_own(pair, PORT_RTP);

	rtp->fd = bind_one(&own, dscp, -1);
	if (rtp->fd < 0)
		return rtp->fd;
	direct->fd = bind_one(&own, dscp, rtp->fd);
	if (direct->fd < 0)
		return direct->fd;
	*failed_out = port_own(pair, PORT_RTCP);
	rtcp->fd = bind_one(failed_out, dscp, -1);
	if (rtcp->fd < 0)
		return rtcp->fd;
	rtp->dscp = rtcp->dscp = direct->dscp = (uint8_t)dscp;
	return sock_connect(direct, &own, &own);
}

int
priv_socks_bind(struct socks *s, const struct ports *ports, uint32_t dscp,
    struct addr *failed_out)
{
	s->pairs = ports->n;
	s->n = 3 * ports->n;
	s->sock = calloc(s->n, sizeof(s->sock[0]));
	if (s->sock == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < ports->n; i++) {
		int err = bind_pair(s, &ports->pair[i], i, dscp, failed_out);

		if (err)
			return err;
	}
	return 0;
}

static void
mark(struct sock *s, enum addr_family family, uint32_t dscp)
{
	if (s->dscp != dscp)
		dscp_mark(s->fd, family, dscp);
	s->dscp = (uint8_t)dscp;
}

void
socks_mark(struct socks *s, uint32_t pair, enum addr_family family,
    uint32_t dscp)
{
	mark(&s->sock[2 * pair], family, dscp);
	mark(&s->sock[2 * pair + 1], family, dscp);
	mark(&s->sock[socks_direct(s, pair)], family, dscp);
}

/* An ICMP error for a packet before, true or forged, would cost this one. */
static int
send_direct(const struct sock *s, const void *data, size_t len)
{
	if (send(s->fd, data, len, MSG_DONTWAIT) >= 0)
		return 0;
	if (errno == ECONNREFUSED && send(s->fd, data, len, MSG_DONTWAIT) >= 0)
		return 0;
	return -errno;
}

int
sock_send(const struct sock *s, const struct addr *to, const void *data,
    size_t len)
{
	struct sockaddr_storage at;
	socklen_t at_len;

	if (addr_eq(&s->peer, to))
		return send_direct(s, data, len);
	at_len = sock_addr_to(to, &at);
	if (sendto(s->fd, data, len, MSG_DONTWAIT,
		(const struct sockaddr *)&at, at_len) < 0)
		return -errno;
	return 0;
}
