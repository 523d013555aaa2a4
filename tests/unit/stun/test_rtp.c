/* RTP and RTCP: telling apart, headers, and names that must not get out. */
#include <errno.h>

#include "common/codec/rtp.h"
#include "tests/unit/stun/suite.h"

static const uint8_t key[RTP_SCRUB_KEY_LEN] = "0123456789abcde";

static const struct {
	const char *name;
	uint8_t first, second;
	size_t len;
	enum rtp_kind want;
} kinds[] = {
	{ "STUN", 0x00, 0x01, 20, RTP_KIND_STUN },
	{ "STUN class bits", 0x03, 0x01, 20, RTP_KIND_STUN },
	{ "ZRTP", 16, 0, 20, RTP_KIND_OTHER },
	{ "DTLS", 22, 254, 20, RTP_KIND_OTHER },
	{ "TURN channel", 64, 0, 20, RTP_KIND_OTHER },
	{ "version 1", 127, 0, 20, RTP_KIND_OTHER },
	{ "RTP", 0x80, 0, 12, RTP_KIND_RTP },
	{ "RTP with marker and 127", 0x80, 0xff, 12, RTP_KIND_RTP },
	{ "RTP too short", 0x80, 0, 11, RTP_KIND_OTHER },
	{ "marker and type 63 is RTP", 0x80, 191, 12, RTP_KIND_RTP },
	{ "SR", 0x80, 200, 28, RTP_KIND_RTCP },
	{ "RR of 8 bytes", 0x80, 201, 8, RTP_KIND_RTCP },
	{ "first and last RTCP type", 0x80, 192, 8, RTP_KIND_RTCP },
	{ "last RTCP type", 0xbf, 223, 8, RTP_KIND_RTCP },
	{ "marker and type 96 is RTP", 0x80, 224, 12, RTP_KIND_RTP },
	{ "version 3", 0xc0, 200, 28, RTP_KIND_OTHER },
	{ "nothing", 0, 0, 0, RTP_KIND_OTHER },
};

START_TEST(tells_packets_apart)
{
	uint8_t p[32] = { kinds[_i].first, kinds[_i].second };

	ck_assert_msg(rtp_kind(span_make(p, kinds[_i].len)) ==
	    kinds[_i].want, "%s", kinds[_i].name);
}
END_TEST

static const struct {
	const char *name;
	uint8_t first, last;
	uint8_t extension_words;
	size_t len;
	int want;
} headers[] = {
	{ "bare header", 0x80, 0, 0, 12, 0 },
	{ "too short", 0x80, 0, 0, 11, -EBADMSG },
	{ "version 1", 0x40, 0, 0, 12, -EBADMSG },
	{ "two CSRCs fit", 0x82, 0, 0, 20, 0 },
	{ "two CSRCs do not", 0x82, 0, 0, 19, -EBADMSG },
	{ "an extension fits", 0x90, 0, 2, 24, 0 },
	{ "an extension does not", 0x90, 0, 2, 23, -EBADMSG },
	{ "its header does not", 0x90, 0, 0, 15, -EBADMSG },
	{ "padding", 0xa0, 4, 0, 16, 0 },
	{ "padding longer than the packet", 0xa0, 5, 0, 16, -EBADMSG },
	{ "padding of nothing", 0xa0, 0, 0, 16, -EBADMSG },
};

START_TEST(reads_a_header_that_keeps_its_word)
{
	uint8_t p[32] = { headers[_i].first, 0x88, 0x12, 0x34, 1, 2, 3, 4,
		0xaa, 0xbb, 0xcc, 0xdd };
	struct rtp_header h = { 0 };

	p[15] = headers[_i].extension_words;
	if (headers[_i].first & 0x20)
		p[headers[_i].len - 1] = headers[_i].last;
	ck_assert_msg(rtp_parse(span_make(p, headers[_i].len), &h) ==
	    headers[_i].want, "%s", headers[_i].name);
	if (headers[_i].want != 0)
		return;
	ck_assert_uint_eq(h.payload_type, 8);
	ck_assert_uint_eq(h.seq, 0x1234);
	ck_assert_uint_eq(h.timestamp, 0x01020304);
	ck_assert_uint_eq(h.ssrc, 0xaabbccdd);
}
END_TEST

/* SR, then SDES with CNAME, TOOL and an empty NAME, then BYE with a reason. */
#define SR "\x80\xc8\0\x06" "\0\0\0\x09" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\0\0"
#define SDES "\x81\xca\0\x08" "\0\0\0\x09" "\x01\x0a" "bob@pc.lan" \
	"\x06\x0a" "phone v1.2" "\x02\0" "\0\0"
