/*
 * What an admin has to know about our address, in plain words: conditions
 * that hold or do not, each with why and what to do.  One is raised when it
 * has lasted, and cleared when it ends.
 *
 * Pure: alarm_hold() is told what holds, alarm_next() gives what changed.
 */
#ifndef STUNMON_CORE_ALARM_H
#define STUNMON_CORE_ALARM_H

#include "stunmon/core/mapping.h"

enum alarm_id {
	ALARM_SILENT,		/* no STUN server answers */
	ALARM_UNRESOLVED,	/* no STUN server's name leads anywhere */
	ALARM_DISAGREE,		/* servers differ and none is believed */
	ALARM_WRONG,		/* one was proved wrong by the others */
	ALARM_SYMMETRIC,	/* the router gives each peer another port */
	ALARM_DNS_DIFFERS,	/* our name leads elsewhere */
	ALARM_DNS_GONE,		/* our name leads nowhere any more */
	ALARM_PORT,		/* strangers need another port than ours */
	ALARM_COUNT
};

struct alarm {
	bool holds, raised;
	struct mono held_at;	/* since when it holds */
	struct mono raised_at;
	uint32_t after_ms;	/* raised when it has held so long */
};

struct alarms {
	struct alarm alarm[ALARM_COUNT];
};

struct alarm_words {
	const char *name;	/* of the log line and in JSON */
	const char *why, *remedy;
};

const struct alarm_words *alarm_words(enum alarm_id id);

/* Does the condition hold now? */
void alarm_hold(struct alarms *a, enum alarm_id id, bool holds,
    uint32_t after_ms, struct mono now);
/* Look at the mappings and their servers. */
void alarm_look(struct alarms *a, const struct mappings *v, struct mono now);

/* What was raised or cleared; false: no more. */
bool alarm_next(struct alarms *a, struct mono now, enum alarm_id *out);
/* When alarm_next() may have news without any input. */
struct mono alarm_due(const struct alarms *a);

#endif
