/* `postern explain`: was each side of a call heard, and how did it sound? */
#include <string.h>

#include "common/codec/uri.h"
#include "postern/explain.h"
#include "postern/json.h"

#define SIDES 2
/* Below these many are annoyed, and these are why: docs/quality.md. */
#define MOS_BAD_CENTI 360
#define LOSS_BAD_PERMYRIAD 100
#define JITTER_BAD_US 30000
#define RTT_BAD_MS 300

static const char *const sides[SIDES] = { "caller", "called" };

static bool
is_known(struct span row, const char *key, uint64_t *out)
{
	return row.p != NULL && json_number(row, key, out);
}

/* The figures of a side; p NULL: there are none. */
static struct span
figures(const struct explain *x, const char *side)
{
	struct json_each each;
	struct span row;

	if (x->quality.p == NULL)
		return SPAN_NONE;
	for (json_each_item(x->quality, &each); json_next(&each, NULL, &row);)
		if (span_eq(explain_text(row, "side"), span_str(side)))
			return row;
	return SPAN_NONE;
}

/* SIDE_name of the call. */
static const char *
key_of(const char *side, const char *name, char mem[48])
{
	snprintf(mem, 48, "%s_%s", side, name);
	return mem;
}

static struct span
of_side(const struct explain *x, const char *side, const char *name)
{
	char mem[48];

	return explain_text(x->call, key_of(side, name, mem));
}

/* ---- not heard ---- */

/* The address that the phone itself believes to have. */
static struct span
own_address(struct span contact)
{
	struct uri uri;

	return uri_parse(contact, &uri) == 0 ? uri.host : SPAN_NONE;
}

/* Counted at the end of a call; of one that lives the figures so far. */
static uint64_t
packets_from(const struct explain *x, const char *side)
{
	char mem[48];
	uint64_t n;

	if (is_known(x->call, key_of(side, "packets_in", mem), &n))
		return n;
	return explain_number(figures(x, side), "expected");
}

static void
say_path(struct buf *b, const struct explain *x, const char *side)
{
	struct span own = own_address(of_side(x, side, "contact"));
	struct span source = explain_text(x->call,
	    strcmp(side, "caller") == 0 ? "from_source" : "called_source");
	struct span at = of_side(x, side, "learnt");
	struct span srtp = of_side(x, side, "srtp");
	bool is_plain = span_eq(srtp, SPAN_LIT("RTP"));
	struct span evidence = of_side(x, side, "evidence");
	char mem[48];
	uint64_t n;

	buf_fmt(b, "call %llu: ", (unsigned long long)explain_number(x->call,
	    "ticket"));
	if (own.len > 0)
		buf_fmt(b, "it says it is at %.*s, ", EXPLAIN_ARG(own));
	buf_fmt(b, "it signals from %.*s; packets from it %llu",
	    EXPLAIN_ARG(source),
	    (unsigned long long)packets_from(x, side));
	if (is_known(x->call, key_of(side, "packets_out", mem), &n))
		buf_fmt(b, ", to it %llu", (unsigned long long)n);
	if (is_known(x->call, key_of(side, "packets_refused", mem), &n))
		buf_fmt(b, ", refused from elsewhere %llu",
		    (unsigned long long)n);
	buf_fmt(b, "; it was told to send to %.*s (%.*s)",
	    EXPLAIN_ARG(of_side(x, side, "said")),
	    EXPLAIN_ARG(explain_text(x->call, "media_mode")));
	if (at.len > 0)
		buf_fmt(b, " and was heard at %.*s", EXPLAIN_ARG(at));
	if (srtp.len > 0)
		buf_fmt(b, ", by %s%.*s", is_plain ? "" : "SRTP, ",
		    EXPLAIN_ARG(srtp));
	if (evidence.len > 0)
		buf_fmt(b, "; %.*s", EXPLAIN_ARG(evidence));
}

