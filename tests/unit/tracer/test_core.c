/* What tracer writes: rules, pcapng (read again by postern), HEP. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "postern/trace_file.h"
#include "tracer/core/hep.h"
#include "tracer/core/pcapng.h"
#include "tracer/core/rules.h"

#define NOW_S 1800000000
#define OPTIONS "OPTIONS sip:a@b SIP/2.0\r\n\r\n"

static char mem[8192];
static struct buf b;

static void
setup(void)
{
	buf_init(&b, mem, sizeof(mem));
}

static struct addr
addr(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(span_str(text), 0, &a), 0);
	return a;
}

/* ---- rules ---- */

static int
add(struct rules *r, uint8_t kind, const char *target, uint32_t *number)
{
	const struct ipc_trace_on m = { .kind = kind, .profiles = 7,
		.target = span_str(target), .for_s = 60, .hep = 1 };

	return rules_add(r, &m, NOW_S, number);
}

static const struct {
	const char *name;
	uint8_t kind;
	const char *target;
	int err;
} targets[] = {
	{ "a number", TRACE_NUMBER, "168", 0 },
	{ "a number with a plus", TRACE_NUMBER, "+4930123", 0 },
	{ "32 characters", TRACE_NUMBER, "12345678901234567890123456789012",
	    0 },
	{ "33", TRACE_NUMBER, "123456789012345678901234567890123", -EINVAL },
	{ "no number", TRACE_NUMBER, "", -EINVAL },
	{ "a blank in it", TRACE_NUMBER, "16 8", -EINVAL },
	{ "a line's end in it", TRACE_NUMBER, "168\n2 3 7 0 9 ", -EINVAL },
	{ "a Call-ID", TRACE_CALL, "a84b4c76e66710@pc33.atlanta.com", 0 },
	{ "no Call-ID", TRACE_CALL, "", -EINVAL },
	{ "two words", TRACE_CALL, "a b", -EINVAL },
	{ "an octet above 127", TRACE_CALL, "a\303\244", -EINVAL },
	{ "everything", TRACE_ALL, "", 0 },
	{ "everything but", TRACE_ALL, "168", -EINVAL },
};

START_TEST(only_numbers_and_call_ids_are_traced)
{
	struct rules r = { 0 };
	uint32_t number = 99;

	ck_assert_msg(add(&r, targets[_i].kind, targets[_i].target,
	    &number) == targets[_i].err, "%s", targets[_i].name);
	ck_assert_uint_eq(r.n, targets[_i].err == 0);
	ck_assert_uint_eq(number, targets[_i].err == 0 ? 1 : 99);
}
END_TEST

