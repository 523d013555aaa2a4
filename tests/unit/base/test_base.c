/* Spans, builders, addresses, tables, pools, deadlines, secrets. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/addr.h"
#include "common/base/htab.h"
#include "common/base/pool.h"
#include "common/base/secret.h"
#include "common/base/text.h"
#include "common/base/timerq.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* ---- span ---- */

static const struct {
	const char *text;
	uint64_t max;
	int err;
	uint64_t want;
} numbers[] = {
	{ "0", 10, 0, 0 },
	{ "10", 10, 0, 10 },
	{ "11", 10, -ERANGE, 0 },
	{ "007", 10, 0, 7 },
	{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
	{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
	{ "", 10, -EBADMSG, 0 },
	{ "-1", 10, -EBADMSG, 0 },
	{ "+1", 10, -EBADMSG, 0 },
	{ " 1", 10, -EBADMSG, 0 },
	{ "1 ", 10, -EBADMSG, 0 },
	{ "0x1", 10, -EBADMSG, 0 },
	{ "99999999999999999999999x", 10, -EBADMSG, 0 },
};

START_TEST(numbers_are_read_whole_or_not)
{
	uint64_t v = 77;
	uint32_t v32 = 77;
	struct span s = span_str(numbers[_i].text);

	ck_assert_int_eq(span_to_u64(s, numbers[_i].max, &v),
	    numbers[_i].err);
	ck_assert_uint_eq(v, numbers[_i].err ? 77 : numbers[_i].want);
	if (numbers[_i].max > UINT32_MAX)
		return;
	ck_assert_int_eq(span_to_u32(s, (uint32_t)numbers[_i].max, &v32),
	    numbers[_i].err);
	ck_assert_uint_eq(v32, numbers[_i].err ? 77 : numbers[_i].want);
}
END_TEST

START_TEST(spans_never_leave_their_bytes)
{
	struct span s = SPAN_LIT("abcdef");

	ck_assert(span_eq(span_sub(s, 2, 2), SPAN_LIT("cd")));
	ck_assert(span_eq(span_sub(s, 4, 99), SPAN_LIT("ef")));
	ck_assert(span_is_empty(span_sub(s, 6, 1)));
	ck_assert(span_is_empty(span_sub(s, SIZE_MAX, SIZE_MAX)));
	ck_assert_int_eq(span_find(s, 'f'), 5);
	ck_assert_int_eq(span_find(s, 'g'), -1);
	ck_assert_int_eq(span_find(SPAN_NONE, 'a'), -1);
	ck_assert(span_starts(s, SPAN_LIT("abc")));
	ck_assert(span_starts(s, SPAN_NONE));
	ck_assert(!span_starts(SPAN_LIT("ab"), s));
	ck_assert(span_eq(span_trim(SPAN_LIT(" \t\r\na b\r\n ")),
	    SPAN_LIT("a b")));
	ck_assert(span_is_empty(span_trim(SPAN_LIT(" \r\n"))));
	ck_assert(span_is_empty(span_trim(SPAN_NONE)));
	ck_assert(span_eq(SPAN_NONE, SPAN_LIT("")));
	ck_assert(!span_eq(SPAN_LIT("a"), SPAN_LIT("A")));
	ck_assert(span_is_empty(span_str(NULL)));
}
END_TEST

START_TEST(only_ascii_letters_fold)
{
	ck_assert(span_caseeq(SPAN_LIT("InViTe"), SPAN_LIT("INVITE")));
	ck_assert(!span_caseeq(SPAN_LIT("a"), SPAN_LIT("ab")));
	/* 32 apart, but no letters */
	ck_assert(!span_caseeq(SPAN_LIT("["), SPAN_LIT("{")));
	ck_assert(!span_caseeq(SPAN_LIT("@"), SPAN_LIT("`")));
	ck_assert(!span_caseeq(SPAN_LIT("\xc4"), SPAN_LIT("\xe4")));
}
END_TEST

/* ---- buf ---- */

START_TEST(a_full_builder_keeps_its_error)
{
	char mem[8] = "zzzzzzz";
	struct buf b;

	buf_init(&b, mem, 4);
	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	ck_assert_int_eq(buf_err(&b), -EMSGSIZE);
	buf_putc(&b, 'f');	/* would fit, but a piece is missing */
	ck_assert(span_eq(buf_span(&b), SPAN_LIT("abc")));
	ck_assert_int_eq(mem[3], 'z');
	buf_init(&b, mem, 4);
	buf_puts(&b, "abcd");
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_int_eq(mem[4], 'z');
}
END_TEST

START_TEST(builders_write_numbers_and_hex)
{
	char mem[80];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_put_u64(&b, 0);
	buf_putc(&b, ' ');
	buf_put_u64(&b, UINT64_MAX);
	buf_putc(&b, ' ');
	buf_put_hex(&b, "\x00\xfa\x10", 3);
	buf_fmt(&b, " %s-%d", "x", -5);
	ck_assert(span_eq(buf_span(&b),
	    SPAN_LIT("0 18446744073709551615 00fa10 x--5")));
	buf_init(&b, mem, 4);
	buf_fmt(&b, "%s", "abcd");	/* printf's NUL has no room */
	ck_assert_int_eq(buf_err(&b), -EMSGSIZE);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

/* ---- addr ---- */

static const struct {
	const char *text;	/* NULL in want: -EBADMSG */
	uint16_t default_port;
	const char *want;
} addresses[] = {
	{ "192.0.2.1:5060", 0, "192.0.2.1:5060" },
	{ "192.0.2.1", 5070, "192.0.2.1:5070" },
	{ "[2001:db8::1]:5060", 0, "[2001:db8::1]:5060" },
	{ "2001:DB8:0:0::1", 5, "[2001:db8::1]:5" },
	{ "[2001:db8::1]", 5, "[2001:db8::1]:5" },
	/* one address, one spelling */
	{ "::ffff:192.0.2.1", 5, "192.0.2.1:5" },
	{ "[::ffff:c000:201]:9", 5, "192.0.2.1:9" },
	{ "0.0.0.0:1", 0, "0.0.0.0:1" },
	{ "192.0.2.1:0", 5, NULL },
	{ "192.0.2.1:65536", 5, NULL },
	{ "192.0.2.1:", 5, NULL },
	{ "192.0.2.1:5060x", 5, NULL },
	{ "192.0.2.01", 5, NULL },
	{ "192.0.2", 5, NULL },
	{ "192.0.2.256", 5, NULL },
	{ "192.0.2.1 ", 5, NULL },
	{ "0x7f.0.0.1", 5, NULL },
	{ "2130706433", 5, NULL },
	{ "[192.0.2.1]:5", 5, NULL },
	{ "[2001:db8::1", 5, NULL },
	{ "[2001:db8::1]x", 5, NULL },
	{ "[2001:db8::1]5060", 5, NULL },
	{ "fe80::1%eth0", 5, NULL },
	{ "::1::", 5, NULL },
	{ "example.org:5060", 5, NULL },
	{ ":5060", 5, NULL },
	{ "[]", 5, NULL },
	{ "[", 5, NULL },
	{ "", 5, NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", 5,
	    NULL },
};

START_TEST(addresses_are_read_and_written)
{
	struct addr a = { .port = 77 };
	char mem[ADDR_TEXT_MAX + 1];
	int err = addr_parse(span_str(addresses[_i].text),
	    addresses[_i].default_port, &a);

	if (addresses[_i].want == NULL) {
		ck_assert_msg(err == -EBADMSG, "%s", addresses[_i].text);
		ck_assert_uint_eq(a.port, 77);
		return;
	}
	ck_assert_msg(err == 0, "%s", addresses[_i].text);
	ck_assert_str_eq(addr_text(&a, mem), addresses[_i].want);
}
END_TEST

static const struct {
	const char *text;
	enum addr_class want;
} classes[] = {
	{ "8.8.8.8", ADDR_PUBLIC },
	{ "198.51.100.7", ADDR_PUBLIC },
	{ "2001:db8::1", ADDR_PUBLIC },
	{ "9.255.255.255", ADDR_PUBLIC },
	{ "10.0.0.0", ADDR_PRIVATE },
	{ "10.255.255.255", ADDR_PRIVATE },
	{ "11.0.0.0", ADDR_PUBLIC },
	{ "172.15.255.255", ADDR_PUBLIC },
	{ "172.16.0.0", ADDR_PRIVATE },
	{ "172.31.255.255", ADDR_PRIVATE },
	{ "172.32.0.0", ADDR_PUBLIC },
	{ "192.168.0.1", ADDR_PRIVATE },
	{ "192.169.0.1", ADDR_PUBLIC },
	{ "100.63.255.255", ADDR_PUBLIC },
	{ "100.64.0.0", ADDR_SHARED },
	{ "100.127.255.255", ADDR_SHARED },
	{ "100.128.0.0", ADDR_PUBLIC },
	{ "127.0.0.1", ADDR_LOOPBACK },
	{ "127.255.0.1", ADDR_LOOPBACK },
	{ "169.254.169.254", ADDR_LINK_LOCAL },
	{ "192.0.0.8", ADDR_UNUSABLE },
	{ "0.0.0.0", ADDR_UNUSABLE },
	{ "0.1.2.3", ADDR_UNUSABLE },
	{ "224.0.0.1", ADDR_MULTICAST },
	{ "239.255.255.255", ADDR_MULTICAST },
	{ "240.0.0.1", ADDR_UNUSABLE },
	{ "255.255.255.255", ADDR_UNUSABLE },
	{ "::", ADDR_UNUSABLE },
	{ "::1", ADDR_LOOPBACK },
	{ "::2", ADDR_UNUSABLE },
	{ "::7f00:1", ADDR_UNUSABLE },
	{ "::ffff:127.0.0.1", ADDR_LOOPBACK },
	{ "::ffff:10.0.0.1", ADDR_PRIVATE },
	{ "::ffff:8.8.8.8", ADDR_PUBLIC },
	{ "64:ff9b::808:808", ADDR_UNUSABLE },
	{ "fc00::1", ADDR_PRIVATE },
	{ "fdff::1", ADDR_PRIVATE },
	{ "fe80::1", ADDR_LINK_LOCAL },
	{ "febf::1", ADDR_LINK_LOCAL },
	{ "ff02::1", ADDR_MULTICAST },
	{ "2606:4700::1", ADDR_PUBLIC },
};

START_TEST(addresses_have_their_class)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_ip(span_str(classes[_i].text), &a), 0);
	ck_assert_msg(addr_classify(&a) == classes[_i].want, "%s: %d",
	    classes[_i].text, (int)addr_classify(&a));
	ck_assert_int_eq(addr_is_public(&a), classes[_i].want == ADDR_PUBLIC);
}
END_TEST

static const struct {
	const char *net, *ip;
	bool in;
} prefixes[] = {
	{ "10.0.0.0/8", "10.255.0.1", true },
	{ "10.0.0.0/8", "11.0.0.1", false },
	{ "192.168.10.128/25", "192.168.10.127", false },
	{ "192.168.10.128/25", "192.168.10.128", true },
	{ "0.0.0.0/0", "8.8.8.8", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "fe80::/10", "febf::1", true },
	{ "10.0.0.0/8", "::ffff:10.1.1.1", true },
};

START_TEST(prefixes_hold_what_they_say)
{
	struct addr_prefix p;
	struct addr a;

	ck_assert_int_eq(addr_prefix_parse(span_str(prefixes[_i].net), &p),
	    0);
	ck_assert_int_eq(addr_parse_ip(span_str(prefixes[_i].ip), &a), 0);
	ck_assert_msg(addr_prefix_has(&p, &a) == prefixes[_i].in, "%s %s",
	    prefixes[_i].net, prefixes[_i].ip);
}
END_TEST

START_TEST(bad_prefixes_and_odd_lengths_are_refused)
{
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/",
		"10.0.0.0/-1", "::/129", "/8", "10.0.0.0/8/8", "x/8",
		"::ffff:10.0.0.0/104" };
	struct addr_prefix p;
	struct addr a;

	for (int i = 0; i < N(bad); i++)
		ck_assert_msg(addr_prefix_parse(span_str(bad[i]), &p) ==
		    -EBADMSG, "%s", bad[i]);
	a = addr_from_bytes("abcdef", 5, 1);
	ck_assert_uint_eq(a.family, ADDR_NONE);
	ck_assert_uint_eq(addr_ip_len(&a), 0);
	ck_assert(!addr_same_ip(&a, &a));	/* nobody is nobody's equal */
	ck_assert_int_eq(addr_classify(&a), ADDR_UNUSABLE);
}
END_TEST

