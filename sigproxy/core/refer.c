#include <errno.h>

#include "common/codec/tel.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/creds.h"

bool
refer_is(enum sip_method method)
{
	return method == SIP_REFER || method == SIP_NOTIFY;
}

/* ---- Refer-To ---- */

/* What a Refer-To asks for; text lies in mem or in the message. */
struct refer_to {
	struct span number; /* unescaped */
	bool is_tel;
	bool has_replaces, has_require;
	struct sip_replaces replaces;
	struct buf text; /* on mem */
	char mem[1024];
	char user[URI_USER_MAX]; /* number may lie in it */
};

/* A number as RFC 3966 writes it, of our own plan. */
static int
read_tel(const struct edge *e, const struct uri *uri, struct refer_to *to)
{
	struct tel t;

	if (tel_parse(uri, &t) != 0 ||
	    tel_number(uri, to->user, &to->number) != 0)
		return -EBADMSG;
	to->is_tel = true;
	return t.context.len == 0 || t.context_is_number ||
			edge_is_our_host(e, t.context)
		   ? 0
		   : -EPERM;
}

static int
unescape(struct refer_to *to, struct span s, struct span *out)
{
	size_t begin = to->text.len;

	if (uri_unescape(s, &to->text) != 0)
		return -EBADMSG;
	*out = span_make(to->mem + begin, to->text.len - begin);
	return 0;
}

/* One `name=value` behind the '?': what it would put into the new request
 * is what the transferor may choose there, and that is Replaces alone. */
static int
read_uri_header(struct refer_to *to, struct span item)
{
	ptrdiff_t eq = span_find(item, '=');
	struct span name, value;

	if (eq < 0 || unescape(to, span_sub(item, 0, (size_t)eq), &name) ||
	    unescape(to, span_sub(item, (size_t)eq + 1, item.len), &value))
		return -EBADMSG;
	if (span_caseeq(name, SPAN_LIT("Require")) &&
	    span_caseeq(value, SPAN_LIT("replaces"))) {
		to->has_require = true;
		return 0;
	}
	if (!span_caseeq(name, SPAN_LIT("Replaces")))
		return -EPERM;
	if (to->has_replaces)
		return -EBADMSG;
	to->has_replaces = true;
	return sip_replaces_parse(value, &to->replaces);
}

static int
read_uri_headers(struct refer_to *to, struct span headers)
{
	int err = 0;

	while (headers.len > 0 && err == 0) {
		ptrdiff_t and = span_find(headers, '&');
		size_t n = and < 0 ? headers.len : (size_t)and;

		err = read_uri_header(to, span_sub(headers, 0, n));
		headers = n < headers.len
			      ? span_sub(headers, n + 1, headers.len)
			      : SPAN_NONE;
	}
	return err;
}

static const struct party *
other_party(const struct leg *leg)
{
	return leg->index == 0 ? &leg->call->called : &leg->call->caller;
}

/* The Contact of a third party, as the transferor's own phone knows it. */
static const struct party *
party_of_token(const struct edge *e, const struct leg *from, struct span user)
{
	const struct leg *leg = leg_find(e->calls, user);

	if (leg == NULL || leg->flow.zone != from->flow.zone ||
	    !span_eq(TEXT_SPAN(leg_party(leg)->number),
		TEXT_SPAN(leg_party(from)->number)))
		return NULL;
	return other_party(leg);
}

/* Who has the dialog that is to be replaced.  A phone that only rings would
 * refuse that (RFC 3891 3): it is to be called, as RFC 5589 7.3 has it. */
static const struct party *
party_of_dialog(
    const struct edge *e, const struct leg *from, struct refer_to *to)
{
	const struct leg *leg = replaces_find(e, &to->replaces, SPAN_NONE,
	    TEXT_SPAN(leg_party(from)->number));

	if (leg == NULL || leg->call == from->call)
		return NULL;
	if (leg->call->phase == CALL_INVITING && leg->index != 0)
		to->has_replaces = false;
	return leg_party(leg);
}

static int
read_sip(const struct edge *e, const struct leg *from, const struct uri *uri,
    struct refer_to *to)
{
	const struct party *party = NULL;
	struct span method;
	int err;

	if (uri_param(uri, "method", &method) &&
	    !uri_escaped_eq(method, SPAN_LIT("INVITE")))
		return -EPERM;
	err = read_uri_headers(to, uri->headers);
	if (err)
		return err;
	if (to->has_replaces)
		party = party_of_dialog(e, from, to);
	else if (uri->has_user)
		party = party_of_token(e, from, uri->user);
	if (party != NULL) {
		to->number = TEXT_SPAN(party->number);
		return 0;
	}
	if (to->has_replaces || !uri->has_user ||
	    !edge_is_our_host(e, uri->host))
		return -EPERM;
	return tel_number(uri, to->user, &to->number) ? -EBADMSG : 0;
}

