#include <check.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/codec/tel.h"
#include "sigproxy/core/call.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/subs.h"
#include "tests/unit/sigcall/lab.h"

#define ROT 256

static char *
rotating(void)
{
	static char mem[ROT][LAB_TEXT];
	static unsigned i;

	return mem[i++ % ROT];
}

static struct addr
ip(const char *text, uint16_t port)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(span_str(text), &a), 0);
	a.port = port;
	return a;
}

/* ---- what must not leave the office ---- */

/* Two homes may use the same private address. */
static bool
has_host(const struct lab *lab, const struct flow *flow, const char *host)
{
	for (unsigned i = 0; i < lab->n_phones; i++)
		if (flow_eq(&lab->phones[i].flow, flow) &&
		    strcmp(lab->phones[i].host, host) == 0)
			return true;
	return false;
}

static void
check_leaks(const struct lab *lab, const struct step *st)
{
	char text[LAB_TEXT * 2];

	ck_assert_uint_lt(st->bytes.len, sizeof(text));
	memcpy(text, st->bytes.p, st->bytes.len);
	text[st->bytes.len] = '\0';
	ck_assert_msg(
	    st->bytes.len <= 8192, "a message of %zu bytes", st->bytes.len);
	if (strncasecmp(text, "SIP/2.0", 7) == 0)
		ck_assert_msg(strstr(text, "libuv") == NULL, "%s", text);
	for (unsigned i = 0; i < lab->n_phones; i++) {
		const struct phone *p = &lab->phones[i];

		if (lab->stolen || has_host(lab, &st->flow, p->host))
			continue;
		if (st->flow.zone == ZONE_INTERNAL &&
		    p->flow.zone == ZONE_INTERNAL)
			continue;
		ck_assert_msg(strstr(text, p->host) == NULL,
		    "%s told to somebody else:\n%s", p->host, text);
	}
	if (st->flow.zone == ZONE_INTERNAL)
		return;
	ck_assert_msg(strstr(text, "192.168.") == NULL,
	    "an office address outside:\n%s", text);
	ck_assert_msg(strstr(text, "office.local") == NULL,
	    "an office name outside:\n%s", text);
	ck_assert_msg(strstr(text, "Office-PBX") == NULL,
	    "an office product outside:\n%s", text);
}

static void
deliver(struct lab *lab, const struct step *st)
{
	if (span_trim(st->bytes).len == 0)
		return; /* a keepalive */
	check_leaks(lab, st);
	/* Another, which these phones do not answer. */
	bool is_keepalive =
	    memmem(st->bytes.p, st->bytes.len, "branch=z9hG4bKk", 15) != NULL;

	for (unsigned i = 0; i < lab->n_phones; i++) {
		struct phone *p = &lab->phones[i];
		char *slot;

		if (!addr_eq(&p->flow.remote, &st->flow.remote) ||
		    p->flow.conn != st->flow.conn || p->is_closed ||
		    p->flow.zone != st->flow.zone ||
		    (is_keepalive && !p->is_asked))
			continue;
		slot = p->inbox[p->tail++ % LAB_INBOX];
		memcpy(slot, st->bytes.p, st->bytes.len);
		slot[st->bytes.len] = '\0';
		if (getenv("LAB_TRACE") != NULL)
			printf("---- to %s at %llu ms\n%s\n", p->number,
			    (unsigned long long)lab->now.us / 1000, slot);
		return;
	}
}

/* ---- the oracle and the relay ---- */

static struct phone *
phone_of(struct lab *lab, const struct ipc_flow *f)
{
	for (unsigned i = 0; i < lab->n_phones; i++)
		if (addr_eq(&lab->phones[i].flow.remote, &f->remote))
			return &lab->phones[i];
	return NULL;
}

static void
say_nonces(struct buf *b, struct span payload, unsigned *serial)
{
	static char mem[IPC_NONCES_MAX * IPC_NONCE_LEN + 1];
	struct ipc_nonce_ask ask;
	struct ipc_nonce_say say = { .lifetime_ms = 300000 };

	ck_assert_int_eq(get_nonce_ask(payload, &ask), 0);
	for (unsigned i = 0; i < ask.count; i++)
		snprintf(mem + i * IPC_NONCE_LEN, IPC_NONCE_LEN + 1, "%032x",
		    ++*serial);
	say.id = ask.id;
	say.nonces = span_make(mem, ask.count * IPC_NONCE_LEN);
	IPC_FRAME(b, NONCE_SAY, nonce_say, &say);
}

static struct span
user_of_uri(struct span uri)
{
	struct uri u;
	struct span user;

	ck_assert_int_eq(uri_parse(uri, &u), 0);
	ck_assert_int_eq(tel_number(&u, rotating(), &user), 0);
	return user;
}

static const char *
scheme(const struct phone *p)
{
	return p->is_sips ? "sips" : "sip";
}

static void
add_targets(struct lab *lab, struct ipc_auth_say *say, struct span number)
{
	for (unsigned i = 0; i < lab->n_phones; i++) {
		const struct phone *p = &lab->phones[i];
		struct ipc_target *t;
		char *uri;

		if (!span_eq(span_str(p->number), number) ||
		    say->n_targets == IPC_TARGETS_MAX)
			continue;
		t = &say->targets[say->n_targets++];
		uri = rotating();
		snprintf(uri, LAB_TEXT, "%s:%s@%s:%u;ob", scheme(p), p->number, p->host,
		    p->port);
		t->flow = flow_to_ipc(&p->flow);
		t->uri = span_str(uri);
		t->ice = p->has_ice;
		t->instance = p->instance == NULL ? SPAN_NONE :
						    span_str(p->instance);
		t->q_permille = 1000;
	}
}

/* Each REGISTER is right and gets what it asks for. */
static void
say_registered(struct buf *answers, struct span payload)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say = { .verdict = VERDICT_OK };

	ck_assert_int_eq(get_reg_ask(payload, &ask), 0);
	say.id = ask.id;
	say.number = ask.aor_user;
	for (unsigned i = 0; i < ask.n_contacts; i++)
		say.bindings[say.n_bindings++] = (struct ipc_binding){
			.uri = ask.contacts[i].uri, .expires_s = 3600 };
	IPC_FRAME(answers, REG_SAY, reg_say, &say);
}

static void
add_ways(const struct lab *lab, struct ipc_auth_say *say)
{
	for (unsigned i = 0; i < lab->n_ways; i++)
		say->ways[say->n_ways++] = (struct ipc_way){
			.trunk = lab->way_trunk[i], .route = i + 1,
			.number = SPAN_LIT("+4989123456"),
			.caller = SPAN_LIT("+4930168") };
}

static void
say_trunk_call(struct lab *lab, struct buf *b, struct span payload)
{
	struct ipc_trunk_call_ask ask;
	struct ipc_auth_say say = { .verdict = VERDICT_OK };

	ck_assert_int_eq(get_trunk_call_ask(payload, &ask), 0);
	say.id = ask.id;
	say.caller.number = ask.caller;
	say.caller.name = ask.name;
	say.called.number = ask.called;
	say.ticket = ++lab->ticket;
	add_targets(lab, &say, ask.called);
	if (say.n_targets == 0)
		say.verdict = VERDICT_NOT_FOUND;
	IPC_FRAME(b, AUTH_SAY, auth_say, &say);
}

static void
say_trunk_auth(struct lab *lab, struct buf *b, struct span payload)
{
	struct ipc_trunk_auth_ask ask;
	struct ipc_trunk_auth_say say = { .verdict = VERDICT_OK,
		.username = SPAN_LIT("account"),
		.response = SPAN_LIT("0123456789abcdef0123456789abcdef"),
		.cnonce = SPAN_LIT("abcdef") };

	ck_assert_int_eq(get_trunk_auth_ask(payload, &ask), 0);
	lab->n_trunk_asks++;
	snprintf(lab->trunk_uri, sizeof(lab->trunk_uri), "%.*s",
	    (int)ask.uri.len, ask.uri.p);
	if (lab->trunk_mute)
		return;
	say.ticket = ask.ticket;
	say.id = ask.id;
	if (lab->trunk_verdict != 0)
		say.verdict = lab->trunk_verdict;
	IPC_FRAME(b, TRUNK_AUTH_SAY, trunk_auth_say, &say);
}

