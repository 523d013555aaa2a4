/* Run one Check suite of one case: the end of every test program here. */
#ifndef TESTS_POSTERN_SUITE_H
#define TESTS_POSTERN_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int
run_suite(const char *name, const TTest *const tests[], size_t n)
{
	Suite *s = suite_create(name);
	TCase *c = tcase_create(name);
	SRunner *r;
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
