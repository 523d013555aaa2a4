/* `postern explain`: what of a call's sound cannot be known from here alone,
 * and what decides it all the same. */
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

/* Fewer packets to a phone, or reports of it, prove nothing: its figures are
 * those between two reports, and the last may be its goodbye. */
#define PACKETS_MIN 400
#define REPORTS_MIN 3
/* So many give a phone that reports at all the time for it: two of RFC 3550's
 * intervals, and ours between two tellings. */
#define PACKETS_ELSEWHERE 1000

static const char *const sides[] = { "caller", "called" };

static bool
of_side(const struct explain *x, const char *side, const char *name,
    uint64_t *out)
{
	char key[48];

	snprintf(key, sizeof(key), "%s_%s", side, name);
	return x->call.p != NULL && json_number(x->call, key, out);
}

static struct span
party(const struct explain *x, const char *side)
{
	return explain_text(x->call, side);
}

/* Counted at the end only. */
static bool
is_live(const struct explain *x)
{
	uint64_t n;

	return !of_side(x, "caller", "packets_out", &n) &&
	    !of_side(x, "called", "packets_out", &n);
}

/* The row of that side in a list of sides. */
static struct span
row_of(struct span rows, const char *side)
{
	struct json_each each;
	struct span row;

	if (rows.p == NULL)
		return SPAN_NONE;
	for (json_each_item(rows, &each); json_next(&each, NULL, &row);)
		if (span_eq(explain_text(row, "side"), span_str(side)))
			return row;
	return SPAN_NONE;
}

/* Has the phone ever said how it hears? */
static bool
has_said(const struct explain *x, const char *side)
{
	static const char *const said[] = { "heard_mos", "heard_loss",
		"heard_jitter_us", "heard_rtt_ms", "said_mos", "said_loss" };
	struct span row = row_of(x->quality, side);
	uint64_t v;

	if (row.p == NULL)
		return false;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (json_number(row, said[i], &v))
			return true;
	return false;
}

/* In how many other calls a phone of that number did. */
static uint64_t
told_elsewhere(const struct explain *x, const char *side)
{
	return explain_number(row_of(x->reports, side), "n");
}

/* ---- deaf ---- */

/* What was sent to it; of a call that lasts, what came from the other one. */
static uint64_t
sent_to(const struct explain *x, unsigned side)
{
	uint64_t out = 0;

	if (of_side(x, sides[side], "packets_out", &out))
		return out;
	return explain_number(row_of(x->quality, sides[1 - side]), "expected");
}

/* It reports, and of nothing that it received; or it always reported, and
 * does not now. */
static bool
is_deaf(const struct explain *x, unsigned side)
{
	uint64_t reports = 0;

	if (sent_to(x, side) < PACKETS_MIN || has_said(x, sides[side]))
		return false;
	if (of_side(x, sides[side], "rtcp_in", &reports) &&
	    reports >= REPORTS_MIN)
		return true;
	return sent_to(x, side) >= PACKETS_ELSEWHERE &&
	    told_elsewhere(x, sides[side]) > 0;
}

static void
say_deaf(const struct explain *x, unsigned side)
{
	struct finding *f = finding_new(x->found, FINDING_WARNING,
	    "not-hearing");
	uint64_t n = told_elsewhere(x, sides[side]), reports = 0;
	struct span who = party(x, sides[side]);
	const char *verb = is_live(x) ? "hears" : "heard";
	char mem[96] = "not counted yet";

	if (of_side(x, sides[side], "rtcp_in", &reports))
		snprintf(mem, sizeof(mem), "%llu, none of them of a packet "
			"that it received", (unsigned long long)reports);
	if (reports >= REPORTS_MIN)
		finding_what(f, "%.*s %s nothing, as its own reports (RTCP) "
				"say: its router, or its carrier's, lets no "
				"sound in%s", EXPLAIN_ARG(who), verb, n > 0 ?
			"" : "; or it is a phone that never reports what it "
			     "hears");
	else
		finding_what(f, "it seems that %.*s %s nothing: it reported "
				"(RTCP) what it heard in other calls, and not "
				"in this one; its router, or its carrier's, "
				"lets no sound in", EXPLAIN_ARG(who), verb);
	finding_seen(f, "call %llu: packets to it %llu; reports from it %s; "
			"other calls in which a phone of %.*s reported what "
			"it heard: %llu",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    (unsigned long long)sent_to(x, side), mem, EXPLAIN_ARG(who),
	    (unsigned long long)n);
	finding_do(f, "let that router's firewall pass UDP to the phone, "
		      "switch its SIP ALG off, or try another line there; "
		      "whoever speaks there knows whether it hears");
}

void
explain_deaf(const struct explain *x)
{
	for (unsigned i = 0; i < 2; i++)
		if (is_deaf(x, i))
			say_deaf(x, i);
}

/* ---- whether it hears, of who is not known to be deaf ---- */

static void
put_hearing(const struct explain *x, unsigned side, struct buf *b)
{
	struct span who = party(x, sides[side]);

	if (has_said(x, sides[side]))
		buf_fmt(b, "; %.*s %s, as its reports (RTCP) say",
		    EXPLAIN_ARG(who), is_live(x) ? "hears" : "heard");
	else if (is_live(x))
		buf_fmt(b, "; whether %.*s hears is not known yet: no report "
			   "(RTCP) of it says so", EXPLAIN_ARG(who));
	else if (sent_to(x, side) == 0)
		buf_fmt(b, "; nothing was sent to %.*s", EXPLAIN_ARG(who));
	else
		buf_fmt(b, "; whether %.*s heard is not known: no report "
			   "(RTCP) of it says so%s", EXPLAIN_ARG(who),
		    sent_to(x, side) < PACKETS_MIN ?
			", nor was there much time for one" : "");
}

void
explain_put_hearing(const struct explain *x, struct buf *b)
{
	for (unsigned i = 0; i < 2; i++)
		put_hearing(x, i, b);
}

/* ---- whose router ---- */

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
