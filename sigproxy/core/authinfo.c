/*
 * Authentication-Info in the answer to a REGISTER (RFC 7616 3.5).
 *
 * nextnonce only, and never without it: linphone 5.1 forgets its nonce over an
 * Authentication-Info that has none, and pays with a 401 at every REGISTER.
 * So no rspauth either, which no phone looks at.
 */
#include "sigproxy/core/auth_priv.h"
#include "sigproxy/sip/build.h"

void
auth_put_info(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, const struct ipc_reg_say *say, uint32_t expires_s,
    struct buf *b)
{
	uint64_t ms = (uint64_t)expires_s * 1000;
	struct span next;
	int err;

	if (expires_s == 0 || say->nonce_left_s >= expires_s ||
	    ms > UINT32_MAX)
		return;
	err = nonces_take_young(e->auth->nonces, now, &s->from.remote,
	    (uint32_t)ms, &next);
	if (err == 0) {
		build_open(b, SIP_H_AUTHENTICATION_INFO);
		buf_puts(b, "nextnonce=");
		auth_put_quoted(b, next);
		build_close(b);
		e->auth->next++;
	}
	auth_fetch_nonces(e, now, st);
}
