#include <errno.h>

#include "sigproxy/core/call.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/lastseen.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/outbound.h"
#include "sigproxy/core/registrar.h"
#include "sigproxy/core/sips.h"
#include "sigproxy/core/subs.h"
#include "sigproxy/sip/build.h"

/* What a Contact without expires, in a REGISTER without Expires, asks for;
 * registrar-db has the last word (10.3 step 7: "locally configured"). */
#define EXPIRES_S 3600

/* Behind a NAT: the phone does not know the address it is seen with. */
static bool
is_nated(const struct sip_msg *m, const struct flow *from)
{
	struct addr said = m->via.ip;

	if (from->zone != ZONE_EXTERNAL)
		return false;
	said.port = m->via.port != 0 ? m->via.port : 5060;
	return !addr_eq(&said, &from->remote);
}

static uint32_t
expires_header(const struct sip_msg *m)
{
	struct span value = sip_value(m, SIP_H_EXPIRES);
	uint32_t s;

	/* 20.19: a malformed value counts as 3600. */
	if (value.len == 0 || sip_delta_parse(value, &s) != 0)
		return EXPIRES_S;
	return s;
}

static int
fill_contact(const struct sip_contact *c, uint32_t expires_s,
    bool with_reg_id, struct ipc_contact *out)
{
	out->uri = c->na.uri.all;
	out->expires_s = c->has_expires ? c->expires_s : expires_s;
	out->q_permille = c->q_milli == SIP_Q_NONE ? 1000 : c->q_milli;
	out->instance = c->instance;
	out->ice = c->has_ice;
	if (out->uri.len == 0 || !creds_text_ok(out->uri, 512))
		return -EBADMSG;
	/* An instance that cannot be kept is as good as none. */
	if (!creds_text_ok(out->instance, 128))
		out->instance = SPAN_NONE;
	/* RFC 5626 6: without an instance it means nothing. */
	out->reg_id = with_reg_id && c->has_reg_id && out->instance.len > 0 ?
	    c->reg_id : 0;
	return 0;
}

static int
fill_contacts(const struct sip_msg *m, struct ipc_reg_ask *out)
{
	struct sip_values it = sip_values(m, SIP_H_CONTACT);
	uint32_t expires_s = expires_header(m);
	bool with_reg_id = outbound_is_meant(m);
	struct sip_contact c;
	struct span value;
	unsigned seen = 0;
	int err;

	while ((err = sip_values_next(&it, &value)) == 0) {
		if (sip_contact_parse(value, &c) != 0)
			return -EBADMSG;
		seen++;
		if (c.is_star) {
			out->star = 1;
			continue;
		}
		if (out->n_contacts == IPC_CONTACTS_MAX)
			return -E2BIG;
		err = fill_contact(&c, expires_s, with_reg_id,
		    &out->contacts[out->n_contacts++]);
		if (err)
			return err;
	}
	if (err != -ENOENT)
		return -EBADMSG;
	/* 10.3 step 6: `*` stands alone and with Expires: 0. */
	if (out->star && (seen != 1 || expires_s != 0))
		return -EBADMSG;
	return 0;
}

/* It would be called by the flow it registers on: with a sips: Contact that
 * has to be TLS (RFC 5630 3.1.3). */
static bool
may_register(const struct flow *from, const struct ipc_reg_ask *ask)
{
	for (unsigned i = 0; i < ask->n_contacts; i++) {
		if (from->transport != TRANSPORT_TLS &&
		    sips_is(ask->contacts[i].uri))
			return false;
	}
	return true;
}

int
registrar_ask(const struct sip_msg *m, const struct flow *from,
    char mem[URI_USER_MAX], struct ipc_reg_ask *out)
{
	struct span agent = sip_value(m, SIP_H_USER_AGENT);
	int err;

	if (uri_user_unescape(&m->to.uri, mem, &out->aor_user) != 0 ||
	    !creds_text_ok(out->aor_user, 64) ||
	    !creds_text_ok(m->call_id, 256))
		return -EBADMSG;
	out->call_id = m->call_id;
	out->cseq = m->cseq.number;
	out->nated = is_nated(m, from);
	agent = span_sub(agent, 0, 128);
	out->user_agent = creds_text_ok(agent, 128) ? agent : SPAN_NONE;
	err = fill_contacts(m, out);
	return err == 0 && !may_register(from, out) ? -EBADMSG : err;
}

static bool
asked_for(const struct ipc_reg_ask *ask, struct span uri)
{
	for (unsigned i = 0; i < ask->n_contacts; i++) {
		if (span_eq(ask->contacts[i].uri, uri))
			return true;
	}
	return false;
}

/* 10.3 step 8 lists all bindings; but a phone at home is not told the
 * addresses of those in the office, nor any address that is not public. */
static bool
may_show(const struct stxn *s, const struct ipc_reg_ask *ask,
    const struct ipc_binding *one)
{
	struct uri uri;

	return s->from.zone == ZONE_INTERNAL || asked_for(ask, one->uri) ||
	    (uri_parse(one->uri, &uri) == 0 &&
		uri.host_kind == URI_HOST_IP && addr_is_public(&uri.ip));
}

