/* What the tests of registrar-db share. */
#ifndef TESTS_UNIT_REGDB_SUITE_H
#define TESTS_UNIT_REGDB_SUITE_H

#include <check.h>

#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define S(text) SPAN_LIT(text)

static inline struct addr
addr_of(const char *text)
{
	struct addr a = { 0 };

	ck_assert_msg(addr_parse(span_str(text), 0, &a) == 0, "%s", text);
	return a;
}

static inline struct ipc_flow
flow_of(enum zone zone, const char *remote)
{
	return (struct ipc_flow){ .zone = (uint8_t)zone,
		.transport = TRANSPORT_UDP, .listener = 0,
		.remote = addr_of(remote) };
}

static inline struct mono
at_s(uint64_t s)
{
	return (struct mono){ (1000000 + s) * 1000000 };
}

static inline void
assert_span(struct span got, const char *want)
{
	ck_assert_msg(span_eq(got, span_str(want)), "%.*s, not %s",
	    (int)got.len, got.p, want);
}

void add_digest_tests(Suite *s);
void add_nonce_tests(Suite *s);
void add_meter_tests(Suite *s);
void add_binding_tests(Suite *s);
void add_verify_tests(Suite *s);
void add_devices_tests(Suite *s);
void add_plan_tests(Suite *s);
void add_dial_tests(Suite *s);
void add_rights_tests(Suite *s);
void add_refusals_tests(Suite *s);

void add_schema_tests(Suite *s);
void add_key_tests(Suite *s);
void add_register_tests(Suite *s);
void add_account_tests(Suite *s);
void add_homes_tests(Suite *s);
void add_call_tests(Suite *s);
void add_divert_tests(Suite *s);
void add_policy_tests(Suite *s);
void add_trunk_tests(Suite *s);
void add_checkpoint_tests(Suite *s);
void add_admin_tests(Suite *s);
void add_lock_tests(Suite *s);
void add_clock_tests(Suite *s);
void add_damage_tests(Suite *s);
void add_drops_tests(Suite *s);
void add_emergency_tests(Suite *s);
void add_watch_tests(Suite *s);

#endif
