#include <stdlib.h>

#include "tests/unit/sigcall/suites.h"

int
main(void)
{
	SRunner *r = srunner_create(suite_basic());
	int failed;

	srunner_add_suite(r, suite_fork());
	srunner_add_suite(r, suite_divert());
	srunner_add_suite(r, suite_doubt());
	srunner_add_suite(r, suite_trunk());
	srunner_add_suite(r, suite_audit());
	srunner_add_suite(r, suite_codecs());
	srunner_add_suite(r, suite_dialog());
	srunner_add_suite(r, suite_dtmf());
	srunner_add_suite(r, suite_ear());
	srunner_add_suite(r, suite_hold());
	srunner_add_suite(r, suite_limits());
	srunner_add_suite(r, suite_parts());
	srunner_add_suite(r, suite_refer());
	srunner_add_suite(r, suite_restore());
	srunner_add_suite(r, suite_again());
	srunner_add_suite(r, suite_tcp());
	srunner_add_suite(r, suite_session());
	srunner_add_suite(r, suite_policy());
	srunner_add_suite(r, suite_tel());
	srunner_add_suite(r, suite_bodies());
	srunner_add_suite(r, suite_reliable());
	srunner_add_suite(r, suite_tls());
	srunner_add_suite(r, suite_outbound());
	srunner_add_suite(r, suite_subs());
	srunner_add_suite(r, suite_mwi());
	srunner_add_suite(r, suite_report());
	srunner_add_suite(r, suite_trace());
	srunner_add_suite(r, suite_message());
	srunner_add_suite(r, suite_move());
	srunner_add_suite(r, suite_offers());
	srunner_add_suite(r, suite_owed());
	srunner_add_suite(r, suite_streams());
	srunner_add_suite(r, suite_srtp());
	srunner_add_suite(r, suite_ice());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
