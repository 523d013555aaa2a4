#include <errno.h>

#include "mediaproxy/core/session.h"

/* Where its media goes, and comes from, since the phone has proved that it is
 * there; known: so it was told before. */
static void
nominate(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *to, bool known, struct mono now)
{
	struct ice *ice = &s->ice[pair];

	latch_nominate(&s->stream[pair].latch[which], to, now);
	if (addr_eq(&ice->nominated[which], to))
		return;
	ice->nominated[which] = *to;
	ice->news |= !known;
}

static void
forget_nominated(struct stream *st)
{
	const struct addr nobody = { 0 };

	for (int which = PORT_RTP; which <= PORT_RTCP; which++)
		latch_nominate(&st->latch[which], &nobody, (struct mono){ 0 });
}

static bool
may_be_at(const struct sessions *s, uint32_t pair, const struct addr *a)
{
	const struct stream *st = &s->stream[pair];

	return a->family == st->family &&
	    dest_allowed(s->conf.dest, st->zone, a);
}

/* May a check choose this address?  One that was seen before a restart would
 * be as good as new, so it can only do where the phone is known to be. */
static bool
may_choose(const struct sessions *s, uint32_t pair, const struct addr *a)
{
	const struct ice *ice = &s->ice[pair];
	const struct latch *l = &s->stream[pair].latch[PORT_RTP];

	return may_be_at(s, pair, a) && (!ice->inherited ||
	    addr_same_ip(a, &l->phone) ||
	    addr_same_ip(a, &ice->nominated[PORT_RTP]) ||
	    addr_same_ip(a, &ice->nominated[PORT_RTCP]));
}

int
sessions_ice(struct sessions *s, const struct ipc_relay_ice *m,
    struct mono now)
{
	const struct addr *was[] = { &m->rtp, &m->rtcp };
	uint32_t pair = sessions_pair(s, m->session, m->end, m->stream);
	bool was_on;
	int err;

	if (pair == PORT_NONE) {
		s->n_unknown++;
		return -ENOENT;
	}
	was_on = ice_is_on(&s->ice[pair]);
	err = ice_set(&s->ice[pair], m);
	if (err)
		return err;
	if (!was_on && ice_is_on(&s->ice[pair]))
		s->ice[pair].inherited = s->stream[pair].resumed;
	if (!ice_is_on(&s->ice[pair]))
		forget_nominated(&s->stream[pair]);
	for (int which = PORT_RTP; ice_is_on(&s->ice[pair]) &&
	    which <= PORT_RTCP; which++)
		if (s->ice[pair].nominated[which].family == ADDR_NONE &&
		    may_be_at(s, pair, was[which]))
			nominate(s, pair, (enum port_which)which, was[which],
			    true, now);
	return 0;
}

bool
sessions_stun(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, struct span packet, struct mono now,
    struct buf *answer)
{
	struct stream *st = &s->stream[pair];
	enum stun_check said;

	if (!ice_is_on(&s->ice[pair]) || !st->used ||
	    !may_choose(s, pair, source))
		return false;
	said = ice_check(&s->ice[pair], packet, which, source, answer);
	if (said == STUN_CHECK_SILENT)
		return false;
	sessions_unasked(s, pair, which, source, now);
	if (said == STUN_CHECK_NOMINATES)
		nominate(s, pair, which, source, false, now);
	port_sends(&s->conf.ports->pair[pair], which, now);
	s->n_checks++;
	return true;
}

bool
sessions_nominated(struct sessions *s, uint32_t pair,
    struct ipc_relay_nominated *out)
{
	const struct stream *st = &s->stream[pair];
	struct ice *ice = &s->ice[pair];

	if (!ice->news)
		return false;
	ice->news = false;
	*out = (struct ipc_relay_nominated){
		.session = st->session,
		.end = st->end,
		.stream = st->nr,
		.rtp = ice->nominated[PORT_RTP],
		.rtcp = ice->nominated[PORT_RTCP],
	};
	return true;
}
