#include <errno.h>

#include "sigproxy/sip/hdr.h"
#include "sigproxy/sip/lex.h"

/* Read one Via parameter that we know.  Errors: -EBADMSG. */
static int
via_param(const struct sip_param *p, struct sip_via *v, unsigned *seen)
{
	static const struct span names[] = {
		{ "branch", 6 },
		{ "rport", 5 },
		{ "received", 8 },
		{ "maddr", 5 },
	};
	uint32_t port = 0;
	unsigned i;

	for (i = 0; i < 4 && !span_caseeq(p->name, names[i]); i++)
		;
	if (i == 4)
		return 0;
	if (*seen & 1u << i)
		return -EBADMSG;
	*seen |= 1u << i;
	if (i == 1) {
		if (p->has_value && lex_number(p->value, 65535, &port) != 0)
			return -EBADMSG;
		v->has_rport = true;
		v->rport = (uint16_t)port;
		return 0;
	}
	if (!p->has_value)
		return -EBADMSG;
	if (i == 0)
		v->branch = p->value;
	else if (i == 2)
		v->received = p->value;
	else
		v->maddr = p->value;
	return i == 0 && p->quoted ? -EBADMSG : 0;
}

static int
via_params(struct sip_via *v)
{
	static const struct span magic = { "z9hG4bK", 7 };
	struct span rest = v->params;
	struct sip_param p;
	unsigned seen = 0;
	int err;

	while ((err = sip_param_next(&rest, &p)) == 0) {
		if (via_param(&p, v, &seen) != 0)
			return -EBADMSG;
	}
	v->has_magic = v->branch.len > magic.len &&
	    span_caseeq(span_sub(v->branch, 0, magic.len), magic);
	return err == -ENOENT ? 0 : err;
}

/* sent-by = host [COLON port] */
static int
via_sent_by(struct lex *l, struct sip_via *v)
{
	const char *from = l->p;
	enum uri_host kind;
	uint32_t port;

	if (lex_sees(l, '[')) {
		while (!lex_at_end(l) && *l->p != ']')
			l->p++;
		if (lex_at_end(l))
			return -EBADMSG;
		l->p++;
	} else {
		lex_run(l, LEX_TOKEN);
	}
	v->host = span_make(from, (size_t)(l->p - from));
	if (uri_host_parse(v->host, &kind, &v->ip) != 0)
		return -EBADMSG;
	if (lex_separator(l, ':')) {
		if (lex_number(lex_run(l, LEX_DIGIT), 65535, &port) != 0 ||
		    port == 0)
			return -EBADMSG;
		v->port = (uint16_t)port;
	}
	return 0;
}

int
sip_via_parse(struct span value, struct sip_via *out)
{
	struct lex l = lex_start(value);
	struct sip_via v = { 0 };

	*out = v;
	lex_lws(&l);
	v.protocol = lex_run(&l, LEX_TOKEN);
	if (v.protocol.len == 0 || !lex_separator(&l, '/'))
		return -EBADMSG;
	v.version = lex_run(&l, LEX_TOKEN);
	if (v.version.len == 0 || !lex_separator(&l, '/'))
		return -EBADMSG;
	v.transport = lex_run(&l, LEX_TOKEN);
	if (v.transport.len == 0 || lex_run(&l, LEX_LWS).len == 0)
		return -EBADMSG;
	if (via_sent_by(&l, &v) != 0)
		return -EBADMSG;
	lex_lws(&l);
	v.params = lex_rest(&l);
	if (!lex_at_end(&l) && *l.p != ';')
		return -EBADMSG;
	v.is_whole = via_params(&v) == 0;
	*out = v;
	return v.is_whole ? 0 : -EBADMSG;
}

/* Is there a display name of tokens (perhaps empty) before a '<'? */
static bool
unquoted_display(struct lex *l, struct span *out)
{
	struct lex at = *l;
	struct span name = lex_run(&at, LEX_NAME);

	if (!lex_sees(&at, '<'))
		return false;
	*out = span_trim(name);
	*l = at;
	return true;
}

/* "<" URI ">" */
static int
bracketed_uri(struct lex *l, struct uri *out)
{
	struct span rest;
	ptrdiff_t end;

	if (!lex_sees(l, '<'))
		return -EBADMSG;
	l->p++;
	rest = lex_rest(l);
	end = span_find(rest, '>');
	if (end < 0)
		return -EBADMSG;
	l->p += end + 1;
	return uri_parse(span_make(rest.p, (size_t)end), out);
}

