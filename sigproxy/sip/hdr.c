#include <errno.h>
#include <stddef.h>

#include "sigproxy/sip/hdr.h"
#include "sigproxy/sip/lex.h"

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

int
sip_cseq_parse(struct span value, struct sip_cseq *out)
{
	struct lex l = lex_start(value);
	struct sip_cseq c = { 0 };

	lex_lws(&l);
	if (lex_number(lex_run(&l, LEX_DIGIT), LEX_NUMBER_MAX, &c.number) != 0 ||
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
	if (span_caseeq(p->name, SPAN_LIT("username*")) ||
	    (span_caseeq(p->name, SPAN_LIT("userhash")) &&
		span_caseeq(p->value, SPAN_LIT("true"))))
		d->hides_user = true;
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
	if (lex_number(lex_run(&l, LEX_DIGIT), LEX_NUMBER_MAX, &r.rseq) != 0 ||
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