/* Which ports, and to whom: what an admin types into the router. */
static void
say_range(struct buf *b, const struct conf *c)
{
	char ip[ADDR_TEXT_MAX + 1];
	struct buf text;

	if (c->n_external == 0 || c->ports_last == 0)
		return;
	buf_init(&text, ip, sizeof(ip));
	addr_put_ip(&text, &c->external[0]);
	buf_fmt(b, ". Here that is UDP %u-%u, to %.*s",
	    (unsigned)c->ports_first, (unsigned)c->ports_last,
	    (int)text.len, ip);
}

static bool
is_heard(const struct explain *x, const char *side)
{
	return span_eq(of_side(x, side, "media"), SPAN_LIT("ok"));
}

#define AT_HOME                                                                \
	"its sound comes to our SIP port, and never to the relay; that of "    \
	"other homes does come there, so this home's router or carrier lets "  \
	"it out to our SIP port only"

static void
explain_side(const struct explain *x, const char *side, const char *other)
{
	const struct media_remedy *remedy =
	    media_remedy(of_side(x, side, "media"));
	char seen[FINDING_TEXT_MAX], range[96];
	struct span verdict = of_side(x, side, "media");
	struct span words = media_doubt(verdict, of_side(x, side, "words"));
	struct finding *f;
	struct buf b;
	bool at_home;

	if (remedy == NULL)
		return;
	f = finding_new(x->found, remedy->level < FINDING_WARNING ?
	    FINDING_WARNING : remedy->level, remedy->verdict);
	buf_init(&b, seen, sizeof(seen));
	say_path(&b, x, side);
	at_home = explain_at_home(x, verdict, &b);
	if (at_home)
		words = SPAN_LIT(AT_HOME);
	finding_what(f, "%.*s was not heard%s: %.*s",
	    EXPLAIN_ARG(explain_text(x->call, side)), is_heard(x, other) ?
		", the other one was (one-way)" : "", EXPLAIN_ARG(words));
	finding_seen(f, "%.*s", (int)b.len, seen);
	buf_init(&b, range, sizeof(range));
	if (at_home) {
		finding_do(f, "let that home's router, or its carrier's, pass "
			      "UDP out to our [media] ports: its firewall, a "
			      "\"SIP protection\", another line");
		return;
	}
	if (strstr(remedy->text, "[media] ports") != NULL)
		say_range(&b, x->conf);
	finding_do(f, "%s%.*s", remedy->text, (int)b.len, range);
}

/* Of who was heard: what happened meanwhile. */
void
explain_put_evidence(const struct explain *x, struct buf *b)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct span evidence = of_side(x, sides[i], "evidence");

		if (evidence.len > 0)
			buf_fmt(b, "; of %.*s: %.*s",
			    EXPLAIN_ARG(explain_text(x->call, sides[i])),
			    EXPLAIN_ARG(evidence));
	}
}

/* ---- how it sounded ---- */

/* The R whose MOS (ITU-T G.107, in hundredths) comes next. */
unsigned
explain_r_of_mos(uint64_t mos_centi)
{
	unsigned r = 0;

	for (int i = 1; i <= 100; i++) {
		int mos = 100 + 35 * i / 10 + 7 * i * (i - 60) * (100 - i) /
		    10000;

		if (mos >= 100 && (uint64_t)mos <= mos_centi)
			r = (unsigned)i;
	}
	return r;
}

static void
put_figures(struct buf *b, struct span row, const char *mos_key,
    const char *loss_key, const char *jitter_key, const char *rtt_key)
{
	uint64_t mos, n;

	if (is_known(row, mos_key, &mos))
		buf_fmt(b, " MOS %u.%02u (R %u)", (unsigned)(mos / 100),
		    (unsigned)(mos % 100), explain_r_of_mos(mos));
	if (is_known(row, loss_key, &n))
		buf_fmt(b, ", loss %u.%02u %%", (unsigned)(n / 100),
		    (unsigned)(n % 100));
	if (is_known(row, jitter_key, &n))
		buf_fmt(b, ", jitter %u.%u ms", (unsigned)(n / 1000),
		    (unsigned)(n % 1000 / 100));
	if (is_known(row, rtt_key, &n))
		buf_fmt(b, ", round trip %u ms", (unsigned)n);
}

