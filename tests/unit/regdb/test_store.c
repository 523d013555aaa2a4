#include <stdlib.h>

#include "tests/unit/regdb/suite.h"

int
main(void)
{
	Suite *s = suite_create("registrar-db store");
	SRunner *sr;
	int failed;

	add_schema_tests(s);
	add_key_tests(s);
	add_register_tests(s);
	add_account_tests(s);
	add_homes_tests(s);
	add_call_tests(s);
	add_divert_tests(s);
	add_policy_tests(s);
	add_trunk_tests(s);
	add_checkpoint_tests(s);
	add_admin_tests(s);
	add_lock_tests(s);
	add_clock_tests(s);
	add_damage_tests(s);
	add_drops_tests(s);
	add_emergency_tests(s);
	add_watch_tests(s);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
