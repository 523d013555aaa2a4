#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "common/codec/stun_serve.h"
#include "sigproxy/core/call.h"
#include "sigproxy/core/callid.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/consent.h"
#include "sigproxy/core/drops.h"
#include "sigproxy/core/lastseen.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/message.h"
#include "sigproxy/core/mwi.h"
#include "sigproxy/core/regclient.h"
#include "sigproxy/core/report.h"
#include "sigproxy/core/subs.h"
#include "sigproxy/core/sips.h"
#include "sigproxy/core/trunk_at.h"
#include "sigproxy/core/trunk_conn.h"
#include "sigproxy/core/trunk_ping.h"
#include "sigproxy/core/stund.h"
#include "sigproxy/core/trace.h"
#include "sigproxy/core/trunk_call.h"
#include "sigproxy/sip/build.h"

enum {
	DEFAULT_TRANSACTIONS = 32768,
	DEFAULT_CALLS = 4096,
	DEFAULT_FLOWS = 32768,
	DEFAULT_SUBS = 2048,
};

/* What we can do outside a call and in it, but for what only a call's other
 * phone may be able to (headers_ours()); nothing else is ever listed.  Short,
 * for a stranger's request allows an answer of a few bytes more only. */
/* What shell.c writes behind the last member of the status. */
#define STATUS_END 8

#define METHODS                                                         \
	"INVITE,ACK,CANCEL,BYE,OPTIONS,REGISTER,UPDATE,INFO,PRACK,"     \
	"MESSAGE,SUBSCRIBE,NOTIFY,PUBLISH"

static uint32_t
or_default(uint32_t n, uint32_t fallback)
{
	return n != 0 ? n : fallback;
}

static int
tables(struct edge *e)
{
	const struct edge_conf *c = e->conf;
	uint32_t transactions = or_default(c->max_transactions,
	    DEFAULT_TRANSACTIONS);
	uint32_t calls = or_default(c->max_calls, DEFAULT_CALLS);
	uint32_t subs = or_default(c->max_subs, DEFAULT_SUBS);
	uint32_t questions = transactions < AUTH_QUESTIONS_MAX ?
	    transactions : AUTH_QUESTIONS_MAX;
	uint32_t flows = or_default(c->max_flows, DEFAULT_FLOWS);
	uint8_t key[32];
	int err;

	err = timerq_init(&e->timers, txns_timers(transactions) +
	    auth_timers(questions) + calls_timers(calls) +
	    keep_timers(flows) +
	    subs_timers(subs) + messages_timers(MESSAGES_MAX) +
	    regclient_timers(REGC_MAX) + pings_timers() + tconns_timers());
	if (err)
		return err;
	secret_random(key, sizeof(key));
	err = txns_init(&e->txns, e, &e->timers, transactions, key);
	if (err)
		return err;
	e->guard = guard_new();
	e->drops = drops_new();
	e->auth = auth_new(&e->timers, questions);
	e->keep = keep_new(c, &e->timers, flows);
	e->conns = conns_new(c->max_conns);
	e->txns.conns = e->conns;
	e->lastseen = lastseen_new();
	e->calls = calls_new(calls);
	e->subs = subs_new(subs);
	e->mwi = mwi_new(MWI_BOXES_MAX);
	e->texts = messages_new(MESSAGES_MAX);
	e->regs = regclient_new(&e->timers, REGC_MAX);
	e->trunk_pings = pings_new(&e->timers);
	e->trunk_conns = tconns_new(&e->timers);
	e->trunks = trunks_new();
	e->trace = trace_new();
	return e->guard != NULL && e->drops != NULL && e->auth != NULL &&
	    e->keep != NULL &&
	    e->conns != NULL && e->lastseen != NULL && e->calls != NULL &&
	    e->subs != NULL && e->mwi != NULL && e->texts != NULL &&
	    e->regs != NULL && e->trunk_pings != NULL &&
	    e->trunk_conns != NULL && e->trunks != NULL &&
	    e->trace != NULL ? 0 : -ENOMEM;
}