START_TEST(equality_knows_the_port)
{
	struct addr a, b;

	ck_assert_int_eq(addr_parse(SPAN_LIT("192.0.2.1:1"), 0, &a), 0);
	ck_assert_int_eq(addr_parse(SPAN_LIT("192.0.2.1:2"), 0, &b), 0);
	ck_assert(addr_same_ip(&a, &b));
	ck_assert(!addr_eq(&a, &b));
	b.port = 1;
	ck_assert(addr_eq(&a, &b));
}
END_TEST

/* ---- htab ---- */

struct thing {
	int key;
	struct htab_node node;
};

static struct thing *
find(struct htab *t, int key)
{
	uint64_t h = htab_hash(t, &key, sizeof(key));

	for (struct htab_node *n = htab_first(t, h); n != NULL;
	    n = htab_next(n)) {
		if (HTAB_OF(n, struct thing, node)->key == key)
			return HTAB_OF(n, struct thing, node);
	}
	return NULL;
}

START_TEST(tables_find_what_they_hold)
{
	static struct thing things[500];
	struct htab t;

	ck_assert_int_eq(htab_init(&t, 20), 0);	/* far more than room */
	for (int i = 0; i < 500; i++) {
		things[i].key = i;
		htab_add(&t, &things[i].node, htab_hash(&t, &i, sizeof(i)));
	}
	ck_assert_uint_eq(t.count, 500);
	for (int i = 0; i < 500; i += 2)
		htab_del(&t, &things[i].node);
	ck_assert_uint_eq(t.count, 250);
	for (int i = 0; i < 500; i++)
		ck_assert_ptr_eq(find(&t, i), i % 2 ? &things[i] : NULL);
	ck_assert_ptr_null(find(&t, 1000));
	htab_clear(&t);
}
END_TEST

