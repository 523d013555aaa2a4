#include "stunmon/core/recall.h"

void
recall_tick(struct recall *r, struct mono now, int64_t wall_s)
{
	struct mappings *v = r->mappings;

	history_date(&v->history, now, wall_s);
	if (v->site_state == PUBLIC_KNOWN)
		r->sure_s = wall_s - wall_s % RECALL_GRAIN_S;
}

/* ---- taking ---- */

static void
take_sip(const struct mappings *v, struct kept *out)
{
	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++) {
		const struct mapping *m =
		    &v->map[MAPPING_SIP * IPC_SOCKETS_MAX + i];

		if (m->used && m->mapped.port != 0 &&
		    addr_same_ip(&m->mapped, &v->site) &&
		    out->n_sip < KEPT_SIP_MAX)
			out->sip[out->n_sip++] = (struct mapping_recall){
				m->number, m->mapped };
	}
	/* sigproxy has not come yet: what was kept stays kept. */
	for (unsigned i = 0; out->n_sip == 0 && i < v->n_recall &&
	     i < KEPT_SIP_MAX; i++)
		out->sip[i] = v->recall[i];
	if (out->n_sip == 0)
		out->n_sip = v->n_recall < KEPT_SIP_MAX ? v->n_recall :
		    KEPT_SIP_MAX;
}

/* An address that is configured may be any; such rows are left out. */
static void
take_history(const struct history *h, struct history *out)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct history_row row = *history_get(h, i);

		row.at.us = 0;
		if (row.wall_s > 0 && (row.site.family == ADDR_NONE ||
			addr_is_public(&row.site)))
			history_add(out, &row);
	}
}

void
recall_take(const struct recall *r, struct kept *out)
{
	const struct mappings *v = r->mappings;

	*out = (struct kept){ .sure_s = r->sure_s, .dns = r->second->then };
	out->dns.port = 0;
	if (v->site_state != PUBLIC_UNKNOWN && addr_is_public(&v->site))
		out->site = v->site;
	for (unsigned i = 0; i < r->n_local && i < KEPT_LOCAL_MAX; i++)
		out->local[out->n_local++] = r->local[i];
	if (out->site.family != ADDR_NONE)
		take_sip(v, out);
	if (addr_same_ip(&r->nat->site, &out->site))
		out->nat = nat_result(r->nat);
	take_history(&v->history, &out->history);
}

/* ---- giving ---- */

static bool
is_here(const struct recall *r, const struct kept *k)
{
	if (k->n_local != r->n_local)
		return false;
	for (unsigned i = 0; i < r->n_local; i++) {
		if (!addr_same_ip(&k->local[i], &r->local[i]))
			return false;
	}
	return true;
}

bool
recall_give(struct recall *r, const struct kept *k, bool with_address,
    struct mono now, int64_t wall_s)
{
	r->mappings->history = k->history;
	/* A clock that stands before then is wrong, and says nothing. */
	if (!with_address || k->site.family == ADDR_NONE || !is_here(r, k) ||
	    wall_s - k->sure_s > RECALL_MOST_S)
		return false;
	mapping_recall(r->mappings, &k->site, k->sip, k->n_sip, now);
	nat_recall(r->nat, &k->site, &k->nat, now);
	r->second->then = k->dns;
	r->dynname->was_ours = k->dns.family != ADDR_NONE &&
	    addr_same_ip(&k->dns, &k->site);
	r->sure_s = k->sure_s;
	return true;
}
