/*
 * Is our public address still ours?
 *
 * stunmon looks every quarter of a minute by itself (stun_interval_s).  It is
 * asked to look at once when a phone outside shows its password, by REGISTER
 * or by another flow, while it is in a call and its sound has stopped: what
 * it sends to the address that it was told is lost, perhaps, and its REGISTER
 * found the new one by DNS.  A phone that is muted does the same: so not often
 * for one leg, and stunmon has a bound of its own for all (MAPPING_LOOK_MS).
 * Nobody else makes it look.
 *
 * If it is another address indeed, the phone came by that one: it is told
 * without being asked first whether it can be reached (move.h).
 *
 * Not kept over a restart.  Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_DOUBT_H
#define SIGPROXY_CORE_DOUBT_H

#include "common/base/mono.h"
#include "common/ipc/names.h"

struct calls;
struct ctx;
struct leg;
struct buf;

enum {
	DOUBT_PAUSE_MS = 10000, /* between two questions for one leg */
	/* The relay says that somebody was silent for so long. */
	DOUBT_PAUSED_MS = 1000,
	DOUBT_SILENT_MS = 5000,
	/* For stunmon, with servers that keep silent. */
	DOUBT_TRUST_MS = 10000,
};

/* A leg's. */
struct doubt {
	struct mono came;  /* its phone, with its password; 0: not yet */
	struct mono asked; /* stunmon, because of it; 0: never */
};

/* Leg's phone showed its password. */
void doubt_came(const struct ctx *x, struct leg *leg);
/* The relay does not hear it any more. */
void doubt_unheard(
    const struct ctx *x, struct leg *leg, enum media_heard heard);
/* It raised a doubt a moment ago: if there is another address now, it came
 * by that one. */
bool doubt_was_raised(const struct ctx *x, const struct leg *leg);
void doubt_status(const struct calls *c, struct buf *json);

#endif
