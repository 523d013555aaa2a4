/* The window of `postern check --window`: what counts, and what does not. */
#include "mediaproxy/core/window.h"
#include "tests/unit/media/suite.h"

#define CODE "000102030405060708090a0b0c0d0e0f"

static struct ports ports;
static struct window window;

/* Pairs 0 to 3: 16384 to 16391 outside; 4, 5: 17000 to 17003 inside. */
static void
setup(void)
{
	struct addr ext = addr_of("198.18.0.2:1"), in = addr_of("10.0.0.2:1");

	ck_assert_int_eq(ports_init(&ports, 6), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 4,
		true), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_INTERNAL, &in, 17000, 2,
		false), 0);
	window = (struct window){ 0 };
}

static void
teardown(void)
{
	ports_clear(&ports);
}

static void
open_for(uint32_t ms, uint16_t a, uint16_t b)
{
	struct ipc_window_open ask = { .open_ms = ms, .n_ports = 2 };

	for (unsigned i = 0; i < sizeof(ask.code); i++)
		ask.code[i] = (uint8_t)i;
	ask.ports[0].number = a;
	ask.ports[1].number = b;
	window_open(&window, &ports, &ask, at_ms(0));
}

static bool
takes(uint32_t pair, enum port_which which, const char *packet)
{
	struct addr from = addr_of("203.0.113.66:4000");

	return window_takes(&window, pair, which, &from, span_str(packet));
}

START_TEST(only_the_right_code_counts)
{
	static const struct {
		const char *name, *packet;
		bool want;
	} rows[] = {
		{ "as sent", "postern-probe " CODE " 16386", true },
		{ "another code", "postern-probe "
		    "100102030405060708090a0b0c0d0e0f 16386", false },
		{ "no port", "postern-probe " CODE " ", false },
		{ "a port that is none", "postern-probe " CODE " x", false },
		{ "a port too large", "postern-probe " CODE " 65536", false },
		{ "cut", "postern-probe 0001", false },
		{ "nothing", "", false },
		{ "RTP", "\x80\x08\x01\x02", false },
	};

	open_for(1000, 16386, 17000);
	ck_assert(window.open);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(takes(1, PORT_RTP, rows[i].packet) ==
			rows[i].want, "%s", rows[i].name);
	ck_assert(!takes(0, PORT_RTP, rows[0].packet));
	ck_assert(!takes(1, PORT_RTCP, rows[0].packet));
}
END_TEST

START_TEST(what_came_is_told_by_socket)
{
	struct ipc_window_say say;

	open_for(1000, 16387, 17000);
	ck_assert(takes(1, PORT_RTCP, "postern-probe " CODE " 16387"));
	ck_assert(takes(1, PORT_RTCP, "postern-probe " CODE " 16385"));
	ck_assert(takes(4, PORT_RTP, "postern-probe " CODE " 17000"));
	window_say(&window, &ports, at_ms(400), &say);
	ck_assert_uint_eq(say.left_ms, 600);
	ck_assert_uint_eq(say.n_arrivals, 2);
	ck_assert_uint_eq(say.arrivals[0].port, 16387);
	ck_assert_uint_eq(say.arrivals[0].zone, ZONE_EXTERNAL);
	ck_assert_uint_eq(say.arrivals[0].right, 1);
	ck_assert_uint_eq(say.arrivals[0].wrong, 1);
	assert_addr("source", &say.arrivals[0].source, "203.0.113.66:4000");
	ck_assert_uint_eq(say.arrivals[1].zone, ZONE_INTERNAL);
	ck_assert_uint_eq(say.arrivals[1].right, 1);
}
END_TEST

START_TEST(it_shuts_and_stays_shut)
{
	struct ipc_window_say say;

	open_for(1000, 16384, 16386);
	window_close(&window);
	ck_assert(!window.open);
	window_say(&window, &ports, at_ms(1), &say);
	ck_assert_uint_eq(say.left_ms, 0);
	ck_assert_uint_eq(say.n_arrivals, 2);
	open_for(0, 16384, 16386);
	ck_assert(!window.open);
	ck_assert(!takes(0, PORT_RTP, "postern-probe " CODE " 16384"));
	open_for(1000, 5060, 40000);	/* none of ours */
	ck_assert(!window.open);
}
END_TEST

void
add_window_tests(Suite *s)
{
	TCase *c = tcase_create("window");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, only_the_right_code_counts);
	tcase_add_test(c, what_came_is_told_by_socket);
	tcase_add_test(c, it_shuts_and_stays_shut);
	suite_add_tcase(s, c);
}
