/* What we call ourselves, and answers without a transaction. */
#include "common/codec/sos.h"
#include "common/codec/tel.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/trace.h"
#include "sigproxy/core/trunks.h"
#include "sigproxy/core/urgent.h"
#include "sigproxy/sip/build.h"

/* ---- names and addresses ---- */

static const struct edge_listener *
listener_of(const struct edge *e, const struct flow *f)
{
	return &e->conf->listeners[f->listener < e->conf->n_listeners ?
		f->listener : 0];
}

/* STUN gives the address; which port may strangers send to? */
static uint16_t
said_port(const struct edge *e, const struct flow *f)
{
	const struct edge_listener *l = listener_of(e, f);
	uint16_t used;

	if (f->listener < EDGE_LISTENERS_MAX &&
	    e->conf->advertised[f->listener] != 0)
		return e->conf->advertised[f->listener];
	used = keep_used_port(e->keep, f);
	if (used != 0)
		return used;
	if (f->listener < EDGE_LISTENERS_MAX && e->port_open[f->listener] &&
	    e->mapped[f->listener].port != 0)
		return e->mapped[f->listener].port;
	return l->local.port;
}

/* Of another listener at the same address of ours: by TCP and TLS STUN is not
 * asked. */
static const struct addr *
mapped_beside(const struct edge *e, const struct edge_listener *l)
{
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		const struct edge_listener *k = &e->conf->listeners[i];

		if (k->zone == l->zone && addr_same_ip(&k->local, &l->local) &&
		    e->mapped[i].family != ADDR_NONE)
			return &e->mapped[i];
	}
	/* No NAT is before a public address of ours. */
	return addr_is_public(&l->local) ? &l->local : NULL;
}

struct addr
edge_said_addr(const struct edge *e, const struct flow *f)
{
	const struct edge_listener *l = listener_of(e, f);
	const struct addr *known[3] = { &e->conf->public_addr, NULL,
		&e->public_ip };
	struct addr said = l->local;

	if (l->zone != ZONE_EXTERNAL)
		return said;
	said.port = said_port(e, f);
	known[1] = mapped_beside(e, l);
	for (size_t i = 0; i < 3; i++) {
		if (known[i] == NULL || known[i]->family != said.family)
			continue;
		memcpy(said.ip, known[i]->ip, sizeof(said.ip));
		break;
	}
	return said;
}

static const char *
transport_name(uint8_t transport)
{
	switch (transport) {
	case TRANSPORT_TCP:
		return "TCP";
	case TRANSPORT_TLS:
		return "TLS";
	default:
		return "UDP";
	}
}

void
edge_put_via(const struct edge *e, const struct flow *to, struct span branch,
    struct buf *b)
{
	struct addr said = edge_said_addr(e, to);

	build_via(b, transport_name(to->transport), &said, branch, true);
}

static void
put_at_us(const struct edge *e, const struct flow *f, struct span user,
    struct buf *b)
{
	struct addr said = edge_said_addr(e, f);

	if (user.len > 0) {
		buf_put(b, user);
		buf_putc(b, '@');
	}
	addr_put(b, &said);
}

void
edge_put_contact(const struct edge *e, const struct flow *f,
    struct span user, struct buf *b)
{
	buf_puts(b, "<sip:");
	put_at_us(e, f, user, b);
	if (f->transport == TRANSPORT_TCP)
		buf_puts(b, ";transport=tcp");
	else if (f->transport == TRANSPORT_TLS)
		buf_puts(b, ";transport=tls");
	buf_putc(b, '>');
}

void
edge_put_sips(const struct edge *e, const struct flow *f, struct span user,
    struct buf *b)
{
	buf_puts(b, "<sips:");
	put_at_us(e, f, user, b);
	buf_putc(b, '>');
}

static struct span
without_dot(struct span host)
{
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	return host;
}

bool
edge_is_our_ip(const struct edge *e, const struct addr *ip)
{
	if (addr_same_ip(ip, &e->conf->public_addr) ||
	    addr_same_ip(ip, &e->public_ip) ||
	    addr_same_ip(ip, &e->public_before))
		return true;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		if (addr_same_ip(ip, &e->conf->listeners[i].local) ||
		    addr_same_ip(ip, &e->mapped[i]))
			return true;
	}
	return false;
}

static bool
knows_public(const struct edge *e)
{
	if (e->conf->public_addr.family != ADDR_NONE ||
	    e->public_ip.family != ADDR_NONE)
		return true;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		if (e->conf->listeners[i].zone == ZONE_EXTERNAL &&
		    (e->mapped[i].family != ADDR_NONE ||
			addr_is_public(&e->conf->listeners[i].local)))
			return true;
	}
	return false;
}

