#include <stdlib.h>

#include "tests/unit/media/suite.h"

int
main(void)
{
	Suite *s = suite_create("media");
	SRunner *r;
	int failed;

	add_digits_tests(s);
	add_fax_tests(s);
	add_ice_tests(s);
	add_latch_tests(s);
	add_pace_tests(s);
	add_port_tests(s);
	add_quality_tests(s);
	add_reach_tests(s);
	add_secure_tests(s);
	add_session_tests(s);
	add_socks_tests(s);
	add_srtp_tests(s);
	add_tone_tests(s);
	add_window_tests(s);
	add_tap_tests(s);
	add_wait_tests(s);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
