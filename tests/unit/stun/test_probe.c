#include "stunmon/core/probe.h"
#include "tests/unit/stun/suite.h"

static const struct {
	const char *name;
	unsigned at_ms;
	enum probe_do want;
} rfc8489_6_2_1[] = {
	{ "first request at once", 0, PROBE_SEND },
	{ "quiet until the timer", 499, PROBE_WAIT },
	{ "second after one RTO", 500, PROBE_SEND },
	{ "said once", 500, PROBE_WAIT },
	{ "third after two more", 1500, PROBE_SEND },
	{ "fourth after four more", 3500, PROBE_SEND },
	{ "fifth after eight more", 7500, PROBE_SEND },
	{ "quiet", 15499, PROBE_WAIT },
	{ "sixth after sixteen more", 15500, PROBE_SEND },
	{ "seventh after thirty-two more", 31500, PROBE_SEND },
	{ "Rm times RTO to wait", 39499, PROBE_WAIT },
	{ "lost", 39500, PROBE_LOST },
	{ "and over", 60000, PROBE_WAIT },
};

START_TEST(a_request_is_sent_again_as_rfc8489_6_2_1_says)
{
	struct probe p;

	probe_init(&p, at_ms(0));
	for (size_t i = 0; i < sizeof(rfc8489_6_2_1) /
		sizeof(rfc8489_6_2_1[0]); i++)
		ck_assert_msg(probe_tick(&p, at_ms(rfc8489_6_2_1[i].at_ms)) ==
		    rfc8489_6_2_1[i].want, "%s", rfc8489_6_2_1[i].name);
}
END_TEST

START_TEST(late_by_minutes_it_sends_once_at_a_time)
{
	struct probe p;
	unsigned sent = 0;

	probe_init(&p, at_ms(0));
	for (unsigned i = 0; i < 100; i++)
		sent += probe_tick(&p, at_ms(600000)) == PROBE_SEND;
	ck_assert_uint_eq(sent, 1);
}
END_TEST

void
add_probe_tests(Suite *s)
{
	TCase *tc = tcase_create("probe");

	tcase_add_test(tc, a_request_is_sent_again_as_rfc8489_6_2_1_says);
	tcase_add_test(tc, late_by_minutes_it_sends_once_at_a_time);
	suite_add_tcase(s, tc);
}
