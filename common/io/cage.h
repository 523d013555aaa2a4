/*
 * The cage a process closes around itself once it has all it needs: no new
 * privileges, no capabilities, Landlock (by the kernel's ABI), a seccomp
 * allow-list that kills, W^X, limits, no core dumps, not dumpable.
 *
 * What each role may still do is one row in cage.c and one table in
 * docs/processes.md; tests/system runs a probe inside each real cage that
 * tries everything the table forbids.
 */
#ifndef COMMON_IO_CAGE_H
#define COMMON_IO_CAGE_H

#include "common/base/addr.h"
#include "common/ipc/names.h"

struct cage {
	enum ipc_role role;
	const char *data_dir;	/* registrar-db's or tracer's directory, else
				 * NULL */
	unsigned n_files;	/* descriptors the process may hold */
	/* tracer: whom it may dial by TCP, if anybody; else NULL */
	const struct addr *dials;
};

/*
 * Before the cage, as root: become this user for good (setresgid, no
 * supplementary groups, setresuid, checked that there is no way back).
 * Not root: does nothing and gives 0.
 *
 * Errors:  -ENOENT no such user; -EPERM could not, or could go back.
 */
int priv_drop_user(const char *user);

/*
 * Run the late loads now that would be killed later: a first random number,
 * OpenSSL digests, the resolver's tables, time zone.
 */
void priv_warm_up(void);

/*
 * Close the cage.  Call with everything open; there is no way back.
 *
 * Gives:   in *landlock_abi_out the ABI in force, 0 for none (logged).
 * Errors:  negative errno of the step that failed; the process must exit.
 */
int cage_close(const struct cage *c, int *landlock_abi_out);

/* The uid of a role's user, or (uid_t)-1 when we do not run as root-started
 * separate users.  Looked up before the cage. */
unsigned cage_role_uid(enum ipc_role role);
/* "postern-sig", "postern-media", "postern-stun", "postern-db",
 * "postern-key", "postern-trace". */
const char *cage_role_user(enum ipc_role role);

#endif