/* addr-spec: up to ';' or LWS; '?' and ',' only inside brackets (20). */
static int
bare_uri(struct lex *l, struct uri *out)
{
	const char *from = l->p;

	while (!lex_at_end(l) && *l->p != ';' && !lex_is(*l->p, LEX_LWS)) {
		if (*l->p == '?' || *l->p == ',')
			return -EBADMSG;
		l->p++;
	}
	return uri_parse(span_make(from, (size_t)(l->p - from)), out);
}

static int
nameaddr_params(struct sip_nameaddr *na)
{
	struct span rest = na->params;
	struct sip_param p;
	bool has_tag = false;
	int err;

	while ((err = sip_param_next(&rest, &p)) == 0) {
		if (!span_caseeq(p.name, SPAN_LIT("tag")))
			continue;
		if (has_tag || p.quoted || !sip_is_token(p.value))
			return -EBADMSG;
		has_tag = true;
		na->tag = p.value;
	}
	return err == -ENOENT ? 0 : err;
}

int
sip_nameaddr_parse(struct span value, struct sip_nameaddr *out)
{
	struct lex l = lex_start(value);
	struct sip_nameaddr na = { 0 };
	struct span content;
	int err;

	lex_lws(&l);
	if (lex_sees(&l, '"')) {
		na.display.p = l.p;
		if (lex_quoted(&l, &content) != 0)
			return -EBADMSG;
		na.display.len = (size_t)(l.p - na.display.p);
		lex_lws(&l);
		na.has_brackets = true;
	} else {
		na.has_brackets = unquoted_display(&l, &na.display);
	}
	if (na.has_brackets)
		err = bracketed_uri(&l, &na.uri);
	else
		err = bare_uri(&l, &na.uri);
	if (err == 0) {
		lex_lws(&l);
		na.params = lex_rest(&l);
		err = nameaddr_params(&na);
	}
	if (err == 0)
		*out = na;
	return err;
}

/* qvalue = "0" ["." 0*3DIGIT] / "1" ["." 0*3("0")] */
static int
q_parse(struct span s, uint16_t *out)
{
	static const uint16_t weight[] = { 100, 10, 1 };
	unsigned q;

	if (s.len == 0 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1'))
		return -EBADMSG;
	if (s.len > 1 && s.p[1] != '.')
		return -EBADMSG;
	q = s.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < s.len; i++) {
		if (!lex_is(s.p[i], LEX_DIGIT))
			return -EBADMSG;
		q += (unsigned)(s.p[i] - '0') * weight[i - 2];
	}
	if (q > 1000)
		return -EBADMSG;
	*out = (uint16_t)q;
	return 0;
}

static int
contact_param(const struct sip_param *p, struct sip_contact *c)
{
	if (span_caseeq(p->name, SPAN_LIT("q"))) {
		if (c->q_milli != SIP_Q_NONE || p->quoted)
			return -EBADMSG;
		return q_parse(p->value, &c->q_milli);
	}
	if (span_caseeq(p->name, SPAN_LIT("expires"))) {
		if (c->has_expires || p->quoted)
			return -EBADMSG;
		c->has_expires = true;
		return sip_delta_parse(p->value, &c->expires_s);
	}
	if (span_caseeq(p->name, SPAN_LIT("+sip.instance"))) {
		if (c->instance.p != NULL || !p->quoted)
			return -EBADMSG;
		c->instance = p->value;
		return 0;
	}
	c->has_ice |= span_caseeq(p->name, SPAN_LIT("+sip.ice"));
	if (span_caseeq(p->name, SPAN_LIT("reg-id"))) {
		if (c->has_reg_id || p->quoted ||
		    lex_number(p->value, LEX_NUMBER_MAX, &c->reg_id) != 0 ||
		    c->reg_id == 0)
			return -EBADMSG;
		c->has_reg_id = true;
	}
	return 0;
}

int
sip_contact_parse(struct span value, struct sip_contact *out)
{
	struct sip_contact c = { .q_milli = SIP_Q_NONE };
	struct sip_param p;
	struct span rest;
	int err;

	value = span_trim(value);
	if (span_eq(value, SPAN_LIT("*"))) {
		c.is_star = true;
		*out = c;
		return 0;
	}
	err = sip_nameaddr_parse(value, &c.na);
	if (err != 0)
		return err;
	rest = c.na.params;
	while ((err = sip_param_next(&rest, &p)) == 0) {
		if (contact_param(&p, &c) != 0)
			return -EBADMSG;
	}
	if (err != -ENOENT)
		return err;
	*out = c;
	return 0;
}