static int
read_refer_to(const struct edge *e, const struct leg *from,
    const struct sip_msg *msg, struct refer_to *to)
{
	struct sip_nameaddr na;
	int err;

	memset(to, 0, sizeof(*to));
	buf_init(&to->text, to->mem, sizeof(to->mem));
	if (sip_nameaddr_parse(sip_value(msg, SIP_H_REFER_TO), &na) != 0)
		return -EBADMSG;
	switch (na.uri.scheme) {
	case URI_SIP:
	case URI_SIPS:
		err = read_sip(e, from, &na.uri, to);
		break;
	case URI_TEL:
		err = read_tel(e, &na.uri, to);
		break;
	default:
		return -EPERM;
	}
	if (err == 0 && (to->number.len == 0 ||
			    !creds_text_ok(to->number, URI_USER_MAX)))
		err = -EBADMSG;
	return err;
}

int
refer_number(const struct edge *e, const struct leg *from,
    const struct sip_msg *msg, char *mem, struct span *out)
{
	struct refer_to to;
	int err = read_refer_to(e, from, msg, &to);

	if (err)
		return err;
	memcpy(mem, to.number.p, to.number.len);
	*out = span_make(mem, to.number.len);
	return 0;
}

/* Everything that a URI's header value must not hold as it is. */
static void
put_escaped(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') ||
		    (c != '\0' && strchr("-_.!~*'()+", c) != NULL)) {
			buf_putc(b, c);
		} else {
			buf_putc(b, '%');
			buf_put_hex(b, &c, 1);
		}
	}
}

static void
put_replaces(const struct edge *e, struct buf *b, const struct refer_to *to)
{
	char mem[CALLID_MASKED_MAX + 256];
	struct buf id;

	buf_init(&id, mem, sizeof(mem));
	callid_put(&id, &e->calls->callid_key, to->replaces.call_id);
	if (buf_err(&id)) {
		b->err = buf_err(&id);
		return;
	}
	buf_puts(b, "?Replaces=");
	put_escaped(b, buf_span(&id));
	buf_puts(b, "%3Bto-tag%3D");
	put_escaped(b, to->replaces.to_tag);
	buf_puts(b, "%3Bfrom-tag%3D");
	put_escaped(b, to->replaces.from_tag);
	if (to->replaces.early_only)
		buf_puts(b, "%3Bearly-only");
	if (to->has_require)
		buf_puts(b, "&Require=replaces");
}

void
refer_put_by(const struct edge *e, struct buf *b, const struct party *by,
    const struct leg *to)
{
	if (by->withheld && leg_is_external(to))
		return;
	build_open(b, SIP_H_REFERRED_BY);
	headers_put_party(e, b, by);
	build_close(b);
}

/* Whose phone sends this REFER, and whether he is to be named. */
static struct party
referrer(const struct leg *from, const struct sip_msg *msg)
{
	struct party by = *leg_party(from);

	by.withheld |= headers_hide_sender(msg);
	return by;
}

static int
put_refer(const struct edge *e, struct buf *b, const struct exchange *ex,
    const struct sip_msg *msg)
{
	const struct party by = referrer(ex->from, msg);
	struct refer_to to;
	int err = read_refer_to(e, ex->from, msg, &to);

	if (err)
		return err;
	build_open(b, SIP_H_REFER_TO);
	buf_putc(b, '<');
	headers_put_uri(e, b, to.number);
	if (to.is_tel)
		buf_puts(b, ";user=phone");
	if (to.has_replaces)
		put_replaces(e, b, &to);
	buf_putc(b, '>');
	build_close(b);
	refer_put_by(e, b, &by, ex->to);
	return 0;
}

/* ---- NOTIFY ---- */

/* What the other phone of leg's call asked of leg's phone. */
static struct referral *
referral_of(const struct leg *leg)
{
	return &leg->call->referral[leg->index != 0];
}

unsigned
refer_notify_refusal(const struct leg *leg, const struct sip_msg *msg)
{
	struct sip_word event;

	if (sip_word_parse(sip_value(msg, SIP_H_EVENT), &event) != 0)
		return 400;
	if (!span_caseeq(event.word, SPAN_LIT("refer")))
		return 489;
	return referral_of(leg)->live == 0 ? 481 : 0;
}

