#include <errno.h>
#include <stddef.h>

#include "sigproxy/sip/hdr.h"
#include "sigproxy/sip/lex.h"

#define NUMBER_MAX 0x7fffffffu	/* CSeq, RSeq, reg-id: below 2^31 */

static const char *const method_name[SIP_METHOD_N] = {
	"",
#define METHOD_NAME(name) #name,
	SIP_METHODS(METHOD_NAME)
#undef METHOD_NAME
};

enum sip_method
sip_method_of(struct span name)
{
	for (int i = 1; i < SIP_METHOD_N; i++) {
		if (span_eq(name, span_str(method_name[i])))
			return (enum sip_method)i;
	}
	return SIP_OTHER;
}

const char *
sip_method_name(enum sip_method m)
{
	return (unsigned)m < SIP_METHOD_N ? method_name[m] : "";
}

bool
sip_is_token(struct span s)
{
	struct lex l = lex_start(s);

	return lex_run(&l, LEX_TOKEN).len > 0 && lex_at_end(&l);
}

bool
sip_is_call_id(struct span s)
{
	struct lex l = lex_start(s);

	if (lex_run(&l, LEX_WORD).len == 0)
		return false;
	if (lex_sees(&l, '@')) {
		l.p++;
		if (lex_run(&l, LEX_WORD).len == 0)
			return false;
	}
	return lex_at_end(&l);
}

/* A number that is the whole of value, LWS around it aside. */
static int
number(struct span value, uint32_t max, uint32_t *out)
{
	return span_to_u32(span_trim(value), max, out) == 0 ? 0 : -EBADMSG;
}

struct sip_list
sip_list_start(struct span value)
{
	value = span_trim(value);
	return (struct sip_list){ value, value.len > 0 };
}

int
sip_list_next(struct sip_list *list, struct span *item_out)
{
	struct lex l = lex_start(list->rest);
	bool in_brackets = false;
	struct span quoted;

	if (!list->more)
		return -ENOENT;
	while (!lex_at_end(&l) && (in_brackets || *l.p != ',')) {
		if (*l.p == '"' && !in_brackets) {
			if (lex_quoted(&l, &quoted) != 0)
				return -EBADMSG;
			continue;
		}
		if (*l.p == '<')
			in_brackets = true;
		else if (*l.p == '>')
			in_brackets = false;
		l.p++;
	}
	if (in_brackets)
		return -EBADMSG;
	list->more = lex_sees(&l, ',');
	*item_out = span_trim(span_make(list->rest.p,
	    (size_t)(l.p - list->rest.p)));
	if (list->more)
		l.p++;
	list->rest = lex_rest(&l);
	return 0;
}

/* gen-value = token / host / quoted-string */
static int
param_value(struct lex *l, struct sip_param *p)
{
	p->has_value = true;
	if (lex_sees(l, '"')) {
		p->quoted = true;
		return lex_quoted(l, &p->value);
	}
	p->value = lex_run(l, LEX_VALUE);
	return p->value.len > 0 ? 0 : -EBADMSG;
}

int
sip_param_next(struct span *rest, struct sip_param *out)
{
	struct lex l = lex_start(*rest);
	struct sip_param p = { 0 };

	lex_lws(&l);
	if (lex_at_end(&l))
		return -ENOENT;
	if (!lex_separator(&l, ';'))
		return -EBADMSG;
	p.name = lex_run(&l, LEX_TOKEN);
	if (p.name.len == 0)
		return -EBADMSG;
	if (lex_separator(&l, '=') && param_value(&l, &p) != 0)
		return -EBADMSG;
	*rest = lex_rest(&l);
	*out = p;
	return 0;
}

int
sip_param_find(struct span params, const char *name, struct sip_param *out)
{
	struct span wanted = span_str(name);
	struct sip_param p;
	bool found = false;
	int err;

	while ((err = sip_param_next(&params, &p)) == 0) {
		if (!span_caseeq(p.name, wanted))
			continue;
		if (found)
			return -EBADMSG;
		found = true;
		*out = p;
	}
	if (err != -ENOENT)
		return err;
	return found ? 0 : -ENOENT;
}

