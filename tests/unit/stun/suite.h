/* What the tests of STUN, RTP and stunmon's core share. */
#ifndef TESTS_UNIT_STUN_SUITE_H
#define TESTS_UNIT_STUN_SUITE_H

#include <check.h>

#include "common/base/mono.h"
#include "common/codec/stun.h"

static inline struct mono
at_ms(uint64_t ms)
{
	return (struct mono){ 1000000000000u + ms * 1000 };
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

void add_stun_tests(Suite *s);
void add_stun_ask_tests(Suite *s);
void add_stun_check_tests(Suite *s);
void add_stun_serve_tests(Suite *s);
void add_rtp_tests(Suite *s);
void add_probe_tests(Suite *s);
void add_kept_tests(Suite *s);
void add_keeper_tests(Suite *s);

#endif