static void
say_auth(struct lab *lab, struct buf *b, struct span payload)
{
	struct ipc_auth_ask ask;
	struct ipc_auth_say say = { .verdict = VERDICT_OK };
	struct phone *p;
	char *called = rotating();

	ck_assert_int_eq(get_auth_ask(payload, &ask), 0);
	lab->auth_asks++;
	p = phone_of(lab, &ask.flow);
	ck_assert_ptr_nonnull(p);
	say.id = ask.id;
	say.caller.number = span_str(p->number);
	say.caller.name = span_str(p->name);
	say.caller.hold = lab->hold_of_caller;
	say.caller.srtp = lab->srtp_of_caller;
	if (lab->codecs_of_caller != NULL)
		say.caller.codecs = span_str(lab->codecs_of_caller);
	say.caller.max_kbps = lab->kbps_of_caller;
	if (lab->verdict != 0) {
		say.verdict = lab->verdict;
	} else if (ask.want == 1 && span_eq(ask.digest.method,
		       SPAN_LIT("SUBSCRIBE"))) {
		struct span number = user_of_uri(ask.digest.uri);

		memcpy(called, number.p, number.len);
		say.called.number = span_make(called, number.len);
		say.ticket = ++lab->ticket;
		say.show = lab->show;
	} else if (ask.want == 1) {
		struct span number = user_of_uri(ask.digest.uri);

		memcpy(called, number.p, number.len);
		say.called.number = span_make(called, number.len);
		say.called.hold = lab->hold_of_called;
		say.called.srtp = lab->srtp_of_called;
		if (lab->codecs_of_called != NULL)
			say.called.codecs = span_str(lab->codecs_of_called);
		say.called.max_kbps = lab->kbps_of_called;
		say.emergency = lab->emergency;
		say.ticket = ++lab->ticket;
		if (lab->n_ways > 0)
			add_ways(lab, &say);
		else
			add_targets(lab, &say, say.called.number);
		if (say.n_targets + say.n_ways == 0)
			say.verdict = VERDICT_UNREACHABLE;
	}
	IPC_FRAME(b, AUTH_SAY, auth_say, &say);
}

static void
say_divert(struct lab *lab, struct buf *b, struct span payload)
{
	struct ipc_divert_ask ask;
	struct ipc_divert_say say = { .verdict = VERDICT_OK };
	struct ipc_auth_say found = { 0 };
	char *called = rotating();

	ck_assert_int_eq(get_divert_ask(payload, &ask), 0);
	lab->divert_asks++;
	snprintf(lab->divert_by, sizeof(lab->divert_by), "%.*s",
	    (int)ask.by.len, ask.by.p);
	snprintf(lab->divert_to, sizeof(lab->divert_to), "%.*s",
	    (int)ask.number.len, ask.number.p);
	if (lab->divert_mute)
		return;
	memcpy(called, ask.number.p, ask.number.len);
	say.ticket = ask.ticket;
	say.id = ask.id;
	say.called.number = span_make(called, ask.number.len);
	add_targets(lab, &found, say.called.number);
	say.n_targets = found.n_targets;
	memcpy(say.targets, found.targets, sizeof(say.targets));
	if (say.n_targets == 0)
		say.verdict = VERDICT_UNREACHABLE;
	if (lab->divert_verdict != 0)
		say.verdict = lab->divert_verdict;
	IPC_FRAME(b, DIVERT_SAY, divert_say, &say);
}

static void
take_away(struct lab *lab, struct span payload)
{
	struct ipc_call_away m;

	ck_assert_int_eq(get_call_away(payload, &m), 0);
	lab->n_away++;
	snprintf(lab->away, sizeof(lab->away), "%s %.*s %.*s@%.*s",
	    m.via == AWAY_REFER ? "refer" : "redirect", (int)m.by.len, m.by.p,
	    (int)m.number.len, m.number.p, (int)m.host.len, m.host.p);
}

static void
say_refer(struct lab *lab, struct buf *b, struct span payload)
{
	struct ipc_refer_ask ask;
	struct ipc_refer_say say = { .verdict = VERDICT_OK };

	ck_assert_int_eq(get_refer_ask(payload, &ask), 0);
	lab->refer_asks++;
	snprintf(lab->refer_by, sizeof(lab->refer_by), "%.*s",
	    (int)ask.by.len, ask.by.p);
	snprintf(lab->refer_to, sizeof(lab->refer_to), "%.*s",
	    (int)ask.number.len, ask.number.p);
	if (lab->refer_mute)
		return;
	say.ticket = ask.ticket;
	say.id = ask.id;
	if (lab->refer_verdict != 0)
		say.verdict = lab->refer_verdict;
	if (say.verdict == VERDICT_DENIED)
		say.why = SPAN_LIT("no \"premium\" calls");
	IPC_FRAME(b, REFER_SAY, refer_say, &say);
}

static void
hear_save(struct lab *lab, struct span payload)
{
	struct ipc_call_save save;
	unsigned i;

	ck_assert_int_eq(get_call_save(payload, &save), 0);
	lab->n_saves++;
	for (i = 0; i < 16 && lab->saves[i].ticket != save.ticket; i++)
		;
	for (unsigned k = 0; k < 16 && i == 16; k++)
		if (lab->saves[k].ticket == 0)
			i = k;
	if (i == 16)
		return; /* these tests save no more calls at once */
	lab->saves[i].ticket = save.ticket;
	lab->saves[i].version = save.version;
	lab->saves[i].len = save.state.len;
	memcpy(lab->saves[i].state, save.state.p, save.state.len);
}

static void
hear_gone(struct lab *lab, struct span payload)
{
	struct ipc_call_gone gone;

	ck_assert_int_eq(get_call_gone(payload, &gone), 0);
	lab->n_gone++;
	for (unsigned i = 0; i < 16; i++)
		if (lab->saves[i].ticket == gone.ticket)
			lab->saves[i].ticket = 0;
}

static void
hear_sub(struct lab *lab, uint16_t type, struct span payload)
{
	struct ipc_sub_save save = { .id = 0 };
	struct ipc_sub_gone gone = { .id = 0 };
	unsigned i;

	if (type == IPC_SUB_GONE) {
		ck_assert_int_eq(get_sub_gone(payload, &gone), 0);
		lab->n_sub_gone++;
	} else {
		ck_assert_int_eq(get_sub_save(payload, &save), 0);
		lab->n_sub_saves++;
	}
	for (i = 0; i < 256; i++)
		if (lab->subs[i].id == save.id + gone.id)
			break;
	if (type == IPC_SUB_GONE) {
		if (i < 256)
			lab->subs[i].id = 0;
		return;
	}
	for (unsigned k = 0; k < 256 && i == 256; k++)
		if (lab->subs[k].id == 0)
			i = k;
	ck_assert_uint_lt(i, 256);
	lab->subs[i].id = save.id;
	lab->subs[i].expires_s = save.expires_s;
	lab->subs[i].version = save.version;
	lab->subs[i].len = save.state.len;
	memcpy(lab->subs[i].state, save.state.p, save.state.len);
}

static void
hear_lost(struct lab *lab, struct span payload)
{
	struct lab_lost *one = NULL;
	struct ipc_phone_lost m;

	ck_assert_int_eq(get_phone_lost(payload, &m), 0);
	for (unsigned i = 0; i < 64; i++) {
		if (lab->lost[i].m.number.len == 0 ? one == NULL :
			span_eq(lab->lost[i].m.number, m.number))
			one = &lab->lost[i];
	}
	ck_assert_ptr_nonnull(one);
	memcpy(one->number, m.number.p, m.number.len);
	m.number.p = one->number;
	one->m = m;
}

