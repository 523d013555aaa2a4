/* What a trace gets of a packet: its header, and nothing that it carries. */
#include "mediaproxy/core/tap.h"
#include "tests/unit/media/suite.h"

static const struct {
	const char *name;
	uint8_t first[8];
	size_t len, head;
} rows[] = {
	{ "RTP", { 0x80, 0 }, 172, 12 },
	{ "with two contributing sources", { 0x82, 0 }, 172, 20 },
	{ "with fifteen and an extension", { 0x9f, 0 }, 172, 76 },
	{ "an extension's head only", { 0x90, 0 }, 172, 16 },
	{ "a digit (RFC 4733): not which", { 0x80, 101 }, 16, 12 },
	{ "cut short", { 0x8f, 0 }, 20, 20 },
	{ "shorter than any", { 0x80, 0 }, 11, 0 },
	{ "a sender report without blocks", { 0x80, 200, 0, 6 }, 80, 28 },
	{ "a receiver report; its SDES is not told", { 0x81, 201, 0, 7 },
	    80, 32 },
	{ "RTCP of a false length", { 0x80, 200, 0xff, 0xff }, 200, 76 },
	{ "RTCP that is longer than it is", { 0x80, 200, 0, 6 }, 20, 20 },
	{ "DTLS", { 22, 0xfe }, 100, 0 },
	{ "noise", { 0xff, 0xff }, 100, 0 },
	{ "nothing", { 0 }, 0, 0 },
};

START_TEST(headers_only)
{
	uint8_t packet[256];

	memset(packet, 0, sizeof(packet));
	memcpy(packet, rows[_i].first, sizeof(rows[_i].first));
	ck_assert_msg(tap_head(span_make(packet, rows[_i].len)) ==
	    rows[_i].head, "%s", rows[_i].name);
}
END_TEST

void
add_tap_tests(Suite *s)
{
	TCase *c = tcase_create("tap");

	tcase_add_loop_test(c, headers_only, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(s, c);
}
