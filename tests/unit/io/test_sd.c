/* Inherited sockets and notes, by the variables the supervisor sets. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/sd.h"

/* Each test is a process of its own, so fds 3.. can be arranged. */
static void
setup(void)
{
	int null = open("/dev/null", O_RDWR);

	closefrom(60);
	for (int fd = 3; fd < 10; fd++)
		dup2(null, fd);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("LISTEN_PID");
}

static void
set_pid(int pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
}

static const struct {
	const char *what, *fds, *names;
	int pid;		/* 0: ours, -1: not set, else that one */
	int err;
	unsigned n;
} rows[] = {
	{ "nothing", NULL, NULL, 0, 0, 0 },
	{ "two named", "2", "door-admin:sip-external-udp", 0, 0, 2 },
	{ "no LISTEN_PID", "2", "a:b", -1, 0, 2 },
	{ "meant for another process", "2", "a:b", 1, 0, 0 },
	{ "none", "0", "", 0, 0, 0 },
	{ "no names", "2", NULL, 0, 0, 2 },
	{ "too few names", "2", "a", 0, -EINVAL, 0 },
	{ "too many names", "2", "a:b:c", 0, -EINVAL, 0 },
	{ "a closed one", "50", NULL, 0, -EINVAL, 0 },
	{ "too many", "65", NULL, 0, -E2BIG, 0 },
	{ "no number", "two", NULL, 0, -EINVAL, 0 },
	{ "negative", "-1", NULL, 0, -EINVAL, 0 },
	{ "empty", "", NULL, 0, -EINVAL, 0 },
	{ "a long name", "1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaa", 0, -EINVAL, 0 },
};

START_TEST(variables_are_taken_or_refused)
{
	struct sd s = { .n_fds = 77 };

	if (rows[_i].fds != NULL)
		setenv("LISTEN_FDS", rows[_i].fds, 1);
	if (rows[_i].names != NULL)
		setenv("LISTEN_FDNAMES", rows[_i].names, 1);
	if (rows[_i].pid >= 0)
		set_pid(rows[_i].pid == 0 ? getpid() : rows[_i].pid);
	ck_assert_msg(sd_take(&s) == rows[_i].err, "%s", rows[_i].what);
	ck_assert_uint_eq(s.n_fds, rows[_i].err ? 77 : rows[_i].n);
	/* nobody we start inherits the claim */
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
	if (rows[_i].err == 0 && rows[_i].n > 0) {
		ck_assert_int_eq(s.fds[0].fd, 3);
		ck_assert(fcntl(3, F_GETFD) & FD_CLOEXEC);
		ck_assert(fcntl(4, F_GETFL) & O_NONBLOCK);
	}
}
END_TEST

START_TEST(sockets_of_one_name_keep_their_order)
{
	struct sd s;

	setenv("LISTEN_FDS", "4", 1);
	setenv("LISTEN_FDNAMES", "sip:door-admin:sip:sip", 1);
	set_pid(getpid());
	ck_assert_int_eq(sd_take(&s), 0);
	ck_assert_int_eq(sd_fd(&s, "sip", 0), 3);
	ck_assert_int_eq(sd_fd(&s, "sip", 1), 5);
	ck_assert_int_eq(sd_fd(&s, "sip", 2), 6);
	ck_assert_int_eq(sd_fd(&s, "sip", 3), -1);
	ck_assert_int_eq(sd_fd(&s, "door-admin", 0), 4);
	ck_assert_int_eq(sd_fd(&s, "door", 0), -1);
}
END_TEST

/* _i 0: a path; 1: an abstract name */
START_TEST(notes_reach_the_supervisor)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[64], text[64] = { 0 };
	socklen_t len;
	struct sd s;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(path, sizeof(path), "%s/sd-test-%d", _i ? "@x" : "/tmp",
	    getpid());
	strcpy(at.sun_path, path);
	if (_i)
		at.sun_path[0] = '\0';
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "2000000", 1);
	ck_assert_int_eq(sd_take(&s), 0);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_uint_eq(s.watchdog_us, 2000000);
	sd_note(&s, "READY=1");
	ck_assert_int_eq(read(fd, text, sizeof(text)), 7);
	ck_assert_str_eq(text, "READY=1");
	close(fd);
	sd_note(&s, "WATCHDOG=1");	/* nobody listens: quiet */
	if (!_i)
		unlink(path);
}
END_TEST

START_TEST(a_watchdog_of_another_process_is_not_ours)
{
	struct sd s;

	setenv("WATCHDOG_USEC", "2000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	ck_assert_int_eq(sd_take(&s), 0);
	ck_assert_uint_eq(s.watchdog_us, 0);
	ck_assert_int_eq(s.notify_fd, -1);
	sd_note(&s, "READY=1");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sd");
	TCase *t = tcase_create("sd");
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, CK_FORK);	/* each row changes its process */
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, variables_are_taken_or_refused, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, sockets_of_one_name_keep_their_order);
	tcase_add_loop_test(t, notes_reach_the_supervisor, 0, 2);
	tcase_add_test(t, a_watchdog_of_another_process_is_not_ours);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
