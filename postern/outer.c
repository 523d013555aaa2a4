#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "postern/outer.h"

#define OURS_MAX (4 * CONF_LIST_MAX)	/* the same one may be at several */

static bool
is_among(const struct addr *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++) {
		if (addr_same_ip(&list[i], a))
			return true;
	}
	return false;
}

static bool
is_inner(const struct conf *c, const struct outer_at *at, unsigned n,
    const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(at[i].name, name) == 0 &&
		    is_among(c->internal, c->n_internal, &at[i].addr))
			return true;
	}
	return false;
}

static bool
is_plain(const char *name)
{
	return name[0] != '\0' &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
	    '\0';
}

static bool
has(const struct outer *o, const char *name)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (strcmp(o->name[i], name) == 0)
			return true;
	}
	return false;
}

void
outer_among(const struct conf *c, const struct outer_at *at, unsigned n,
    struct outer *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < n && out->n < OUTER_MAX; i++) {
		if (is_among(c->external, c->n_external, &at[i].addr) &&
		    is_plain(at[i].name) && !has(out, at[i].name) &&
		    !is_inner(c, at, n, at[i].name))
			memcpy(out->name[out->n++], at[i].name, IFNAMSIZ);
	}
}

static bool
read_addr(const struct sockaddr *sa, struct addr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(out, 0, sizeof(*out));
	if (sa != NULL && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		out->family = ADDR_IPV4;
		memcpy(out->ip, &in.sin_addr, 4);
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		out->family = ADDR_IPV6;
		memcpy(out->ip, &in6.sin6_addr, 16);
	}
	return out->family != ADDR_NONE;
}

int
outer_find(const struct conf *c, struct outer *out)
{
	struct outer_at at[OURS_MAX] = { 0 };
	struct ifaddrs *all, *i;
	unsigned n = 0;

	memset(out, 0, sizeof(*out));
	if (getifaddrs(&all) != 0)
		return -errno;
	for (i = all; i != NULL && n < OURS_MAX; i = i->ifa_next) {
		/* An IPv4 address may have a label, eth0:1, instead. */
		size_t len = strcspn(i->ifa_name, ":");

		if (len >= IFNAMSIZ || !read_addr(i->ifa_addr, &at[n].addr) ||
		    (!is_among(c->internal, c->n_internal, &at[n].addr) &&
			!is_among(c->external, c->n_external, &at[n].addr)))
			continue;
		memcpy(at[n].name, i->ifa_name, len);
		at[n++].name[len] = '\0';
	}
	freeifaddrs(all);
	outer_among(c, at, n, out);
	return 0;
}
