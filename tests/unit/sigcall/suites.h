/* The suites of this folder, one for each test_*.c. */
#ifndef TESTS_SIGCALL_SUITES_H
#define TESTS_SIGCALL_SUITES_H

#include <check.h>

Suite *suite_basic(void);
Suite *suite_codecs(void);
Suite *suite_dialog(void);
Suite *suite_dtmf(void);
Suite *suite_ear(void);
Suite *suite_fork(void);
Suite *suite_hold(void);
Suite *suite_limits(void);
Suite *suite_parts(void);
Suite *suite_refer(void);
Suite *suite_restore(void);
Suite *suite_again(void);
Suite *suite_tcp(void);
Suite *suite_session(void);
Suite *suite_policy(void);
Suite *suite_tel(void);
Suite *suite_bodies(void);
Suite *suite_reliable(void);
Suite *suite_tls(void);
Suite *suite_outbound(void);
Suite *suite_subs(void);
Suite *suite_mwi(void);
Suite *suite_report(void);
Suite *suite_trace(void);
Suite *suite_message(void);
Suite *suite_divert(void);
Suite *suite_doubt(void);
Suite *suite_trunk(void);
Suite *suite_audit(void);
Suite *suite_move(void);
Suite *suite_offers(void);
Suite *suite_owed(void);
Suite *suite_streams(void);
Suite *suite_srtp(void);
Suite *suite_ice(void);

#endif
