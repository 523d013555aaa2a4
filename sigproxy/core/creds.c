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

	if (d->hides_user)
		return -ENOTSUP;
	*out = (struct ipc_digest){ 0 };
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

/* Above 0, and the higher the better; 0 is taken last. */
static unsigned
rank(const struct sip_digest *d, const struct nonces *sent,
    const struct addr *to)
{
	enum digest_alg alg;
	unsigned rank = nonces_was_sent(sent, d->nonce, to) ? DIGEST_ALGS + 1 :
							      0;

	if (digest_alg(d->algorithm, &alg) == 0)
		rank += 1 + alg;
	return rank;
}

/* Those for our realm.  Gives how many. */
static unsigned
collect(const struct sip_msg *m, struct span realm,
    struct sip_digest out[CREDS_MAX])
{
	static const enum sip_hdr_id where[] = { SIP_H_AUTHORIZATION,
		SIP_H_PROXY_AUTHORIZATION };
	unsigned n = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct sip_hdr *h = sip_first(m, where[i]);

		for (; h != NULL && n < CREDS_MAX; h = sip_next(m, h)) {
			if (sip_digest_parse(h->value, &out[n]) == 0 &&
			    realm_is(&out[n], realm))
				n++;
		}
	}
	return n;
}

int
creds_find(const struct sip_msg *m, struct span realm,
    const struct nonces *sent, const struct addr *to, struct creds *out)
{
	struct sip_digest d[CREDS_MAX];
	unsigned ranks[CREDS_MAX];
	unsigned n = collect(m, realm, d);
	int err = -ENOENT;

	for (unsigned i = 0; i < n; i++)
		ranks[i] = rank(&d[i], sent, to);
	for (unsigned left = n; left > 0; left--) {
		unsigned best = 0;

		for (unsigned i = 1; i < left; i++) {
			if (ranks[i] > ranks[best])
				best = i;
		}
		err = fill(m, &d[best], realm, out);
		if (err == 0)
			return 0;
		for (unsigned i = best; i + 1 < left; i++) {
			d[i] = d[i + 1];
			ranks[i] = ranks[i + 1];
		}
	}
	return err;
}

int
creds_hash_body(struct creds *c, struct digest *d, struct span body)
{
	enum digest_alg alg;
	int err;

	if (!digest_covers_body(c->digest.qop) ||
	    digest_alg(c->digest.algorithm, &alg) != 0)
		return 0;
	err = digest_body(d, alg, body, c->body_hash);
	if (err)
		return err;
	c->digest.body_hash = span_make(c->body_hash, digest_hex_len(alg));
	return 0;
}
