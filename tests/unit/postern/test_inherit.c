#include <errno.h>
#include <string.h>

#include "postern/inherit.h"
#include "tests/unit/postern/suite.h"

static struct inherit list;

START_TEST(what_is_built_is_read_back)
{
	char mem[256];
	struct buf b;

	list.n = 0;
	ck_assert_int_eq(inherit_add(&list, 3, "sigproxy", "sip-external-udp"),
	    0);
	ck_assert_int_eq(inherit_add(&list, 14, "mediaproxy-0", "door-admin"),
	    0);
	buf_init(&b, mem, sizeof(mem) - 1);
	inherit_build(&b, &list);
	mem[b.len] = '\0';
	ck_assert_str_eq(mem, "3=sigproxy:sip-external-udp,"
			      "14=mediaproxy-0:door-admin");
	ck_assert_int_eq(inherit_parse(buf_span(&b), &list), 0);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_int_eq(list.fds[1].fd, 14);
	ck_assert_str_eq(list.fds[1].owner, "mediaproxy-0");
	ck_assert_str_eq(list.fds[1].name, "door-admin");
}
END_TEST

START_TEST(nothing_is_an_empty_inventory)
{
	ck_assert_int_eq(inherit_parse(SPAN_NONE, &list), 0);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(malformed_values_are_refused)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "no number", "=sigproxy:a" },
		{ "no owner", "3=:a" },
		{ "no name", "3=sigproxy:" },
		{ "no colon", "3=sigproxy" },
		{ "not a number", "x=sigproxy:a" },
		{ "standard error is never handed over", "2=sigproxy:a" },
		{ "too large", "65536=sigproxy:a" },
		{ "ends in a comma", "3=sigproxy:a," },
		{ "two commas", "3=sigproxy:a,,4=sigproxy:b" },
		{ "owner too long",
		    "3=0123456789012345678901234567890123:a" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(inherit_parse(span_str(rows[i].text), &list) ==
			-EBADMSG, "%s", rows[i].name);
}
END_TEST

START_TEST(a_full_inventory_takes_no_more)
{
	list.n = 0;
	for (int i = 0; i < INHERIT_MAX; i++)
		ck_assert_int_eq(inherit_add(&list, 3 + i, "a", "b"), 0);
	ck_assert_int_eq(inherit_add(&list, 3, "a", "b"), -E2BIG);
	ck_assert_uint_eq(list.n, INHERIT_MAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { what_is_built_is_read_back,
		nothing_is_an_empty_inventory, malformed_values_are_refused,
		a_full_inventory_takes_no_more };

	return run_suite("inherit", tests, sizeof(tests) / sizeof(tests[0]));
}
