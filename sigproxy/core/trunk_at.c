#include "sigproxy/core/trunk_at.h"

#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/trunk_conn.h"
#include "sigproxy/core/trunk_ping.h"

/* Nothing of ours calls itself. */
static bool
is_ours(const struct edge_conf *conf, const struct addr *a)
{
	for (unsigned i = 0; i < conf->n_listeners; i++) {
		if (addr_eq(&conf->listeners[i].local, a))
			return true;
	}
	return false;
}

static void
take_places(struct edge *e, struct mono now, struct steps *st,
    struct trunk *t, const struct trunk_told *told)
{
	struct addr list[IPC_PLACES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < told->n; i++) {
		if (!is_ours(e->conf, &told->at[i]))
			list[n++] = told->at[i];
	}
	trunk_set_places(t, list, n);
	tconns_follow(e, now, st);
}

static void
take_flows(struct edge *e, struct mono now, struct trunk *t,
    const struct trunk_told *told)
{
	struct flow flows[IPC_PLACES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < told->n; i++) {
		/* DNS is somebody else's word: the secret of this trunk is
		 * for no service of this host's. */
		if (trunk_udp_flow(e->conf, t, &told->at[i], &flows[n]) == 0 &&
		    edge_is_reachable(e->conf, &flows[n]))
			n++;
	}
	trunk_set_flows(t, flows, n);
	pings_follow(e, now);
}

/* An answer about what it was called before is none. */
static void
take(struct edge *e, struct mono now, struct steps *st, struct trunk *t,
    const struct trunk_told *told)
{
	if (!span_eq(TEXT_SPAN(t->host), TEXT_SPAN(told->host)))
		return;
	if (t->transport == TRANSPORT_UDP)
		take_flows(e, now, t, told);
	else
		take_places(e, now, st, t, told);
}

/* Of one trunk the last counts; the oldest gives way. */
static struct trunk_told *
place_for(struct trunks *all, uint32_t trunk)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		if (all->told[i].trunk == trunk)
			return &all->told[i];
	}
	return &all->told[all->next_told++ % IPC_TRUNKS_MAX];
}

int
trunk_at_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	struct trunk_told *told;
	struct ipc_trunk_at at;
	struct trunk *t;
	int err = get_trunk_at(payload, &at);

	if (err)
		return err;
	told = place_for(e->trunks, at.trunk);
	told->trunk = at.trunk;
	(void)TEXT_SET(&told->host, at.host);	/* the table bounds it */
	told->n = at.n_places;
	for (unsigned i = 0; i < at.n_places; i++)
		told->at[i] = at.places[i].address;
	t = trunk_find(e->trunks, at.trunk);
	if (t != NULL)
		take(e, now, st, t, told);
	return 0;
}

void
trunks_recall(struct edge *e, struct mono now, struct steps *st)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk_told *told = &e->trunks->told[i];
		struct trunk *t = trunk_find(e->trunks, told->trunk);

		if (t != NULL && t->n_flows == 0 && t->n_places == 0)
			take(e, now, st, t, told);
	}
}
