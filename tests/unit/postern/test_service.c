#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/service.h"
#include "tests/unit/postern/suite.h"

START_TEST(a_word_of_sh_keeps_its_characters)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "/usr/bin/postern", "'/usr/bin/postern'" },
		{ "a b;c$(d)", "'a b;c$(d)'" },
		{ "it's", "'it'\\''s'" },
		{ "", "''" },
	};
	char mem[128];
	struct buf b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, mem, sizeof(mem) - 1);
		service_quote(&b, rows[i].text);
		mem[b.len] = '\0';
		ck_assert_str_eq(mem, rows[i].want);
	}
}
END_TEST

static void
expect_file(const char *dir, const char *name, const char *want)
{
	char path[STATE_PATH_MAX], text[1024] = "";
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(stat(path, &st), 0);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, f), 0);
	fclose(f);
	ck_assert_str_eq(text, want);
}

START_TEST(each_process_gets_a_run_and_a_log_script)
{
	char dir[] = "/tmp/postern-test-XXXXXX", want[512];
	struct conf c = { .processes = 1 };
	static struct plan plan;
	struct state s;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(state_open(dir, true, &s), 0);
	plan_make(&c, &plan);
	ck_assert_int_eq(service_write(&plan, &s, "/x/postern", "/y.conf",
			     false), 0);
	snprintf(want, sizeof(want),
	    "#!/bin/sh\nexec 2>&1\nexec '/x/postern' exec --config '/y.conf' "
	    "--state '%s' mediaproxy-0\n", dir);
	expect_file(dir, "service/mediaproxy-0/run", want);
	snprintf(want, sizeof(want),
	    "#!/bin/sh\nexec '/x/postern' exec --config '/y.conf' "
	    "--state '%s' --log sigproxy\n", dir);
	expect_file(dir, "service/sigproxy/log/run", want);

	state_sweep(&s);
	ck_assert_int_ne(access(service_path(&s, "sigproxy", want), F_OK), 0);
	snprintf(want, sizeof(want), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(want), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { a_word_of_sh_keeps_its_characters,
		each_process_gets_a_run_and_a_log_script };

	return run_suite("service", tests, sizeof(tests) / sizeof(tests[0]));
}