static void
put_reg_id(struct buf *b, const struct ipc_binding *one)
{
	if (one->reg_id == 0)
		return;
	buf_puts(b, ";reg-id=");
	buf_put_u64(b, one->reg_id);
}

static void
put_bindings(struct buf *b, const struct stxn *s,
    const struct ipc_reg_ask *ask, const struct ipc_reg_say *say)
{
	for (unsigned i = 0; i < say->n_bindings; i++) {
		const struct ipc_binding *one = &say->bindings[i];

		if (!may_show(s, ask, one))
			continue;
		build_open(b, SIP_H_CONTACT);
		buf_putc(b, '<');
		build_value(b, one->uri);
		buf_puts(b, ">;expires=");
		buf_put_u64(b, one->expires_s);
		if (one->instance.len > 0 &&
		    span_find(one->instance, '"') < 0) {
			buf_puts(b, ";+sip.instance=\"");
			build_value(b, one->instance);
			buf_putc(b, '"');
			put_reg_id(b, one);
		}
		build_close(b);
	}
}

/* How long the longest binding of this request lives; 0: it removed. */
static uint32_t
longest(const struct ipc_reg_ask *ask, const struct ipc_reg_say *say)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < say->n_bindings; i++) {
		if (asked_for(ask, say->bindings[i].uri) &&
		    say->bindings[i].expires_s > most)
			most = say->bindings[i].expires_s;
	}
	return most;
}

static void
log_registered(struct steps *st, const struct stxn *s,
    const struct ipc_reg_say *say, uint32_t expires_s)
{
	/* registrar-db, which decided, logs each for the record. */
	steps_log(st, STEP_DEBUG, expires_s > 0 ? "registered" :
		"unregistered");
	steps_key_text(st, "number", say->number);
	steps_key_addr(st, "from", &s->from.remote);
	if (expires_s > 0)
		steps_key_number(st, "expires_s", expires_s);
}

/* Was none accepted by this flow before, or not for long? */
static bool
is_first(const struct edge *e, const struct flow *from)
{
	return from->transport == TRANSPORT_UDP ?
	    !keep_has(e->keep, from) : conns_register(e->conns, from);
}

/* Perhaps its phone was in a call: one whose flow ended goes on by the first
 * REGISTER of a new one; one whose BYE got lost may have the old one again. */
static void
came_back(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, const struct ipc_reg_ask *ask,
    const struct ipc_reg_say *say, bool first)
{
	for (unsigned i = 0; i < ask->n_contacts; i++) {
		struct span contact = ask->contacts[i].uri;

		call_phone_registered(e, now, st, say->number, &s->from, contact);
		if (!first)
			continue;
		call_phone_back(e, now, st, say->number, &s->from, contact);
		subs_phone_back(e, now, st, say->number, &s->from, contact);
	}
}

/* The address it is set to, in the Request-URI or as its outbound proxy. */
static struct addr
server_of(const struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_ROUTE);
	struct sip_nameaddr na;
	struct span value;

	if (m->ruri.host_kind == URI_HOST_IP)
		return m->ruri.ip;
	if (sip_values_next(&it, &value) == 0 &&
	    sip_nameaddr_parse(value, &na) == 0 &&
	    na.uri.host_kind == URI_HOST_IP)
		return na.uri.ip;
	return (struct addr){ 0 };
}

static void
accept(struct edge *e, struct mono now, struct steps *st, struct stxn *s,
    const struct sip_msg *m, const struct ipc_reg_say *say)
{
	char user[URI_USER_MAX], mem[BLOB_MAX];
	struct ipc_reg_ask ask = { 0 };
	struct reply ok = { .status = 200 };
	struct buf b;
	uint32_t expires_s;
	bool first;

	if (registrar_ask(m, &s->from, user, &ask) != 0)
		return;		/* it was fine when it was asked */
	expires_s = longest(&ask, say);
	first = expires_s > 0 && is_first(e, &s->from);
	if (expires_s > 0) {
		keep_registered(e, now, st, &s->from, expires_s,
		    &(struct keep_who){ say->number, server_of(m) });
		keep_note_port(e, &s->from, m);
		if (ask.n_contacts > 0)
			keep_note_nat(e->keep, &s->from, ask.contacts[0].uri);
	} else {
		keep_found(e, st, say->number);
	}
	if (expires_s > 0)
		lastseen_note(e->lastseen, &s->from.remote, say->number,
		    ask.user_agent);
	if (expires_s > 0)
		came_back(e, now, st, s, &ask, say, first);
	buf_init(&b, mem, sizeof(mem));
	put_bindings(&b, s, &ask, say);
	auth_put_info(e, now, st, s, say, expires_s, &b);
	outbound_put(e, &b, &s->from, &ask, say);
	ok.headers = buf_err(&b) ? SPAN_NONE : buf_span(&b);
	if (stxn_respond(&e->txns, now, st, s, &ok) != 0)
		stxn_status(&e->txns, now, st, s, 200);
	if (ask.n_contacts > 0 || ask.star)
		log_registered(st, s, say, expires_s);
}

void
registrar_answer(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *m, const struct ipc_reg_say *say)
{
	if (say->verdict == VERDICT_OK)
		accept(e, now, st, s, m, say);
	else
		auth_refuse(e, now, st, s, say->verdict, say->min_expires_s,
		    say->retry_after_s, SPAN_NONE);
}