struct edge *
edge_new(const struct edge_conf *conf)
{
	struct edge *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->conf = conf;
	if (tables(e) != 0) {
		edge_free(e);
		return NULL;
	}
	return e;
}

void
edge_free(struct edge *e)
{
	if (e == NULL)
		return;
	trace_free(e->trace);
	trunks_free(e->trunks);
	tconns_free(e->trunk_conns);
	pings_free(e->trunk_pings);
	regclient_free(e->regs);
	messages_free(e->texts);
	mwi_free(e->mwi);
	subs_free(e->subs);
	calls_free(e->calls);
	keep_free(e->keep);
	auth_free(e->auth);
	drops_free(e->drops);
	guard_free(e->guard);
	txns_clear(&e->txns);
	lastseen_free(e->lastseen);
	conns_free(e->conns);
	timerq_clear(&e->timers);
	free(e);
}

/* ---- requests ---- */

static void
on_ack(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct stxn *s = stxn_find(&e->txns, in->msg, in->from);

	/* With the INVITE's branch it ends a refusal; some phones use that
	 * branch for the ACK to a 2xx too. */
	if (s != NULL && s->state != STXN_ACCEPTED)
		stxn_again(&e->txns, now, st, s, in->msg);
	else if (in->msg->to.tag.len > 0)
		call_in_dialog(e, now, st, in);
}

static void
on_cancel(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct stxn *s = stxn_of_cancel(&e->txns, in->msg, in->from);

	if (s != NULL && flow_eq(&s->from, in->from))
		stxn_cancel(&e->txns, now, st, s, in->msg, in->from);
	else
		edge_refuse_status(e, now, st, in, 481);
}

/* What is ours, or what the other phone is asked for as well; 100rel is for
 * INVITE only (RFC 3262 3). */
static bool
is_built(const struct sip_msg *m, enum sip_hdr_id id, struct span tag)
{
	return id == SIP_H_REQUIRE &&
	    (span_caseeq(tag, SPAN_LIT("timer")) ||
		span_caseeq(tag, SPAN_LIT("replaces")) ||
		(m->method == SIP_INVITE &&
		    span_caseeq(tag, SPAN_LIT("100rel"))) ||
		(m->method == SIP_REFER &&
		    span_caseeq(tag, SPAN_LIT("norefersub"))));
}

/* Option tags that are not built, as an Unsupported header (8.2.2.3). */
static bool
put_unsupported(const struct sip_msg *m, struct buf *b)
{
	static const enum sip_hdr_id where[] = { SIP_H_REQUIRE,
		SIP_H_PROXY_REQUIRE };
	bool any = false;
	struct span tag;

	for (size_t i = 0; i < 2; i++) {
		struct sip_values it = sip_values(m, where[i]);

		while (sip_values_next(&it, &tag) == 0) {
			if (is_built(m, where[i], tag))
				continue;
			if (!any)
				build_open(b, SIP_H_UNSUPPORTED);
			else
				buf_puts(b, ", ");
			build_value(b, tag);
			any = true;
		}
	}
	if (any)
		build_close(b);
	return any;
}

static bool
refuse_extensions(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = { .status = 420 };
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (!put_unsupported(in->msg, &b))
		return false;
	r.headers = buf_err(&b) ? SPAN_NONE : buf_span(&b);
	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
	return true;
}