/* A REFER's CSeq as its receiver knows it, as its sender does. */
static uint32_t
cseq_back(const struct referral *r, uint32_t id)
{
	int64_t back = (int64_t)id - r->to_cseq + r->from_cseq;

	return back > 0 && back <= INT32_MAX ? (uint32_t)back : r->from_cseq;
}

static int
put_event(struct buf *b, const struct leg *from, const struct sip_msg *msg)
{
	struct sip_word event;
	struct sip_param id;
	uint32_t cseq;
	int err;

	if (sip_word_parse(sip_value(msg, SIP_H_EVENT), &event) != 0)
		return -EBADMSG;
	err = sip_param_find(event.params, "id", &id);
	if (err == 0 && sip_delta_parse(id.value, &cseq) != 0)
		err = -EBADMSG;
	if (err == -EBADMSG)
		return err;
	build_open(b, SIP_H_EVENT);
	buf_puts(b, "refer");
	if (err == 0) {
		buf_puts(b, ";id=");
		buf_put_u64(b, cseq_back(referral_of(from), cseq));
	}
	build_close(b);
	if (msg->body.len > 0)
		build_hdr_str(b, SIP_H_CONTENT_TYPE,
		    "message/sipfrag;version=2.0");
	return 0;
}

/* The status of `SIP/2.0 486 Busy Here`, or 0. */
static unsigned
fragment_status(struct span body)
{
	static const struct span version = SPAN_LIT("SIP/2.0 ");
	unsigned status = 0;

	if (!span_starts(body, version))
		return 0;
	body = span_sub(body, version.len, body.len);
	if (body.len < 3 || (body.len > 3 && strchr(" \r\n", body.p[3]) == NULL))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (body.p[i] < '0' || body.p[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(body.p[i] - '0');
	}
	return status >= 100 && status < 700 ? status : 0;
}

int
refer_put_body(struct buf *b, const struct sip_msg *msg)
{
	unsigned status = fragment_status(msg->body);

	if (msg->body.len == 0 || msg->method == SIP_REFER)
		return 0;
	if (!sip_body_is(msg, "message", "sipfrag") ||
	    sip_has(msg, SIP_H_CONTENT_ENCODING))
		return -ENOTSUP;
	if (status == 0)
		return -EBADMSG;
	build_status_line(b, status, NULL);
	return buf_err(b);
}

int
refer_put_headers(const struct edge *e, struct buf *b,
    const struct exchange *ex, const struct sip_msg *msg)
{
	switch (msg->method) {
	case SIP_REFER:
		return put_refer(e, b, ex, msg);
	case SIP_NOTIFY:
		return put_event(b, ex->from, msg);
	default:
		return 0;
	}
}

/* ---- how it goes on ---- */

static void
log_turn(struct steps *st, const struct leg *by, const char *event)
{
	steps_log(st, STEP_INFO, event);
	steps_key_number(st, "call", by->call->ticket);
	steps_key_text(st, "by", TEXT_SPAN(leg_party(by)->number));
	steps_key_text(st, "of", TEXT_SPAN(other_party(by)->number));
}

void
refer_not_passed(const struct ctx *x, const struct leg *leg,
    const struct sip_msg *msg, unsigned status)
{
	if (msg->method != SIP_REFER ||
	    !edge_log_refusal(x->e, x->now, x->st, "transfer-not-passed"))
		return;
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "by", TEXT_SPAN(leg_party(leg)->number));
	steps_key_number(x->st, "status", status);
	steps_key_text(x->st, "refer_to",
	    span_sub(sip_value(msg, SIP_H_REFER_TO), 0, 200));
}

void
refer_away(
    const struct ctx *x, const struct leg *leg, const struct sip_msg *msg)
{
	struct sip_nameaddr na;

	if (sip_nameaddr_parse(sip_value(msg, SIP_H_REFER_TO), &na) == 0)
		away_note(x, leg->call, AWAY_REFER,
		    TEXT_SPAN(leg_party(leg)->number), &na.uri);
}

static void
on_notify(const struct ctx *x, struct leg *from, const struct sip_msg *msg)
{
	struct referral *r = referral_of(from);
	unsigned status = fragment_status(msg->body);
	struct leg *by = from->index == 0 ? from->call->callee
					  : from->call->leg[0];
	struct sip_word state;

	if (status >= 200) {
		log_turn(x->st, by, "transfer-result");
		steps_key_number(x->st, "status", status);
	}
	if (status >= 300)
		from->call->transferred = false;
	if (r->live > 0 &&
	    sip_word_parse(
		sip_value(msg, SIP_H_SUBSCRIPTION_STATE), &state) == 0 &&
	    span_caseeq(state.word, SPAN_LIT("terminated")))
		r->live--;
}

