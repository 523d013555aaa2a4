#include <stdlib.h>

#include "tests/unit/stun/suite.h"

int
main(void)
{
	Suite *s = suite_create("stun");
	SRunner *r;
	int failed;

	add_stun_tests(s);
	add_stun_ask_tests(s);
	add_stun_check_tests(s);
	add_stun_serve_tests(s);
	add_rtp_tests(s);
	add_probe_tests(s);
	add_kept_tests(s);
	add_keeper_tests(s);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
