/*
 * The processes of one Postern: which should run, which do, and what each
 * says of itself at its admin door.
 */
#ifndef POSTERN_MEMBERS_H
#define POSTERN_MEMBERS_H

#include "common/io/role.h"
#include "postern/ask.h"
#include "postern/plan.h"
#include "postern/state.h"

struct process {
	char name[ROLE_NAME_MAX]; /* "mediaproxy-0" */
	char role[ROLE_NAME_MAX]; /* "mediaproxy" */
	uint32_t instance;
	pid_t pid; /* 0: not running */
	int64_t up_s;
	char user[64];
	int asked; /* 0, or why it did not answer */
	struct span said;
	char mem[ASK_MAX];
};

/* Those of a state directory, by name.  Gives how many, at most
 * PLAN_MEMBERS_MAX. */
unsigned members_of_state(const struct state *s, struct process *list);

/* Those of systemd's units: every door for the admin is a process that
 * should run. */
unsigned members_of_systemd(struct process *list);

#endif
