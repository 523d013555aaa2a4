#include "sigproxy/core/trunk_digest.h"

#include <errno.h>

#include "common/codec/digest.h"
#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/creds.h"

/* "auth" in a list such as "auth,auth-int". */
static bool
offers_auth(struct span list)
{
	while (list.len > 0) {
		ptrdiff_t comma = span_find(list, ',');
		size_t n = comma < 0 ? list.len : (size_t)comma;

		if (span_caseeq(span_trim(span_sub(list, 0, n)),
			SPAN_LIT("auth")))
			return true;
		list = n < list.len ? span_sub(list, n + 1, list.len) :
				      SPAN_NONE;
	}
	return false;
}

static int
take(const struct sip_digest *d, struct trunk_challenge *c)
{
	c->qop = offers_auth(d->qop);
	c->stale = span_caseeq(d->stale, SPAN_LIT("true"));
	if (d->has_escapes || d->nonce.len == 0 ||
	    (d->qop.len > 0 && !c->qop) || !creds_text_ok(d->realm, 128) ||
	    !creds_text_ok(d->nonce, 256) || !creds_text_ok(d->opaque, 128) ||
	    !creds_text_ok(d->algorithm, 16))
		return -EBADMSG;
	(void)TEXT_SET(&c->realm, d->realm);
	(void)TEXT_SET(&c->nonce, d->nonce);
	(void)TEXT_SET(&c->opaque, d->opaque);
	(void)TEXT_SET(&c->algorithm, d->algorithm);
	return 0;
}

int
trunk_challenge_read(const struct sip_msg *msg, struct trunk_challenge *out)
{
	bool proxy = msg->status == 407;
	enum sip_hdr_id id = proxy ? SIP_H_PROXY_AUTHENTICATE :
				     SIP_H_WWW_AUTHENTICATE;
	const struct sip_hdr *h = sip_first(msg, id);
	int best = -1;

	for (; h != NULL; h = sip_next(msg, h)) {
		struct trunk_challenge c = { .proxy = proxy };
		struct sip_digest d;
		enum digest_alg alg;

		if (sip_digest_parse(h->value, &d) != 0 ||
		    digest_alg(d.algorithm, &alg) != 0 || (int)alg <= best ||
		    take(&d, &c) != 0)
			continue;
		best = (int)alg;
		*out = c;
	}
	return best < 0 ? -ENOENT : 0;
}

static void
put_param(struct buf *b, const char *name, struct span value)
{
	buf_puts(b, ", ");
	buf_puts(b, name);
	buf_putc(b, '=');
	auth_put_quoted(b, value);
}

void
trunk_answer_put(struct buf *b, const struct trunk_challenge *c,
    const struct trunk_answer *a)
{
	build_open(b, c->proxy ? SIP_H_PROXY_AUTHORIZATION :
				 SIP_H_AUTHORIZATION);
	buf_puts(b, "Digest username=");
	auth_put_quoted(b, a->username);
	put_param(b, "realm", TEXT_SPAN(c->realm));
	put_param(b, "nonce", TEXT_SPAN(c->nonce));
	put_param(b, "uri", a->uri);
	put_param(b, "response", a->response);
	if (c->algorithm.len > 0) {
		buf_puts(b, ", algorithm=");
		buf_put(b, TEXT_SPAN(c->algorithm));
	}
	if (c->opaque.len > 0)
		put_param(b, "opaque", TEXT_SPAN(c->opaque));
	if (c->qop) {
		put_param(b, "cnonce", a->cnonce);
		buf_puts(b, ", qop=auth, nc=00000001");
	}
	build_close(b);
}
