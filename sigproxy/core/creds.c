#include <errno.h>

#include "sigproxy/core/creds.h"

bool
creds_text_ok(struct span s, size_t max)
{
	if (s.len > max)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 32 || c == 127)
			return false;
	}
	return true;
}

/* The value without backslashes, in b's memory when there were any. */
static struct span
plain(const struct sip_digest *d, struct span s, struct buf *b)
{
	size_t begin = b->len;

	if (!d->has_escapes)
		return s;
	sip_unquote(s, b);
	return span_make(b->p + begin, b->len - begin);
}

static bool
realm_is(const struct sip_digest *d, struct span realm)
{
	char mem[128];
	struct buf b;
	struct span said;

	buf_init(&b, mem, sizeof(mem));
	said = plain(d, d->realm, &b);
	return buf_err(&b) == 0 && span_eq(said, realm);
}

static int
fill(const struct sip_msg *m, const struct sip_digest *d, struct span realm,
    struct creds *c)
{
	struct ipc_digest *out = &c->digest;
	struct buf b;

	buf_init(&b, c->mem, sizeof(c->mem));
	out->method = m->method_name;
	out->username = plain(d, d->username, &b);
	out->realm = realm;
	out->nonce = plain(d, d->nonce, &b);
	out->uri = d->uri;
	out->response = d->response;
	out->cnonce = plain(d, d->cnonce, &b);
	out->nc = d->nc;
	out->qop = d->qop;
	out->algorithm = d->algorithm;
	if (buf_err(&b) || !creds_text_ok(out->method, 32) ||
	    !creds_text_ok(out->username, 64) || out->nonce.len > 128 ||
	    !creds_text_ok(out->uri, 512) ||
	    !creds_text_ok(out->response, 128) ||
	    !creds_text_ok(out->cnonce, 128) || !creds_text_ok(out->nc, 8) ||
	    !creds_text_ok(out->qop, 16) ||
	    !creds_text_ok(out->algorithm, 16))
		return -EBADMSG;
	return uri_parse(out->uri, &c->uri) == 0 ? 0 : -EBADMSG;
}

int
creds_find(const struct sip_msg *m, struct span realm, struct creds *out)
{
	static const enum sip_hdr_id where[] = { SIP_H_AUTHORIZATION,
		SIP_H_PROXY_AUTHORIZATION };

	for (size_t i = 0; i < 2; i++) {
		const struct sip_hdr *h = sip_first(m, where[i]);

		for (; h != NULL; h = sip_next(m, h)) {
			struct sip_digest d;

			if (sip_digest_parse(h->value, &d) == 0 &&
			    realm_is(&d, realm))
				return fill(m, &d, realm, out);
		}
	}
	return -ENOENT;
}