static void
hear_mailbox(struct lab *lab, struct span payload)
{
	struct ipc_mwi_save save;
	unsigned i;

	ck_assert_int_eq(get_mwi_save(payload, &save), 0);
	for (i = 0; i < lab->n_boxes; i++)
		if (span_eq(span_str(lab->boxes[i].number),
			save.mailbox.number))
			break;
	ck_assert_uint_lt(i, 16);
	lab->n_boxes += i == lab->n_boxes;
	lab->boxes[i].box = save.mailbox;
	memcpy(lab->boxes[i].number, save.mailbox.number.p,
	    save.mailbox.number.len);
	lab->boxes[i].number[save.mailbox.number.len] = '\0';
}

static void
hear_tried(struct lab *lab, struct span payload)
{
	size_t n = strlen(lab->tried);
	struct ipc_call_tried m;

	ck_assert_int_eq(get_call_tried(payload, &m), 0);
	snprintf(lab->tried + n, sizeof(lab->tried) - n, "%s%u %u %u %.*s",
	    n > 0 ? "|" : "", m.trunk, m.why, m.status, (int)m.words.len,
	    m.words.len > 0 ? m.words.p : "");
}

static void
hear_reg(struct lab *lab, struct span frames, struct buf *answers)
{
	static unsigned serial;
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
		frames = span_sub(frames, used, frames.len);
		switch (type) {
		case IPC_NONCE_ASK:
			say_nonces(answers, payload, &serial);
			break;
		case IPC_AUTH_ASK:
			say_auth(lab, answers, payload);
			break;
		case IPC_REG_ASK:
			say_registered(answers, payload);
			break;
		case IPC_DIVERT_ASK:
			say_divert(lab, answers, payload);
			break;
		case IPC_REFER_ASK:
			say_refer(lab, answers, payload);
			break;
		case IPC_CALL_AWAY:
			take_away(lab, payload);
			break;
		case IPC_TRUNK_CALL_ASK:
			say_trunk_call(lab, answers, payload);
			break;
		case IPC_TRUNK_AUTH_ASK:
			say_trunk_auth(lab, answers, payload);
			break;
		case IPC_CALL_WAY:
			lab->n_call_ways++;
			break;
		case IPC_CALL_TRIED:
			hear_tried(lab, payload);
			break;
		case IPC_CALL_NOTE: {
			struct ipc_call_note *n =
			    &lab->notes[lab->n_notes % 64];
			char *r = lab->reasons[lab->n_notes++ % 64];

			ck_assert_int_eq(get_call_note(payload, n), 0);
			memcpy(r, n->reason.p, n->reason.len);
			r[n->reason.len] = '\0';
			break;
		}
		case IPC_CALL_MEDIA:
			ck_assert_int_eq(get_call_media(payload,
					     &lab->media[lab->n_media++ % 64]),
			    0);
			break;
		case IPC_CALL_QUALITY:
			lab->n_quality++;
			ck_assert_int_eq(
			    get_call_quality(payload, &lab->quality), 0);
			break;
		case IPC_CALL_REACH:
			lab->n_reach++;
			ck_assert_int_eq(
			    get_call_reach(payload, &lab->reach), 0);
			break;
		case IPC_CALL_SAVE:
			hear_save(lab, payload);
			break;
		case IPC_CALL_GONE:
			hear_gone(lab, payload);
			break;
		case IPC_PHONE_LOST:
			hear_lost(lab, payload);
			break;
		case IPC_SUB_SAVE:
		case IPC_SUB_GONE:
			hear_sub(lab, type, payload);
			break;
		case IPC_MWI_SAVE:
			hear_mailbox(lab, payload);
			break;
		default:
			break;
		}
	}
}

static void
say_ports(struct lab *lab, uint8_t instance, struct buf *b,
    const struct ipc_relay_open *open)
{
	struct ipc_relay_say say = {
		.id = open->id,
		.session = open->session,
		.end = open->end,
		.refusal = lab->refusal,
	};
	const char *host =
	    open->zone == ZONE_EXTERNAL ? lab->public_ip : "192.168.10.2";

	if ((lab->full & 1u << instance) != 0)
		say.refusal = RELAY_FULL;
	if (say.refusal == RELAY_OK && lab->streams_max != 0 &&
	    open->streams > lab->streams_max)
		say.refusal = RELAY_FULL;
	if (say.refusal == RELAY_OK) {
		say.n_ports = open->streams;
		lab->streams_of[open->session % 1024][open->end] =
		    open->streams;
	}
	for (unsigned nr = 0; nr < say.n_ports; nr++) {
		uint16_t port = nr < open->n_want ? open->want[nr].number
						  : lab->next_port;

		if (nr >= open->n_want)
			lab->next_port = (uint16_t)(lab->next_port + 2);
		if (lab->next_port > 60000)
			lab->next_port = 16384;
		say.ports[nr].rtp = port;
		say.ports[nr].rtcp = (uint16_t)(port + 1);
		say.ports[nr].said_rtp = ip(host, port);
		say.ports[nr].said_rtcp = ip(host, (uint16_t)(port + 1));
	}
	IPC_FRAME(b, RELAY_SAY, relay_say, &say);
}

static void
say_stats(struct lab *lab, struct buf *b, const struct ipc_relay_close *close)
{
	uint8_t *streams = lab->streams_of[close->session % 1024];

	for (uint8_t end = 0; end < 16; end++) {
		struct ipc_relay_stats stats = { .session = close->session };

		if (close->end != RELAY_ALL_ENDS && close->end != end)
			continue;
		stats.counter.end = end;
		for (uint8_t nr = 0; nr < streams[end]; nr++) {
			stats.counter.stream = nr;
			stats.counter.packets_in = 100u * (nr + 1u) + end;
			if (!lab->stats_mute)
				IPC_FRAME(b, RELAY_STATS, relay_stats, &stats);
		}
		streams[end] = 0;
	}
}

static void
take_key(struct lab *lab, struct span payload)
{
	struct lab_key *k = &lab->keys[lab->n_keys++ % 64];

	ck_assert_int_eq(get_relay_key(payload, &k->m), 0);
	memcpy(k->in, k->m.key_in.p, k->m.key_in.len);
	memcpy(k->out, k->m.key_out.p, k->m.key_out.len);
	k->at = lab->n_sets;
}

static void
take_ice(struct lab *lab, struct span payload)
{
	struct lab_ice *to = &lab->ices[lab->n_ices++ % 16];
	struct ipc_relay_ice m;

	ck_assert_int_eq(get_relay_ice(payload, &m), 0);
	*to = (struct lab_ice){ .end = m.end, .rtp = m.rtp, .rtcp = m.rtcp };
	memcpy(to->ufrag, m.ufrag.p, m.ufrag.len);
	memcpy(to->pwd, m.pwd.p, m.pwd.len);
}

static void
hear_relay(
    struct lab *lab, unsigned instance, struct span frames, struct buf *answers)
{
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		struct ipc_relay_close close;

		ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
		frames = span_sub(frames, used, frames.len);
		switch (type) {
		case IPC_RELAY_OPEN: {
			struct ipc_relay_open *o =
			    &lab->opens[lab->n_opens++ % 64];

			ck_assert_int_eq(get_relay_open(payload, o), 0);
			lab->session = o->session;
			lab->opens_of[instance]++;
			if (!lab->relay_mute && !(lab->mute & 1u << instance))
				say_ports(lab, instance, answers, o);
			break;
		}
		case IPC_RELAY_SET:
			ck_assert_int_eq(get_relay_set(payload,
					     &lab->sets[lab->n_sets++ % 256]),
			    0);
			break;
		case IPC_RELAY_KEY:
			take_key(lab, payload);
			break;
		case IPC_RELAY_ICE:
			take_ice(lab, payload);
			break;
		case IPC_RELAY_TONE:
			ck_assert_int_eq(
			    get_relay_tone(payload, &lab->tone), 0);
			lab->n_tones++;
			break;
		case IPC_RELAY_EVENTS:
			ck_assert_int_eq(get_relay_events(payload,
			    &lab->events[lab->n_events++ % 8]), 0);
			break;
		case IPC_RELAY_TRACE:
			ck_assert_int_eq(get_relay_trace(payload,
			    &lab->traced[lab->n_traced++ % 64]), 0);
			break;
		case IPC_RELAY_CLOSE:
			ck_assert_int_eq(get_relay_close(payload, &close), 0);
			lab->n_closes++;
			lab->n_close_all += close.end == RELAY_ALL_ENDS;
			say_stats(lab, answers, &close);
			break;
		default:
			ck_abort_msg("frame %u to a relay", type);
		}
	}
}

