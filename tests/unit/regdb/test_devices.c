/* A phone is not locked out by who guesses beside it. */
#include "registrar-db/core/devices.h"
#include "tests/unit/regdb/suite.h"

#define PHONE 168

static struct devices *d;
static struct ipc_flow phone, guesser;

static void
setup(void)
{
	d = devices_new();
	phone = flow_of(ZONE_EXTERNAL, "198.51.100.7:5060");
	guesser = flow_of(ZONE_EXTERNAL, "198.51.100.7:5099");
}

static void
teardown(void)
{
	devices_free(d);
}

static struct device_sign
sign(const struct ipc_flow *flow, const char *mark)
{
	return (struct device_sign){ flow, span_str(mark) };
}

static void
know(uint64_t s, const struct ipc_flow *flow, const char *mark)
{
	const struct device_sign is = sign(flow, mark);

	devices_known(d, at_s(s), PHONE, &is);
}

static enum device_say
say(uint64_t s, const struct ipc_flow *flow, const char *mark)
{
	const struct device_sign is = sign(flow, mark);

	return devices_may_try(d, at_s(s), PHONE, &is);
}

/* Guess until it is not looked at any more; how many were? */
static unsigned
guess(uint64_t s, const struct ipc_flow *flow, const char *mark)
{
	const struct device_sign is = sign(flow, mark);
	unsigned n = 0;

	while (n < 99 && devices_may_try(d, at_s(s), PHONE, &is) == DEVICE_MAY)
		n += devices_wrong(d, at_s(s), PHONE, &is);
	return n;
}

START_TEST(it_is_known_by_its_flow_and_by_its_mark)
{
	struct ipc_flow tcp = phone, office = phone;

	ck_assert_int_eq(say(0, &phone, "call-1"), DEVICE_UNKNOWN);
	know(0, &phone, "call-1");
	ck_assert_int_eq(say(0, &phone, ""), DEVICE_MAY);
	ck_assert_int_eq(say(0, &guesser, "call-1"), DEVICE_MAY);
	ck_assert_int_eq(say(0, &guesser, ""), DEVICE_UNKNOWN);
	ck_assert_int_eq(say(0, &guesser, "call-2"), DEVICE_UNKNOWN);
	/* A router gives the same port once for each protocol. */
	tcp.transport = TRANSPORT_TCP;
	ck_assert_int_eq(say(0, &tcp, ""), DEVICE_UNKNOWN);
	for (unsigned i = 0; i < 5; i++) {
		const struct device_sign is = sign(i == 0 ? &phone :
			i == 1 ? &tcp : &guesser, i < 3 ? "" : i == 3 ?
			"call-1" : "call-2");

		ck_assert(devices_is_known(d, PHONE, &is) == (i == 0 ||
			i == 3));
		ck_assert(!devices_is_known(d, PHONE + 1, &is));
	}
	office.zone = ZONE_INTERNAL;
	ck_assert_int_eq(say(0, &office, ""), DEVICE_UNKNOWN);
}
END_TEST

START_TEST(who_guesses_beside_it_takes_nothing_from_it)
{
	const struct device_sign beside = sign(&guesser, "call-2");

	know(0, &phone, "call-1");
	ck_assert(!devices_wrong(d, at_s(0), PHONE, &beside));
	ck_assert_uint_eq(guess(0, &phone, ""), DEVICES_BURST);
}
END_TEST

START_TEST(a_forged_flow_does_not_empty_the_mark)
{
	know(0, &phone, "call-1");
	ck_assert_uint_eq(guess(0, &phone, ""), DEVICES_BURST);
	ck_assert_int_eq(say(0, &phone, ""), DEVICE_METERED);
	ck_assert_int_eq(say(0, &phone, "call-2"), DEVICE_METERED);
	ck_assert_int_eq(say(0, &phone, "call-1"), DEVICE_MAY);
	ck_assert_uint_eq(guess(0, &phone, "call-1"), DEVICES_BURST);
	ck_assert_uint_eq(guess(59, &phone, ""), 0);
	ck_assert_uint_eq(guess(60, &phone, ""), 1);
	ck_assert_uint_eq(guess(60, &phone, "call-1"), 1);
}
END_TEST

