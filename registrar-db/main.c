/*
 * registrar-db: the oracle.  Holds the database and its key, touches no
 * network, answers sigproxy and the admin.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "registrar-db/io/ending.h"
#include "registrar-db/io/key.h"
#include "registrar-db/io/oracle.h"

/* The loop's, the log, doors and their connections, SQLite's files. */
#define FILES_MAX 64

struct self {
	struct role_args args;
	struct conf conf;
	struct sd sd;
	struct secret key;
	struct store *store;
	uv_loop_t loop;
	struct oracle *oracle;
	struct doors *doors;
	struct ending ending;
	bool passwords_right;	/* all sealed for this realm */
};

/* Who the process will be, while it is still root. */
static int
priv_user(uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return 0;
	pw = getpwnam(cage_role_user(ROLE_REG));
	if (pw == NULL)
		return -ENOENT;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

/* Key and directory as whoever started us, the database as its own user. */
static int
priv_open(struct self *s)
{
	bool check = s->args.check;
	uid_t uid;
	gid_t gid;
	int err;

	err = priv_user(&uid, &gid);
	if (err == 0)
		err = priv_key_read(s->conf.store_key, s->conf.store_path,
		    !check, &s->key);
	if (err == 0 && !check)
		err = priv_store_directory(s->conf.store_path, uid, gid);
	if (err == 0)
		err = priv_drop_user(cage_role_user(ROLE_REG));
	if (err == 0 && check && access(s->conf.store_path, F_OK) != 0)
		return 0;	/* it will be made at the first start */
	if (err == 0)
		err = store_open(s->conf.store_path, check, &s->store);
	if (err == 0)
		err = watch_credentials(s->store, &s->key,
		    span_str(s->conf.realm));
	s->passwords_right = err == 0;
	return err < 0 ? err : 0;
}

static int
wire(struct self *s)
{
	struct doors_ops ops = oracle_ops;
	const struct oracle_conf conf = {
		.realm = span_str(s->conf.realm),
		.plan = { span_str(s->conf.country), span_str(s->conf.area),
		    span_str(s->conf.international_prefix),
		    span_str(s->conf.national_prefix) },
		.keep_records_days = s->conf.keep_records_days,
	};

	if (uv_loop_init(&s->loop) != 0)
		return -ENOMEM;
	s->oracle = oracle_new(&s->loop, s->store, &s->key, &conf);
	ops.arg = s->oracle;
	if (s->oracle != NULL) {
		s->oracle->emergency = s->conf.emergency;
		s->oracle->n_emergency = s->conf.n_emergency;
	}
	s->doors = s->oracle == NULL ? NULL :
	    doors_new(&s->loop, ROLE_REG, 0, &ops);
	if (s->doors == NULL)
		return -ENOMEM;
	s->oracle->sig = role_peer(s->doors, &s->sd, ROLE_REG, 0, ROLE_SIG, 0);
	s->oracle->stun = role_peer(s->doors, &s->sd, ROLE_REG, 0, ROLE_STUN,
	    0);
	s->oracle->admin = role_admin(s->doors, &s->sd);
	if (s->oracle->sig == NULL || s->oracle->stun == NULL ||
	    s->oracle->admin == NULL)
		return -ENOMEM;
	return priv_ending_watch(&s->ending, s->oracle);
}

static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strndup(path, (size_t)(slash - path));
}

static int
fail(const char *what, int err)
{
	log_begin(LOG_ERROR_, what);
	log_err("why", err);
	log_end();
	return 1;
}

int
main(int argc, char **argv)
{
	static struct self s;
	char *dir;
	int err;

	role_read(argc, argv, "registrar-db", &s.args, &s.conf);
	if (!s.args.check)
		role_take(&s.sd);
	err = priv_open(&s);
	if (err)
		return fail("not-started", err);
	if (s.args.check) {
		if (s.store != NULL && !s.passwords_right)
			return 1;	/* each fault was said */
		printf("%s: %s\n", s.conf.store_path,
		    s.store == NULL ? "no database yet; the first start "
				      "makes it" :
				      "the database is right");
		return 0;
	}
	priv_warm_up();
	err = wire(&s);
	if (err)
		return fail("not-started", err);
	dir = directory_of(s.conf.store_path);
	role_cage(&s.loop, ROLE_REG, dir, FILES_MAX, &s.sd, s.doors);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	return 0;
}
