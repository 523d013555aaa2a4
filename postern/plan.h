/*
 * Which processes a configuration makes and which doors lie between them.
 *
 * A door belongs to its owner and is named after who may knock there:
 * RUN/OWNER.KNOCKER.sock.  Each pair has one at both ends; the admin knocks
 * at everybody's and has none.
 */
#ifndef POSTERN_PLAN_H
#define POSTERN_PLAN_H

#include "common/io/conf.h"
#include "common/io/role.h"

#define PLAN_MEDIA_MAX 32
#define PLAN_MEMBERS_MAX (PLAN_MEDIA_MAX + 5)
#define PLAN_DOORS_MAX (PLAN_MEDIA_MAX * 7 + 15)

struct plan_member {
	enum ipc_role role;
	uint8_t instance;
	char name[ROLE_NAME_MAX]; /* "mediaproxy-0" */
};

struct plan_door {
	const struct plan_member *owner, *knocker;
};

struct plan {
	struct plan_member member[PLAN_MEMBERS_MAX]; /* in start order */
	unsigned n_members;
	struct plan_member admin;
	struct plan_door door[PLAN_DOORS_MAX];
	unsigned n_doors;
};

/* Gives pointers into *out: do not copy a plan. */
void plan_make(const struct conf *c, struct plan *out);

#endif
