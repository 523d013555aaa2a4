#include <stdlib.h>

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "sigproxy/core/conns.h"

struct live {
	struct htab_node node;
	struct flow flow;
	uint32_t asked;
	bool proven, registered;
};

struct conns {
	struct pool pool;
	struct htab by_conn;
};

struct conns *
conns_new(uint32_t max)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (max == 0)		/* no stream is listened for */
		max = 1;
	if (pool_init(&c->pool, max, sizeof(struct live)) != 0 ||
	    htab_init(&c->by_conn, max) != 0) {
		conns_free(c);
		return NULL;
	}
	return c;
}

void
conns_free(struct conns *c)
{
	if (c == NULL)
		return;
	htab_clear(&c->by_conn);
	pool_clear(&c->pool);
	free(c);
}

static uint64_t
hash(const struct conns *c, const struct flow *flow)
{
	return htab_hash(&c->by_conn, &flow->conn, sizeof(flow->conn));
}

static struct live *
find(const struct conns *c, const struct flow *flow)
{
	struct htab_node *n;

	if (c == NULL || flow->conn == 0)
		return NULL;
	for (n = htab_first(&c->by_conn, hash(c, flow)); n != NULL;
	     n = htab_next(n)) {
		struct live *l = HTAB_OF(n, struct live, node);

		if (flow_eq(&l->flow, flow))
			return l;
	}
	return NULL;
}

bool
conns_add(struct conns *c, const struct flow *flow)
{
	struct live *l;

	if (flow->conn == 0 || find(c, flow) != NULL)
		return false;
	l = pool_get(&c->pool);
	if (l == NULL)
		return false;
	l->flow = *flow;
	htab_add(&c->by_conn, &l->node, hash(c, flow));
	return true;
}

void
conns_del(struct conns *c, const struct flow *flow)
{
	struct live *l = find(c, flow);

	if (l == NULL)
		return;
	htab_del(&c->by_conn, &l->node);
	pool_put(&c->pool, l);
}

uint32_t
conns_count(const struct conns *c)
{
	return c->pool.used;
}

bool
conns_live(const struct conns *c, const struct flow *flow)
{
	return c == NULL || flow->transport == TRANSPORT_UDP ||
	    find(c, flow) != NULL;
}

void
conns_prove(struct conns *c, const struct flow *flow)
{
	struct live *l = find(c, flow);

	if (l != NULL)
		l->proven = true;
}

bool
conns_register(struct conns *c, const struct flow *flow)
{
	struct live *l = find(c, flow);

	if (l == NULL || l->registered)
		return false;
	l->proven = l->registered = true;
	return true;
}

bool
conns_is_proven(const struct conns *c, const struct flow *flow)
{
	const struct live *l = find(c, flow);

	return l != NULL && l->proven;
}

void
conns_asked(struct conns *c, const struct flow *flow, int by)
{
	struct live *l = find(c, flow);

	if (l == NULL)
		return;
	if (by > 0)
		l->asked++;
	else if (l->asked > 0)
		l->asked--;
}

bool
conns_is_asked(const struct conns *c, const struct flow *flow)
{
	const struct live *l = find(c, flow);

	return l != NULL && l->asked > 0;
}