START_TEST(equal_hashes_are_told_apart_by_the_caller)
{
	struct thing a = { .key = 1 }, b = { .key = 2 };
	struct htab t;

	ck_assert_int_eq(htab_init(&t, 1), 0);
	htab_add(&t, &a.node, 42);
	htab_add(&t, &b.node, 42);
	ck_assert_ptr_eq(htab_first(&t, 42), &b.node);
	ck_assert_ptr_eq(htab_next(&b.node), &a.node);
	ck_assert_ptr_null(htab_next(&a.node));
	ck_assert_ptr_null(htab_first(&t, 42 + 16));	/* same bucket */
	htab_del(&t, &a.node);
	ck_assert_ptr_null(htab_next(&b.node));
	htab_clear(&t);
}
END_TEST

START_TEST(two_tables_have_two_keys)
{
	struct htab a, b;

	ck_assert_int_eq(htab_init(&a, 1), 0);
	ck_assert_int_eq(htab_init(&b, 1), 0);
	ck_assert_uint_ne(htab_hash(&a, "x", 1), htab_hash(&b, "x", 1));
	ck_assert_uint_eq(htab_hash(&a, "x", 1), htab_hash(&a, "x", 1));
	htab_clear(&a);
	htab_clear(&b);
}
END_TEST

/* ---- pool ---- */

