#include "stunmon/core/alarm.h"

/* At start servers get so long before their silence is said. */
#define START_MS 10000
/* Votes of one round come one after the other. */
#define VOTES_MS 5000

static const struct alarm_words words[ALARM_COUNT] = {
	[ALARM_SILENT] = { "stun-silent", "no STUN server gives a usable "
	    "answer; the last good address, if there is one, stays in use, "
	    "unconfirmed: if it is not ours any more, phones outside are not "
	    "heard",
	    "see whether this machine reaches the internet over UDP port "
	    "3478, or name other servers in [address] stun" },
	[ALARM_UNRESOLVED] = { "stun-unresolved", "no STUN server's name "
	    "leads to an address", "see whether this machine's DNS works, or "
	    "write the servers' addresses in [address] stun" },
	[ALARM_DISAGREE] = { "stun-disagree", "the STUN servers see different "
	    "addresses of ours and none is outvoted; the last good address "
	    "stays in use", "name a third server of another operator in "
	    "[address] stun; if the office has two internet lines, let this "
	    "machine use one of them only" },
	[ALARM_WRONG] = { "stun-server-wrong", "a STUN server says another "
	    "address than the one believed; it is asked last for ten minutes",
	    "if it goes on, take it out of [address] stun; where only two "
	    "servers are named, name a third, so that it is clear who is "
	    "right" },
	[ALARM_SYMMETRIC] = { "nat-symmetric", "your router gives another "
	    "port to every peer: what STUN learns is true for the STUN "
	    "server only, and phones would send sound to a closed port",
	    "forward the SIP ports and the RTP range to this machine in the "
	    "router and set [media] mode = forwarded; or switch the router "
	    "to static ports (endpoint-independent mapping)" },
	[ALARM_DNS_DIFFERS] = { "dns-differs", "the name that phones use "
	    "leads to another address than the internet sees of us: phones "
	    "that ask DNS cannot find us", "see whether the dynamic DNS "
	    "client (of the router, or ours) still updates the name, and "
	    "whether its account has expired" },
	[ALARM_DNS_GONE] = { "dns-gone", "the name that phones use leads to "
	    "no address at all", "log in at the dynamic DNS provider: an "
	    "account not confirmed in time is switched off; else see whether "
	    "the name is spelt right and this machine's DNS works" },
	[ALARM_PORT] = { "sip-port-differs", "the internet sees our SIP "
	    "socket at another port than it listens on, and no stranger's "
	    "packet is known to come in there", "forward the SIP port to "
	    "this machine in the router; if the router uses another number "
	    "outside, write it in [listen] external_udp_advertised" },
};

const struct alarm_words *
alarm_words(enum alarm_id id)
{
	return &words[id];
}

void
alarm_hold(struct alarms *a, enum alarm_id id, bool holds, uint32_t after_ms,
    struct mono now)
{
	struct alarm *one = &a->alarm[id];

	one->after_ms = after_ms;
	if (holds == one->holds)
		return;
	one->holds = holds;
	one->held_at = now;
}

/* ---- what the mappings show ---- */

static bool
any_map(const struct mappings *v, bool symmetric)
{
	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		/* What a relay hears may be forged by the relay. */
		if (m->used && !m->away && m->owner == MAPPING_SIP &&
		    (symmetric ? m->symmetric : m->disagree))
			return true;
	}
	return false;
}

static bool
any_asked(const struct mappings *v)
{
	for (unsigned i = 0; i < v->n_maps; i++) {
		if (v->map[i].used && !v->map[i].away)
			return true;
	}
	return false;
}

static unsigned
count_servers(const struct mappings *v, enum mapping_server_state state,
    struct mono now)
{
	unsigned n = 0;

	for (unsigned s = 0; s < v->conf.n_servers; s++)
		n += mapping_server_state(v, s, now) == state;
	return n;
}

void
alarm_look(struct alarms *a, const struct mappings *v, struct mono now)
{
	bool asked = v->conf.stun && any_asked(v);
	unsigned unresolved, wrong;
	bool unsure = v->site_state != PUBLIC_KNOWN;
	bool disagree = asked && any_map(v, false);

	unresolved = count_servers(v, SERVER_UNRESOLVED, now);
	wrong = count_servers(v, SERVER_WRONG, now);
	alarm_hold(a, ALARM_UNRESOLVED, asked &&
	    unresolved == v->conf.n_servers, START_MS, now);
	alarm_hold(a, ALARM_DISAGREE, disagree, VOTES_MS, now);
	alarm_hold(a, ALARM_SILENT, asked && !disagree &&
	    unresolved < v->conf.n_servers &&
	    unsure, v->was_known ? 0 : START_MS, now);
	alarm_hold(a, ALARM_WRONG, asked && wrong > 0 && !disagree, 0, now);
	alarm_hold(a, ALARM_SYMMETRIC, asked && any_map(v, true), 0, now);
}

/* ---- news ---- */

static struct mono
ripe_at(const struct alarm *one)
{
	return one->holds && !one->raised ?
	    mono_add_ms(one->held_at, one->after_ms) : MONO_NEVER;
}

bool
alarm_next(struct alarms *a, struct mono now, enum alarm_id *out)
{
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		struct alarm *one = &a->alarm[i];
		bool raise = mono_due(ripe_at(one), now);

		if (!raise && !(one->raised && !one->holds))
			continue;
		one->raised = raise;
		if (raise)
			one->raised_at = now;
		*out = (enum alarm_id)i;
		return true;
	}
	return false;
}

struct mono
alarm_due(const struct alarms *a)
{
	struct mono due = MONO_NEVER;

	for (unsigned i = 0; i < ALARM_COUNT; i++)
		due = mono_min(due, ripe_at(&a->alarm[i]));
	return due;
}
