/* What is kept of refusals, and what whoever guesses cannot push out. */
#include <stdio.h>

#include "registrar-db/core/refusals.h"
#include "tests/unit/regdb/suite.h"

static struct refusals r;
static char mem[16384];

static void
setup(void)
{
	r = (struct refusals){ 0 };
}

static void
add(int64_t id, const char *name, enum verify_why why, const char *from,
    enum refusal_from whose, uint64_t s)
{
	struct ipc_flow flow = flow_of(ZONE_EXTERNAL, from);

	refusals_add(&r, id, span_str(name), why, &flow, whose, at_s(s));
}

static const char *
json(size_t size, uint64_t s)
{
	struct buf b;

	buf_init(&b, mem, size);
	refusals_json(&r, at_s(s), &b);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	return mem;
}

START_TEST(the_newest_first_and_counted)
{
	ck_assert_str_eq(json(100, 0), "");
	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:5060", FROM_ITS_ADDRESS, 1);
	add(-1, "x\"\n", VERIFY_UNKNOWN_USER, "203.0.113.66:5", FROM_STRANGER, 2);
	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:5062", FROM_ITS_ADDRESS, 3);
	ck_assert_str_eq(json(sizeof(mem) - 1, 9),
	    "{\"subscriber\":7,\"username\":\"SIP-168\",\"why\":\"wrong "
	    "password\",\"zone\":\"external\",\"source\":"
	    "\"198.51.100.7:5062\",\"known_source\":true,"
	    "\"known_device\":false,\"count\":2,"
	    "\"ago_s\":6},"
	    "{\"subscriber\":null,\"username\":\"x\\\"?\",\"why\":\"no such "
	    "username\",\"zone\":\"external\",\"source\":\"203.0.113.66:5\","
	    "\"known_source\":false,\"known_device\":false,\"count\":1,"
	    "\"ago_s\":7}");
}
END_TEST

START_TEST(only_whole_ones_fit)
{
	for (int i = 0; i < 3; i++)
		add(i, "SIP-168", VERIFY_WRONG, "198.51.100.7:5060", FROM_ITS_ADDRESS, 1);
	for (size_t size = 0; size < 600; size++) {
		size_t len = strlen(json(size, 9));

		ck_assert(len == 0 || mem[len - 1] == '}');
		ck_assert(len <= size);
	}
	ck_assert(strstr(mem, "},{") != NULL);
}
END_TEST

START_TEST(strangers_push_out_neither_phones_nor_each_other)
{
	char name[80];

	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:5060", FROM_ITS_ADDRESS, 1);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d%070d", i, i);
		add(-1, name, VERIFY_UNKNOWN_USER, "203.0.113.66:5",
		    FROM_STRANGER, 2);
		add(7, "SIP-168", VERIFY_WRONG, "203.0.113.66:5", FROM_STRANGER, 2);
	}
	json(sizeof(mem) - 1, 9);
	ck_assert(strstr(mem, "198.51.100.7:5060") != NULL);
	ck_assert(strstr(mem, "\"count\":10000") != NULL);
}
END_TEST

START_TEST(a_device_and_its_neighbour_are_told_apart)
{
	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:5060", FROM_ITS_DEVICE,
	    1);
	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:9", FROM_ITS_ADDRESS, 2);
	add(7, "SIP-168", VERIFY_WRONG, "198.51.100.7:9", FROM_ITS_ADDRESS, 3);
	json(sizeof(mem) - 1, 9);
	ck_assert(strstr(mem, "\"known_source\":true,\"known_device\":true,"
			      "\"count\":1") != NULL);
	ck_assert(strstr(mem, "\"known_source\":true,\"known_device\":false,"
			      "\"count\":2") != NULL);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
	for (int i = 0; i <= REFUSALS_MAX; i++)
		add(i, "SIP-168", VERIFY_WRONG, "198.51.100.7:5060",
		    FROM_ITS_DEVICE, (uint64_t)i);
	json(sizeof(mem) - 1, 99);
	ck_assert(strstr(mem, "\"subscriber\":0,") == NULL);
	ck_assert(strstr(mem, "\"subscriber\":1,") != NULL);
	ck_assert(strstr(mem, "\"subscriber\":16,") != NULL);
}
END_TEST

void
add_refusals_tests(Suite *s)
{
	TCase *c = tcase_create("refusals");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, the_newest_first_and_counted);
	tcase_add_test(c, only_whole_ones_fit);
	tcase_add_test(c, strangers_push_out_neither_phones_nor_each_other);
	tcase_add_test(c, a_device_and_its_neighbour_are_told_apart);
	tcase_add_test(c, the_oldest_makes_room);
	suite_add_tcase(s, c);
}