static void
keep_seen(struct lab *lab, struct span payload)
{
	struct lab_seen *s = &lab->seen[lab->n_seen++ % 64];

	ck_assert_int_eq(get_trace_sip(payload, &s->m), 0);
	ck_assert_uint_lt(s->m.message.len, sizeof(s->text));
	memcpy(s->text, s->m.message.p, s->m.message.len);
	s->text[s->m.message.len] = '\0';
	memcpy(s->call_id, s->m.call_id.p, s->m.call_id.len);
	s->call_id[s->m.call_id.len] = '\0';
}

static void
hear_tracer(struct lab *lab, struct span frames)
{
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
		ck_assert_int_eq(type, IPC_TRACE_SIP);
		keep_seen(lab, payload);
		frames = span_sub(frames, used, frames.len);
	}
}

static void
hear_stunmon(struct lab *lab, struct span frames)
{
	struct ipc_map_look look;
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
		if (type == IPC_MAP_LOOK) {
			ck_assert_int_eq(get_map_look(payload, &look), 0);
			ck_assert_uint_eq(look.socket, 0); /* external_udp */
			lab->n_looks++;
		}
		frames = span_sub(frames, used, frames.len);
	}
}

static void
deliver_traced(struct lab *lab, struct step *st)
{
	if (edge_is_traced(lab->edge))
		edge_sent(lab->edge, lab->now, lab->steps, &st->flow,
		    st->bytes);
	deliver(lab, st);
}

static void
feed_frames(
    struct lab *lab, enum ipc_role role, uint8_t instance, struct span frames)
{
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
		frames = span_sub(frames, used, frames.len);
		ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps,
				     role, instance, type, payload),
		    0);
	}
}

/* Carry out steps until there are none. */
static void
settle(struct lab *lab)
{
	static char reg_mem[65536], relay_mem[2][262144];
	struct steps *s = lab->steps;
	struct buf reg, relay[2];

	for (;;) {
		buf_init(&reg, reg_mem, sizeof(reg_mem));
		hear_reg(lab, buf_span(&s->reg), &reg);
		for (unsigned i = 0; i < 2; i++) {
			buf_init(&relay[i], relay_mem[i], sizeof(relay_mem[i]));
			hear_relay(lab, i, buf_span(&s->relay[i]), &relay[i]);
		}
		for (unsigned i = 0; i < s->n; i++) {
			if (s->step[i].kind == STEP_SEND)
				deliver_traced(lab, &s->step[i]);
			else if (s->step[i].kind == STEP_CLOSE)
				lab->cut = s->step[i].flow.conn;
			else if (s->step[i].kind == STEP_LOG &&
				 strcmp(s->step[i].event, "phone-lost") == 0)
				lab->n_lost++;
			else if (s->step[i].kind == STEP_LOG &&
				 getenv("LAB_TRACE") != NULL)
				printf("**** %s\n", s->step[i].event);
		}
		hear_tracer(lab, buf_span(&s->trace));
		hear_stunmon(lab, buf_span(&s->stun));
		ck_assert_uint_eq(s->dropped, 0);
		steps_clear(s);
		if (reg.len == 0 && relay[0].len == 0 && relay[1].len == 0)
			return;
		feed_frames(lab, ROLE_REG, 0, buf_span(&reg));
		for (uint8_t i = 0; i < 2; i++)
			feed_frames(lab, ROLE_MEDIA, i, buf_span(&relay[i]));
	}
}

void
lab_trace(struct lab *lab, uint8_t kind, const char *target,
    uint8_t profiles)
{
	struct ipc_trace_rules rules = { .n_traced = kind != 0 };
	char mem[512];
	struct buf b;

	rules.traced[0] = (struct ipc_traced){ 1, kind, profiles,
		span_str(target) };
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRACE_RULES, trace_rules, &rules);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_TRACE, 0, true);
	feed_frames(lab, ROLE_TRACE, 0, buf_span(&b));
	settle(lab);
}

/* ---- the laboratory ---- */

/* Mailboxes and subscriptions. */
static void
put_kept(const struct lab *lab, struct buf *b)
{
	for (unsigned i = 0; i < lab->n_boxes; i++) {
		struct ipc_mwi_restore r = { lab->boxes[i].box };

		r.mailbox.number = span_str(lab->boxes[i].number);
		IPC_FRAME(b, MWI_RESTORE, mwi_restore, &r);
	}
	for (unsigned i = 0; i < 256; i++) {
		struct ipc_sub_restore r = { .id = lab->subs[i].id,
			.left_s = lab->subs[i].expires_s,
			.version = lab->subs[i].version,
			.state = span_make(lab->subs[i].state,
			    lab->subs[i].len) };

		if (r.id != 0)
			IPC_FRAME(b, SUB_RESTORE, sub_restore, &r);
	}
}

/* The keys, and every call that was saved. */
static void
tell_saved(struct lab *lab)
{
	static char mem[17 * (IPC_STATE_MAX + 64) + 256 * 2048];
	struct ipc_call_restored all = { .calls = 0 };
	struct ipc_sig_keys keys;
	struct buf b;

	memset(keys.key, 7, sizeof(keys.key));
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SIG_KEYS, sig_keys, &keys);
	put_kept(lab, &b);
	for (unsigned i = 0; i < 16; i++) {
		struct ipc_call_restore r = {
			.ticket = lab->saves[i].ticket,
			.lives = !lab->saves[i].over,
			.version = lab->saves[i].version,
			.state = span_make(
			    lab->saves[i].state, lab->saves[i].len) };

		if (r.ticket == 0)
			continue;
		IPC_FRAME(&b, CALL_RESTORE, call_restore, &r);
		all.calls++;
	}
	IPC_FRAME(&b, CALL_RESTORED, call_restored, &all);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
}

struct lab *
lab_new(uint32_t channels, uint32_t max_calls)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct edge_conf *c;

	ck_assert_ptr_nonnull(lab);
	c = &lab->conf;
	c->listeners[0] = (struct edge_listener){ ZONE_EXTERNAL, TRANSPORT_UDP,
		ip("192.168.10.2", 5070) };
	c->listeners[1] = (struct edge_listener){ ZONE_INTERNAL, TRANSPORT_UDP,
		ip("192.168.10.2", 5060) };
	c->listeners[2] = (struct edge_listener){ ZONE_EXTERNAL, TRANSPORT_TCP,
		ip("192.168.10.2", 5070) };
	c->listeners[3] = (struct edge_listener){ ZONE_INTERNAL, TRANSPORT_TCP,
		ip("192.168.10.2", 5060) };
	c->listeners[4] = (struct edge_listener){ ZONE_EXTERNAL, TRANSPORT_TLS,
		ip("192.168.10.2", 5071) };
	c->listeners[5] = (struct edge_listener){ ZONE_INTERNAL, TRANSPORT_TLS,
		ip("192.168.10.2", 5062) };
	c->n_listeners = 6;
	c->max_conns = 4;
	c->domain = SPAN_LIT("sip.example.org");
	c->realm = SPAN_LIT("SMO-SIP");
	c->accept_ip = true;
	ck_assert_int_eq(
	    addr_prefix_parse(SPAN_LIT("192.168.10.0/24"), &c->lan[0]), 0);
	c->n_lan = 1;
	c->public_addr = ip("203.0.113.1", 0);
	c->stun_servers[0] = ip("203.0.113.53", 3478);
	c->n_stun_servers = 1;
	c->channels = channels;
	c->n_relays = 2;
	c->hold = HOLD_TRANSPARENT;
	c->latching = LATCH_STRICT;
	c->max_calls = max_calls;
	c->max_transactions = 4096;
	c->max_flows = 1024;
	c->max_subs = 256;
	c->mwi_sources[0] = ip("192.168.10.40", 0);
	c->n_mwi_sources = 1;
	c->wait_for_restore = true;
	lab->now = (struct mono){ 1000000000 };
	lab->show = WATCH_NUMBER;
	lab->next_port = 16384;
	lab->public_ip = "203.0.113.1";
	lab->steps = steps_new();
	lab->edge = edge_new(c);
	ck_assert_ptr_nonnull(lab->steps);
	ck_assert_ptr_nonnull(lab->edge);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_REG, 0, true);
	tell_saved(lab);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0, true);
	settle(lab);
	return lab;
}

