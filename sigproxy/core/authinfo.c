/* Authentication-Info in the answer to a REGISTER (RFC 7616 3.5). */
#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/registrar.h"
#include "sigproxy/sip/build.h"

/* rspauth with the parameters that must stand beside it. */
static bool
put_rspauth(const struct edge *e, const struct stxn *s,
    const struct sip_msg *m, struct span rspauth, struct buf *b)
{
	struct creds c;

	if (rspauth.len == 0 ||
	    creds_find(m, e->conf->realm, e->auth->nonces, &s->from.remote,
		&c) != 0)
		return false;
	buf_puts(b, "qop=");
	buf_put(b, c.digest.qop);
	buf_puts(b, ", rspauth=\"");
	buf_put(b, rspauth);
	buf_puts(b, "\", cnonce=");
	auth_put_quoted(b, c.digest.cnonce);
	buf_puts(b, ", nc=");
	buf_put(b, c.digest.nc);
	return true;
}

/* The nonce for the next REGISTER, when it would come too late for this one:
 * that saves it a 401. */
static bool
take_next(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, const struct ipc_reg_say *say, uint32_t expires_s,
    struct span *out)
{
	uint64_t ms = (uint64_t)expires_s * 1000;
	bool taken;

	if (expires_s == 0 || say->nonce_left_s >= expires_s ||
	    ms > UINT32_MAX)
		return false;
	taken = nonces_take_young(e->auth->nonces, now, &s->from.remote,
	    (uint32_t)ms, out) == 0;
	auth_fetch_nonces(e, now, st);
	return taken;
}

void
auth_put_info(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, const struct sip_msg *m,
    const struct ipc_reg_say *say, uint32_t expires_s, struct buf *b)
{
	char mem[512];
	struct span next;
	struct buf v;
	bool any;

	buf_init(&v, mem, sizeof(mem));
	any = put_rspauth(e, s, m, say->rspauth, &v);
	if (take_next(e, now, st, s, say, expires_s, &next)) {
		buf_puts(&v, any ? ", nextnonce=" : "nextnonce=");
		auth_put_quoted(&v, next);
		any = true;
		e->auth->next++;
	}
	if (any && buf_err(&v) == 0)
		build_hdr(b, SIP_H_AUTHENTICATION_INFO, buf_span(&v));
}
