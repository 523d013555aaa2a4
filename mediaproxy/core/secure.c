#include <errno.h>

#include "common/base/secret.h"
#include "mediaproxy/core/secure.h"

void
secure_wipe(struct secure *c)
{
	secret_wipe(c, sizeof(*c));
}

static int
set_keys(struct secure *c, struct srtp_engine *e,
    const struct ipc_relay_key *m)
{
	const struct srtp_key in = { m->suite_in, m->key_in, m->mki_len,
		m->mki };
	const struct srtp_key out = { m->suite_out, m->key_out, 0, 0 };
	int err;

	if ((m->suite_in == SRTP_NONE) != (m->suite_out == SRTP_NONE))
		return -EPROTO;
	err = srtp_set_key(&c->in, e, &in);
	if (err == 0)
		err = srtp_set_key(&c->out, e, &out);
	return err == -EINVAL ? -EPROTO : err;
}

int
secure_set(struct secure *c, struct srtp_engine *e,
    const struct ipc_relay_key *m)
{
	int err = set_keys(c, e, m);

	c->broken = err != 0;
	/* Who tells keys again may have forgotten how far they are. */
	srtp_untell(&c->in);
	srtp_untell(&c->out);
	for (unsigned i = 0; err == 0 && i < m->n_rocs; i++) {
		const struct ipc_roc *roc = &m->rocs[i];

		srtp_resume(roc->out ? &c->out : &c->in, roc, roc->out);
	}
	return err;
}

bool
secure_open(struct secure *c, struct srtp_engine *e, enum rtp_kind kind,
    uint8_t *packet, size_t *len, struct srtp_mark *mark)
{
	if (c->broken)
		return false;
	if (!srtp_is_on(&c->in))
		return true;
	if (srtp_open(&c->in, e, kind == RTP_KIND_RTCP, packet, len,
		mark) == 0)
		return true;
	c->n_bad++;
	return false;
}

bool
secure_may_take(struct secure *c, const struct srtp_mark *mark, bool known)
{
	if (!srtp_is_on(&c->in) || known || srtp_is_fresh(&c->in, mark))
		return true;
	c->n_bad++;
	return false;
}

void
secure_accept(struct secure *c, const struct srtp_mark *mark)
{
	if (srtp_is_on(&c->in))
		srtp_accept(&c->in, mark);
}

bool
secure_seal(struct secure *c, struct srtp_engine *e, enum rtp_kind kind,
    uint8_t *packet, size_t *len, size_t cap)
{
	if (c->broken)
		return false;
	return !srtp_is_on(&c->out) || srtp_seal(&c->out, e,
	    kind == RTP_KIND_RTCP, packet, len, cap) == 0;
}

bool
secure_seal_own(struct secure *c, struct srtp_engine *e, enum rtp_kind kind,
    uint32_t ssrc, uint8_t *packet, size_t *len, size_t cap)
{
	if (!secure_seal(c, e, kind, packet, len, cap))
		return false;
	srtp_own(&c->out, ssrc);
	return true;
}

static bool
is_deaf(const struct secure *c)
{
	for (int i = 0; i < SRTP_SOURCES_MAX; i++) {
		if (c->in.source[i].used)
			return false;
	}
	return c->n_bad >= SECURE_BAD_TOLD && !c->told_bad;
}

/* What a relay after us would take once more, if it knew no better. */
static bool
may_be_replayed(const struct secure *c, struct mono now)
{
	uint64_t n = srtp_untold(&c->in);

	return n >= SRTP_LEAP / 2 || (n > 0 &&
	    mono_ms_between(c->told_at, now) >= SECURE_TELL_MS);
}

bool
secure_news(struct secure *c, struct mono now, struct ipc_relay_roc *out)
{
	bool deaf;

	if (!secure_is_on(c))
		return false;
	deaf = is_deaf(c);
	if (!deaf && !srtp_has_news(&c->in) && !srtp_has_news(&c->out) &&
	    !may_be_replayed(c, now))
		return false;
	c->told_at = now;
	c->told_bad |= deaf;
	out->bad = c->n_bad > UINT32_MAX ? UINT32_MAX : (uint32_t)c->n_bad;
	out->n_rocs = 0;
	srtp_tell(&c->in, false, out->rocs, &out->n_rocs);
	srtp_tell(&c->out, true, out->rocs, &out->n_rocs);
	return true;
}