static void
keep_homes(struct lab *lab)
{
	char mem[128];
	struct buf b;

	for (unsigned i = 0; i < lab->n_phones; i++) {
		struct ipc_flow_keep keep = {
			.flow = flow_to_ipc(&lab->phones[i].flow),
			.nated = 1,
			.expires_s = UINT32_MAX };

		if (lab->phones[i].flow.zone != ZONE_EXTERNAL)
			continue;
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, FLOW_KEEP, flow_keep, &keep);
		feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	}
}

static void
tell_lost(struct lab *lab)
{
	char mem[256];
	struct buf b;

	for (unsigned i = 0; i < 64; i++) {
		if (lab->lost[i].m.state == LOST_BACK)
			continue;
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, PHONE_LOST, phone_lost, &lab->lost[i].m);
		feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	}
}

/* LAB_SEEDS names a folder: each state goes there, for the fuzzer. */
static void
write_seed(const char *kind, const void *state, size_t len)
{
	const char *dir = getenv("LAB_SEEDS");
	static unsigned n;
	char path[256];
	FILE *f;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s-%u", dir, kind, n++);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fwrite(state, 1, len, f);
	fclose(f);
}

/* All of them, as when sigproxy comes. */
static void
tell_trunks(struct lab *lab)
{
	static uint32_t set;
	char mem[4096];
	struct ipc_trunks all = { .set = ++set,
		.count = (uint16_t)lab->n_trunks };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < lab->n_trunks; i++) {
		lab->trunks[i].set = set;
		IPC_FRAME(&b, TRUNK, trunk, &lab->trunks[i]);
	}
	IPC_FRAME(&b, TRUNKS, trunks, &all);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
}

uint32_t
lab_trunk(struct lab *lab, struct phone *p)
{
	struct ipc_trunk *t = &lab->trunks[lab->n_trunks++];
	struct buf b;

	buf_init(&b, p->host_mem, sizeof(p->host_mem) - 1);
	addr_put_ip(&b, &p->flow.remote);
	p->host_mem[b.len] = '\0';
	p->port = p->flow.remote.port;
	*t = (struct ipc_trunk){ .trunk = lab->n_trunks,
		.name = SPAN_LIT("itsp"), .host = span_str(p->host_mem),
		.port = p->port, .transport = TRANSPORT_UDP,
		.zone = p->flow.zone, .domain = SPAN_LIT("itsp.example.net"),
		.has_secret = 1, .outbound = 1, .verify = 1, .expires_s = 600,
		.wait_s = 6 };
	tell_trunks(lab);
	settle(lab);
	return t->trunk;
}

void
lab_restart(struct lab *lab)
{
	settle(lab);
	for (unsigned i = 0; i < 256; i++)
		if (lab->subs[i].id != 0)
			write_seed("sub", lab->subs[i].state, lab->subs[i].len);
	for (unsigned i = 0; i < 16; i++)
		if (lab->saves[i].ticket != 0)
			write_seed("state", lab->saves[i].state, lab->saves[i].len);
	edge_free(lab->edge);
	lab->edge = edge_new(&lab->conf);
	ck_assert_ptr_nonnull(lab->edge);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_REG, 0, true);
	tell_trunks(lab);
	tell_saved(lab);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0, true);
	tell_lost(lab);
	keep_homes(lab);
	settle(lab);
}

void
lab_registrar(struct lab *lab, bool up)
{
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_REG, 0, up);
	settle(lab);
}

void
lab_tell_saved(struct lab *lab)
{
	tell_saved(lab);
	settle(lab);
}

unsigned
lab_subs_saved(const struct lab *lab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 256; i++)
		n += lab->subs[i].id != 0;
	return n;
}

void
lab_call_end(struct lab *lab, uint64_t ticket, enum stop_why why)
{
	const struct ipc_call_end end = { .ticket = ticket,
		.why = (uint8_t)why };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_END, call_end, &end);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	settle(lab);
}

void
lab_sub_end(struct lab *lab, unsigned at, bool again)
{
	struct ipc_sub_end end = { lab->subs[at].id, again };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SUB_END, sub_end, &end);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	settle(lab);
}

void
lab_sub_restore(struct lab *lab, uint64_t id, struct span state)
{
	struct ipc_sub_restore r = { id, 600, 1, state };
	char mem[IPC_SUB_STATE_MAX + 64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SUB_RESTORE, sub_restore, &r);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	settle(lab);
}

unsigned
lab_saved(const struct lab *lab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 16; i++)
		n += lab->saves[i].ticket != 0;
	return n;
}

void
lab_second_relay(struct lab *lab)
{
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 1, true);
	settle(lab);
}

void
lab_relay(struct lab *lab, bool up)
{
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0, up);
	settle(lab);
}

void
lab_roc(struct lab *lab, const struct ipc_relay_roc *roc)
{
	struct ipc_relay_roc m = *roc;
	char mem[512];
	struct buf b;

	m.session = lab->session;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_ROC, relay_roc, &m);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

void
lab_digit(struct lab *lab, uint8_t end, uint8_t event)
{
	const struct ipc_relay_digit m = { .session = lab->session,
		.end = end, .event = event, .duration_ms = 120 };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_DIGIT, relay_digit, &m);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

void
lab_nominated(struct lab *lab, uint8_t end, const struct addr *rtp)
{
	const struct ipc_relay_nominated m = { .session = lab->session,
		.end = end, .rtp = *rtp };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_NOMINATED, relay_nominated, &m);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

static void
tell_learnt(struct lab *lab, uint8_t end, uint8_t what,
    const struct addr *from)
{
	struct ipc_relay_news news = { .session = lab->session,
		.end = end,
		.what = what,
		.addr = *from };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_NEWS, relay_news, &news);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

void
lab_learnt(struct lab *lab, uint8_t end, const struct addr *from)
{
	tell_learnt(lab, end, RELAY_LATCHED, from);
}

void
lab_learnt_rtcp(struct lab *lab, uint8_t end, const struct addr *from)
{
	tell_learnt(lab, end, RELAY_LATCHED_RTCP, from);
}

void
lab_silent(struct lab *lab, uint8_t end, bool silent)
{
	struct ipc_relay_news news = { .session = lab->session,
		.end = end,
		.what = silent ? RELAY_SILENT : RELAY_HEARD };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_NEWS, relay_news, &news);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

void
lab_reach(struct lab *lab, uint8_t end, enum media_heard heard)
{
	struct ipc_relay_reach reach = { .session = lab->session,
		.end = end,
		.heard = (uint8_t)heard,
		.way = lab->forwarded ? MEDIA_RANGE : MEDIA_PUNCHED,
		.range = lab->forwarded ? RANGE_OPEN : RANGE_UNKNOWN,
		.ssrc = lab->ssrc != 0 ? lab->ssrc : LAB_SSRC,
		.said = ip("203.0.113.1", 16384) };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_REACH, relay_reach, &reach);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

