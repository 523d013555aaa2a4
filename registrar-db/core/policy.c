#include <errno.h>

#include "common/base/buf.h"
#include "registrar-db/core/policy.h"

#define DAY_MIN 1440
/* A number of an admin's that nobody can reach in a day. */
#define COST_MAX (INT64_MAX / 4)

/* ---- reading ---- */

int
policy_kinds(struct span list, unsigned *bits_out)
{
	unsigned bits = 0;

	while (list.len > 0) {
		ptrdiff_t comma = span_find(list, ',');
		size_t n = comma < 0 ? list.len : (size_t)comma;
		struct span word = span_trim(span_sub(list, 0, n));
		enum number_kind kind = number_kind_of(word);

		if (word.len > 0 && kind == NUMBER_NONE)
			return -EBADMSG;
		bits |= word.len > 0 ? 1u << kind : 0;
		list = n < list.len ? span_sub(list, n + 1, list.len) :
				      SPAN_NONE;
	}
	*bits_out = bits;
	return 0;
}

static int
read_time(struct span s, uint16_t *out)
{
	uint32_t h, m;

	if (s.len != 5 || s.p[2] != ':' ||
	    span_to_u32(span_sub(s, 0, 2), 24, &h) != 0 ||
	    span_to_u32(span_sub(s, 3, 5), 59, &m) != 0 ||
	    h * 60 + m > DAY_MIN)
		return -EBADMSG;
	*out = (uint16_t)(h * 60 + m);
	return 0;
}

int
policy_hours(struct span hours, struct span days, struct service *out)
{
	uint16_t from, to;
	uint8_t bits = 0;

	if (hours.len != 11 || hours.p[5] != '-' ||
	    read_time(span_sub(hours, 0, 5), &from) != 0 ||
	    read_time(span_sub(hours, 6, 11), &to) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < days.len; i++) {
		if (days.p[i] < '1' || days.p[i] > '7')
			return -EBADMSG;
		bits |= (uint8_t)(1u << (days.p[i] - '1'));
	}
	out->from = from;
	out->to = to;
	out->days = bits;
	return 0;
}

/* ---- deciding ---- */

static bool
has_day(uint8_t days, unsigned day)
{
	return days >> day & 1;
}

/* Over midnight a window belongs to the day that it began on. */
static bool
is_open(const struct service *s, unsigned day, unsigned minute)
{
	unsigned before = (day + 6) % 7;

	if (s->from < s->to)
		return has_day(s->days, day) && minute >= s->from &&
		    minute < s->to;
	return (has_day(s->days, day) && minute >= s->from) ||
	    (has_day(s->days, before) && minute < s->to);
}

static struct policy_say
right_of(const struct policy_ask *ask)
{
	const struct service *s = &ask->service;
	unsigned bit = 1u << ask->kind;
	unsigned allowed = ask->internet ? s->internet : s->office;
	bool is_now = ask->kind == NUMBER_INTERNAL ||
	    is_open(s, ask->weekday, ask->minute);

	if ((allowed & bit) != 0 && is_now)
		return (struct policy_say){ .why = POLICY_BY_CLASS };
	for (unsigned i = 0; i < ask->n_grants; i++)
		if ((ask->grants[i].allows & bit) != 0)
			return (struct policy_say){ .why = POLICY_BY_GRANT,
				.grant = ask->grants[i].id };
	return (struct policy_say){
		.why = (allowed & bit) != 0 ? POLICY_HOURS : POLICY_NO_RIGHT };
}

/* The class's, or the highest that a grant gives. */
struct cap {
	int64_t value, grant;
};

static void
raise(struct cap *c, int64_t value, int64_t id)
{
	if (value == POLICY_NO_CAP || c->value == POLICY_NO_CAP ||
	    value <= c->value)
		return;
	c->value = value;
	c->grant = id;
}

static struct policy_say
reached(enum policy_why why, const struct cap *c)
{
	return (struct policy_say){ .why = why, .grant = c->grant };
}