START_TEST(rules_are_few_end_and_have_numbers)
{
	struct rules r = { 0 };
	uint32_t number;
	char text[8];

	for (unsigned i = 0; i < IPC_TRACES_MAX; i++) {
		snprintf(text, sizeof(text), "%u", 100 + i);
		ck_assert_int_eq(add(&r, TRACE_NUMBER, text, &number), 0);
		ck_assert_uint_eq(number, i + 1);
	}
	ck_assert_int_eq(add(&r, TRACE_NUMBER, "99", &number), -ENOSPC);
	/* renewed, not added */
	ck_assert_int_eq(add(&r, TRACE_NUMBER, "103", &number), 0);
	ck_assert_uint_eq(number, 4);
	ck_assert_int_eq(rules_del(&r, 4), 0);
	ck_assert_int_eq(rules_del(&r, 4), -ENOENT);
	ck_assert_ptr_null(rules_find(&r, 4));
	ck_assert_int_eq(add(&r, TRACE_NUMBER, "103", &number), 0);
	ck_assert_uint_eq(number, IPC_TRACES_MAX + 1);
	ck_assert(!rules_expire(&r, NOW_S + 59));
	ck_assert(rules_expire(&r, NOW_S + 60));
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

START_TEST(rules_are_read_as_they_were_written)
{
	struct rules r = { 0 }, again;
	struct ipc_trace_rules told;
	uint32_t number;

	add(&r, TRACE_NUMBER, "168", &number);
	add(&r, TRACE_ALL, "", &number);
	add(&r, TRACE_CALL, "x@y", &number);
	rules_del(&r, 2);
	rules_put(&r, &b);
	ck_assert_int_eq(buf_err(&b), 0);
	rules_read(&again, buf_span(&b), NOW_S + 30);
	ck_assert_uint_eq(again.n, 2);
	ck_assert_uint_eq(again.last, 3);
	rules_tell(&again, &told);
	ck_assert_uint_eq(told.traced[1].number, 3);
	ck_assert(span_eq(told.traced[1].target, SPAN_LIT("x@y")));
	ck_assert(again.rule[0].hep);
	ck_assert_int_eq(again.rule[0].until_s, NOW_S + 60);
	rules_read(&again, buf_span(&b), NOW_S + 60);
	ck_assert_uint_eq(again.n, 0);
}
END_TEST

static const char *const wrong_lines[] = { "", "x\n", "1", "1\n1 1 7 0\n",
	"1\n0 1 7 0 1800000060 168\n", "1\n1 0 7 0 1800000060 168\n",
	"1\n1 4 7 0 1800000060 168\n", "1\n1 1 8 0 1800000060 168\n",
	"1\n1 1 7 2 1800000060 168\n", "1\n1 1 7 0 9999999999 168\n",
	"1\n1 1 7 0 1800000060 1 8\n", "1\n1 1 7 0 1800000060 168" };

START_TEST(what_a_captured_tracer_wrote_is_no_rule)
{
	struct rules r;

	rules_read(&r, span_str(wrong_lines[_i]), NOW_S);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

/* ---- pcapng ---- */

static const struct {
	const char *name, *local, *remote;
	bool out;
	uint8_t zone, transport;
	uint32_t interface;
} packets[] = {
	{ "comes from outside by TLS", "192.0.2.2:5071", "198.51.100.7:4711",
	    false, ZONE_EXTERNAL, TRANSPORT_TLS, 2 },
	{ "goes inside by UDP", "192.168.10.2:5060", "192.168.10.10:5060",
	    true, ZONE_INTERNAL, TRANSPORT_UDP, 3 },
	{ "IPv6 by TCP", "[2001:db8::2]:5070", "[2001:db8::7]:4711", true,
	    ZONE_EXTERNAL, TRANSPORT_TCP, 1 },
	{ "media", "192.0.2.2:16384", "198.51.100.7:4712", false, 0,
	    TRANSPORT_UDP, 6 },
};

START_TEST(packets_are_read_as_they_were_written)
{
	struct packet p = { 1800000000123456, packets[_i].out,
		packets[_i].zone, packets[_i].transport,
		addr(packets[_i].local), addr(packets[_i].remote),
		SPAN_LIT(OPTIONS), sizeof(OPTIONS) - 1 };
	struct trace_packet got;
	struct trace_file f;

	pcapng_head(&b);
	ck_assert_uint_le(b.len, PCAPNG_HEAD_MAX);
	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_LIT("by TLS")), 0);
	p.len = 1400;	/* cut */
	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_NONE), 0);
	f.left = buf_span(&b);
	ck_assert_int_eq(trace_file_next(&f, &got), 0);
	ck_assert_uint_eq(got.at_us, 1800000000123456);
	ck_assert_uint_eq(got.interface, packets[_i].interface);
	ck_assert(got.out == packets[_i].out);
	ck_assert(addr_eq(p.out ? &got.to : &got.from, &p.remote));
	ck_assert(addr_eq(p.out ? &got.from : &got.to, &p.local));
	ck_assert(span_eq(got.bytes, p.bytes));
	ck_assert(span_eq(got.comment, SPAN_LIT("by TLS")));
	ck_assert_int_eq(trace_file_next(&f, &got), 0);
	ck_assert_uint_eq(got.comment.len, 0);
	ck_assert_int_eq(trace_file_next(&f, &got), -ENOENT);
}
END_TEST

/* RFC 1071: the sum over header and checksum is all ones. */
START_TEST(the_ip_checksum_is_right)
{
	const struct packet p = { 1, true, ZONE_EXTERNAL, TRANSPORT_UDP,
		addr("192.0.2.2:5070"), addr("198.51.100.7:5060"),
		SPAN_LIT("x"), 1 };
	uint32_t sum = 0;

	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_NONE), 0);
	for (unsigned i = 28; i < 48; i += 2)
		sum += (uint32_t)((uint8_t)mem[i] << 8 | (uint8_t)mem[i + 1]);
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
}
END_TEST

