/* What a program is given to read, and what is kept of its words. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/capture.h"
#include "postern/std.h"
#include "tests/unit/postern/suite.h"

static const char *const cat[] = { "cat", NULL };

static int
heard(void)
{
	char mem[64];
	int rc = capture_input(cat, NULL, 10000, SPAN_LIT("SELECT 1;"), mem,
	    sizeof(mem));

	return rc != 0 ? 2 : strcmp(mem, "SELECT 1;") != 0;
}

/* In a process of its own, with these closed. */
static int
without(unsigned closed)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int fd = 0; fd < 3; fd++)
			if (closed & 1u << fd)
				close(fd);
		_exit(std_hold() != 0 ? 3 : heard());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_program_reads_all_of_it_whatever_is_closed)
{
	for (unsigned closed = 0; closed < 8; closed++)
		ck_assert_msg(without(closed) == 0, "closed: %u", closed);
}
END_TEST

START_TEST(more_than_a_pipe_holds_is_refused)
{
	static char much[8192];
	char mem[8];

	ck_assert_int_eq(capture_input(cat, NULL, 10000, span_make(much,
	    sizeof(much)), mem, sizeof(mem)), -E2BIG);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_program_reads_all_of_it_whatever_is_closed,
		more_than_a_pipe_holds_is_refused };

	return run_suite("capture", tests, sizeof(tests) / sizeof(tests[0]));
}