bool
lab_rtp(struct phone *p, uint16_t from, uint32_t ssrc)
{
	char packet[172] = { (char)0x80, 8, 0, (char)++p->lab->rtp_seq, 0, 0, 0, 1,
		(char)(ssrc >> 24), (char)(ssrc >> 16), (char)(ssrc >> 8),
		(char)ssrc };
	struct flow flow = { ZONE_EXTERNAL, TRANSPORT_UDP, 0, p->flow.remote,
		0 };
	uint64_t before = lab_count(p->lab, "malformed");

	flow.remote.port = from;
	edge_message(p->lab->edge, p->lab->now, p->lab->steps, &flow,
	    span_make(packet, sizeof(packet)));
	settle(p->lab);
	return lab_count(p->lab, "malformed") == before;
}

void
lab_quality(struct lab *lab, const struct ipc_relay_quality *m)
{
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_QUALITY, relay_quality, m);
	feed_frames(lab, ROLE_MEDIA, 0, buf_span(&b));
	settle(lab);
}

void
lab_free(struct lab *lab)
{
	edge_free(lab->edge);
	steps_free(lab->steps);
	free(lab);
}

static struct phone *
add_phone(struct lab *lab, const char *number)
{
	struct phone *p = &lab->phones[lab->n_phones++];

	ck_assert_uint_le(lab->n_phones, LAB_PHONES);
	snprintf(p->name_mem, sizeof(p->name_mem), "SIP-%s", number);
	p->name = p->name_mem;
	p->host = p->host_mem;
	p->lab = lab;
	p->number = number;
	p->flow.transport = TRANSPORT_UDP;
	return p;
}

struct phone *
lab_office(struct lab *lab, const char *number, uint8_t last)
{
	struct phone *p = add_phone(lab, number);

	snprintf(p->host_mem, sizeof(p->host_mem), "192.168.10.%u", last);
	p->port = 5060;
	p->flow.zone = ZONE_INTERNAL;
	p->flow.listener = 1;
	p->flow.remote = ip(p->host, 5060);
	return p;
}

struct phone *
lab_stranger(struct lab *lab, const char *number, uint8_t last)
{
	struct phone *p = add_phone(lab, number);
	char public[32];

	snprintf(p->host_mem, sizeof(p->host_mem), "10.77.0.%u", last);
	snprintf(public, sizeof(public), "198.51.100.%u", last);
	p->port = 5062;
	p->flow.zone = ZONE_EXTERNAL;
	p->flow.listener = 0;
	p->flow.remote = ip(public, 40000);
	return p;
}

struct phone *
lab_home(struct lab *lab, const char *number, uint8_t last)
{
	struct phone *p = lab_stranger(lab, number, last);
	struct ipc_flow_keep keep = { .flow = flow_to_ipc(&p->flow),
		.nated = 1,
		.expires_s = UINT32_MAX };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, FLOW_KEEP, flow_keep, &keep);
	feed_frames(lab, ROLE_REG, 0, buf_span(&b));
	settle(lab);
	return p;
}

void
phone_connect(struct phone *p)
{
	p->flow.transport = TRANSPORT_TCP;
	p->flow.listener = p->flow.zone == ZONE_EXTERNAL ? 2 : 3;
	p->flow.remote.port++;
	p->flow.conn = ++p->lab->n_conns;
	p->is_closed = false;
	ck_assert(edge_conn_up(p->lab->edge, &p->flow));
}

void
phone_connect_tls(struct phone *p, bool sips)
{
	p->flow.transport = TRANSPORT_TLS;
	p->flow.listener = p->flow.zone == ZONE_EXTERNAL ? 4 : 5;
	p->flow.remote.port++;
	p->flow.conn = ++p->lab->n_conns;
	p->is_closed = false;
	p->is_sips = sips;
	ck_assert(edge_conn_up(p->lab->edge, &p->flow));
}

void
phone_disconnect(struct phone *p)
{
	p->is_closed = true;
	edge_conn_down(p->lab->edge, p->lab->now, p->lab->steps, &p->flow);
	settle(p->lab);
}

void
phone_loses_frame(struct phone *p, const char *head)
{
	edge_conn_lost(p->lab->edge, p->lab->now, p->lab->steps, &p->flow,
	    span_str(head));
	settle(p->lab);
}

void
phone_is_back(struct phone *p, const char *contact)
{
	call_phone_registered(p->lab->edge, p->lab->now, p->lab->steps,
	    span_str(p->number), &p->flow, span_str(contact));
	call_phone_back(p->lab->edge, p->lab->now, p->lab->steps,
	    span_str(p->number), &p->flow, span_str(contact));
	subs_phone_back(p->lab->edge, p->lab->now, p->lab->steps,
	    span_str(p->number), &p->flow, span_str(contact));
	edge_tick(p->lab->edge, p->lab->now, p->lab->steps);
	settle(p->lab);
}

static void
stunmon_says(struct lab *lab, enum public_state state, const char *address)
{
	struct ipc_public_addr said = { 65535, (uint8_t)state,
		ip(address, 0) };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, PUBLIC_ADDR, public_addr, &said);
	feed_frames(lab, ROLE_STUN, 0, buf_span(&b));
	settle(lab);
}

void
lab_public(struct lab *lab, const char *public_ip)
{
	lab->public_ip = public_ip;
	lab->conf.public_addr = (struct addr){ 0 };
	stunmon_says(lab, PUBLIC_KNOWN, public_ip);
}

void
lab_stun_silent(struct lab *lab, const char *last)
{
	stunmon_says(lab, PUBLIC_OLD, last);
}

void
phone_registers(struct phone *p, const char *server)
{
	struct keep_who who = { .number = span_str(p->number) };

	if (server != NULL)
		who.server = ip(server, 0);
	keep_registered(p->lab->edge, p->lab->now, p->lab->steps, &p->flow, 60,
	    &who);
	edge_tick(p->lab->edge, p->lab->now, p->lab->steps);
	settle(p->lab);
}

void
phone_gone(struct phone *p)
{
	struct ipc_flow_gone gone = { flow_to_ipc(&p->flow), GONE_ENDED };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, FLOW_GONE, flow_gone, &gone);
	feed_frames(p->lab, ROLE_REG, 0, buf_span(&b));
	settle(p->lab);
}

void
phone_moved(struct phone *p, const struct flow *was)
{
	struct ipc_flow_moved moved = { flow_to_ipc(was),
		flow_to_ipc(&p->flow), span_str(p->number) };
	char mem[160];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, FLOW_MOVED, flow_moved, &moved);
	feed_frames(p->lab, ROLE_REG, 0, buf_span(&b));
	settle(p->lab);
}

void
lab_pass(struct lab *lab, uint64_t ms)
{
	struct mono end = mono_add_ms(lab->now, ms);

	for (;;) {
		struct mono due = edge_due(lab->edge);

		if (due.us == MONO_NEVER.us || mono_before(end, due))
			break;
		if (mono_before(lab->now, due))
			lab->now = due;
		edge_tick(lab->edge, lab->now, lab->steps);
		settle(lab);
	}
	lab->now = end;
}

unsigned
lab_pass_alive(struct lab *lab, uint64_t ms, struct phone *a, struct phone *b)
{
	struct phone *const who[] = { a, b };
	unsigned n = 0;

	for (uint64_t at = 0; at < ms; at += 1000) {
		lab_pass(lab, 1000);
		for (unsigned i = 0; i < 2; i++) {
			const char *msg;

			if (who[i]->head == who[i]->tail)
				continue;
			msg = phone_expect(who[i], "OPTIONS");
			n += msg != NULL;
			if (msg != NULL)
				phone_answer(who[i], msg, 200, "", NULL);
		}
	}
	return n;
}

