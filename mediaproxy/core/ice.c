#include <errno.h>

#include "common/base/secret.h"
#include "mediaproxy/core/ice.h"

void
ice_wipe(struct ice *ice)
{
	/* Without a password nothing was written there, ever. */
	if (ice_is_on(ice))
		secret_wipe(ice, sizeof(*ice));
}

/* ice-char of RFC 8839 5.4. */
static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || c == '+' || c == '/'))
			return false;
	}
	return true;
}

static bool
is_same(const struct ice *ice, const struct ipc_relay_ice *m)
{
	return span_eq(span_make(ice->pwd, ice->pwd_len), m->pwd) &&
	    span_eq(span_make(ice->ufrag, ice->ufrag_len), m->ufrag);
}

int
ice_set(struct ice *ice, const struct ipc_relay_ice *m)
{
	if (m->ufrag.len == 0 && m->pwd.len == 0) {
		ice_wipe(ice);
		return 0;
	}
	if (m->ufrag.len < ICE_UFRAG_MIN || m->pwd.len < ICE_PWD_MIN ||
	    m->ufrag.len > IPC_ICE_MAX || m->pwd.len > IPC_ICE_MAX ||
	    !is_plain(m->ufrag) || !is_plain(m->pwd))
		return -EPROTO;
	if (!is_same(ice, m)) {
		memset(&ice->seen, 0, sizeof(ice->seen));
		ice->inherited = false;
	}
	memcpy(ice->ufrag, m->ufrag.p, m->ufrag.len);
	memcpy(ice->pwd, m->pwd.p, m->pwd.len);
	ice->ufrag_len = (uint8_t)m->ufrag.len;
	ice->pwd_len = (uint8_t)m->pwd.len;
	return 0;
}

enum stun_check
ice_check(struct ice *ice, struct span packet, enum port_which which,
    const struct addr *source, struct buf *answer)
{
	struct stun_msg m;
	enum stun_check said = stun_check(packet,
	    span_make(ice->ufrag, ice->ufrag_len),
	    span_make(ice->pwd, ice->pwd_len), source, answer);

	if (said == STUN_CHECK_SILENT || stun_parse(packet, &m) != 0)
		return STUN_CHECK_SILENT;
	switch (ice_seen(&ice->seen,
	    (const uint8_t *)packet.p + m.integrity_at + 4, which, source)) {
	case ICE_FRESH:
		return said;
	case ICE_AGAIN:
		return said == STUN_CHECK_NOMINATES ? STUN_CHECK_VALID : said;
	default:
		return STUN_CHECK_SILENT;
	}
}