void
refer_sent(
    const struct ctx *x, struct exchange *ex, const struct sip_msg *msg)
{
	struct referral *r;

	if (msg->method == SIP_NOTIFY)
		on_notify(x, ex->from, msg);
	if (msg->method != SIP_REFER)
		return;
	/* Its NOTIFY may come before its 202 (RFC 3515 2.4.4). */
	r = referral_of(ex->to);
	r->live += r->live < REFER_LIVE_MAX;
	r->from_cseq = ex->from_cseq;
	r->to_cseq = ex->to_cseq;
}

static bool
is_remembered(const struct transfer *t, struct mono now)
{
	return t->at.us != 0 &&
	       !mono_due(mono_add_ms(t->at, REFER_MEMORY_MS), now);
}

/* A free place or the oldest one's; who has his share already gives up his
 * own oldest. */
static struct transfer *
place_for(struct calls *c, struct mono now, struct span by)
{
	struct transfer *oldest = &c->transfers[0], *his = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < REFER_MEMORY; i++) {
		struct transfer *t = &c->transfers[i];

		if (mono_before(t->at, oldest->at))
			oldest = t;
		if (!is_remembered(t, now) ||
		    !span_eq(TEXT_SPAN(t->by.number), by))
			continue;
		n++;
		if (his == NULL || mono_before(t->at, his->at))
			his = t;
	}
	return n >= REFER_MEMORY_EACH ? his : oldest;
}

static void
remember(const struct ctx *x, const struct leg *by, const struct sip_msg *msg,
    const struct refer_to *to)
{
	struct transfer *t = place_for(
	    x->e->calls, x->now, TEXT_SPAN(leg_party(by)->number));

	*t = (struct transfer){ .at = x->now,
		.ticket = by->call->ticket,
		.by = referrer(by, msg) };
	(void)TEXT_SET(&t->referred, TEXT_SPAN(other_party(by)->number));
	(void)TEXT_SET(&t->target, to->number);
}

static void
on_accepted(const struct ctx *x, const struct exchange *ex)
{
	struct leg *by = ex->from;
	struct refer_to to;
	struct sip_msg msg;

	by->call->transferred = true;
	log_turn(x->st, by, "transfer");
	if (ex->server == NULL || stxn_request(ex->server, &msg) != 0 ||
	    read_refer_to(x->e, by, &msg, &to) != 0)
		return;
	steps_key_text(x->st, "to", to.number);
	steps_key_number(x->st, "attended", to.has_replaces);
	remember(x, by, &msg, &to);
}

void
refer_answered(
    const struct ctx *x, struct exchange *ex, const struct sip_msg *answer)
{
	struct referral *r = referral_of(ex->to);
	bool accepted = answer != NULL && answer->status < 300;

	/* Refer-Sub: false, no NOTIFY will come (RFC 4488 4). */
	if (r->live > 0 &&
	    (!accepted ||
		span_caseeq(sip_value(answer, SIP_H_REFER_SUB),
		    SPAN_LIT("false"))))
		r->live--;
	if (accepted) {
		on_accepted(x, ex);
		return;
	}
	log_turn(x->st, ex->from, "transfer-refused");
	steps_key_number(x->st, "status", answer != NULL ? answer->status : 408);
}

static struct transfer *
find_transfer(
    struct calls *c, struct mono now, struct span caller, struct span called)
{
	for (unsigned i = 0; i < REFER_MEMORY; i++) {
		struct transfer *t = &c->transfers[i];

		if (is_remembered(t, now) &&
		    span_eq(TEXT_SPAN(t->referred), caller) &&
		    span_eq(TEXT_SPAN(t->target), called))
			return t;
	}
	return NULL;
}

bool
refer_is_asked(const struct ctx *x, struct span caller, struct span called)
{
	return find_transfer(x->e->calls, x->now, caller, called) != NULL;
}

void
refer_begun(const struct ctx *x, struct call *call)
{
	struct transfer *t = find_transfer(x->e->calls, x->now,
	    TEXT_SPAN(call->caller.number), TEXT_SPAN(call->called.number));

	if (t == NULL)
		return;
	call->referred_by = t->by;
	steps_log(x->st, STEP_INFO, "transfer-calls");
	steps_key_number(x->st, "call", call->ticket);
	steps_key_number(x->st, "after_call", t->ticket);
	steps_key_text(x->st, "by", TEXT_SPAN(t->by.number));
	*t = (struct transfer){ .ticket = 0 };
}