uint64_t
lab_count(struct lab *lab, const char *member)
{
	char mem[12000], key[64];
	struct buf b;
	const char *at;

	buf_init(&b, mem, sizeof(mem) - 1);
	edge_status(lab->edge, lab->now, &b);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	snprintf(key, sizeof(key), "\"%s\":", member);
	at = strstr(mem, key);
	ck_assert_msg(at != NULL, "no %s in %s", member, mem);
	return strtoull(at + strlen(key), NULL, 10);
}

/* ---- phones ---- */

void
phone_send(struct phone *p, const char *fmt, ...)
{
	static char text[65536];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ck_assert_int_lt(len, (int)sizeof(text));
	if (getenv("LAB_TRACE") != NULL)
		printf("---- from %s at %llu ms\n%s\n", p->number,
		    (unsigned long long)p->lab->now.us / 1000, text);
	edge_message(p->lab->edge, p->lab->now, p->lab->steps, &p->flow,
	    span_make(text, (size_t)len));
	settle(p->lab);
}

const char *
phone_recv(struct phone *p)
{
	char *mem;

	if (p->head == p->tail)
		return NULL;
	if (p->tail - p->head > LAB_INBOX) /* the oldest are lost */
		p->head = p->tail - LAB_INBOX;
	mem = rotating();
	strcpy(mem, p->inbox[p->head++ % LAB_INBOX]);
	return mem;
}

const char *
phone_expect(struct phone *p, const char *begin)
{
	const char *msg;

	while ((msg = phone_recv(p)) != NULL)
		if (strncmp(msg, begin, strlen(begin)) == 0)
			return msg;
	return NULL;
}

const char *
hdr(const char *msg, const char *name)
{
	size_t len = strlen(name);
	const char *line = msg;
	char *mem = rotating();

	while ((line = strstr(line, "\r\n")) != NULL) {
		const char *end;

		line += 2;
		if (line[0] == '\r')
			break;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		while (*line == ' ')
			line++;
		end = strstr(line, "\r\n");
		memcpy(mem, line, (size_t)(end - line));
		mem[end - line] = '\0';
		return mem;
	}
	mem[0] = '\0';
	return mem;
}

const char *
body(const char *msg)
{
	const char *at = strstr(msg, "\r\n\r\n");

	return at == NULL ? "" : at + 4;
}

const char *
param(const char *value, const char *name)
{
	char key[64];
	const char *at;
	char *mem = rotating();
	size_t len;

	snprintf(key, sizeof(key), ";%s=", name);
	at = strstr(value, key);
	mem[0] = '\0';
	if (at == NULL)
		return mem;
	at += strlen(key);
	len = strcspn(at, ";, \r\n>");
	memcpy(mem, at, len);
	mem[len] = '\0';
	return mem;
}

const char *
ruri(const char *msg)
{
	char *mem = rotating();
	const char *at = strchr(msg, ' ') + 1;
	size_t len = strcspn(at, " ");

	memcpy(mem, at, len);
	mem[len] = '\0';
	return mem;
}

const char *
contact_uri(const char *msg)
{
	const char *c = hdr(msg, "Contact"), *at = strchr(c, '<');
	char *mem = rotating();
	size_t len;

	mem[0] = '\0';
	if (at == NULL)
		return mem;
	len = strcspn(at + 1, ">");
	memcpy(mem, at + 1, len);
	mem[len] = '\0';
	return mem;
}

const char *
sdp_of(const struct phone *p, uint16_t port, const char *direction)
{
	char *mem = rotating();

	snprintf(mem, LAB_TEXT,
	    "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
	    "m=audio %u RTP/AVP 8 0%s\r\na=rtpmap:8 PCMA/8000\r\n"
	    "a=rtpmap:0 PCMU/8000\r\n%s"
	    "%s%s%s",
	    p->host, p->host, port, p->no_events ? "" : " 101",
	    p->no_events ? "" : "a=rtpmap:101 telephone-event/8000\r\n",
	    direction ? "a=" : "",
	    direction ? direction : "", direction ? "\r\n" : "");
	return mem;
}

static const char *
allow_line(void)
{
	return "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, "
	       "PRACK, REFER, NOTIFY\r\nSupported: 100rel, timer, replaces\r\n";
}

static const char *
type_of(const struct phone *p)
{
	return p->type != NULL ? p->type : "application/sdp";
}

