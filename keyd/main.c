/*
 * keyd: holds the TLS keys and signs handshakes, nothing else.  Two doors,
 * no socket, no file.  See README.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io/cage.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "keyd/io/keyd.h"

/* The loop's, the log, two doors and their connections. */
#define FILES_MAX 32

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct keyd *k = arg;

	if (from == k->sig)
		return on_sigproxy_frame(k, type, payload);
	return on_admin_frame(k, type, payload);
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct keyd *k = arg;

	if (up && peer == k->sig)
		tell_chains(k);
}

static int
fail(const char *what, int err)
{
	log_begin(LOG_ERROR_, what);
	log_err("why", err);
	log_end();
	return 1;
}

static int
wire(struct keyd *k, const struct sd *sd)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, k };

	if (uv_loop_init(&k->loop) != 0)
		return -ENOMEM;
	k->doors = doors_new(&k->loop, ROLE_KEY, 0, &ops);
	if (k->doors == NULL)
		return -ENOMEM;
	k->sig = role_peer(k->doors, sd, ROLE_KEY, 0, ROLE_SIG, 0);
	k->admin = role_admin(k->doors, sd);
	return k->sig == NULL || k->admin == NULL ? -ENOMEM : warn_start(k);
}

int
main(int argc, char **argv)
{
	static struct keyd k;
	static struct sd sd;
	struct role_args args;
	int err = keys_memory();

	role_read(argc, argv, "keyd", &args, &k.conf);
	if (err == -EPERM) {
		log_begin(LOG_WARN_, "memory-not-locked");
		log_str("lost", "keys may be written to swap");
		log_str("remedy", "raise RLIMIT_MEMLOCK to 512 KiB");
		log_end();
	} else if (err) {
		return fail("no-memory-for-keys", err);
	}
	if (!conf_has_tls(&k.conf)) {
		puts("[tls] names no certificate, or both TLS ports are 0: "
		     "keyd has nothing to do");
		return args.check ? 0 : 1;
	}
	if (!args.check)
		role_take(&sd);
	err = keys_read(&k);
	if (err == 0)
		err = priv_drop_user(cage_role_user(ROLE_KEY));
	if (err == 0)
		err = keys_open(&k);
	if (err)
		return fail("not-started", err);
	if (args.check)
		return 0;
	priv_warm_up();
	err = wire(&k, &sd);
	if (err)
		return fail("not-started", err);
	role_cage(&k.loop, ROLE_KEY, NULL, FILES_MAX, &sd, k.doors);
	return uv_run(&k.loop, UV_RUN_DEFAULT);
}