START_TEST(pools_end_at_their_limit_and_are_reused)
{
	struct pool p;
	char *obj[3];

	ck_assert_int_eq(pool_init(&p, 3, 20), 0);
	for (int i = 0; i < 3; i++) {
		obj[i] = pool_get(&p);
		ck_assert_ptr_nonnull(obj[i]);
		ck_assert_uint_eq((uintptr_t)obj[i] % 16, 0);
		ck_assert_ptr_eq(pool_at(&p, pool_index(&p, obj[i])), obj[i]);
		memset(obj[i], 0xff, 20);
	}
	ck_assert_ptr_null(pool_get(&p));
	ck_assert_uint_eq(p.used, 3);
	pool_put(&p, obj[1]);
	pool_put(&p, NULL);
	ck_assert_uint_eq(p.used, 2);
	obj[1] = pool_get(&p);
	ck_assert_int_eq(obj[1][19], 0);	/* zeroed anew */
	ck_assert_ptr_null(pool_get(&p));
	ck_assert_ptr_null(pool_at(&p, 3));
	pool_clear(&p);
}
END_TEST

/* ---- timerq ---- */

START_TEST(deadlines_come_in_order)
{
	enum { N_TIMERS = 200 };
	static struct timer timers[N_TIMERS];
	struct timerq q;
	struct timer *t;
	uint64_t last = 0;
	unsigned seed = 7, n = 0;

	ck_assert_int_eq(timerq_init(&q, N_TIMERS), 0);
	ck_assert_uint_eq(timerq_next(&q).us, MONO_NEVER.us);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N_TIMERS; i++) {
			seed = seed * 1103515245 + 12345;
			timerq_set(&q, &timers[i],
			    (struct mono){ seed >> 8 & 0xffff });
		}
	}
	ck_assert_uint_eq(q.n, N_TIMERS);	/* re-armed, not doubled */
	for (int i = 0; i < N_TIMERS; i += 3) {
		timerq_cancel(&q, &timers[i]);
		timerq_cancel(&q, &timers[i]);
		ck_assert(!timer_is_armed(&timers[i]));
	}
	ck_assert_ptr_null(timerq_pop(&q,
	    (struct mono){ timerq_next(&q).us - 1 }));
	while ((t = timerq_pop(&q, MONO_NEVER)) != NULL) {
		ck_assert_uint_ge(t->at.us, last);
		ck_assert(!timer_is_armed(t));
		last = t->at.us;
		n++;
	}
	ck_assert_uint_eq(n, N_TIMERS - (N_TIMERS + 2) / 3);
	timerq_clear(&q);
}
END_TEST