static void
refuse_method(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = {
		.status = in->msg->method == SIP_OTHER ? 501 : 405,
		.optional = SPAN_LIT("Allow: " METHODS "\r\n"),
	};

	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

static void
on_options(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = {
		.status = 200,
		.optional = SPAN_LIT("Allow: " METHODS "\r\n"
				     "Allow-Events: " SUBS_EVENTS "\r\n"
				     "Accept: application/sdp\r\n"
				     "Supported: timer, 100rel\r\n"),
	};

	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

static void
refuse_name(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = { .status = 404 };

	if (!edge_may_answer(e, now, in))
		return;
	if (edge_log_refusal(e, now, st, "not-our-name")) {
		steps_key_text(st, "uri", in->msg->ruri.all);
		steps_key_addr(st, "from", &in->from->remote);
	}
	edge_answer(e, now, st, in, &r);
}

static void
on_in_dialog(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	if (in->msg->method == SIP_SUBSCRIBE) {
		subs_in_dialog(e, now, st, in);
		return;
	}
	switch (call_in_dialog(e, now, st, in)) {
	case CALL_TAKEN:
		break;
	case CALL_NONE:
		edge_refuse_status(e, now, st, in, 481);
		break;
	case CALL_STRANGER:
		auth_require(e, now, st, in, AUTH_OTHER);
		break;
	}
}

/* An INVITE from a trunk: nobody asks it for a password. */
static void
on_trunk_call(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, struct trunk *t)
{
	struct reply full = { .status = 503,
		.headers = SPAN_LIT("Retry-After: 10\r\n") };

	if (stxn_is_merged(&e->txns, in->msg, in->from)) {
		edge_refuse_status(e, now, st, in, 482);
	} else if (trunk_has_room(e->calls, t)) {
		auth_trunk(e, now, st, in);
	} else {
		t->refused++;
		if (edge_may_answer(e, now, in))
			edge_answer(e, now, st, in, &full);
	}
}

static void
on_new(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct trunk *t = trunk_of(e->trunks, in->from);

	if (t != NULL && in->msg->method == SIP_INVITE) {
		on_trunk_call(e, now, st, in, t);
		return;
	}
	if (t == NULL && !edge_may_mean_us(e, in->msg, in->from)) {
		refuse_name(e, now, st, in);
		return;
	}
	switch (in->msg->method) {
	case SIP_REGISTER:
		auth_require(e, now, st, in, AUTH_REGISTER);
		break;
	case SIP_INVITE:
		if (stxn_is_merged(&e->txns, in->msg, in->from))
			edge_refuse_status(e, now, st, in, 482);
		else
			auth_require(e, now, st, in, AUTH_CALL);
		break;
	case SIP_OPTIONS:
		on_options(e, now, st, in);
		break;
	case SIP_MESSAGE:
		auth_require(e, now, st, in, AUTH_CALL);
		break;
	case SIP_SUBSCRIBE:
		subs_request(e, now, st, in);
		break;
	case SIP_NOTIFY:
		if (report_is(in->msg))
			auth_require(e, now, st, in, AUTH_OTHER);
		else
			mwi_request(e, now, st, in);
		break;
	case SIP_PUBLISH:
		report_publish(e, now, st, in);
		break;
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_PRACK:
		edge_refuse_status(e, now, st, in, 481);
		break;
	case SIP_REFER: /* only inside a call */
		edge_refuse_status(e, now, st, in, 403);
		break;
	default:
		refuse_method(e, now, st, in);
		break;
	}
}

static void
on_request(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	const struct sip_msg *m = in->msg;
	struct stxn *s;

	if (m->method == SIP_ACK) {
		on_ack(e, now, st, in);
		return;
	}
	if (m->method == SIP_CANCEL) {
		on_cancel(e, now, st, in);
		return;
	}
	s = stxn_find(&e->txns, m, in->from);
	if (s != NULL)
		stxn_again(&e->txns, now, st, s, m);
	else if (m->max_forwards == 0 && m->method != SIP_REGISTER &&
	    m->method != SIP_OPTIONS)
		edge_refuse_status(e, now, st, in, 483);
	/* Of a call registrar-db says first whether it is one for help. */
	else if (!sips_may_come(m, in->from) &&
	    (m->method != SIP_INVITE || m->to.tag.len > 0))
		edge_refuse_status(e, now, st, in, 416);
	else if (refuse_extensions(e, now, st, in))
		return;
	/* The other side of a dialog of RFC 2543 may have no tag. */
	else if (m->method == SIP_BYE ||
	    (m->to.tag.len > 0 && m->method != SIP_REGISTER))
		on_in_dialog(e, now, st, in);
	else
		on_new(e, now, st, in);
}

static void
on_malformed(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = {
		.status = in->msg->refuse_status,
		.reason = in->msg->refuse_why,
	};

	edge_log_malformed(e, now, st, in);
	if (r.status != 400)
		r.reason = NULL;
	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

/* What follows from an event, besides its answer. */
static void
settle(struct edge *e, struct mono now, struct steps *st)
{
	calls_save(e, now, st);
	mwi_settle(e, now, st);
	subs_settle(e, now, st);
}

static bool
knows_calls(const struct edge *e)
{
	return !e->conf->wait_for_restore || e->is_restored;
}

static void
note_intruder(struct edge *e, const struct flow *from)
{
	e->silenced++;
	e->internal_from_outside++;
	e->internal_from = from->remote;
}

bool
edge_hears(struct edge *e, struct mono now, const struct flow *from)
{
	if (from->zone != ZONE_EXTERNAL ||
	    !drops_has(e->drops, now, &from->remote) ||
	    keep_knows(e->keep, &from->remote) ||
	    trunk_of(e->trunks, from) != NULL)
		return true;
	e->dropped++;
	return false;
}

/* RFC 7983 7: an answer of a STUN server, which may lie beside a guesser. */
static bool
is_stun_answer(const struct flow *from, struct span bytes)
{
	return from->transport == TRANSPORT_UDP && bytes.len > 0 &&
	    (uint8_t)bytes.p[0] <= 3 && !stun_is_request(bytes);
}

void
edge_message(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span bytes)
{
	struct edge_in in = { &e->in, bytes, from };
	int err;

	e->messages++;
	/* The internal listeners are for the office's own networks only. */
	if (from->zone == ZONE_INTERNAL && !edge_is_lan(e, &from->remote)) {
		note_intruder(e, from);
		return;
	}
	if (!is_stun_answer(from, bytes) && !edge_hears(e, now, from))
		return;
	keep_stir(e->keep, now, from);
	if (from->transport == TRANSPORT_UDP &&
	    stund_takes(e, now, st, from, bytes))
		return;
	if (!knows_calls(e)) {
		e->too_early++;
		return;
	}
	err = sip_parse(bytes, from->transport == TRANSPORT_UDP ?
		SIP_DATAGRAM : SIP_STREAM, &e->in, NULL);
	if (err == 0 || err == -EPROTO)
		keep_look(e, st, from, &e->in, bytes);
	if (err == -EPROTO)
		on_malformed(e, now, st, &in);
	else if (err == -EBADMSG)
		edge_log_malformed(e, now, st, &in);
	if (err)
		return;
	in.raw = e->in.bytes;
	if (trace_is_on(e))
		trace_came(e, now, st, from, &e->in);
	if (e->in.is_request)
		on_request(e, now, st, &in);
	else if (!ctxn_response(&e->txns, now, st, &e->in, from) &&
	    !keep_answer(e, now, st, from, &e->in))
		call_late_answer(e, now, st, &e->in, from);
	settle(e, now, st);
}

bool
edge_is_traced(const struct edge *e)
{
	return trace_is_on(e);
}

void
edge_sent(struct edge *e, struct mono now, struct steps *st,
    const struct flow *to, struct span bytes)
{
	trace_sent(e, now, st, to, bytes);
}

/* ---- connections ---- */

bool
edge_is_ready(const struct edge *e)
{
	return knows_calls(e) && auth_can_challenge(e->auth) &&
	       keep_is_addressed(e);
}

bool
edge_conn_up(struct edge *e, const struct flow *flow)
{
	if (flow->zone == ZONE_INTERNAL && !edge_is_lan(e, &flow->remote)) {
		note_intruder(e, flow);
		return false;
	}
	return conns_add(e->conns, flow);
}

void
edge_conn_down(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow)
{
	bool was_asked = conns_is_asked(e->conns, flow);
	bool was_proven = conns_is_proven(e->conns, flow);

	conns_del(e->conns, flow);
	tconns_closed(e, now, st, flow);
	keep_closed(e, now, st, flow);
	/* Neither search is worth it for a stranger's. */
	if (was_asked)
		ctxn_flow_closed(&e->txns, now, flow);
	if (was_proven)
		call_flow_closed(e, now, st, flow);
	/* One that the trunk had made: ours serve as well. */
	if (was_proven && trunk_id_of(e, flow) != 0)
		tconns_claim(e, now, st);
	settle(e, now, st);
}

bool
edge_conn_carries(const struct edge *e, const struct flow *flow)
{
	return keep_has(e->keep, flow) || tconns_has(e, flow) ||
	    (conns_is_proven(e->conns, flow) && call_has_flow(e->calls, flow));
}

void
edge_conn_lost(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span head)
{
	struct edge_in in = { &e->in, head, from };
	struct reply r = { .status = 400, .reason = "Missing Content-Length" };
	struct sip_msg *m = &e->in;
	int err = sip_parse(head, SIP_DATAGRAM, m, NULL);

	edge_log_malformed(e, now, st, &in);
	if (!knows_calls(e) || (err != 0 && err != -EPROTO) ||
	    !m->is_request)
		return;
	in.raw = m->bytes;
	if (m->has_content_length && !m->framing_lost)
		r = (struct reply){ .status = 513 };
	else if (err == -EPROTO)
		r.reason = m->refuse_why;
	if (edge_may_answer(e, now, &in))
		edge_answer(e, now, st, &in, &r);
}

static void
key_if_any(struct steps *st, const char *key, struct span text)
{
	if (text.len > 0)
		steps_key_text(st, key, text);
}

void
edge_tls_refused(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, const struct edge_tls_refusal *r)
{
	const struct seen *d = lastseen_find(e->lastseen, &from->remote);

	handshakes_note(&e->handshakes, &from->remote, r->event, d == NULL ?
	    SPAN_NONE : span_make(d->number, d->n_number), now);
	if (!edge_log_refusal(e, now, st, r->event))
		return;
	steps_key_addr(st, "from", &from->remote);
	key_if_any(st, "offered", r->versions);
	if (r->n_ciphers > 0)
		steps_key_number(st, "ciphers", r->n_ciphers);
	key_if_any(st, "first_ciphers", r->ciphers);
	if (d != NULL) {
		key_if_any(st, "last_registered", span_make(d->number,
			d->n_number));
		key_if_any(st, "device", span_make(d->agent, d->n_agent));
	}
	steps_key_text(st, "remedy", span_str(r->advice));
}

/* ---- peers, timers, status ---- */

/* n bytes of a key of its own for each purpose. */
static void
derive(uint8_t *out, size_t n, const uint8_t *key, const char *purpose)
{
	crypto_generichash(out, n, (const uint8_t *)purpose, strlen(purpose),
	    key, IPC_KEY_LEN);
}

/* Once, before the first message: what was made with another key would not
 * be found again. */
static int
on_sig_keys(struct edge *e, struct span payload)
{
	uint8_t callid_key[CALLID_KEY_LEN], token_key[32];
	struct ipc_sig_keys keys;
	int err = get_sig_keys(payload, &keys);

	if (err || e->is_keyed)
		return err;
	e->is_keyed = true;
	derive(e->txns.key, sizeof(e->txns.key), keys.key, "transactions");
	derive(callid_key, sizeof(callid_key), keys.key, "call-ids");
	calls_set_key(e->calls, callid_key, sizeof(callid_key));
	derive(token_key, sizeof(token_key), keys.key, "registrations");
	regclient_set_key(e->regs, token_key, sizeof(token_key));
	secret_wipe(&keys, sizeof(keys));
	secret_wipe(callid_key, sizeof(callid_key));
	secret_wipe(token_key, sizeof(token_key));
	return 0;
}

static int
on_trunks(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	int err = trunks_frame(e, st, type, payload);

	if (err == 0 && type == IPC_TRUNKS) {
		trunks_recall(e, now, st);
		tconns_follow(e, now, st);
		pings_follow(e, now);
	}
	return err;
}

static int
frame(struct edge *e, struct mono now, struct steps *st, uint8_t instance,
    uint16_t type, struct span payload)
{
	switch (type) {
	case IPC_SIG_KEYS:
		return on_sig_keys(e, payload);
	case IPC_TRACE_RULES:
		return trace_frame(e, now, st, payload);
	case IPC_DROP_LIST:
		return drops_frame(e->drops, now, payload);
	case IPC_SUB_RESTORE:
	case IPC_SUB_END:
		return subs_frame(e, now, st, type, payload);
	case IPC_MWI_RESTORE:
		return mwi_frame(e, now, st, payload);
	case IPC_CALL_RESTORE:
	case IPC_CALL_RESTORED:
		return restore_frame(e, now, st, type, payload);
	case IPC_TRUNK:
	case IPC_TRUNKS:
		return on_trunks(e, now, st, type, payload);
	case IPC_TRUNK_AUTH_SAY:
		return trunk_auth_frame(e, now, st, payload);
	case IPC_TRUNK_AT:
		return trunk_at_frame(e, now, st, payload);
	case IPC_TRUNK_CONN:
		return edge_trunk_dialled(e, now, st, payload, false, NULL);
	case IPC_ACCOUNT_WANT:
	case IPC_ACCOUNT_SAY:
		return regclient_frame(e, now, st, type, payload);
	case IPC_DIVERT_SAY:
		return call_divert_frame(e, now, st, payload);
	case IPC_REFER_SAY:
	case IPC_CALL_END:
		return consent_frame(e, now, st, type, payload);
	case IPC_FLOW_KEEP:
	case IPC_FLOW_GONE:
	case IPC_FLOW_MOVED:
	case IPC_HOME_PACE:
	case IPC_PHONE_LOST:
	case IPC_STUN_SEND:
	case IPC_PUBLIC_ADDR:
	case IPC_STUN_TEST:
	case IPC_PORT_OPEN:
		return keep_frame(e, now, st, type, payload);
	case IPC_RELAY_SAY:
	case IPC_RELAY_STATS:
	case IPC_RELAY_NEWS:
	case IPC_RELAY_REACH:
	case IPC_RELAY_QUALITY:
	case IPC_RELAY_ROC:
	case IPC_RELAY_NOMINATED:
	case IPC_RELAY_DIGIT:
		return call_frame(e, now, st, instance, type, payload);
	default:
		return auth_frame(e, now, st, type, payload);
	}
}

int
edge_frame(struct edge *e, struct mono now, struct steps *st,
    enum ipc_role role, uint8_t instance, uint16_t type, struct span payload)
{
	int err;

	if (ipc_permit(type, role, ROLE_SIG, payload.len) != 0)
		return -EPROTO;
	err = frame(e, now, st, instance, type, payload);
	settle(e, now, st);
	return err;
}

void
edge_peer(struct edge *e, struct mono now, struct steps *st,
    enum ipc_role role, uint8_t instance, bool up)
{
	switch (role) {
	case ROLE_REG:
		e->reg_up = up;
		auth_peer(e, now, st, up);
		regclient_peer(e, now, up);
		if (up) {
			keep_await_address(e, now);
			calls_save_all(e, now, st);
			missing_tell_all(e, now, st);
			subs_save_all(e);
			mwi_save_all(e);
		}
		break;
	case ROLE_STUN:
		e->stun_up = up;
		tconns_peer(e, now, up);
		if (up)
			keep_stun_up(e, now, st);
		break;
	case ROLE_MEDIA:
		if (instance < STEPS_RELAYS_MAX)
			call_relay_peer(e, now, st, instance, up);
		break;
	case ROLE_TRACE:
		trace_peer(e, up);
		break;
	default:
		break;
	}
	settle(e, now, st);
}

struct mono
edge_due(const struct edge *e)
{
	return timerq_next(&e->timers);
}

static void
due(struct edge *e, struct mono now, struct steps *st, struct timer *t)
{
	switch (t->kind) {
	case TIMER_STXN_RESEND:
	case TIMER_STXN_END:
		stxn_due(&e->txns, now, st, t);
		break;
	case TIMER_CTXN_RESEND:
	case TIMER_CTXN_END:
		ctxn_due(&e->txns, now, st, t);
		break;
	case TIMER_AUTH:
	case TIMER_NONCES:
		auth_due(e, now, st, t);
		break;
	case TIMER_MISSING:
		missing_due(e, now, st);
		break;
	case TIMER_ADDRESS:
		keep_address_due(e, st);
		break;
	case TIMER_KEEP:
		keep_due(e, now, st, t);
		break;
	case TIMER_SUB:
	case TIMER_SUBS:
		subs_due(e, now, st, t);
		break;
	case TIMER_TCONN:
		tconn_due(e, now, st, t);
		break;
	case TIMER_PING:
		ping_due(e, now, st, t);
		break;
	case TIMER_REGC:
		regclient_due(e, now, st, t);
		break;
	case TIMER_MESSAGE:
		message_due(e, now, st, t);
		break;
	default:
		call_due(e, now, st, t);
		break;
	}
}

/* Leave the rest for the next turn: what is queued must go out first. */
static bool
is_crowded(const struct steps *st)
{
	return st->n > STEPS_MAX / 2 || st->mem_len > STEPS_BYTES / 2 ||
	    st->reg.len > st->reg.cap / 2 ||
	    st->trace.len > st->trace.cap / 2;
}

void
edge_tick(struct edge *e, struct mono now, struct steps *st)
{
	struct timer *t;

	while (!is_crowded(st) && (t = timerq_pop(&e->timers, now)) != NULL)
		due(e, now, st, t);
	settle(e, now, st);
}

static void
put_count(struct buf *b, const char *name, uint64_t n)
{
	buf_fmt(b, "\"%s\":%llu,", name, (unsigned long long)n);
}

static void
put_intruder(const struct edge *e, struct buf *b)
{
	put_count(b, "internal_from_outside", e->internal_from_outside);
	if (e->internal_from_outside == 0)
		return;
	buf_puts(b, "\"internal_from\":\"");
	addr_put_ip(b, &e->internal_from);
	buf_puts(b, "\",");
}

void
edge_status_tls(const struct edge *e, struct mono now, struct buf *json)
{
	handshakes_status(&e->handshakes, now, STATUS_END, json);
}

void
edge_status(const struct edge *e, struct mono now, struct buf *json)
{
	buf_putc(json, '{');
	put_count(json, "messages", e->messages);
	put_count(json, "malformed", e->malformed);
	put_count(json, "silenced", e->silenced);
	put_count(json, "dropped", e->dropped);
	put_count(json, "drops", drops_count(e->drops));
	put_intruder(e, json);
	put_count(json, "too_early", e->too_early);
	put_count(json, "pings", e->pings);
	put_count(json, "stun_answered", e->stun_answered);
	put_count(json, "refused", e->refused);
	put_count(json, "server_transactions", e->txns.servers.used);
	put_count(json, "client_transactions", e->txns.clients.used);
	put_count(json, "transactions_full", e->txns.full);
	put_count(json, "absorbed", e->txns.absorbed);
	put_count(json, "connections", conns_count(e->conns));
	auth_status(e->auth, json);
	buf_putc(json, ',');
	keep_status(e->keep, now, json);
	buf_putc(json, ',');
	call_status(e, now, json);
	buf_putc(json, ',');
	subs_status(e->subs, json);
	buf_putc(json, ',');
	mwi_status(e->mwi, json);
	buf_putc(json, ',');
	messages_status(e->texts, json);
	buf_putc(json, ',');
	trace_status(e, json);
	buf_putc(json, ',');
	trunks_status(e, now, json);
	buf_putc(json, ',');
	regclient_status(e->regs, now, json);
	buf_putc(json, ',');
	pings_status(e, now, json);
	buf_putc(json, ',');
	tconns_status(e, json);
	if (e->public_ip.family != ADDR_NONE) {
		buf_puts(json, ",\"public_address\":\"");
		addr_put_ip(json, &e->public_ip);
		buf_putc(json, '"');
	}
	buf_putc(json, '}');
}
