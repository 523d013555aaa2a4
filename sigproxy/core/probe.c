/* Keepalives, and what their answers teach about a home's router. */
#include "sigproxy/core/call.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep_priv.h"
#include "sigproxy/sip/build.h"

#define PROBE_HEAD "z9hG4bKk"
#define PROBE_BRANCH_LEN (sizeof(PROBE_HEAD) - 1 + 16)
#define PROBE_MAX 1024

enum {
	/* After a REGISTER: its answer is out, the phone has settled. */
	FRESH_MS = 300, FRESH_SPREAD_MS = 1000,
	/* An answer takes no longer; what comes later was sent by a phone
	 * that is reached again for another reason. */
	LATE_MS = 400,
	/* What is between two REGISTERs to be a habit. */
	PERIOD_MIN_MS = 10000, PERIOD_MAX_MS = 7200000,
	CROWDED_MS = 2000,
	ASK_SPREAD_MS = 300,
};

/* Unforeseeable for others: a keyed hash of a counter. */
static uint64_t
chance(struct keep *k)
{
	k->serial++;
	return htab_hash(&k->by_flow, &k->serial, sizeof(k->serial));
}

/* At the office nothing closes.  Outside all are asked: a phone that seems
 * to have a public address may know it by STUN, and firewalls forget too. */
static bool
is_probed(const struct kept *kept)
{
	return kept->flow.zone == ZONE_EXTERNAL;
}

static bool
is_stream(const struct kept *kept)
{
	return kept->flow.transport != TRANSPORT_UDP;
}

static struct pace *
pace_of(const struct kept *kept)
{
	return is_stream(kept) ? &kept->home->stream : &kept->home->udp;
}

static void
arm(struct keep *k, struct mono now, struct kept *kept, uint64_t ms)
{
	timerq_set(k->timers, &kept->timer,
	    mono_min(kept->until, mono_add_ms(now, ms)));
}

/* ---- when ---- */

/* Until the phone's next REGISTER, if it keeps to its habit; 0: no telling. */
static uint64_t
left_ms(const struct kept *kept, struct mono now)
{
	struct mono next = mono_add_ms(kept->registered, kept->period_ms);

	if (kept->registered.us == 0 || kept->period_ms == 0 ||
	    kept->misses > 0 || mono_due(next, now))
		return 0;
	return mono_ms_between(now, next);
}

/* Where nothing was asked, or nothing longer was refused yet. */
static uint32_t
unasked_ms(const struct pace *p)
{
	return p->lost_ms == 0 && p->proven_ms < KEEP_MUTE_MS ? KEEP_MUTE_MS :
								p->proven_ms;
}

uint32_t
keep_advice_s(const struct keep *k, const struct flow *f)
{
	const struct kept *kept = keep_find(k, f);

	return (kept == NULL ? KEEP_MUTE_MS : unasked_ms(pace_of(kept))) /
	    1000;
}

bool
keep_is_failing(const struct keep *k, const struct flow *f)
{
	const struct kept *kept = keep_find(k, f);

	return kept != NULL && kept->voice == VOICE_TALKS &&
	    (kept->misses > 0 || kept->tries > 1);
}

bool
keep_answered_since(const struct keep *k, const struct flow *f,
    struct mono since)
{
	const struct kept *kept = keep_find(k, f);

	return kept != NULL && mono_before(since, kept->proof);
}

bool
keep_is_mute(const struct keep *k, const struct flow *f)
{
	const struct kept *kept = keep_find(k, f);

	return kept == NULL || kept->voice == VOICE_MUTE;
}

static void
plan(struct keep *k, struct mono now, struct kept *kept)
{
	const struct pace *pace = pace_of(kept);
	bool is_trial = false;
	uint32_t ms;

	if (kept->voice == VOICE_MUTE)
		ms = unasked_ms(pace);
	else
		ms = pace_plan(pace, now, left_ms(kept, now), &is_trial);
	if (!is_trial)
		ms -= (uint32_t)(chance(k) % (ms / 10 + 1));
	arm(k, now, kept, ms);
}

void
probe_begin(struct keep *k, struct mono now, struct kept *kept)
{
	if (is_probed(kept))
		arm(k, now, kept, chance(k) % pace_of(kept)->proven_ms);
	else
		timerq_set(k->timers, &kept->timer, kept->until);
}

/* ---- what was learnt ---- */

