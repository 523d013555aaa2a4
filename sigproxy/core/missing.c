/* Phones that our public address left behind, by name. */
#include "common/base/text.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep_priv.h"

static struct span
number_of(const struct missing *m)
{
	return span_make(m->number, m->n_number);
}

static uint32_t
seconds(struct mono from, struct mono to)
{
	uint64_t s = mono_ms_between(from, to) / 1000;

	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static uint32_t
seen_s(const struct missing *m, struct mono now)
{
	uint32_t since = seconds(m->since, now);

	return m->seen_s < UINT32_MAX - since ? m->seen_s + since : UINT32_MAX;
}

static void
tell(struct steps *st, const struct missing *m, enum lost_state state,
    struct mono now)
{
	struct ipc_phone_lost lost = { .number = number_of(m),
		.state = (uint8_t)state,
		.at = m->at,
		.server = m->server,
		.seen_s = seen_s(m, now) };

	if (state == LOST_SOON)
		lost.due_s = seconds(now, m->due);
	STEPS_ASK(st, &st->reg, PHONE_LOST, phone_lost, &lost);
}

static void
drop(struct steps *st, struct missing *m)
{
	tell(st, m, LOST_BACK, m->since);
	m->n_number = 0;
}

static struct missing *
find(struct keep *k, struct span number)
{
	for (unsigned i = 0; i < KEEP_MISSING_MAX; i++)
		if (k->missing[i].n_number > 0 &&
		    span_eq(number_of(&k->missing[i]), number))
			return &k->missing[i];
	return NULL;
}

void
keep_found(struct edge *e, struct steps *st, struct span number)
{
	struct missing *m = find(e->keep, number);

	if (m != NULL)
		drop(st, m);
}

/* One that has no place yet. */
static struct missing *
add(struct keep *k, struct steps *st, struct span number)
{
	struct missing *m = NULL;

	for (unsigned i = 0; i < KEEP_MISSING_MAX && m == NULL; i++)
		if (k->missing[i].n_number == 0)
			m = &k->missing[i];
	if (m == NULL) {
		m = &k->missing[k->next_missing++ % KEEP_MISSING_MAX];
		drop(st, m);
	}
	*m = (struct missing){ .n_number = (uint8_t)number.len };
	memcpy(m->number, number.p, number.len);
	return m;
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
	steps_key_number(st, "last_seen_s", seen_s(m, now));
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
			tell(st, m, LOST_NAMED, now);
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

static void
miss(struct edge *e, struct mono now, struct steps *st,
    const struct kept *kept, struct mono due)
{
	struct span number = span_make(kept->number, kept->n_number);
	struct missing *m = find(e->keep, number);

	if (m == NULL)
		m = add(e->keep, st, number);
	m->at = kept->flow.remote;
	m->server = kept->server;
	m->since = now;
	m->seen_s = seconds(kept->proof, now);
	m->due = due;
	if (!mono_due(due, now))
		tell(st, m, LOST_SOON, now);
}

void
missing_check(struct edge *e, struct mono now, struct steps *st,
    const struct kept *kept)
{
	struct keep *k = e->keep;
	const struct missing *m = find(k,
	    span_make(kept->number, kept->n_number));

	/* It was named, for its registration has ended. */
	if (m != NULL && m->due.us == 0 && addr_eq(&m->at, &kept->flow.remote))
		return;
	if (k->changed_at.us == 0 || kept->flow.zone != ZONE_EXTERNAL ||
	    kept->n_number == 0 || !mono_before(kept->proof, k->changed_at) ||
	    is_back(k, kept))
		return;
	miss(e, now, st, kept, when_to_name(k, kept, now));
	missing_due(e, now, st);
}

/* A phone that is set to the address that was ours never finds us again: it
 * is written down while its registration lasts, should this process end. */
void
missing_changed(struct edge *e, struct mono now, struct steps *st,
    const struct addr *was)
{
	struct keep *k = e->keep;

	k->changed_at = now;
	k->was = *was;
	k->was.port = 0;
	for (uint32_t i = 0; i < k->flows.n; i++) {
		const struct kept *kept = pool_at(&k->flows, i);

		if (keep_find(k, &kept->flow) == kept && kept->n_number > 0 &&
		    kept->flow.zone == ZONE_EXTERNAL &&
		    addr_same_ip(&kept->server, was))
			miss(e, now, st, kept, kept->until);
	}
	missing_due(e, now, st);
}

void
missing_tell_all(struct edge *e, struct mono now, struct steps *st)
{
	for (unsigned i = 0; i < KEEP_MISSING_MAX; i++) {
		const struct missing *m = &e->keep->missing[i];

		if (m->n_number > 0)
			tell(st, m, m->due.us == 0 ? LOST_NAMED : LOST_SOON,
			    now);
	}
}

static bool
is_number(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '+' &&
		    s.p[i] != '*' && s.p[i] != '#')
			return false;
	return s.len > 0 && s.len <= KEEP_NUMBER_MAX;
}

void
missing_restore(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_phone_lost *lost)
{
	struct missing *m;

	/* What this process says itself is newer. */
	if (lost->state == LOST_BACK || !is_number(lost->number) ||
	    find(e->keep, lost->number) != NULL)
		return;
	m = add(e->keep, st, lost->number);
	m->at = lost->at;
	m->server = lost->server;
	m->since = now;
	m->seen_s = lost->seen_s;
	if (lost->state == LOST_SOON)
		m->due = mono_add_ms(now, (uint64_t)lost->due_s * 1000);
	missing_due(e, now, st);
}

static void
put_one(struct buf *b, const struct missing *m, struct mono now)
{
	buf_puts(b, "{\"number\":");
	text_put_json(b, number_of(m));
	buf_fmt(b, ",\"last_seen_s\":%u,\"last_at\":\"", seen_s(m, now));
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