static bool
is_our_name(const struct edge *e, struct span host)
{
	if (span_caseeq(host, e->conf->domain))
		return true;
	for (unsigned i = 0; i < e->conf->n_aliases; i++) {
		if (span_caseeq(host, e->conf->aliases[i]))
			return true;
	}
	return false;
}

bool
edge_is_our_host(const struct edge *e, struct span host)
{
	struct addr ip;

	host = without_dot(host);
	if (host.len == 0)
		return false;
	if (is_our_name(e, host))
		return true;
	if (!e->conf->accept_ip || addr_parse_ip(host, &ip) != 0)
		return false;
	/* While stunmon has not told it, any public address may be ours: a
	 * phone that knows us by it must not be turned away after a start. */
	return edge_is_our_ip(e, &ip) || (!knows_public(e) && addr_is_public(&ip));
}

static bool
is_in_lan(const struct edge_conf *conf, const struct addr *a)
{
	for (unsigned i = 0; i < conf->n_lan; i++) {
		if (addr_prefix_has(&conf->lan[i], a))
			return true;
	}
	return false;
}

bool
edge_is_lan(const struct edge *e, const struct addr *a)
{
	return is_in_lan(e->conf, a);
}

bool
edge_is_reachable(const struct edge_conf *conf, const struct flow *f)
{
	enum addr_class of = addr_classify(&f->remote);
	const struct edge_listener *l;

	if (f->listener >= conf->n_listeners || f->remote.port == 0 ||
	    of == ADDR_MULTICAST || of == ADDR_UNUSABLE)
		return false;
	l = &conf->listeners[f->listener];
	if (l->zone != f->zone || (of == ADDR_LOOPBACK &&
		addr_classify(&l->local) != ADDR_LOOPBACK))
		return false;
	for (unsigned i = 0; i < conf->n_listeners; i++) {
		if (addr_eq(&conf->listeners[i].local, &f->remote))
			return false;
	}
	return f->zone == ZONE_EXTERNAL || is_in_lan(conf, &f->remote);
}

/* A tel: URI names a host at most by its context (RFC 3966 5.1.5); else the
 * From or To beside it does. */
static bool
names_us_by_tel(const struct edge *e, const struct sip_msg *m)
{
	struct tel t;

	if (tel_parse(&m->ruri, &t) != 0)
		return false;
	if (t.context.len > 0 && !t.context_is_number)
		return edge_is_our_host(e, t.context);
	return edge_is_our_host(e, m->to.uri.host) ||
	    edge_is_our_host(e, m->from.uri.host);
}

/* Help has no host, or any: a phone that was set up for another domain may
 * ask for it at that one. */
static bool
asks_for_help(const struct edge *e, const struct sip_msg *m)
{
	return sos_is(m->ruri.all, NULL) ||
	    (!edge_is_our_host(e, m->ruri.host) && urgent_may_be(e, m));
}

bool
edge_may_mean_us(const struct edge *e, const struct sip_msg *m,
    const struct flow *from)
{
	struct tel t;

	if (edge_names_us(e, m))
		return true;
	if (asks_for_help(e, m))
		return from->zone == ZONE_INTERNAL ||
		    keep_knows(e->keep, &from->remote);
	return m->ruri.scheme == URI_TEL && tel_parse(&m->ruri, &t) == 0 &&
	    (t.context.len == 0 || t.context_is_number) &&
	    (from->zone == ZONE_INTERNAL || keep_knows(e->keep, &from->remote));
}

bool
edge_names_us(const struct edge *e, const struct sip_msg *m)
{
	if (m->ruri.scheme == URI_TEL)
		return names_us_by_tel(e, m);
	/* A phone of ours need not be registered to ask for help; it knows
	 * our name, though. */
	if (asks_for_help(e, m))
		return is_our_name(e, m->from.uri.host) ||
		    is_our_name(e, m->to.uri.host);
	if (!edge_is_our_host(e, m->ruri.host))
		return false;
	return m->method != SIP_REGISTER ||
	    edge_is_our_host(e, m->to.uri.host);
}

/* ---- stateless answers ---- */

/* Scanners know nobody's name.  A phone may be told our address instead: it
 * begins with REGISTER, and then it is known. */
static bool
names_an_address(const struct edge *e, const struct sip_msg *m)
{
	struct span host = without_dot(m->ruri.host);
	struct addr ip;

	return addr_parse_ip(host, &ip) == 0 && !is_our_name(e, host);
}