static void
send_invite(struct dlg *d, const char *number, const char *auth,
    const char *sdp, const char *extra)
{
	struct phone *p = d->phone;

	if (strchr(number, ':') != NULL)
		snprintf(d->target, sizeof(d->target), "%s", number);
	else
		snprintf(d->target, sizeof(d->target),
		    "%s:%s@sip.example.org", scheme(p), number);
	phone_send(p,
	    "INVITE %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%s-%u-%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
	    "CSeq: %u INVITE\r\nContact: <%s:%s@%s:%u;ob>\r\n"
	    "User-Agent: Office-PBX/9.9\r\n%s%s%s%s%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    d->target, p->host, p->port, p->number, d->cseq, ++d->branch,
	    d->local, d->remote, d->call_id, d->cseq, scheme(p), p->number,
	    p->host, p->port, p->can != NULL ? p->can : allow_line(), auth,
	    extra, sdp ? "Content-Type: " : "", sdp ? type_of(p) : "",
	    sdp ? "\r\n" : "",
	    sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static const char *
credentials(struct phone *p, const char *challenge, const char *uri)
{
	const char *at = strstr(challenge, "nonce=\"");
	char *mem = rotating();

	ck_assert_msg(at != NULL, "no nonce: %s", challenge);
	snprintf(mem, LAB_TEXT,
	    "Authorization: Digest username=\"%s\", realm=\"SMO-SIP\", "
	    "nonce=\"%.32s\", uri=\"%s\", "
	    "response=\"0123456789abcdef0123456789abcdef\", algorithm=MD5, "
	    "qop=auth, nc=00000001, cnonce=\"abc\"\r\n",
	    p->name, at + 7, uri);
	return mem;
}

void
dlg_call(struct dlg *d, struct phone *a, const char *number, const char *sdp,
    const char *extra)
{
	static unsigned serial;
	const char *answer;

	memset(d, 0, sizeof(*d));
	d->phone = a;
	d->cseq = 1;
	d->branch = ++serial * 1000;
	snprintf(d->call_id, sizeof(d->call_id), "call%u@%s", serial, a->host);
	snprintf(d->local, sizeof(d->local),
	    "\"My Phone\" <sip:%s@sip.example.org>;tag=f%u", a->number, serial);
	snprintf(d->remote, sizeof(d->remote),
	    strchr(number, ':') ? "<%s>" : "<sip:%s@sip.example.org>", number);
	send_invite(d, number, "", sdp, extra);
	answer = phone_expect(a, "SIP/2.0 401");
	ck_assert_msg(answer != NULL, "no challenge");
	dlg_ack(d, d->cseq, NULL);
	d->cseq++;
	send_invite(d, number,
	    credentials(a, hdr(answer, "WWW-Authenticate"), d->target), sdp,
	    extra);
}

void
dlg_from_invite(struct dlg *d, struct phone *p, const char *invite)
{
	memset(d, 0, sizeof(*d));
	d->phone = p;
	d->cseq = 5000;
	strcpy(d->call_id, hdr(invite, "Call-ID"));
	strcpy(d->local, hdr(invite, "To"));
	if (strstr(d->local, ";tag=") == NULL)
		snprintf(
		    d->local + strlen(d->local), 64, ";tag=t%s", p->number);
	strcpy(d->remote, hdr(invite, "From"));
	strcpy(d->target, contact_uri(invite));
}

void
dlg_learn(struct dlg *d, const char *answer)
{
	strcpy(d->remote, hdr(answer, "To"));
	if (contact_uri(answer)[0] != '\0')
		strcpy(d->target, contact_uri(answer));
}

void
dlg_send(struct dlg *d, const char *method, const char *type, const char *text,
    const char *extra)
{
	struct phone *p = d->phone;

	d->cseq++;
	phone_send(p,
	    "%s %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-d%s-%u-%s-%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
	    "CSeq: %u %s\r\nContact: <%s:%s@%s:%u;ob>\r\n"
	    "User-Agent: Office-PBX/9.9\r\n%s%s%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    method, d->target, p->host, p->port, p->number, d->cseq, d->call_id,
	    ++d->branch, d->local, d->remote, d->call_id, d->cseq, method,
	    scheme(p), p->number, p->host, p->port, extra, type ? "Content-Type: " : "",
	    type ? type : "", type ? "\r\n" : "", text ? strlen(text) : 0,
	    text ? text : "");
}

void
dlg_send_auth(struct dlg *d, const char *method, const char *challenge)
{
	const char *auth = credentials(
	    d->phone, hdr(challenge, "WWW-Authenticate"), d->target);
	bool invite = strcmp(method, "INVITE") == 0;

	dlg_send(d, method, invite ? "application/sdp" : NULL,
	    invite ? sdp_of(d->phone, 30000, NULL) : NULL, auth);
}

void
dlg_send_with(struct dlg *d, const char *method, const char *challenge,
    const char *extra)
{
	char lines[LAB_TEXT];

	snprintf(lines, sizeof(lines), "%s%s", extra,
	    credentials(
		d->phone, hdr(challenge, "WWW-Authenticate"), d->target));
	dlg_send(d, method, NULL, NULL, lines);
}

void
dlg_ack(struct dlg *d, unsigned cseq, const char *sdp)
{
	struct phone *p = d->phone;

	/* Without a tag it is the ACK of a refusal: same branch. */
	if (strstr(d->remote, ";tag=") == NULL) {
		phone_send(p,
		    "ACK %s SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%s-%u-%u;rport\r\n"
		    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s;tag=x\r\n"
		    "Call-ID: %s\r\nCSeq: %u ACK\r\nContent-Length: 0\r\n\r\n",
		    d->target, p->host, p->port, p->number, cseq, d->branch,
		    d->local, d->remote, d->call_id, cseq);
		return;
	}
	phone_send(p,
	    "ACK %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-a%s-%u-%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
	    "CSeq: %u ACK\r\nUser-Agent: Office-PBX/9.9\r\n%s%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    d->target, p->host, p->port, p->number, cseq, ++d->branch, d->local,
	    d->remote, d->call_id, cseq, sdp ? "Content-Type: " : "",
	    sdp ? type_of(p) : "", sdp ? "\r\n" : "",
	    sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static void
cancel(struct dlg *d, const char *inside)
{
	struct phone *p = d->phone;

	phone_send(p,
	    "CANCEL %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%s%s-%u-%s%s%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
	    "CSeq: %u CANCEL\r\nContent-Length: 0\r\n\r\n",
	    d->target, p->host, p->port, inside, p->number, d->cseq,
	    *inside != '\0' ? d->call_id : "",
	    *inside != '\0' ? "-" : "", d->branch, d->local,
	    d->remote, d->call_id, d->cseq);
}

void
dlg_cancel(struct dlg *d)
{
	cancel(d, "");
}

void
dlg_cancel_inside(struct dlg *d)
{
	cancel(d, "d");
}

void
phone_answer(struct phone *p, const char *msg, unsigned status, const char *tag,
    const char *sdp)
{
	const char *to = hdr(msg, "To");
	bool has_tag = strstr(to, ";tag=") != NULL || status == 100;

	phone_send(p,
	    "SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <%s:%s@%s:%u;ob>\r\n"
	    "Server: Office-PBX/9.9\r\n"
	    "Warning: 399 pbx.office.local \"hello\"\r\n%s%s%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, hdr(msg, "Via"), hdr(msg, "From"), to,
	    has_tag ? "" : ";tag=", has_tag ? "" : tag, hdr(msg, "Call-ID"),
	    hdr(msg, "CSeq"), scheme(p), p->number, p->host, p->port,
	    p->says != NULL ? p->says : "", sdp ? "Content-Type: " : "",
	    sdp ? type_of(p) : "", sdp ? "\r\n" : "",
	    sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

void
talk_begin(struct talk *t, struct phone *a, struct phone *b)
{
	const char *invite, *msg;

	t->lab = a->lab;
	dlg_call(&t->a, a, b->number, sdp_of(a, 30000, NULL), "");
	invite = phone_expect(b, "INVITE");
	ck_assert_msg(invite != NULL, "no INVITE");
	dlg_from_invite(&t->b, b, invite);
	phone_answer(b, invite, 180, strstr(t->b.local, ";tag=") + 5, NULL);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 180"));
	phone_answer(b, invite, 200, strstr(t->b.local, ";tag=") + 5,
	    sdp_of(b, 20000, NULL));
	msg = phone_expect(a, "SIP/2.0 200");
	ck_assert_msg(msg != NULL, "no 200");
	dlg_learn(&t->a, msg);
	dlg_ack(&t->a, t->a.cseq, NULL);
	ck_assert_msg(phone_expect(b, "ACK") != NULL, "no ACK");
}

const struct ipc_call_note *
lab_note(const struct lab *lab)
{
	ck_assert_uint_gt(lab->n_notes, 0);
	return &lab->notes[(lab->n_notes - 1) % 64];
}

const struct ipc_relay_set *
lab_set_of(const struct lab *lab, uint8_t end, uint8_t stream)
{
	for (unsigned i = lab->n_sets; i-- > 0;)
		if (lab->sets[i % 256].end == end &&
		    lab->sets[i % 256].stream == stream)
			return &lab->sets[i % 256];
	ck_abort_msg("no RELAY_SET for end %u, stream %u", end, stream);
}

const struct ipc_relay_set *
lab_set(const struct lab *lab, uint8_t end)
{
	return lab_set_of(lab, end, 0);
}

void
lab_expect_empty(struct lab *lab)
{
	ck_assert_uint_eq(lab_count(lab, "calls"), 0);
	ck_assert_uint_eq(lab_count(lab, "legs"), 0);
	ck_assert_uint_eq(lab_count(lab, "exchanges"), 0);
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
}

static void
ask(struct dlg *d, const char *method, const char *type, const char *text,
    const char *extra, const char *auth)
{
	struct phone *p = d->phone;

	phone_send(p,
	    "%s %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-q%s-%u-%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
	    "CSeq: %u %s\r\nContact: <sip:%s@%s:%u;ob>\r\n"
	    "User-Agent: Office-PBX/9.9\r\n%s%s%s%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    method, d->target, p->host, p->port, p->number, d->cseq,
	    ++d->branch, d->local, d->remote, d->call_id, d->cseq, method,
	    p->number, p->host, p->port, extra, auth,
	    type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "",
	    text ? strlen(text) : 0, text ? text : "");
}

const char *
dlg_ask(struct dlg *d, struct phone *p, const char *method,
    const char *number, const char *type, const char *text, const char *extra)
{
	static unsigned serial;
	const char *answer;

	memset(d, 0, sizeof(*d));
	d->phone = p;
	d->cseq = 1;
	d->branch = ++serial * 1000;
	snprintf(d->call_id, sizeof(d->call_id), "ask%u@%s", serial, p->host);
	snprintf(d->local, sizeof(d->local),
	    "\"My Phone\" <sip:%s@sip.example.org>;tag=q%u", p->number, serial);
	snprintf(
	    d->remote, sizeof(d->remote), "<sip:%s@sip.example.org>", number);
	snprintf(
	    d->target, sizeof(d->target), "sip:%s@sip.example.org", number);
	ask(d, method, type, text, extra, "");
	answer = phone_expect(p, "SIP/2.0");
	ck_assert_msg(answer != NULL, "no answer");
	if (strncmp(answer, "SIP/2.0 401", 11) != 0)
		return answer;
	d->cseq++;
	ask(d, method, type, text, extra,
	    credentials(p, hdr(answer, "WWW-Authenticate"), d->target));
	answer = phone_expect(p, "SIP/2.0");
	if (answer != NULL && strncmp(answer, "SIP/2.0 2", 9) == 0)
		dlg_learn(d, answer);
	return answer;
}