#define APP "\x80\xcc\0\x04" "\0\0\0\x09" "pbx " "\xc0\xa8\x0a\x0ahost"
#define BYE "\x81\xcb\0\x04" "\0\0\0\x09" "\x0b" "192.168.1.5"

START_TEST(takes_every_name_out_of_rtcp)
{
	static const char packet[] = SR SDES BYE;
	uint8_t a[sizeof(packet) - 1], b[sizeof(a)];
	uint32_t ssrc = 0;

	memcpy(a, packet, sizeof(a));
	memcpy(b, packet, sizeof(b));
	ck_assert_int_eq(rtcp_scrub(a, sizeof(a), key, &ssrc), 0);
	ck_assert_uint_eq(ssrc, 9);
	ck_assert_ptr_null(memmem(a, sizeof(a), "bob", 3));
	ck_assert_ptr_null(memmem(a, sizeof(a), "lan", 3));
	ck_assert_ptr_null(memmem(a, sizeof(a), "phone", 5));
	ck_assert_ptr_null(memmem(a, sizeof(a), "192", 3));
	ck_assert_mem_eq(a, packet, 28 + 10);	/* nothing else touched */
	ck_assert_mem_eq(a + 50, "          ", 10);
	/* The same name twice is the same mask: streams belong together. */
	ck_assert_int_eq(rtcp_scrub(b, sizeof(b), key, &ssrc), 0);
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	int want;
} rtcps[] = {
	{ "empty RR", "\x80\xc9\0\x01\0\0\0\x01", 8, 0 },
	{ "a lone NACK (RFC 5506)", "\x81\xcd\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\0",
	    16, 0 },
	{ "not whole words", "\x80\xc9\0\x01\0\0\0\x01\0\0", 10, -EBADMSG },
	{ "longer than the packet", "\x80\xc9\0\x02\0\0\0\x01", 8, -EBADMSG },
	{ "a report block too few", "\x81\xc9\0\x01\0\0\0\x01", 8, -EBADMSG },
	{ "second of another version",
	    "\x80\xc9\0\x01\0\0\0\x01\x40\xca\0\0", 12, -EBADMSG },
	{ "second of no RTCP type",
	    "\x80\xc9\0\x01\0\0\0\x01\x80\x01\0\0", 12, -EBADMSG },
	{ "SDES item over the end",
	    "\x81\xca\0\x02\0\0\0\x01\x01\x09me", 12, -EBADMSG },
	{ "SDES item one over the end",
	    "\x81\xca\0\x02\0\0\0\x01\x01\x03me", 12, -EBADMSG },
	{ "SDES chunk without an end",
	    "\x81\xca\0\x02\0\0\0\x01\x01\x02me", 12, -EBADMSG },
	{ "SDES chunk missing", "\x82\xca\0\x03\0\0\0\x01\x01\x02me\0\0\0\0",
	    16, -EBADMSG },
	{ "BYE reason over the end",
	    "\x81\xcb\0\x02\0\0\0\x01\x04" "abc", 12, -EBADMSG },
	{ "BYE sources missing", "\x82\xcb\0\x01\0\0\0\x01", 8, -EBADMSG },
	{ "a BYE of nobody at the beginning", "\x80\xcb\0\x01\x02\x09\0\x04",
	    8, -EBADMSG },
	{ "APP without a name", "\x80\xcc\0\x01\0\0\0\x01", 8, -EBADMSG },
	{ "padding", "\xa0\xc9\0\x02\0\0\0\x01\0\0\0\x04", 12, 0 },
	{ "padding in the middle",
	    "\xa0\xc9\0\x02\0\0\0\x01\0\0\0\x04\x80\xcb\0\0", 16, -EBADMSG },
	{ "padding of seven", "\xa0\xc9\0\x02\0\0\0\x01\0\0\0\x07", 12,
	    -EBADMSG },
	{ "padding where the SSRC would be",
	    "\xa2\xd9\0\x01\x10\0\0\x04", 8, -EBADMSG },
	{ "a first packet without an SSRC",
	    "\x81\xd9\0\0\x80\xc9\0\x01\0\0\0\x01", 12, -EBADMSG },
};

