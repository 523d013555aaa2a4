#include <stdlib.h>

#include "tests/unit/regdb/suite.h"

int
main(void)
{
	Suite *s = suite_create("registrar-db core");
	SRunner *sr;
	int failed;

	add_digest_tests(s);
	add_nonce_tests(s);
	add_meter_tests(s);
	add_devices_tests(s);
	add_binding_tests(s);
	add_verify_tests(s);
	add_plan_tests(s);
	add_dial_tests(s);
	add_rights_tests(s);
	add_refusals_tests(s);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
