/*
 * `postern sql`: the sqlite3 shell as postern-db and nothing else.
 *
 * An admin's root shell must never run what a hostile database file holds: a
 * planted view can call edit(), which runs a program.  So: -safe, the user
 * who owns the file, no start-up file, no history (it would hold passwords).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/cmd.h"
#include "postern/store.h"

#define ARGS_MAX 64

static int
become_store_user(const char *database)
{
	int err = 0;

	if (geteuid() == 0)
		err = priv_drop_user(cage_role_user(ROLE_REG));
	if (err)
		return cmd_fail(
		    "user %s: %s", cage_role_user(ROLE_REG), strerror(-err));
	if (access(database, R_OK | W_OK) == 0)
		return 0;
	if (errno == ENOENT)
		return cmd_fail("there is no database at %s yet; `postern "
				"up` makes it",
		    database);
	return cmd_fail("%s: %s (run this as root)", database, strerror(errno));
}

static int
exec_sqlite(const char *database, const struct cmd_opts *o)
{
	static const char *const fixed[] = { "sqlite3", "-safe", "-init",
		"/dev/null", "-cmd", ".timeout 5000", "-cmd",
		"PRAGMA foreign_keys = ON", "-cmd",
		"PRAGMA trusted_schema = OFF" };
	enum { N_FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	const char *args[ARGS_MAX + N_FIXED + 3];
	int n = 0;

	if (o->n_rest > ARGS_MAX)
		return cmd_fail("too many arguments; pipe the SQL in instead");
	for (; n < N_FIXED; n++)
		args[n] = fixed[n];
	if (o->json)
		args[n++] = "-json";
	args[n++] = database;
	for (int i = 0; i < o->n_rest; i++)
		args[n++] = o->rest[i];
	args[n] = NULL;

	setenv("SQLITE_HISTORY", "/dev/null", 1);
	setenv("HOME", "/nonexistent", 1);
	unsetenv("VISUAL");
	unsetenv("EDITOR");
	if (chdir("/") != 0)
		return cmd_fail("/: %s", strerror(errno));
	execvp("sqlite3", (char *const *)(const void *)args);
	return cmd_fail("sqlite3: %s (is it installed?)", strerror(errno));
}

int
cmd_sql(int argc, char **argv)
{
	static struct conf conf;
	struct cmd_opts o;

	if (cmd_opts(argc, argv, "csj", &o) != 0)
		return 2;
	if (store_conf(&o, &conf) != 0 ||
	    become_store_user(conf.store_path) != 0)
		return 1;
	return exec_sqlite(conf.store_path, &o);
}