START_TEST(app_data_and_padding_tell_nothing)
{
	static const char packet[] = SR APP "\xa0\xc9\0\x03\0\0\0\x09"
					    "10.9.8.\x08";
	static const char data[8] = { 0 };
	uint8_t p[sizeof(packet) - 1];
	uint32_t ssrc = 0;

	memcpy(p, packet, sizeof(p));
	ck_assert_int_eq(rtcp_scrub(p, sizeof(p), key, &ssrc), 0);
	ck_assert_mem_eq(p, packet, 28 + 12);
	ck_assert_mem_eq(p + 40, data, 8);
	ck_assert_mem_eq(p + 48, packet + 48, 8);
	ck_assert_mem_eq(p + 56, data, 7);
	ck_assert_uint_eq(p[63], 8);
}
END_TEST

/* After an item list's end, after the last chunk, after a BYE's reason. */
START_TEST(what_follows_the_last_name_tells_nothing)
{
	static const char packet[] = "\x81\xca\0\x04" "\0\0\0\x09"
	    "\x02\x01" "n" "\0" "\0" "pbx" "10.9"
	    "\x81\xcb\0\x03" "\0\0\0\x09" "\x01" "rpb" "10.9";
	static const char want[] = "\x81\xca\0\x04" "\0\0\0\x09"
	    "\x02\x01" " " "\0" "\0\0\0\0" "\0\0\0\0"
	    "\x81\xcb\0\x03" "\0\0\0\x09" "\x01" " \0\0" "\0\0\0\0";
	static const char list[] = "\x81\xca\0\x03" "\0\0\0\x09"
	    "\x02\0" "\0" "p" "\0\0\0\0";
	uint8_t p[sizeof(packet) - 1];
	uint32_t ssrc = 0;

	memcpy(p, packet, sizeof(p));
	ck_assert_int_eq(rtcp_scrub(p, sizeof(p), key, &ssrc), 0);
	ck_assert_mem_eq(p, want, sizeof(p));
	memcpy(p, list, sizeof(list) - 1);
	ck_assert_int_eq(rtcp_scrub(p, sizeof(list) - 1, key, &ssrc), 0);
	ck_assert_uint_eq(p[11], 0);
}
END_TEST

START_TEST(relays_only_rtcp_that_reads_to_the_end)
{
	uint8_t p[32];
	uint32_t ssrc;

	memset(p, 0xee, sizeof(p));
	memcpy(p, rtcps[_i].bytes, rtcps[_i].len);
	ck_assert_msg(rtcp_scrub(p, rtcps[_i].len, key, &ssrc) ==
	    rtcps[_i].want, "%s", rtcps[_i].name);
	ck_assert_msg(p[rtcps[_i].len] == 0xee, "%s: touched what follows",
	    rtcps[_i].name);
}
END_TEST

START_TEST(its_keepalives_read_back)
{
	uint8_t mem[64];
	struct rtp_header h;
	uint32_t ssrc;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	rtp_put_keepalive(&b, 0x0102, 0xcafe0001);
	ck_assert_uint_eq(b.len, 12);
	ck_assert_int_eq(rtp_parse(buf_span(&b), &h), 0);
	ck_assert_uint_eq(h.payload_type, RTP_KEEPALIVE_PT);
	ck_assert_uint_eq(h.seq, 0x0102);
	ck_assert_uint_eq(h.ssrc, 0xcafe0001);
	buf_init(&b, mem, sizeof(mem));
	rtcp_put_keepalive(&b, 0xcafe0001);
	ck_assert_uint_eq(b.len, RTCP_KEEPALIVE_LEN);
	ck_assert_int_eq(rtp_kind(buf_span(&b)), RTP_KIND_RTCP);
	ck_assert_int_eq(rtcp_scrub(mem, b.len, key, &ssrc), 0);
	ck_assert_uint_eq(ssrc, 0xcafe0001);
}
END_TEST

void
add_rtp_tests(Suite *s)
{
	TCase *tc = tcase_create("rtp");

	tcase_add_loop_test(tc, tells_packets_apart, 0,
	    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_loop_test(tc, reads_a_header_that_keeps_its_word, 0,
	    sizeof(headers) / sizeof(headers[0]));
	tcase_add_test(tc, takes_every_name_out_of_rtcp);
	tcase_add_test(tc, app_data_and_padding_tell_nothing);
	tcase_add_test(tc, what_follows_the_last_name_tells_nothing);
	tcase_add_loop_test(tc, relays_only_rtcp_that_reads_to_the_end, 0,
	    sizeof(rtcps) / sizeof(rtcps[0]));
	tcase_add_test(tc, its_keepalives_read_back);
	suite_add_tcase(s, tc);
}