int
sip_unquote(struct span s, struct buf *b)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n') {
			while (i + 1 < s.len && lex_is(s.p[i + 1], LEX_LWS))
				i++;
			buf_putc(b, ' ');
			continue;
		}
		if (s.p[i] == '\\' && i + 1 < s.len)
			i++;
		buf_putc(b, s.p[i]);
	}
	return buf_err(b);
}

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
		if (p->has_value && number(p->value, 65535, &port) != 0)
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
		if (number(lex_run(l, LEX_DIGIT), 65535, &port) != 0 ||
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

int
sip_cseq_parse(struct span value, struct sip_cseq *out)
{
	struct lex l = lex_start(value);
	struct sip_cseq c = { 0 };

	lex_lws(&l);
	if (number(lex_run(&l, LEX_DIGIT), NUMBER_MAX, &c.number) != 0 ||
	    lex_run(&l, LEX_LWS).len == 0)
		return -EBADMSG;
	c.method_name = lex_run(&l, LEX_TOKEN);
	lex_lws(&l);
	if (c.method_name.len == 0 || !lex_at_end(&l))
		return -EBADMSG;
	c.method = sip_method_of(c.method_name);
	*out = c;
	return 0;
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

int
sip_delta_parse(struct span value, uint32_t *out)
{
	uint64_t n;
	int err;

	err = span_to_u64(span_trim(value), UINT32_MAX, &n);
	if (err == -ERANGE)
		n = UINT32_MAX;
	else if (err != 0)
		return -EBADMSG;
	*out = (uint32_t)n;
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
	if (span_caseeq(p->name, SPAN_LIT("reg-id"))) {
		if (c->has_reg_id || p->quoted ||
		    number(p->value, NUMBER_MAX, &c->reg_id) != 0 ||
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

enum quoting { Q_MUST, Q_MAY, Q_HEX8 };

#define DIGEST_FIELDS(M)                                                      \
	M(username, Q_MUST) M(realm, Q_MUST) M(nonce, Q_MUST)                 \
	M(uri, Q_MUST) M(response, Q_MUST) M(cnonce, Q_MUST)                  \
	M(opaque, Q_MUST) M(algorithm, Q_MAY) M(qop, Q_MAY)                   \
	M(stale, Q_MAY) M(nc, Q_HEX8)

/* Phones quote algorithm, qop and nc against RFC 7616 3.4; both are read. */
static int
digest_param(const struct sip_param *p, struct sip_digest *d, unsigned *seen)
{
	static const struct {
		const char *name;
		enum quoting quoting;
		size_t offset;
	} field[] = {
#define FIELD(name, quoting)                                                  \
		{ #name, quoting, offsetof(struct sip_digest, name) },
		DIGEST_FIELDS(FIELD)
#undef FIELD
	};
	struct lex hex = lex_start(p->value);

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		if (!span_caseeq(p->name, span_str(field[i].name)))
			continue;
		if ((*seen & 1u << i) != 0 ||
		    (field[i].quoting == Q_MUST && !p->quoted))
			return -EBADMSG;
		if (field[i].quoting == Q_HEX8 &&
		    (p->value.len != 8 || lex_run(&hex, LEX_HEX).len != 8))
			return -EBADMSG;
		*seen |= 1u << i;
		memcpy((char *)d + field[i].offset, &p->value,
		    sizeof(p->value));
		if (span_find(p->value, '\\') >= 0 ||
		    span_find(p->value, '\n') >= 0)
			d->has_escapes = true;
		return 0;
	}
	return 0;
}

int
sip_digest_parse(struct span value, struct sip_digest *out)
{
	struct lex l = lex_start(value);
	struct sip_digest d = { 0 };
	struct span scheme;
	unsigned seen = 0;

	lex_lws(&l);
	scheme = lex_run(&l, LEX_TOKEN);
	if (scheme.len == 0 || lex_run(&l, LEX_LWS).len == 0)
		return -EBADMSG;
	if (!span_caseeq(scheme, SPAN_LIT("Digest")))
		return -ENOTSUP;
	do {
		struct sip_param p = { 0 };

		p.name = lex_run(&l, LEX_TOKEN);
		if (p.name.len == 0 || !lex_separator(&l, '=') ||
		    param_value(&l, &p) != 0 ||
		    digest_param(&p, &d, &seen) != 0)
			return -EBADMSG;
	} while (lex_separator(&l, ','));
	if (!lex_at_end(&l))
		return -EBADMSG;
	*out = d;
	return 0;
}

int
sip_media_type_parse(struct span value, struct sip_media_type *out)
{
	struct lex l = lex_start(value);
	struct sip_media_type t;
	struct sip_param p;
	struct span rest;
	int err;

	lex_lws(&l);
	t.type = lex_run(&l, LEX_TOKEN);
	if (t.type.len == 0 || !lex_separator(&l, '/'))
		return -EBADMSG;
	t.subtype = lex_run(&l, LEX_TOKEN);
	lex_lws(&l);
	t.params = rest = lex_rest(&l);
	if (t.subtype.len == 0)
		return -EBADMSG;
	while ((err = sip_param_next(&rest, &p)) == 0)
		;
	if (err != -ENOENT)
		return err;
	*out = t;
	return 0;
}

int
sip_word_parse(struct span value, struct sip_word *out)
{
	struct lex l = lex_start(value);
	struct sip_word w;
	struct sip_param p;
	struct span rest;
	int err;

	lex_lws(&l);
	w.word = lex_run(&l, LEX_TOKEN);
	lex_lws(&l);
	w.params = rest = lex_rest(&l);
	if (w.word.len == 0)
		return -EBADMSG;
	while ((err = sip_param_next(&rest, &p)) == 0)
		;
	if (err != -ENOENT)
		return err;
	*out = w;
	return 0;
}

int
sip_rack_parse(struct span value, struct sip_rack *out)
{
	struct lex l = lex_start(value);
	struct sip_rack r;
	struct sip_cseq cseq;

	lex_lws(&l);
	if (number(lex_run(&l, LEX_DIGIT), NUMBER_MAX, &r.rseq) != 0 ||
	    lex_run(&l, LEX_LWS).len == 0 ||
	    sip_cseq_parse(lex_rest(&l), &cseq) != 0)
		return -EBADMSG;
	r.cseq = cseq.number;
	r.method = cseq.method;
	r.method_name = cseq.method_name;
	*out = r;
	return 0;
}

int
sip_replaces_parse(struct span value, struct sip_replaces *out)
{
	struct lex l = lex_start(span_trim(value));
	struct sip_replaces r = { 0 };
	struct sip_param p;
	struct span rest;
	const char *from = l.p;
	int err;

	/* A word may hold anything but ';' and LWS. */
	while (!lex_at_end(&l) && *l.p != ';' && !lex_is(*l.p, LEX_LWS))
		l.p++;
	r.call_id = span_make(from, (size_t)(l.p - from));
	if (!sip_is_call_id(r.call_id))
		return -EBADMSG;
	rest = lex_rest(&l);
	while ((err = sip_param_next(&rest, &p)) == 0) {
		struct span *tag = NULL;

		if (span_caseeq(p.name, SPAN_LIT("to-tag")))
			tag = &r.to_tag;
		else if (span_caseeq(p.name, SPAN_LIT("from-tag")))
			tag = &r.from_tag;
		else if (span_caseeq(p.name, SPAN_LIT("early-only")))
			r.early_only = true;
		if (tag == NULL)
			continue;
		if (tag->len > 0 || p.quoted || !sip_is_token(p.value))
			return -EBADMSG;
		*tag = p.value;
	}
	if (err != -ENOENT || r.to_tag.len == 0 || r.from_tag.len == 0)
		return -EBADMSG;
	*out = r;
	return 0;
}