START_TEST(times_add_and_compare)
{
	struct mono t = { 1000 };

	ck_assert_uint_eq(mono_add_ms(t, 2).us, 3000);
	ck_assert(mono_before(t, mono_add_ms(t, 1)));
	ck_assert(!mono_before(t, t));
	ck_assert(mono_due(t, t));
	ck_assert(!mono_due(mono_add_ms(t, 1), t));
	ck_assert_uint_eq(mono_ms_between(t, mono_add_ms(t, 5)), 5);
	ck_assert_uint_eq(mono_ms_between(mono_add_ms(t, 5), t), 0);
}
END_TEST

/* ---- secret ---- */

/* UTF-8 and what of it may reach a terminal. */
static const struct {
	const char *text, *plain;
} texts[] = {
	{ "", "" },
	{ "Jos\xc3\xa9 \xc3\x80 \xe2\x82\xac \xf0\x9f\x93\x9e", NULL },
	{ "LRM \xe2\x80\x8e, \xe2\x81\xa5, NBSP \xc2\xa0", NULL },
	{ "a\x1b[2Jb", "a?[2Jb" },
	{ "\x7f", "?" },
	{ "C1 \xc2\x9b" "31m", "C1 ??31m" },
	{ "\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0" },
	{ "lone \x9b \x80 \xe4 \xff", "lone ? ? ? ?" },
	{ "\xe2\x80\xa8\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf",
	    "?????????\xe2\x80\xaf" },
	{ "\xe2\x81\xa6\xe2\x81\xa9", "??????" },
	{ "cut \xe2\x80", "cut ??" },
	{ "overlong \xc0\x9b \xe0\x82\x9b", "overlong ?? ???" },
	{ "surrogate \xed\xa0\x80", "surrogate ???" },
	{ "beyond \xf4\x90\x80\x80", "beyond ????" },
};

