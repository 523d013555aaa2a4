#include "mediaproxy/core/latch.h"

void
latch_init(struct latch *l, enum latch_mode mode, const struct addr *phone,
    bool rtcp)
{
	memset(l, 0, sizeof(*l));
	l->mode = mode;
	l->phone = *phone;
	l->rtcp = rtcp;
	l->freeze = rtcp ? LATCH_RTCP_FREEZE : LATCH_RTP_FREEZE;
}

/* Before the next packet nobody is frozen; the old source may stay. */
static void
reopen(struct latch *l, bool keep)
{
	l->frozen = false;
	l->agreed = 0;
	l->stale = keep;
	if (!keep)
		l->source = l->nominated;
}

void
latch_set_fax(struct latch *l, bool fax)
{
	if (l->fax == fax)
		return;
	l->fax = fax;
	reopen(l, true);
}

void
latch_announce(struct latch *l, const struct addr *phone,
    const struct addr *announced, bool relearn)
{
	bool moved = !addr_same_ip(phone, &l->phone);
	bool changed = announced->family != ADDR_NONE &&
	    l->announced.family != ADDR_NONE &&
	    !addr_eq(announced, &l->announced);

	l->phone = *phone;
	if (announced->family != ADDR_NONE)
		l->announced = *announced;
	if (moved)
		l->nominated = (struct addr){ 0 };
	if (moved || changed)
		reopen(l, false);
	else if (relearn)
		reopen(l, true);
}

/* How well a source fits the rule: 0 not at all, 2 exactly as announced. */
static unsigned
rank(const struct latch *l, const struct addr *source)
{
	bool exact = addr_eq(source, &l->announced);

	if (l->nominated.family != ADDR_NONE)
		return addr_eq(source, &l->nominated) ? 2 : 0;
	switch (l->mode) {
	case LATCH_SIGNALLED:
		return exact ? 2 : 0;
	case LATCH_OPEN:
		return exact ? 2 : 1;
	default:
		if (!addr_same_ip(source, &l->phone))
			return 0;
		return exact ? 2 : 1;
	}
}

static uint64_t
patience_ms(const struct latch *l)
{
	if (l->rtcp)
		return LATCH_RTCP_SILENT_MS;
	if (l->stale)
		return LATCH_RTP_STALE_MS;
	return l->fax ? LATCH_FAX_SILENT_MS : LATCH_RTP_SILENT_MS;
}

static bool
is_silent(const struct latch *l, struct mono now)
{
	return mono_ms_between(l->heard_at, now) >= patience_ms(l);
}

/* A router that restarts is away for minutes, and its phone speaks on. */
static uint64_t
furthest(const struct latch *l, struct mono now)
{
	uint32_t per_s = 2 * l->per_s > LATCH_PER_S ? 2 * l->per_s : LATCH_PER_S;
	uint64_t ahead = mono_ms_between(l->heard_at, now) * per_s / 1000;

	if (l->fax)
		return LATCH_FAX_AHEAD;
	if (ahead > LATCH_SEQ_NEWER)
		return LATCH_SEQ_NEWER;
	return ahead > LATCH_SEQ_AHEAD ? ahead : LATCH_SEQ_AHEAD;
}

static bool
carries_on(
    const struct latch *l, const struct latch_packet *p, struct mono now)
{
	uint16_t ahead = (uint16_t)(p->seq - l->seq);

	if (p->ssrc != l->ssrc)
		return false;
	if (l->rtcp)
		return true;
	return ahead > 0 && ahead <= furthest(l, now);
}

/* May it follow the one that fell silent? */
static bool
may_follow(const struct latch *l, const struct addr *source,
    const struct latch_packet *p, struct mono now)
{
	bool fits = l->nominated.family != ADDR_NONE ?
	    addr_same_ip(source, &l->nominated) : rank(l, source) > 0;

	return fits && is_silent(l, now) && carries_on(l, p, now);
}

/* Who pauses has no pace then: the one before counts. */
static void
pace(struct latch *l, const struct latch_packet *p, struct mono now)
{
	uint64_t ms = mono_ms_between(l->pace_at, now);
	uint16_t n = (uint16_t)(p->seq - l->pace_seq);
	bool goes_on = l->pace_at.us != 0 && p->ssrc == l->ssrc;

	if (goes_on && ms < LATCH_PACE_MS)
		return;
	if (!goes_on)
		l->per_s = 0;
	else if (ms < 2 * LATCH_PACE_MS && n <= LATCH_SEQ_NEWER)
		l->per_s = (uint32_t)(n * UINT64_C(1000) / ms);
	l->pace_at = now;
	l->pace_seq = p->seq;
}

