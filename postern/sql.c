/*
 * `postern sql`: the sqlite3 shell as postern-db and nothing else.
 *
 * An admin's root shell must never run what a hostile database file holds: a
 * planted view can call edit(), which runs a program.  So: -safe, the user
 * who owns the file, no start-up file, no history (it would hold passwords).
 *
 * What SQL drops is gone, and registrar-db does not start without a table of
 * its own: so it is said at once, while the admin still knows what he did.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/cmd.h"
#include "postern/json.h"
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

/* ---- what was dropped ---- */

#define OBJECTS "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE " \
	"'sqlite!_%' ESCAPE '!';"

static bool
has_object(const char *said, struct span type, struct span name)
{
	struct json_each each;
	struct span row, t, n;

	for (json_each_item(span_str(said), &each);
	     json_next(&each, NULL, &row);)
		if (json_text(row, "type", &t) && span_eq(t, type) &&
		    json_text(row, "name", &n) && span_eq(n, name))
			return true;
	return false;
}

static void
say_dropped(const char *before, const char *after)
{
	struct json_each each;
	struct span row, type, name;
	unsigned n = 0;

	if (before == NULL || after == NULL || !json_is_array(span_str(before)))
		return;
	for (json_each_item(span_str(before), &each);
	     json_next(&each, NULL, &row);)
		if (json_text(row, "type", &type) &&
		    json_text(row, "name", &name) &&
		    !has_object(after, type, name) && n++ < 5)
			cmd_fail("warning: the %.*s %.*s is gone",
			    (int)type.len, type.p, (int)name.len, name.p);
	if (n > 0)
		cmd_fail("warning: %u dropped in all; if not all of it was "
			 "made by yourself, Postern stores nothing any more: "
			 "put back a backup (docs/store.md)", n);
}

/* The shell has the terminal; what is typed at it is not for us. */
static int
wait_for(pid_t child)
{
	int status;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return cmd_fail("sqlite3: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/* What is typed or piped in is not seen before. */
static bool
may_drop(const struct cmd_opts *o)
{
	for (int i = 0; i < o->n_rest; i++)
		if (strcasestr(o->rest[i], "drop") != NULL)
			return true;
	return o->n_rest == 0;
}

static int
run_watched(const struct conf *c, const struct cmd_opts *o)
{
	char *before, *after;
	pid_t child;
	int rc;

	/* Of a damaged store it may be all that helps: it goes on. */
	before = store_ask(c, SPAN_LIT(OBJECTS));
	fflush(NULL);
	child = fork();
	if (child < 0) {
		free(before);
		return cmd_fail("fork: %s", strerror(errno));
	}
	if (child == 0) {
		rc = become_store_user(c->store_path);
		/* After the change of user, which would undo it. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		_exit(rc != 0 ? 1 : exec_sqlite(c->store_path, o));
	}
	rc = wait_for(child);
	after = store_ask(c, SPAN_LIT(OBJECTS));
	say_dropped(before, after);
	free(before);
	free(after);
	return rc;
}

int
cmd_sql(int argc, char **argv)
{
	static struct conf conf;
	struct cmd_opts o;

	if (cmd_opts(argc, argv, "csj", &o) != 0)
		return 2;
	if (store_conf(&o, &conf) != 0)
		return 1;
	if (may_drop(&o) && access(conf.store_path, R_OK) == 0)
		return run_watched(&conf, &o);
	return become_store_user(conf.store_path) != 0 ? 1 :
	    exec_sqlite(conf.store_path, &o);
}
