/*
 * tracer: writes down what is traced, and sends it on.  Owns one directory and
 * nothing else.  See README.md.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/io/cage.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "tracer/io/tracer.h"

#define SWEEP_MS 60000
#define EXPIRE_MS 1000

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct tracer *t = arg;

	if (from == t->sig)
		return on_sigproxy_frame(t, type, payload);
	if (from == t->admin)
		return on_admin_frame(t, type, payload);
	return on_media_frame(t, type, payload);
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct tracer *t = arg;

	if (up && peer == t->sig)
		tell_rules(t);
}

static void
on_timer(uv_timer_t *timer)
{
	static unsigned seconds;
	struct tracer *t = timer->data;

	if (rules_expire(&t->rules, clock_wall_s())) {
		tell_rules(t);
		kept_write(t);
	}
	if (++seconds % (SWEEP_MS / EXPIRE_MS) == 0)
		files_sweep(&t->files);
}

static void
fail(const char *what, int err)
{
	log_begin(LOG_ERROR_, what);
	log_err("why", err);
	log_end();
	exit(1);
}

static void
open_doors(struct tracer *t, const struct sd *sd)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, t };

	t->doors = doors_new(t->loop, ROLE_TRACE, 0, &ops);
	if (t->doors == NULL)
		fail("no-memory", -ENOMEM);
	t->sig = role_peer(t->doors, sd, ROLE_TRACE, 0, ROLE_SIG, 0);
	for (unsigned i = 0; i < t->conf.processes; i++) {
		t->relay[i] = role_peer(t->doors, sd, ROLE_TRACE, 0,
		    ROLE_MEDIA, (uint8_t)i);
		if (t->relay[i] == NULL)
			exit(1);	/* said why */
	}
	t->admin = role_admin(t->doors, sd);
	if (t->sig == NULL || t->admin == NULL)
		exit(1);
}

int
main(int argc, char **argv)
{
	static struct tracer t;		/* zeroed */
	static struct sd sd;
	const char *dir = getenv("STATE_DIRECTORY");
	struct role_args args;
	struct cage cage;
	int err;

	role_begin(argc, argv, "tracer", &args, &t.conf, &sd);
	err = priv_drop_user(cage_role_user(ROLE_TRACE));
	if (err)
		fail("user-not-dropped", err);
	t.loop = uv_default_loop();
	priv_warm_up();
	if (dir == NULL)
		dir = "/var/lib/postern-trace";
	err = files_open(&t.files, dir, &t.conf);
	if (err)
		fail("directory-not-usable", err);
	hep_open(&t);
	kept_read(&t);
	open_doors(&t, &sd);
	err = uv_timer_init(t.loop, &t.timer);
	t.timer.data = &t;
	if (err == 0)
		err = uv_timer_start(&t.timer, on_timer, EXPIRE_MS, EXPIRE_MS);
	if (err)
		fail("clock-not-started", err);
	cage = (struct cage){ ROLE_TRACE, dir, TRACER_FILES_MAX +
		8 * (t.conf.processes + 2) + 32, hep_dials(&t) };
	role_cage_of(t.loop, &cage, &sd, t.doors);
	return uv_run(t.loop, UV_RUN_DEFAULT);
}