static void
note(struct latch *l, const struct latch_packet *p, struct mono now)
{
	if (!p->rtcp)
		pace(l, p, now);
	l->heard_at = now;
	l->ssrc = p->ssrc;
	if (!p->rtcp) {
		l->seq = p->seq;
		l->payload_type = p->payload_type;
	}
}

static void
take(struct latch *l, const struct addr *source)
{
	l->source = *source;
	l->agreed = 0;
	l->stale = false;
}

/* One more packet of the source that is about to be learnt. */
static enum latch_said
agree(struct latch *l, const struct latch_packet *p, struct mono now)
{
	bool same = p->ssrc == l->ssrc &&
	    (l->rtcp || p->payload_type == l->payload_type) &&
	    (!l->fax || carries_on(l, p, now));

	l->agreed = l->agreed > 0 && same ? (uint8_t)(l->agreed + 1) : 1;
	l->stale = false;
	note(l, p, now);
	if (l->agreed < l->freeze)
		return LATCH_ACCEPTED;
	l->frozen = true;
	if (addr_eq(&l->learnt, &l->source))
		return LATCH_ACCEPTED;
	l->learnt = l->source;
	return LATCH_NEW;
}

static enum latch_said
input_frozen(struct latch *l, const struct addr *source,
    const struct latch_packet *p, struct mono now)
{
	if (!may_follow(l, source, p, now))
		return LATCH_REFUSED;
	l->source = l->learnt = *source;
	if (l->nominated.family != ADDR_NONE)
		l->nominated = *source;
	note(l, p, now);
	return LATCH_NEW;
}

/* RTCP at the RTP port: it has no part in what is learnt of RTP. */
static enum latch_said
input_beside(struct latch *l, const struct addr *source, struct mono now)
{
	if (!addr_eq(&l->source, source))
		return LATCH_REFUSED;
	l->heard_at = now;
	return LATCH_ACCEPTED;
}

enum latch_said
latch_input(struct latch *l, const struct addr *source,
    const struct latch_packet *p, struct mono now)
{
	unsigned fits;

	if (p->rtcp && !l->rtcp)
		return input_beside(l, source, now);
	if (latch_knows(l, source)) {
		note(l, p, now);
		return LATCH_ACCEPTED;
	}
	if (l->frozen)
		return input_frozen(l, source, p, now);
	if (l->nominated.family != ADDR_NONE &&
	    may_follow(l, source, p, now))
		l->nominated = *source;
	fits = rank(l, source);
	if (fits == 0)
		return LATCH_REFUSED;
	if (!addr_eq(&l->source, source)) {
		if (l->source.family != ADDR_NONE &&
		    fits <= rank(l, &l->source) && !is_silent(l, now))
			return LATCH_REFUSED;
		take(l, source);
	}
	return agree(l, p, now);
}

/* Not frozen: SSRC and sequence are known only with the next packets. */
void
latch_resume(struct latch *l, const struct addr *learnt, struct mono now)
{
	if (l->frozen || l->source.family != ADDR_NONE ||
	    learnt->family == ADDR_NONE || rank(l, learnt) == 0)
		return;
	l->source = l->learnt = *learnt;
	l->heard_at = now;
}

void
latch_nominate(struct latch *l, const struct addr *source, struct mono now)
{
	l->nominated = *source;
	if (source->family == ADDR_NONE || addr_eq(&l->source, source))
		return;
	reopen(l, false);
	l->heard_at = now;
}

struct addr
latch_guess(const struct latch *l)
{
	struct addr a = l->announced;

	if (a.family == ADDR_NONE || addr_same_ip(&a, &l->phone))
		return a;
	if (l->mode == LATCH_SIGNALLED)
		return (struct addr){ 0 };
	a = l->phone;
	a.port = l->announced.port;
	return a;
}

struct addr
latch_probe(const struct latch *l)
{
	if (l->mode == LATCH_STRICT || addr_same_ip(&l->announced, &l->phone))
		return (struct addr){ 0 };
	return l->announced;
}