void
explain_put_sound(const struct explain *x, struct buf *b)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct span row = figures(x, sides[i]);
		uint64_t mos;

		if (!is_known(row, "mos", &mos))
			continue;
		buf_fmt(b, "; sound from %.*s:",
		    EXPLAIN_ARG(explain_text(x->call, sides[i])));
		put_figures(b, row, "mos", "loss", "jitter_us", "rtt_ms");
	}
}

enum bad_kind { BAD_LOSS, BAD_JITTER, BAD_DELAY, BAD_OTHER };

static enum bad_kind
kind_of(struct span row, bool heard)
{
	if (explain_number(row, heard ? "heard_loss" : "loss") >=
	    LOSS_BAD_PERMYRIAD)
		return BAD_LOSS;
	if (explain_number(row, heard ? "heard_jitter_us" : "jitter_us") >=
	    JITTER_BAD_US)
		return BAD_JITTER;
	return explain_number(row, "rtt_ms") >= RTT_BAD_MS ? BAD_DELAY :
							     BAD_OTHER;
}

static const struct {
	const char *what, *remedy;
} kinds[] = {
	[BAD_LOSS] = { "packets are lost on the way",
	    "that line is full or weak: a cable instead of Wi-Fi, sound "
	    "before data (QoS) in that router, fewer calls at once" },
	[BAD_JITTER] = { "packets come unevenly",
	    "that line is full or its Wi-Fi is bad: a cable, sound before "
	    "data (QoS) in that router, a larger jitter buffer in the phone" },
	[BAD_DELAY] = { "it takes long, both begin to speak at once",
	    "mobile, satellite or VPN in between: a shorter way, or without "
	    "the VPN" },
	[BAD_OTHER] = { "no single figure is bad, together they are",
	    "docs/quality.md says what each figure means" },
};

/* Takes:   heard  the sound to the phone, else that from it. */
static void
say_bad(const struct explain *x, const char *side, struct span row, bool heard)
{
	enum bad_kind kind = kind_of(row, heard);
	char mem[FINDING_TEXT_MAX];
	struct finding *f;
	struct buf b;

	f = finding_new(x->found, FINDING_WARNING, "sounds-bad");
	finding_what(f, "the sound %s %.*s was bad: %s",
	    heard ? "that came to" : "from",
	    EXPLAIN_ARG(explain_text(x->call, side)), kinds[kind].what);
	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, "call %llu, %s:", (unsigned long long)
	    explain_number(x->call, "ticket"), heard ?
	    "as the phone itself reports (RTCP)" : "as it came to us");
	if (heard)
		put_figures(&b, row, "heard_mos", "heard_loss",
		    "heard_jitter_us", "heard_rtt_ms");
	else
		put_figures(&b, row, "mos", "loss", "jitter_us", "rtt_ms");
	finding_seen(f, "%.*s; packets %llu, lost one after another at most "
			"%llu", (int)b.len, mem,
	    (unsigned long long)explain_number(row, "expected"),
	    (unsigned long long)explain_number(row, "gap"));
	finding_do(f, "%s", kinds[kind].remedy);
}

/* What came badly from the one came badly to the other: said once. */
static void
explain_quality(const struct explain *x)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct span row = figures(x, sides[i]);
		struct span other = figures(x, sides[1 - i]);
		uint64_t mos;

		if (is_known(row, "mos", &mos) && mos < MOS_BAD_CENTI)
			say_bad(x, sides[i], row, false);
		if (!is_known(row, "heard_mos", &mos) ||
		    mos >= MOS_BAD_CENTI)
			continue;
		if (!is_known(other, "mos", &mos) || mos >= MOS_BAD_CENTI)
			say_bad(x, sides[i], row, true);
	}
}

void
explain_sound(const struct explain *x)
{
	for (unsigned i = 0; i < SIDES; i++)
		explain_side(x, sides[i], sides[1 - i]);
	explain_quality(x);
	explain_deaf(x);
}
