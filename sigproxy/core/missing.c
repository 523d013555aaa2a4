/* Phones that our public address left behind, by name. */
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep_priv.h"

void
missing_changed(struct edge *e, struct mono now, const struct addr *was)
{
	e->keep->changed_at = now;
	e->keep->was = *was;
	e->keep->was.port = 0;
}

static struct span
number_of(const struct missing *m)
{
	return span_make(m->number, m->n_number);
}

void
keep_found(struct keep *k, struct span number)
{
	for (unsigned i = 0; i < KEEP_MISSING_MAX; i++)
		if (k->missing[i].n_number > 0 &&
		    span_eq(number_of(&k->missing[i]), number))
			k->missing[i].n_number = 0;
}

/* Another device of this number, or the same one by another way. */
static bool
is_back(const struct keep *k, const struct kept *gone)
{
	struct span number = span_make(gone->number, gone->n_number);

	if (gone->home->flows < 2)
		return false;
	for (uint32_t i = 0; i < k->flows.n; i++) {
		const struct kept *kept = pool_at(&k->flows, i);

		if (kept != gone && keep_find(k, &kept->flow) == kept &&
		    !mono_before(kept->proof, k->changed_at) &&
		    addr_same_ip(&kept->flow.remote, &gone->flow.remote) &&
		    span_eq(span_make(kept->number, kept->n_number), number))
			return true;
	}
	return false;
}

static void
say(const struct edge *e, struct steps *st, const struct missing *m,
    struct mono now)
{
	steps_log(st, STEP_WARN, "phone-lost");
	steps_key_text(st, "number", number_of(m));
	steps_key_addr(st, "last_at", &m->at);
	steps_key_number(st, "last_seen_s", mono_ms_between(m->seen, now) / 1000);
	if (m->server.family != ADDR_NONE)
		steps_key_addr(st, "its_server_address", &m->server);
	else
		steps_key_text(st, "why",
		    SPAN_LIT("not back since our public address changed"));
	steps_key_text(st, "set_it_to", e->conf->domain);
}

/* By name; none is left that is due. */
void
missing_due(struct edge *e, struct mono now, struct steps *st)
{
	struct keep *k = e->keep;
	struct mono next = MONO_NEVER;

	for (unsigned i = 0; i < KEEP_MISSING_MAX; i++) {
		struct missing *m = &k->missing[i];

		if (m->n_number == 0 || m->due.us == 0)
			continue;
		if (mono_due(m->due, now)) {
			m->due.us = 0;
			k->n_missing++;
			say(e, st, m, now);
		} else if (mono_before(m->due, next)) {
			next = m->due;
		}
	}
	if (mono_before(next, MONO_NEVER))
		timerq_set(k->timers, &k->missing_timer, next);
}

/* One that is set to an address will never come; the others may be late. */
static struct mono
when_to_name(const struct keep *k, const struct kept *kept, struct mono now)
{
	struct mono patience = mono_add_ms(k->changed_at, KEEP_MISSED_MS);

	return kept->server.family != ADDR_NONE || mono_before(patience, now)
		   ? now
		   : patience;
}

void
missing_check(struct edge *e, struct mono now, struct steps *st,
    const struct kept *kept)
{
	struct keep *k = e->keep;
	struct missing *m;

	if (k->changed_at.us == 0 || kept->flow.zone != ZONE_EXTERNAL ||
	    kept->n_number == 0 || !mono_before(kept->proof, k->changed_at) ||
	    is_back(k, kept))
		return;
	keep_found(k, span_make(kept->number, kept->n_number));
	m = &k->missing[k->next_missing++ % KEEP_MISSING_MAX];
	*m = (struct missing){ .n_number = kept->n_number,
		.at = kept->flow.remote,
		.server = kept->server,
		.seen = kept->proof,
		.since = now,
		.due = when_to_name(k, kept, now) };
	memcpy(m->number, kept->number, kept->n_number);
	missing_due(e, now, st);
}

static void
put_one(struct buf *b, const struct missing *m, struct mono now)
{
	buf_puts(b, "{\"number\":\"");
	buf_put(b, number_of(m));
	buf_fmt(b, "\",\"last_seen_s\":%llu,\"last_at\":\"",
	    (unsigned long long)mono_ms_between(m->seen, now) / 1000);
	addr_put(b, &m->at);
	buf_puts(b, "\",\"its_server_address\":\"");
	if (m->server.family != ADDR_NONE)
		addr_put_ip(b, &m->server);
	buf_puts(b, "\"}");
}

void
missing_status(const struct keep *k, struct mono now, struct buf *json)
{
	bool any = false;

	buf_puts(json, "\"phones_lost\":[");
	for (unsigned i = 0; i < KEEP_MISSING_MAX; i++) {
		if (k->missing[i].n_number == 0 ||
		    k->missing[i].due.us != 0)
			continue;
		if (any)
			buf_putc(json, ',');
		put_one(json, &k->missing[i], now);
		any = true;
	}
	buf_putc(json, ']');
}
