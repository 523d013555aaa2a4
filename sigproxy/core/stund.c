#include "sigproxy/core/stund.h"
#include "common/codec/stun_serve.h"
#include "sigproxy/core/ear.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"

#define PING_MAX 8	/* octets of the longest bare keepalive */

/* CR LF CR LF, as on streams; some phones send one CR LF, zeros, or nothing
 * at all to keep their router's mapping. */
static bool
is_ping(struct span packet)
{
	if (packet.len > PING_MAX)
		return false;
	for (size_t i = 0; i < packet.len; i++) {
		if (packet.p[i] != '\r' && packet.p[i] != '\n' &&
		    packet.p[i] != '\0')
			return false;
	}
	return true;
}

static void
answer(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet)
{
	bool known = from->zone == ZONE_INTERNAL ||
	    keep_knows(e->keep, &from->remote);
	uint8_t mem[STUN_ANSWER_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (!stun_serve(packet, &from->remote, &b))
		return;
	if (!guard_allow(e->guard, now, &from->remote,
		known ? GUARD_KNOWN : GUARD_STRANGER,
		packet.len + GUARD_HEADERS)) {
		e->silenced++;
		return;
	}
	e->stun_answered++;
	keep_reached(e->keep, from);
	steps_send(st, from, buf_span(&b));
}

bool
stund_takes(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet)
{
	if (is_ping(packet)) {
		e->pings++;
		return true;
	}
	/* RFC 7983 7: no SIP message begins so. */
	if (((uint8_t)packet.p[0] & 0xc0) == 0x80) {
		if (from->zone != ZONE_EXTERNAL ||
		    !ear_packet(e, now, st, from, packet))
			e->malformed++;
		return true;
	}
	if ((uint8_t)packet.p[0] > 3)
		return false;
	if (stun_is_request(packet))
		answer(e, now, st, from, packet);
	else if (stun_is(packet))
		keep_stun(e, now, st, from, packet);
	else
		e->malformed++;
	return true;
}
