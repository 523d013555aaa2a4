#include "sigproxy/core/urgent.h"

#include <errno.h>

#include "common/codec/sos.h"
#include "common/codec/tel.h"
#include "sigproxy/core/auth_priv.h"

#define URI_MAX 512	/* as in IPC_ITEM_digest */

static struct span
without_separators(struct span number, char mem[URI_USER_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < number.len && i < URI_USER_MAX; i++)
		if (span_find(SPAN_LIT("-.() /"), number.p[i]) < 0)
			mem[n++] = number.p[i];
	return span_make(mem, n);
}

static bool
is_listed(const struct edge *e, const struct uri *uri)
{
	char user[URI_USER_MAX], mem[URI_USER_MAX];
	struct span number;
	struct tel t;
	ptrdiff_t semi = span_find(uri->user, ';');

	/* 112 is 112 in whatever country it is said to be. */
	if (tel_parse(uri, &t) == 0)
		number = t.digits;
	else if (semi > 0)
		number = span_sub(uri->user, 0, (size_t)semi);
	else if (tel_number(uri, user, &number) != 0)
		return false;
	number = without_separators(number, mem);
	for (unsigned i = 0; i < e->conf->n_emergency; i++)
		if (span_eq(number, e->conf->emergency[i]))
			return true;
	return false;
}

bool
urgent_may_be(const struct edge *e, const struct sip_msg *m)
{
	return m->method == SIP_INVITE && m->to.tag.len == 0 &&
	    m->ruri.all.len <= URI_MAX &&
	    (sos_is(m->ruri.all, NULL) || is_listed(e, &m->ruri));
}

bool
urgent_is(const struct edge *e, const struct sip_msg *m,
    const struct flow *from)
{
	return from->zone == ZONE_INTERNAL && urgent_may_be(e, m);
}

int
urgent_creds(const struct edge *e, const struct sip_msg *m,
    const struct flow *from, struct creds *out)
{
	int err = creds_find(m, e->conf->realm, e->auth->nonces, &from->remote,
	    out);

	if (err != -ENOENT || !urgent_is(e, m, from))
		return err;
	*out = (struct creds){ .uri = m->ruri };
	out->digest.method = SPAN_LIT("INVITE");
	out->digest.uri = m->ruri.all;
	return 0;
}

bool
urgent_is_bare(const struct creds *c)
{
	return c->digest.username.len == 0 && c->digest.realm.len == 0 &&
	    c->digest.nonce.len == 0 && c->digest.response.len == 0;
}