static void
tell(struct steps *st, const struct kept *kept)
{
	const struct pace *p = pace_of(kept);
	struct ipc_home_pace m = {
		.address = kept->home->ip,
		.stream = is_stream(kept),
		.proven_ms = p->proven_ms,
		.lost_ms = p->lost_ms,
		.alg = is_stream(kept) ? kept->home->stream_alg :
					 kept->home->udp_alg,
	};

	STEPS_ASK(st, &st->reg, HOME_PACE, home_pace, &m);
	steps_log(st, STEP_DEBUG, "home-pace");
	steps_key_addr(st, "home", &kept->home->ip);
	steps_key_text(st, "transport", is_stream(kept) ?
		SPAN_LIT("stream") : SPAN_LIT("udp"));
	steps_key_number(st, "proven_ms", p->proven_ms);
	steps_key_number(st, "lost_ms", p->lost_ms);
}

/* Since our own address changed it is no home's fault. */
static void
lost(const struct keep *k, struct mono now, struct steps *st,
    struct kept *kept, uint32_t ms)
{
	if (mono_before(kept->proof, k->changed_at))
		return;
	if (pace_lost(pace_of(kept), now, ms))
		tell(st, kept);
}

/* No answer.  That teaches something about a phone known to answer, once,
 * and if nothing else can have kept the mapping until then. */
static void
unanswered(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept)
{
	bool was_quiet = kept->proof.us != 0 && kept->stirs_before == 0 &&
	    (kept->stirs == 0 || !mono_before(kept->stirred,
		mono_add_ms(kept->asked, LATE_MS)));

	kept->tries = 0;
	e->keep->unanswered++;
	if (kept->voice != VOICE_TALKS)
		kept->voice = VOICE_MUTE;
	else if (kept->misses++ == 0 && was_quiet)
		lost(e->keep, now, st, kept, kept->silence_ms);
}

static void
proof(struct keep *k, struct mono now, struct kept *kept)
{
	kept->proof = now;
	kept->stirs = 0;
	kept->tries = 0;
	kept->misses = 0;
	plan(k, now, kept);
}

void
probe_registered(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept)
{
	uint64_t since = mono_ms_between(kept->registered, now);

	if (!is_probed(kept))
		return;
	if (kept->tries > 0 && mono_due(mono_add_ms(kept->asked, LATE_MS), now))
		unanswered(e, now, st, kept);
	if (kept->registered.us != 0 && since >= PERIOD_MIN_MS &&
	    since <= PERIOD_MAX_MS)
		kept->period_ms = (uint32_t)since;
	kept->registered = now;
	proof(e->keep, now, kept);
	/* If it does not answer now, it never does. */
	if (kept->voice != VOICE_TALKS) {
		kept->voice = VOICE_NEW;
		arm(e->keep, now, kept,
		    FRESH_MS + chance(e->keep) % FRESH_SPREAD_MS);
	}
}

void
probe_ends(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept, bool has_moved)
{
	uint64_t silence = mono_ms_between(kept->proof, now);
	bool is_asked = kept->tries > 0 &&
	    mono_due(mono_add_ms(kept->asked, LATE_MS), now);

	if (!is_probed(kept) || kept->proof.us == 0)
		return;
	if (is_asked)
		unanswered(e, now, st, kept);
	else if (has_moved && kept->misses == 0)
		/* The router closed it sooner than it was asked again. */
		lost(e->keep, now, st, kept, silence < pace_of(kept)->proven_ms ?
			(uint32_t)silence : pace_of(kept)->proven_ms);
}

void
keep_stir(struct keep *k, struct mono now, const struct flow *from)
{
	struct kept *kept;

	if (from->zone != ZONE_EXTERNAL)
		return;
	kept = keep_find(k, from);
	if (kept != NULL && kept->stirs++ == 0)
		kept->stirred = now;
}

/* ---- the question ---- */

static void
put_uri(struct buf *b, const struct flow *to)
{
	buf_puts(b, "sip:");
	addr_put(b, &to->remote);
	if (to->transport == TRANSPORT_TCP)
		buf_puts(b, ";transport=tcp");
	else if (to->transport == TRANSPORT_TLS)
		buf_puts(b, ";transport=tls");
}

static struct span
branch_of(const struct kept *kept, char mem[PROBE_BRANCH_LEN + 1])
{
	struct buf b;

	buf_init(&b, mem, PROBE_BRANCH_LEN + 1);
	buf_fmt(&b, PROBE_HEAD "%016llx", (unsigned long long)kept->token);
	return buf_span(&b);
}