static enum guard_who
who_is(const struct edge *e, const struct edge_in *in)
{
	if (in->from->zone == ZONE_INTERNAL ||
	    keep_knows(e->keep, &in->from->remote) ||
	    trunk_of(e->trunks, in->from) != NULL)
		return GUARD_KNOWN;
	if (!edge_names_us(e, in->msg))
		return names_an_address(e, in->msg) &&
		    (!e->conf->accept_ip || in->msg->method == SIP_INVITE) ?
		    GUARD_SILENT : GUARD_NAMELESS;
	if (names_an_address(e, in->msg))
		return in->msg->method == SIP_REGISTER ||
		    in->msg->to.tag.len > 0 ? GUARD_BARE : GUARD_SILENT;
	/* Whoever has a connection is where he says he is, and takes what he
	 * gets: what forged sources use up is not his. */
	return in->from->transport == TRANSPORT_UDP ? GUARD_STRANGER :
						      GUARD_KNOWN;
}

bool
edge_may_answer(struct edge *e, struct mono now, const struct edge_in *in)
{
	if (in->msg->method == SIP_ACK)
		return false;
	if (guard_allow(e->guard, now, &in->from->remote, who_is(e, in),
		in->raw.len + GUARD_HEADERS))
		return true;
	e->silenced++;
	return false;
}

/* Bytes that may go to a source which proved nothing. */
static size_t
allowance(const struct edge_in *in)
{
	if (in->from->zone != ZONE_EXTERNAL ||
	    in->from->transport != TRANSPORT_UDP)
		return BLOB_MAX;
	return in->raw.len + in->raw.len / 2;
}

bool
edge_fits(struct edge *e, const struct edge_in *in, const struct reply *r)
{
	struct reply short_r = *r;
	struct buf b;

	short_r.optional = SPAN_NONE;
	buf_init(&b, e->scratch, sizeof(e->scratch));
	reply_build(&e->txns, &b, in->msg, in->from, &short_r);
	return buf_err(&b) == 0 && b.len <= allowance(in);
}

void
edge_answer(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, const struct reply *r)
{
	struct flow to = reply_flow(in->msg, in->from);
	struct reply short_r = *r;
	size_t most = allowance(in);
	struct buf b;

	short_r.optional = SPAN_NONE;
	buf_init(&b, e->scratch, sizeof(e->scratch));
	reply_build(&e->txns, &b, in->msg, in->from, r);
	if (b.len > most) {
		buf_init(&b, e->scratch, sizeof(e->scratch));
		reply_build(&e->txns, &b, in->msg, in->from, &short_r);
	}
	if (buf_err(&b) || b.len > most) {
		e->silenced++;
		return;
	}
	steps_send(st, &to, buf_span(&b));
}

void
edge_refuse_status(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, unsigned status)
{
	struct reply r = { .status = status };

	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

#define LOG_PER_S 10
#define MALFORMED_SHOWN 80 /* of its first line: no secret is there */

static bool
may_log(struct line_pace *p, struct mono now, struct steps *st,
    const char *event)
{
	if (mono_due(mono_add_ms(p->from, 1000), now)) {
		p->from = now;
		p->count = 0;
	}
	if (p->count == LOG_PER_S) {
		p->left_out++;
		return false;
	}
	p->count++;
	steps_log(st, STEP_INFO, event);
	if (p->left_out > 0)
		steps_key_number(st, "lines_left_out", p->left_out);
	p->left_out = 0;
	return true;
}

bool
edge_log_refusal(struct edge *e, struct mono now, struct steps *st,
    const char *event)
{
	return may_log(&e->refusals, now, st, event);
}

void
edge_log_malformed(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	const char *why = in->msg->refuse_why != NULL ?
	    in->msg->refuse_why : "not SIP";
	size_t n = 0;

	e->malformed++;
	trace_refused(e, now, st, in->from, in->raw, why);
	/* Apart from refusals: nonsense does not crowd them out. */
	if (!may_log(&e->nonsense, now, st, "sip-malformed"))
		return;
	while (n < in->raw.len && n < MALFORMED_SHOWN &&
	    in->raw.p[n] >= 32 && in->raw.p[n] < 127)
		n++;
	steps_key_addr(st, "from", &in->from->remote);
	steps_key_number(st, "bytes", in->raw.len);
	steps_key_text(st, "why", span_str(why));
	steps_key_text(st, "begins", span_make(in->raw.p, n));
}
