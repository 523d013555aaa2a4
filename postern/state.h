/*
 * The state directory of `postern up --state DIR`:
 *	DIR/run/		doors, the inventory of one run, up.lock
 *	DIR/service/ROLE/	runit service directories
 *	DIR/log/ROLE/current	what each process says
 *	DIR/stunmon/		the address believed last; stays
 *	DIR/trace/		what tracer wrote; stays
 */
#ifndef POSTERN_STATE_H
#define POSTERN_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#define STATE_PATH_MAX 512
#define STATE_STUN "stunmon"
#define STATE_TRACE "trace"

struct state {
	char dir[STATE_PATH_MAX / 2]; /* absolute */
};

/*
 * Find the directory.
 *
 * Takes:   create  make it and its parts when missing.
 * Errors:  negative errno, after saying it; -ENAMETOOLONG when doors in it
 *          would not fit sun_path.
 */
int state_open(const char *dir, bool create, struct state *out);

/* DIR/name into mem of STATE_PATH_MAX bytes; returns mem. */
const char *state_path(const struct state *s, const char *name, char *mem);

/*
 * The lock says that something of this directory still runs: its descriptor
 * is inherited by the supervisor and closed before a process of ours starts.
 *
 * Gives:   a descriptor.
 * Errors:  -EWOULDBLOCK somebody has it; other negative errno.
 */
int state_lock(const struct state *s);

/* The pids of `up` and of its supervisor, 0 for unknown; checked to be what
 * they were. */
void state_pids(const struct state *s, pid_t *up_out, pid_t *runsvdir_out);
int state_write_pids(const struct state *s, pid_t up, pid_t runsvdir);

/* Remember, and find, the configuration file this state was started with. */
int state_write_config(const struct state *s, const char *config);
/* Gives: false when unknown. */
bool state_config(const struct state *s, char *mem, size_t size);

/*
 * The configuration file a command is to read: `config`, or the one that the
 * state directory `state` was started with.  A directory that was named never
 * leads to the configuration of another Postern.
 *
 * Takes:   config, state  as given on the command line; NULL: not given.
 * Gives:   the file's name, maybe in mem; NULL after saying what is wrong
 *          with `state`.
 */
const char *state_find_config(
    const char *config, const char *state, char *mem, size_t size);

/* Remove doors, service directories and notes; logs stay. */
void state_sweep(const struct state *s);

/* Is `user` able to walk to path?  Gives NULL, or the first directory that
 * bars the way, in mem. */
const char *state_barrier(
    const char *path, uid_t uid, gid_t gid, char *mem, size_t size);

#endif
