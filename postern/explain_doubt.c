/* `postern explain`: what of a call's sound cannot be known from here alone,
 * and what decides it all the same. */
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

/* Fewer packets to a phone, or reports of it, prove nothing: its figures are
 * those between two reports, and the last may be its goodbye. */
#define PACKETS_MIN 400
#define REPORTS_MIN 3

static const char *const sides[] = { "caller", "called" };

static bool
of_side(const struct explain *x, const char *side, const char *name,
    uint64_t *out)
{
	char key[48];

	snprintf(key, sizeof(key), "%s_%s", side, name);
	return x->call.p != NULL && json_number(x->call, key, out);
}

/* Has the phone ever said how it hears? */
static bool
has_said(const struct explain *x, const char *side)
{
	static const char *const said[] = { "heard_mos", "heard_loss",
		"heard_jitter_us", "heard_rtt_ms" };
	struct json_each each;
	struct span row;
	uint64_t v;

	if (x->quality.p == NULL)
		return false;
	for (json_each_item(x->quality, &each); json_next(&each, NULL, &row);)
		for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
			if (span_eq(explain_text(row, "side"),
				span_str(side)) &&
			    json_number(row, said[i], &v))
				return true;
	return false;
}

/* It reports, and of nothing that it received. */
static bool
is_deaf(const struct explain *x, const char *side)
{
	uint64_t out = 0, reports = 0;

	return of_side(x, side, "packets_out", &out) && out >= PACKETS_MIN &&
	    of_side(x, side, "rtcp_in", &reports) && reports >= REPORTS_MIN &&
	    !has_said(x, side);
}

static void
say_deaf(const struct explain *x, const char *side)
{
	uint64_t out = 0, reports = 0;
	struct finding *f;

	of_side(x, side, "packets_out", &out);
	of_side(x, side, "rtcp_in", &reports);
	f = finding_new(x->found, FINDING_WARNING, "not-hearing");
	finding_what(f, "%.*s heard nothing, as its own reports (RTCP) say: "
			"its router, or its carrier's, lets no sound in; or "
			"it is a phone that never reports what it hears",
	    EXPLAIN_ARG(explain_text(x->call, side)));
	finding_seen(f, "call %llu: packets to it %llu; reports from it %llu, "
			"none of them of a packet that it received",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    (unsigned long long)out, (unsigned long long)reports);
	finding_do(f, "does its call_quality of other calls have heard_mos? "
		      "Then it reports, and heard nothing here: let that "
		      "router's firewall pass UDP to the phone, switch its "
		      "SIP ALG off, or try another line there");
}

void
explain_deaf(const struct explain *x)
{
	for (unsigned i = 0; i < 2; i++)
		if (is_deaf(x, sides[i]))
			say_deaf(x, sides[i]);
}

void
explain_put_unknown(const struct explain *x, struct buf *b)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t out = 0;

		/* Not relayed, or too short for any report. */
		if (of_side(x, sides[i], "packets_out", &out) &&
		    out >= PACKETS_MIN && !has_said(x, sides[i]))
			buf_fmt(b, "; whether %.*s heard is not known: no "
				   "report (RTCP) of it says so",
			    EXPLAIN_ARG(explain_text(x->call, sides[i])));
	}
}

bool
explain_at_home(const struct explain *x, struct span verdict, struct buf *b)
{
	uint64_t n = explain_number(x->others, "n");

	if (n == 0 || !span_eq(verdict, SPAN_LIT("office-router")))
		return false;
	buf_fmt(b, "; sound of other homes came in the same way %llu times in "
		   "24 hours", (unsigned long long)n);
	return true;
}
