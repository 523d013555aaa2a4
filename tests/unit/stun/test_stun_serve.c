/* The server's half of STUN: what is asked, in hex, and what is said. */
#include <stdio.h>

#include "common/codec/stun_serve.h"
#include "tests/unit/stun/suite.h"

#define COOKIE "2112a442"
#define TID "6c61622d6c61622d6c61622d"

static const struct {
	const char *name, *ask, *source, *answer;	/* answer NULL: silence */
} rows[] = {
	{ "20 octets get XOR-MAPPED-ADDRESS", "00010000" COOKIE TID,
	    "198.51.100.10:5060",
	    "0101000c" COOKIE TID "002000080001" "32d6" "e721c048" },
	{ "and IPv6 its 16 octets masked with the transaction too",
	    "00010000" COOKIE TID, "[2001:db8::1]:5060",
	    "01010018" COOKIE TID "002000140002" "32d6"
	    "0113a9fa" "6c61622d6c61622d6c61622c" },
	{ "no cookie: RFC 3489, MAPPED-ADDRESS",
	    "00010000" "deadbeef" TID, "198.51.100.10:5060",
	    "0101000c" "deadbeef" TID "000100080001" "13c4" "c633640a" },
	{ "an empty CHANGE-REQUEST asks for nothing",
	    "00010008" "deadbeef" TID "0003000400000000",
	    "198.51.100.10:5060",
	    "0101000c" "deadbeef" TID "000100080001" "13c4" "c633640a" },
	{ "another port is not to be had: 420 (RFC 5780 7.2)",
	    "00010008" COOKIE TID "0003000400000002", "198.51.100.10:5060",
	    "01110010" COOKIE TID "0009000400000414" "000a000200030000" },
	{ "420 names each once (RFC 8489 6.3.1)",
	    "0001000c" COOKIE TID "00250000" "00240000" "00250000",
	    "198.51.100.10:5060",
	    "01110010" COOKIE TID "0009000400000414" "000a000400250024" },
	{ "optional ones are passed over",
	    "00010008" COOKIE TID "8022000474657374", "198.51.100.10:5060",
	    "0101000c" COOKIE TID "002000080001" "32d6" "e721c048" },
	{ "an attribute longer than the packet", "00010004" COOKIE TID
	    "80220004", "198.51.100.10:5060", NULL },
	{ "the same without cookie", "00010004" "deadbeef" TID "80220004",
	    "198.51.100.10:5060", NULL },
	{ "an indication", "00110000" COOKIE TID, "198.51.100.10:5060", NULL },
	{ "an answer", "0101000c" COOKIE TID "00200008000132d6e721c048",
	    "198.51.100.10:5060", NULL },
	{ "another method", "00030000" COOKIE TID, "198.51.100.10:5060",
	    NULL },
	{ "a length that is not the packet's", "00010004" COOKIE TID,
	    "198.51.100.10:5060", NULL },
	{ "a header cut short", "00010000" COOKIE, "198.51.100.10:5060",
	    NULL },
};

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	for (; sscanf(hex + 2 * n, "%2x", &v) == 1; n++)
		out[n] = (uint8_t)v;
	return n;
}

START_TEST(says_what_was_asked)
{
	uint8_t ask[600], want[600], mem[STUN_ANSWER_MAX];
	size_t n = unhex(rows[_i].ask, ask), n_want = 0;
	struct addr source = addr_of(rows[_i].source);
	struct buf b;
	bool said;

	buf_init(&b, mem, sizeof(mem));
	said = stun_serve(span_make(ask, n), &source, &b);
	ck_assert_msg(said == (rows[_i].answer != NULL), "%s", rows[_i].name);
	if (!said)
		return;
	n_want = unhex(rows[_i].answer, want);
	ck_assert_msg(span_eq(buf_span(&b), span_make(want, n_want)), "%s",
	    rows[_i].name);
}
END_TEST

START_TEST(a_fingerprint_is_checked_and_answered_with_one)
{
	uint8_t ask[64], mem[STUN_ANSWER_MAX];
	struct addr source = addr_of("198.51.100.10:5060");
	struct stun_msg m;
	struct buf b;

	buf_init(&b, ask, sizeof(ask));
	stun_put_request(&b, (const uint8_t *)"lab-lab-lab-");
	buf_init(&b, mem, sizeof(mem));
	ck_assert(stun_serve(span_make(ask, STUN_REQUEST_LEN), &source, &b));
	ck_assert_uint_eq(b.len, 40);
	ck_assert_int_eq(stun_parse(buf_span(&b), &m), 0);
	ck_assert(stun_fingerprint_ok(&m) && m.xored);
	ck_assert(addr_eq(&m.mapped, &source));
	ask[STUN_REQUEST_LEN - 1] ^= 1;
	buf_init(&b, mem, sizeof(mem));
	ck_assert(!stun_serve(span_make(ask, STUN_REQUEST_LEN), &source, &b));
}
END_TEST

START_TEST(many_unknown_ones_stay_within_the_bounds)
{
	uint8_t ask[STUN_MSG_MAX] = { 0, 1, 0, 128, 0x21, 0x12, 0xa4, 0x42 };
	uint8_t mem[STUN_ANSWER_MAX];
	struct addr source = addr_of("198.51.100.10:5060");
	struct buf b;

	for (size_t i = 0; i < 32; i++) {
		ask[20 + 4 * i] = 0x40;
		ask[21 + 4 * i] = (uint8_t)i;
	}
	buf_init(&b, mem, sizeof(mem));
	ck_assert(stun_serve(span_make(ask, 20 + 128), &source, &b));
	ck_assert_uint_eq(b.len, 20 + 8 + 4 + 2 * STUN_UNKNOWN_MAX);
}
END_TEST

void
add_stun_serve_tests(Suite *s)
{
	TCase *tc = tcase_create("stun server");

	tcase_add_loop_test(tc, says_what_was_asked, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, a_fingerprint_is_checked_and_answered_with_one);
	tcase_add_test(tc, many_unknown_ones_stay_within_the_bounds);
	suite_add_tcase(s, tc);
}