START_TEST(what_is_no_packet_is_not_written)
{
	struct packet p = { 1, true, ZONE_EXTERNAL, TRANSPORT_UDP,
		addr("192.0.2.2:5070"), addr("[2001:db8::7]:5060"),
		SPAN_LIT("x"), 1 };

	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_NONE), -EAFNOSUPPORT);
	ck_assert_int_eq(hep_put(&b, &p, 1, SPAN_NONE), -EAFNOSUPPORT);
	ck_assert_uint_eq(b.len, 0);
	p.remote = p.local;
	buf_init(&b, mem, 40);
	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_NONE), -EMSGSIZE);
	buf_init(&b, mem, 40);
	ck_assert_int_eq(hep_put(&b, &p, 1, SPAN_NONE), -EMSGSIZE);
}
END_TEST

static const struct {
	const char *name;
	size_t at;
	uint8_t byte;
	int err;
} spoilt[] = {
	{ "a length that is no multiple of 4", 4, 0x61, -EBADMSG },
	{ "a length beyond the end", 5, 0x7f, -EBADMSG },
	{ "a length of nothing", 4, 0, -EBADMSG },
	{ "another block", 0, 5, -ENOENT },
	{ "more captured than there is", 21, 0x7f, -ENOENT },
	{ "IP of no version", 28, 0x15, -ENOENT },
	{ "IP with options", 28, 0x46, -ENOENT },
	{ "not UDP", 37, 6, -ENOENT },
};

START_TEST(spoilt_files_are_read_no_further)
{
	const struct packet p = { 1, true, ZONE_EXTERNAL, TRANSPORT_UDP,
		addr("192.0.2.2:5070"), addr("198.51.100.7:5060"),
		SPAN_LIT(OPTIONS), sizeof(OPTIONS) - 1 };
	struct trace_packet got;
	struct trace_file f;

	ck_assert_int_eq(pcapng_packet(&b, &p, SPAN_NONE), 0);
	mem[spoilt[_i].at] = (char)spoilt[_i].byte;
	f.left = buf_span(&b);
	ck_assert_msg(trace_file_next(&f, &got) == spoilt[_i].err, "%s",
	    spoilt[_i].name);
	f.left = span_make(mem, 30);
	ck_assert_int_eq(trace_file_next(&f, &got), -EBADMSG);
}
END_TEST

/* ---- HEP ---- */

START_TEST(hep_is_of_the_chunks_that_homer_wants)
{
	static const char want[] =
	    "48455033" "006f"				/* HEP3, length */
	    "0000" "0002" "0007" "06"			/* TCP */
	    "0000" "0001" "0007" "02"			/* IPv4 */
	    "0000" "0003" "000a" "c6336407"
	    "0000" "0004" "000a" "c0000202"
	    "0000" "0007" "0008" "1267"
	    "0000" "0008" "0008" "13cf"
	    "0000" "0009" "000a" "6b49d200"
	    "0000" "000a" "000a" "0001e240"
	    "0000" "000b" "0007" "01"			/* SIP */
	    "0000" "000c" "000a" "000007d1"
	    "0000" "0011" "0009" "612d62"		/* a-b */
	    "0000" "000f" "0009" "534950";
	const struct packet p = { 1800000000123456, false, ZONE_EXTERNAL,
		TRANSPORT_TLS, addr("192.0.2.2:5071"),
		addr("198.51.100.7:4711"), SPAN_LIT("SIP"), 3 };
	char hex[512];
	struct buf text;

	ck_assert_int_eq(hep_put(&b, &p, 2001, SPAN_LIT("a-b")), 0);
	buf_init(&text, hex, sizeof(hex) - 1);
	buf_put_hex(&text, b.p, b.len);
	hex[text.len] = '\0';
	ck_assert_str_eq(hex, want);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("tracer");
	Suite *s = suite_create("tracer");
	SRunner *r;
	int failed;

#define LOOP(test, rows) \
	tcase_add_loop_test(tc, test, 0, (int)(sizeof(rows) / sizeof(rows[0])))
	tcase_add_checked_fixture(tc, setup, NULL);
	LOOP(only_numbers_and_call_ids_are_traced, targets);
	tcase_add_test(tc, rules_are_few_end_and_have_numbers);
	tcase_add_test(tc, rules_are_read_as_they_were_written);
	LOOP(what_a_captured_tracer_wrote_is_no_rule, wrong_lines);
	LOOP(packets_are_read_as_they_were_written, packets);
	tcase_add_test(tc, the_ip_checksum_is_right);
	tcase_add_test(tc, what_is_no_packet_is_not_written);
	LOOP(spoilt_files_are_read_no_further, spoilt);
	tcase_add_test(tc, hep_is_of_the_chunks_that_homer_wants);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