START_TEST(what_comes_in_its_place_finds_what_is_left)
{
	know(0, &phone, "call-1");
	guess(0, &phone, "");
	know(1, &guesser, "call-1");
	ck_assert_int_eq(say(1, &guesser, ""), DEVICE_METERED);
	ck_assert_int_eq(say(1, &phone, ""), DEVICE_UNKNOWN);
	/* Restarted: another Call-ID on the same flow. */
	know(2, &guesser, "call-2");
	ck_assert_int_eq(say(2, &phone, "call-1"), DEVICE_UNKNOWN);
	ck_assert_int_eq(say(2, &phone, "call-2"), DEVICE_MAY);
}
END_TEST

/* A captured sigproxy names any flow and mark beside a right answer. */
START_TEST(all_of_a_subscriber_are_bounded)
{
	char mark[] = "call-000";
	unsigned n = 0;

	for (unsigned i = 0; i < 300; i++) {
		mark[5] = (char)('0' + i / 100);
		mark[6] = (char)('0' + i / 10 % 10);
		mark[7] = (char)('0' + i % 10);
		guesser.remote.port = (uint16_t)(1000 + i);
		know(i / 5, &guesser, mark);
		n += guess(i / 5, &guesser, mark);
		n += guess(i / 5, &guesser, "");
	}
	ck_assert_uint_le(n, 2 * DEVICES_MAX * DEVICES_BURST);
	ck_assert_uint_ge(n, DEVICES_MAX * DEVICES_BURST);
}
END_TEST

START_TEST(the_longest_unused_goes)
{
	for (uint16_t i = 0; i <= DEVICES_MAX; i++) {
		know(10, &phone, "call-1");
		guesser.remote.port = (uint16_t)(1000 + i);
		know(i, &guesser, "");
	}
	ck_assert_int_eq(say(20, &phone, "call-1"), DEVICE_MAY);
	guesser.remote.port = 1000;
	ck_assert_int_eq(say(20, &guesser, ""), DEVICE_UNKNOWN);
	guesser.remote.port = 1000 + DEVICES_MAX;
	ck_assert_int_eq(say(20, &guesser, ""), DEVICE_MAY);
}
END_TEST

START_TEST(with_another_password_nobody_is_known)
{
	know(0, &phone, "call-1");
	devices_forget(d, PHONE + 1);
	ck_assert_int_eq(say(0, &phone, "call-1"), DEVICE_MAY);
	devices_forget(d, PHONE);
	ck_assert_int_eq(say(0, &phone, "call-1"), DEVICE_UNKNOWN);
	know(0, &phone, "call-1");
	ck_assert_int_eq(say(0, &phone, ""), DEVICE_MAY);
}
END_TEST

START_TEST(a_decoy_is_nobody)
{
	const struct device_sign is = sign(&phone, "call-1");

	devices_known(d, at_s(0), -1, &is);
	ck_assert_int_eq(devices_may_try(d, at_s(0), -1, &is),
	    DEVICE_UNKNOWN);
	ck_assert_int_eq(devices_may_try(d, at_s(0), 0, &is), DEVICE_UNKNOWN);
}
END_TEST

void
add_devices_tests(Suite *s)
{
	TCase *t = tcase_create("devices");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_is_known_by_its_flow_and_by_its_mark);
	tcase_add_test(t, who_guesses_beside_it_takes_nothing_from_it);
	tcase_add_test(t, a_forged_flow_does_not_empty_the_mark);
	tcase_add_test(t, what_comes_in_its_place_finds_what_is_left);
	tcase_add_test(t, all_of_a_subscriber_are_bounded);
	tcase_add_test(t, the_longest_unused_goes);
	tcase_add_test(t, with_another_password_nobody_is_known);
	tcase_add_test(t, a_decoy_is_nobody);
	suite_add_tcase(s, t);
}
