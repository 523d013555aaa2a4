#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/state.h"
#include "tests/unit/postern/suite.h"

static char dir[64];
static struct state s;

static void
begin(void)
{
	strcpy(dir, "/tmp/postern-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(state_open(dir, true, &s), 0);
}

static void
end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(one_holder_of_the_lock)
{
	int first, second;

	begin();
	first = state_lock(&s);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(state_lock(&s), -EWOULDBLOCK);
	close(first);
	second = state_lock(&s);
	ck_assert_int_ge(second, 0);
	close(second);
	end();
}
END_TEST

START_TEST(a_swept_directory_keeps_lock_and_logs)
{
	char path[STATE_PATH_MAX], config[64] = "";
	int lock;

	begin();
	lock = state_lock(&s);
	ck_assert_int_eq(state_write_config(&s, "/etc/x.conf"), 0);
	ck_assert(state_config(&s, config, sizeof(config)));
	ck_assert_str_eq(config, "/etc/x.conf");
	state_sweep(&s);
	ck_assert(!state_config(&s, config, sizeof(config)));
	ck_assert_int_eq(access(state_path(&s, "run/up.lock", path), F_OK), 0);
	ck_assert_int_eq(access(state_path(&s, "log", path), F_OK), 0);
	close(lock);
	end();
}
END_TEST

START_TEST(pids_of_other_programs_are_not_ours)
{
	pid_t up, runsvdir;

	begin();
	/* this test is neither postern nor runsvdir */
	ck_assert_int_eq(state_write_pids(&s, getpid(), getpid()), 0);
	state_pids(&s, &up, &runsvdir);
	ck_assert_int_eq(up, 0);
	ck_assert_int_eq(runsvdir, 0);
	end();
}
END_TEST

START_TEST(doors_must_fit_a_socket_address)
{
	char longer[128];
	struct state t;

	begin();
	snprintf(longer, sizeof(longer), "%s/%s", dir,
	    "0123456789012345678901234567890123456789012345678901234567");
	ck_assert_int_eq(state_open(longer, true, &t), -ENAMETOOLONG);
	end();
}
END_TEST

START_TEST(a_barred_directory_is_named)
{
	char path[STATE_PATH_MAX], mem[STATE_PATH_MAX];
	const char *bar;

	begin();
	ck_assert_int_eq(chmod(dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/run/", dir);
	bar = state_barrier(path, 12345, 12345, mem, sizeof(mem));
	ck_assert_ptr_nonnull(bar);
	ck_assert_str_eq(bar, dir);
	ck_assert_ptr_null(state_barrier(path, getuid(), getgid(), mem,
	    sizeof(mem)));
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_ptr_null(state_barrier(path, 12345, 12345, mem,
	    sizeof(mem)));
	end();
}
END_TEST

START_TEST(a_named_directory_leads_to_no_other_configuration)
{
	char mem[STATE_PATH_MAX], missing[128];
	const char *found;

	begin();
	snprintf(missing, sizeof(missing), "%s/missing", dir);
	ck_assert_ptr_null(
	    state_find_config(NULL, missing, mem, sizeof(mem)));
	ck_assert_ptr_null(
	    state_find_config("/etc/x.conf", missing, mem, sizeof(mem)));
	ck_assert_int_ne(access(missing, F_OK), 0);
	/* there, and nothing was started with it */
	ck_assert_ptr_null(state_find_config(NULL, dir, mem, sizeof(mem)));
	found = state_find_config("/etc/x.conf", dir, mem, sizeof(mem));
	ck_assert_str_eq(found, "/etc/x.conf");
	ck_assert_int_eq(state_write_config(&s, "/etc/y.conf"), 0);
	found = state_find_config(NULL, dir, mem, sizeof(mem));
	ck_assert_str_eq(found, "/etc/y.conf");
	found = state_find_config("/etc/x.conf", NULL, mem, sizeof(mem));
	ck_assert_str_eq(found, "/etc/x.conf");
	end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { one_holder_of_the_lock,
		a_swept_directory_keeps_lock_and_logs,
		pids_of_other_programs_are_not_ours,
		doors_must_fit_a_socket_address, a_barred_directory_is_named,
		a_named_directory_leads_to_no_other_configuration };

	return run_suite("state", tests, sizeof(tests) / sizeof(tests[0]));
}
