/* What the tests of the mediaproxy core share. */
#ifndef TESTS_UNIT_MEDIA_SUITE_H
#define TESTS_UNIT_MEDIA_SUITE_H

#include <check.h>

#include "mediaproxy/core/session.h"

/* Time 0 of a test; core takes 0 for "never". */
#define START_US 1000000000000u

static inline struct mono
at_ms(uint64_t ms)
{
	return (struct mono){ START_US + ms * 1000 };
}

/* "192.0.2.1:5060", or NULL for none. */
static inline struct addr
addr_of(const char *text)
{
	struct addr a = { 0 };

	if (text != NULL && addr_parse(span_str(text), 1, &a) != 0)
		ck_abort_msg("%s", text);
	return a;
}

static inline void
assert_addr(const char *name, const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_MAX + 1];
	struct addr w = addr_of(want);

	addr_text(a, text);
	ck_assert_msg(a->family == w.family &&
		(w.family == ADDR_NONE || addr_eq(a, &w)),
	    "%s: %s, not %s", name, text, want == NULL ? "none" : want);
}

void add_digits_tests(Suite *s);
void add_fax_tests(Suite *s);
void add_ice_tests(Suite *s);
void add_latch_tests(Suite *s);
void add_pace_tests(Suite *s);
void add_port_tests(Suite *s);
void add_quality_tests(Suite *s);
void add_reach_tests(Suite *s);
void add_secure_tests(Suite *s);
void add_session_tests(Suite *s);
void add_socks_tests(Suite *s);
void add_srtp_tests(Suite *s);
void add_tone_tests(Suite *s);
void add_window_tests(Suite *s);
void add_tap_tests(Suite *s);
void add_wait_tests(Suite *s);

#endif
