/* Log lines as they leave: stderr is a pipe here. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/log.h"

static int from_log;
static char line[8192];

static void
setup(void)
{
	int p[2];

	ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	from_log = p[0];
	log_open("sigproxy", LOG_INFO_);
}

static const char *
read_line(void)
{
	ssize_t n = read(from_log, line, sizeof(line) - 1);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

static const struct {
	const char *name;
	struct span value;
	const char *want;
} rows[] = {
	{ "plain", SPAN_LIT("168"), "sigproxy info e k=168\n" },
	{ "space", SPAN_LIT("a b"), "sigproxy info e k=\"a b\"\n" },
	{ "empty", SPAN_LIT(""), "sigproxy info e k=\"\"\n" },
	{ "a forged key", SPAN_LIT("x user=root"),
	    "sigproxy info e k=\"x user=root\"\n" },
	{ "an equals sign", SPAN_LIT("a=b"), "sigproxy info e k=\"a=b\"\n" },
	{ "a forged line", SPAN_LIT("x\nsigproxy error y"),
	    "sigproxy info e k=\"x\\x0asigproxy error y\"\n" },
	{ "a quote", SPAN_LIT("a\" b=\"c"),
	    "sigproxy info e k=\"a\\x22 b=\\x22c\"\n" },
	{ "a backslash", SPAN_LIT("\\x41"),
	    "sigproxy info e k=\"\\x5cx41\"\n" },
	{ "terminal escape", SPAN_LIT("\033[2J"),
	    "sigproxy info e k=\"\\x1b[2J\"\n" },
	{ "NUL and eight bits", SPAN_LIT("\0\xff\x7f"),
	    "sigproxy info e k=\"\\x00\\xff\\x7f\"\n" },
	{ "UTF-8", SPAN_LIT("\xc3\xa9"),
	    "sigproxy info e k=\"\\xc3\\xa9\"\n" },
};

START_TEST(hostile_text_stays_inside_its_value)
{
	log_begin(LOG_INFO_, "e");
	log_span("k", rows[_i].value);
	log_end();
	ck_assert_str_eq(read_line(), rows[_i].want);
}
END_TEST

START_TEST(every_kind_of_value_is_written)
{
	struct addr a = addr_from_bytes("\xc6\x33\x64\7", 4, 4711);

	log_begin(LOG_WARN_, "register");
	log_str("number", "168");
	log_addr("flow", &a);
	log_u64("grant_s", 60);
	log_err("error", -ENOENT);
	log_err("what", -4095);
	log_str("none", NULL);
	log_end();
	ck_assert_str_eq(read_line(), "sigproxy warn register number=168 "
	    "flow=198.51.100.7:4711 grant_s=60 "
	    "error=\"ENOENT: No such file or directory\" "
	    "what=\"?: unknown\" none=\"\"\n");
}
END_TEST

START_TEST(long_values_and_long_lines_are_cut)
{
	static char long_text[5000];
	size_t len;

	memset(long_text, '\n', sizeof(long_text));
	log_begin(LOG_INFO_, "e");
	log_span("a", span_make(long_text, sizeof(long_text)));
	log_u64("b", 1);
	log_end();
	len = strlen(read_line());
	/* 200 octets of four characters each */
	ck_assert_str_eq(line + len - 11, "0a...\" b=1\n");
	ck_assert_uint_le(len, 1024);
	log_begin(LOG_INFO_, "e");
	log_span("a", span_make(long_text, sizeof(long_text)));
	log_span("b", span_make(long_text, sizeof(long_text)));
	log_u64("c", 1);
	log_end();
	len = strlen(read_line());
	ck_assert_uint_le(len, 1024);
	ck_assert_str_eq(line + len - 7, " cut=1\n");
	ck_assert_ptr_null(strstr(line, " b="));
	ck_assert_ptr_null(strstr(line, " c="));
}
END_TEST

START_TEST(lines_below_the_level_are_not_written)
{
	log_begin(LOG_DEBUG_, "e");
	log_u64("a", 1);
	log_end();
	ck_assert_str_eq(read_line(), "");
	log_begin(LOG_ERROR_, "e");
	log_end();
	ck_assert_str_eq(read_line(), "sigproxy error e\n");
}
END_TEST

/* ---- a logger that stands still ---- */

static void
say(unsigned n)
{
	log_begin(LOG_INFO_, "e");
	log_u64("n", n);
	log_end();
}

/* Stderr as a process has it, blocking, with room for some lines. */
static void
stand_still(bool as_socket)
{
	int p[2];

	if (as_socket) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	} else {
		ck_assert_int_eq(pipe(p), 0);
		ck_assert_int_ge(fcntl(p[1], F_SETPIPE_SZ, 16384), 0);
	}
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	close(from_log);
	from_log = p[0];
	log_open("sigproxy", LOG_INFO_);
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* All that lies there: how many lines "e", and the sum of those named lost. */
static void
read_all(unsigned *lines_out, unsigned *lost_out)
{
	FILE *f;

	fcntl(from_log, F_SETFL, O_NONBLOCK);
	f = fdopen(dup(from_log), "r");
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned n;

		ck_assert_ptr_nonnull(strchr(line, '\n'));
		if (sscanf(line, "sigproxy warn log-lost lines=%u\n", &n) == 1)
			*lost_out += n;
		else if (sscanf(line, "sigproxy info e n=%u\n", &n) == 1)
			(*lines_out)++;
		else
			ck_abort_msg("half a line: %s", line);
	}
	fclose(f);
}

/* _i 0: the pipe of a supervisor's logger; 1: the socket of a journal. */
START_TEST(a_logger_that_stands_still_stops_nothing)
{
	unsigned lines = 0, lost = 0, n = 0;

	stand_still(_i == 1);
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < 10000; i++)
			say(++n);
		read_all(&lines, &lost);
		ck_assert_uint_lt(lines + lost, n);
		/* There is room: said once, before the next line. */
		say(++n);
		read_all(&lines, &lost);
		ck_assert_uint_eq(lines + lost, n);
		say(++n);
		read_all(&lines, &lost);
		ck_assert_uint_eq(lines + lost, n);
	}
	ck_assert_uint_gt(lines, 20);
}
END_TEST

START_TEST(a_log_into_a_file_is_written)
{
	char name[] = "/tmp/postern-log-XXXXXX", got[64] = { 0 };
	int fd = mkstemp(name);

	dup2(fd, STDERR_FILENO);
	log_open("sigproxy", LOG_INFO_);
	say(1);
	ck_assert_int_gt(pread(fd, got, sizeof(got) - 1, 0), 0);
	ck_assert_str_eq(got, "sigproxy info e n=1\n");
	close(fd);
	unlink(name);
}
END_TEST

START_TEST(a_log_that_is_gone_stops_nothing)
{
	close(STDERR_FILENO);
	log_begin(LOG_ERROR_, "e");
	log_end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, hostile_text_stays_inside_its_value, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, every_kind_of_value_is_written);
	tcase_add_test(t, long_values_and_long_lines_are_cut);
	tcase_add_test(t, lines_below_the_level_are_not_written);
	tcase_add_loop_test(t, a_logger_that_stands_still_stops_nothing, 0, 2);
	tcase_add_test(t, a_log_into_a_file_is_written);
	tcase_add_test(t, a_log_that_is_gone_stops_nothing);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
