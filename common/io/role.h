/*
 * What every main.c of a caged process does alike: arguments, where doors
 * lie, who knocks where, and the watchdog.
 */
#ifndef COMMON_IO_ROLE_H
#define COMMON_IO_ROLE_H

#include "common/io/cage.h"
#include "common/io/conf.h"
#include "common/io/door.h"
#include "common/io/sd.h"

struct role_args {
	const char *config;	/* --config FILE */
	bool check;		/* --check: say what is wrong, then end */
	uint8_t instance;	/* --instance N */
};

/*
 * Read the command line; --help and --version print and exit 0.
 *
 * Errors:  -EINVAL, after printing what is wrong and the usage.
 */
int role_args(int argc, char **argv, const char *program,
    struct role_args *out);

/*
 * Everything between the command line and the process's own work: open the
 * log, read the configuration, take inherited sockets.  Exits with 0 after
 * --check and with 1 when something is wrong, having said what.
 */
void role_begin(int argc, char **argv, const char *program,
    struct role_args *args, struct conf *conf, struct sd *sd);

/* The two halves of role_begin(), for who has more to look at under --check:
 * command line, log and configuration; then inherited sockets. */
void role_read(int argc, char **argv, const char *program,
    struct role_args *args, struct conf *conf);
void role_take(struct sd *sd);

/*
 * Name a peer as doors and files spell it: "registrar-db", "mediaproxy-0".
 * Returns mem, of ROLE_NAME_MAX bytes.
 */
#define ROLE_NAME_MAX 32
const char *role_name(enum ipc_role role, uint8_t instance, char *mem);

/*
 * Declare a peer, keep the door at which it knocks (inherited as
 * "door-PEER"), and knock at its door for us:
 * POSTERN_RUN_DIR/PEER.SELF.sock, /run/postern by default.
 *
 * Gives:   NULL only for no memory or a broken inherited socket (said).
 */
struct door *role_peer(struct doors *d, const struct sd *sd,
    enum ipc_role self, uint8_t self_instance, enum ipc_role peer,
    uint8_t peer_instance);
/* The admin's door: it is only accepted at, never knocked. */
struct door *role_admin(struct doors *d, const struct sd *sd);

/*
 * Close the cage, say READY=1, feed the watchdog, open the doors.  Exits
 * with 1 when a step fails, having said which.
 */
void role_cage(uv_loop_t *loop, enum ipc_role role, const char *data_dir,
    unsigned n_files, const struct sd *sd, struct doors *d);
/* The same, for who needs more said of its cage. */
void role_cage_of(uv_loop_t *loop, const struct cage *cage,
    const struct sd *sd, struct doors *d);

#endif