static void
put_options(const struct edge *e, struct buf *b, const struct kept *kept)
{
	char mem[PROBE_BRANCH_LEN + 1], uri_mem[ADDR_TEXT_MAX + 32];
	struct span branch = branch_of(kept, mem);
	struct buf uri;

	buf_init(&uri, uri_mem, sizeof(uri_mem));
	put_uri(&uri, &kept->flow);
	build_request_line(b, SPAN_LIT("OPTIONS"), buf_span(&uri));
	edge_put_via(e, &kept->flow, branch, b);
	build_hdr_str(b, SIP_H_MAX_FORWARDS, "70");
	build_open(b, SIP_H_FROM);
	buf_puts(b, "<sip:");
	build_value(b, e->conf->domain);
	buf_puts(b, ">;tag=");
	build_value(b, span_sub(branch, sizeof(PROBE_HEAD) - 1, 8));
	build_close(b);
	build_open(b, SIP_H_TO);
	if (kept->is_baited) {
		alg_put_bait(b, &kept->flow.remote);
		buf_putc(b, ' ');
	}
	buf_putc(b, '<');
	build_value(b, buf_span(&uri));
	buf_putc(b, '>');
	build_close(b);
	build_hdr(b, SIP_H_CALL_ID,
	    span_sub(branch, sizeof(PROBE_HEAD) - 1, 16));
	build_cseq(b, 1, SPAN_LIT("OPTIONS"));
	build_hdr_str(b, SIP_H_ACCEPT, "application/sdp");
	build_end(b, SPAN_NONE);
}

static void
ask(struct edge *e, struct mono now, struct steps *st, struct kept *kept)
{
	struct buf b;

	if (kept->tries == 0) {
		kept->token = chance(e->keep);
		kept->asked = now;
		kept->silence_ms = (uint32_t)mono_ms_between(kept->proof, now);
		kept->stirs_before = kept->stirs;
	}
	kept->tries++;
	kept->is_baited = keep_alg_asks(kept);
	e->keep->sent++;
	steps_send_begin(st, &kept->flow, &b, PROBE_MAX);
	put_options(e, &b, kept);
	steps_send_end(st, &kept->flow, &b);
	arm(e->keep, now, kept, KEEP_TRY_MS);
}

bool
keep_answer(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, const struct sip_msg *msg)
{
	struct kept *kept = keep_find(e->keep, from);
	char mem[PROBE_BRANCH_LEN + 1];

	if (kept == NULL || kept->token == 0 ||
	    !span_eq(msg->via.branch, branch_of(kept, mem)))
		return false;
	if (kept->tries == 0 || msg->status < 200)
		return true;
	e->keep->answered++;
	if (keep_alg_answer(e->keep, st, kept, msg))
		tell(st, kept);
	kept->voice = VOICE_TALKS;
	/* The answer itself stirred; an answer to a copy counts only if
	 * nothing else can have opened the way between the two. */
	if (kept->proof.us != 0 && kept->stirs_before == 0 &&
	    kept->misses == 0 && (kept->tries == 1 || kept->stirs <= 1) &&
	    pace_answered(pace_of(kept), kept->silence_ms))
		tell(st, kept);
	proof(e->keep, now, kept);
	call_reached(e, now, st, from);
	return true;
}

void
keep_ask(struct edge *e, struct mono now, const struct flow *f)
{
	struct keep *k = e->keep;
	struct kept *kept = keep_find(k, f);

	if (kept == NULL || !is_probed(kept) ||
	    (kept->tries > 0 && !mono_before(kept->asked, k->changed_at)))
		return;
	/* One that could not be reached seemed mute. */
	if (kept->voice == VOICE_MUTE)
		kept->voice = VOICE_NEW;
	kept->tries = 0;
	arm(k, now, kept, chance(k) % ASK_SPREAD_MS);
}

void
keep_look(struct edge *e, struct steps *st, const struct flow *from,
    const struct sip_msg *msg, struct span raw)
{
	enum alg_sign sign = alg_look(msg, from, raw);
	struct kept *kept = sign == ALG_NONE ? NULL : keep_find(e->keep, from);

	if (kept != NULL && keep_alg_note(e->keep, st, kept, sign))
		tell(st, kept);
}

/* ---- its timer ---- */

/* A start with many phones makes no burst. */
static bool
may_send(struct keep *k, struct mono now)
{
	if (mono_due(mono_add_ms(k->slot, KEEP_SLOT_MS), now)) {
		k->slot = now;
		k->slot_sent = 0;
	}
	if (k->slot_sent >= KEEP_SLOT_SENT + k->flows.used / 100) {
		k->late++;
		return false;
	}
	k->slot_sent++;
	return true;
}

void
probe_due(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept)
{
	struct keep *k = e->keep;

	if (!is_probed(kept)) {
		timerq_set(k->timers, &kept->timer, kept->until);
		return;
	}
	if (kept->tries >= KEEP_TRIES) {
		unanswered(e, now, st, kept);
		plan(k, now, kept);
		return;
	}
	if (!may_send(k, now)) {
		arm(k, now, kept, KEEP_SLOT_MS + chance(k) % CROWDED_MS);
		return;
	}
	if (kept->voice != VOICE_MUTE) {
		ask(e, now, st, kept);
		return;
	}
	k->sent++;
	steps_send(st, &kept->flow, SPAN_LIT("\r\n\r\n"));
	plan(k, now, kept);
}
