/* Sockets as /proc/net tells of them. */
#include <string.h>

#include "postern/listen.h"
#include "tests/unit/postern/suite.h"

#define UDP4(local) "  123: " local " 00000000:0000 07 00000000:00000000 " \
	"00:00000000 00000000     0        0 4711 2 0000000000000000 0"
#define TCP4(local, state) "   0: " local " 00000000:0000 " state \
	" 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100"
#define ANY6 "00000000000000000000000000000000:13CE"
#define V6 "B80D0120000000000000000002000000:13CE"
#define UDP6(local) "  123: " local " 00000000000000000000000000000000:0000 " \
	"07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0"

START_TEST(each_kind_of_line)
{
	static const struct {
		const char *name, *line, *at;
		bool is_v6, tcp, want;
	} rows[] = {
		{ "its address", UDP4("020AA8C0:13CE"), "192.168.10.2:5070",
		    false, false, true },
		{ "all addresses", UDP4("00000000:13CE"), "192.168.10.2:5070",
		    false, false, true },
		{ "another port", UDP4("020AA8C0:13CF"), "192.168.10.2:5070",
		    false, false, false },
		{ "another address", UDP4("030AA8C0:13CE"),
		    "192.168.10.2:5070", false, false, false },
		{ "a listener", TCP4("020AA8C0:13CE", "0A"),
		    "192.168.10.2:5070", false, true, true },
		{ "a connection", TCP4("020AA8C0:13CE", "01"),
		    "192.168.10.2:5070", false, true, false },
		{ "IPv6", UDP6(V6), "[2001:db8::2]:5070", true, false, true },
		{ "IPv6 by ::", UDP6(ANY6), "[2001:db8::2]:5070", true, false,
		    true },
		{ "IPv4 by ::", UDP6(ANY6), "192.168.10.2:5070", true, false,
		    true },
		{ "the headline", "  sl  local_address rem_address   st",
		    "192.168.10.2:5070", false, false, false },
		{ "an IPv4 line among IPv6", UDP4("020AA8C0:13CE"),
		    "192.168.10.2:5070", true, false, false },
		{ "nothing", "", "192.168.10.2:5070", false, false, false },
	};
	struct addr at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(addr_parse(span_str(rows[i].at), 1, &at), 0);
		ck_assert_msg(listen_in_line(rows[i].line, rows[i].is_v6,
				  rows[i].tcp, &at) ==
			(rows[i].want ? 4711 : 0), "%s", rows[i].name);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { each_kind_of_line };

	return run_suite("listen", tests, 1);
}