static struct policy_say
cap_of(const struct policy_ask *ask, struct policy_say allowed)
{
	const struct usage *u = &ask->usage;
	struct cap calls = { ask->service.caps.calls, 0 };
	struct cap minutes = { ask->service.caps.minutes, 0 };
	struct cap cost = { ask->service.caps.cost, 0 };
	/* A first minute must fit beside those of the calls that ring. */
	int64_t next = ask->running ? 0 : ask->cost + u->ringing;

	for (unsigned i = 0; i < ask->n_grants; i++) {
		const struct grant *g = &ask->grants[i];

		raise(&calls, g->caps.calls, g->id);
		raise(&minutes, g->caps.minutes, g->id);
		raise(&cost, g->caps.cost, g->id);
	}
	if (!ask->running && calls.value != POLICY_NO_CAP &&
	    u->calls >= calls.value)
		return reached(POLICY_CALLS, &calls);
	if (minutes.value != POLICY_NO_CAP &&
	    u->seconds / 60 >= minutes.value)
		return reached(POLICY_MINUTES, &minutes);
	/* One that costs nothing stays possible. */
	if (cost.value != POLICY_NO_CAP && ask->cost > 0 &&
	    u->cost + next > cost.value)
		return reached(POLICY_COST, &cost);
	return allowed;
}

struct policy_say
policy_decide(const struct policy_ask *ask)
{
	struct policy_say say;

	if (ask->kind == NUMBER_EMERGENCY)
		return (struct policy_say){ .why = POLICY_BY_EMERGENCY };
	if (ask->kind == NUMBER_NONE)
		return (struct policy_say){ .why = POLICY_NO_NUMBER };
	if (ask->kind == NUMBER_FORBIDDEN)
		return (struct policy_say){ .why = POLICY_NO_RIGHT };
	say = right_of(ask);
	if (!policy_allows(say.why) || ask->kind == NUMBER_INTERNAL)
		return say;
	return cap_of(ask, say);
}

int64_t
policy_cost(int64_t seconds, uint32_t cost)
{
	int64_t minutes = seconds <= 0 ? 0 : (seconds - 1) / 60 + 1;

	if (cost > 0 && minutes > COST_MAX / cost)
		return COST_MAX;
	return minutes * cost;
}

/* ---- in words ---- */

void
policy_put_why(struct buf *b, const struct policy_ask *ask,
    enum policy_why why)
{
	const char *kind = number_kind_name(ask->kind);
	const char *from = ask->internet ? " from the internet" : "";

	switch (why) {
	case POLICY_NO_NUMBER:
		buf_puts(b, "no such number");
		break;
	case POLICY_NO_RIGHT:
		buf_fmt(b, "no %s calls%s", kind,
		    ask->kind == NUMBER_FORBIDDEN ? "" : from);
		break;
	case POLICY_HOURS:
		buf_fmt(b, "no %s calls at this time", kind);
		break;
	case POLICY_CALLS:
		buf_puts(b, "too many calls at once");
		break;
	case POLICY_MINUTES:
		buf_puts(b, "today's minutes are used up");
		break;
	case POLICY_COST:
		buf_puts(b, "today's money is used up");
		break;
	default:
		break;
	}
}

void
policy_put_rule(struct buf *b, const struct policy_ask *ask,
    const struct policy_say *say)
{
	static const char *const part[] = {
		[POLICY_BY_CLASS] = "",
		[POLICY_BY_GRANT] = ": allows",
		[POLICY_NO_RIGHT] = "",
		[POLICY_HOURS] = ": hours",
		[POLICY_CALLS] = ": max_calls",
		[POLICY_MINUTES] = ": minutes_day",
		[POLICY_COST] = ": cost_day",
	};

	if (say->why == POLICY_BY_EMERGENCY) {
		buf_puts(b, "emergency");
	} else if (say->why == POLICY_NO_NUMBER) {
		buf_puts(b, "number_class");
	} else if (ask->kind == NUMBER_FORBIDDEN) {
		buf_puts(b, "number_class: forbidden");
	} else if (say->grant > 0) {
		buf_puts(b, "grant ");
		buf_put_u64(b, (uint64_t)say->grant);
		buf_puts(b, part[say->why]);
	} else {
		buf_puts(b, "class ");
		buf_put(b, span_make(ask->service.name,
			       ask->service.name_len));
		buf_puts(b, part[say->why]);
		if (say->why == POLICY_BY_CLASS || say->why == POLICY_NO_RIGHT)
			buf_puts(b, ask->internet ? ": internet" : ": office");
	}
}