START_TEST(text_of_others_has_nothing_that_a_terminal_obeys)
{
	struct span s = span_str(texts[_i].text);
	const char *plain = texts[_i].plain;
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	text_put_plain(&b, s);
	ck_assert_uint_eq(b.len, s.len);
	ck_assert(span_eq(buf_span(&b),
	    plain == NULL ? s : span_str(plain)));
	ck_assert_int_eq(text_is_plain(s),
	    plain == NULL || s.len == 0);
	ck_assert(text_is_plain(buf_span(&b)));
}
END_TEST

static const struct { const char *text, *json; } strings[] = {
	{ "", "\"\"" },
	{ "M\xc3\xbcller", "\"M\xc3\xbcller\"" },
	{ "a\",\"b\":\"c", "\"a\\\",\\\"b\\\":\\\"c\"" },
	{ "ends with \\", "\"ends with \\\\\"" },
	{ "\x1b[2J\n\xff", "\"?[2J??\"" },
	{ "a quote, cut: \"\xe2\x80", "\"a quote, cut: \\\"??\"" },
};

START_TEST(rfc8259_7_a_string_ends_at_its_own_quote_only)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	text_put_json(&b, span_str(strings[_i].text));
	ck_assert(span_eq(buf_span(&b), span_str(strings[_i].json)));
}
END_TEST

START_TEST(secrets_are_held_compared_and_wiped)
{
	unsigned char a[32], b[32] = { 0 };
	struct secret s;

	ck_assert_int_eq(secret_new(&s, 32), 0);
	ck_assert_uint_eq(s.len, 32);
	secret_random(s.p, s.len);
	memcpy(a, s.p, 32);
	ck_assert(secret_eq(a, s.p, 32));
	ck_assert(!secret_eq(b, s.p, 32));
	secret_wipe(a, sizeof(a));
	ck_assert_mem_eq(a, b, 32);
	secret_free(&s);
	ck_assert_ptr_null(s.p);
	secret_free(&s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("base");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, numbers_are_read_whole_or_not, 0, N(numbers));
	tcase_add_test(t, spans_never_leave_their_bytes);
	tcase_add_test(t, only_ascii_letters_fold);
	tcase_add_test(t, a_full_builder_keeps_its_error);
	tcase_add_test(t, builders_write_numbers_and_hex);
	tcase_add_loop_test(t, addresses_are_read_and_written, 0,
	    N(addresses));
	tcase_add_loop_test(t, addresses_have_their_class, 0, N(classes));
	tcase_add_loop_test(t, prefixes_hold_what_they_say, 0, N(prefixes));
	tcase_add_test(t, bad_prefixes_and_odd_lengths_are_refused);
	tcase_add_test(t, equality_knows_the_port);
	tcase_add_test(t, tables_find_what_they_hold);
	tcase_add_test(t, equal_hashes_are_told_apart_by_the_caller);
	tcase_add_test(t, two_tables_have_two_keys);
	tcase_add_test(t, pools_end_at_their_limit_and_are_reused);
	tcase_add_test(t, deadlines_come_in_order);
	tcase_add_test(t, times_add_and_compare);
	tcase_add_loop_test(t,
	    text_of_others_has_nothing_that_a_terminal_obeys, 0, N(texts));
	tcase_add_loop_test(t,
	    rfc8259_7_a_string_ends_at_its_own_quote_only, 0,
	    sizeof(strings) / sizeof(strings[0]));
	tcase_add_test(t, secrets_are_held_compared_and_wiped);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
