/* Connectivity checks as an ICE-lite agent answers them (RFC 8445 7.3). */
#include <stdio.h>

#include "common/codec/stun_check.h"
#include "tests/unit/stun/suite.h"

#define UFRAG "Gate1234"
#define PWD "thePasswordOfTheGate1234"
#define PHONE "198.51.100.10:5060"

enum { PRIORITY = 0x24, USE_CANDIDATE = 0x25, CONTROLLED = 0x8029,
	CONTROLLING = 0x802a };

/* A request, as a phone makes one; 0: no attribute. */
struct ask {
	const char *name, *username, *pwd;
	unsigned attr[6];
	unsigned type;		/* 0: Binding request */
	bool no_fingerprint;
	enum stun_check want;
	unsigned code;		/* of the answer; 0: success */
};

static const struct ask rows[] = {
	{ "a check", UFRAG ":theirs", PWD, { PRIORITY, CONTROLLING },
	    .want = STUN_CHECK_VALID },
	{ "it nominates", UFRAG ":theirs", PWD,
	    { PRIORITY, CONTROLLING, USE_CANDIDATE },
	    .want = STUN_CHECK_NOMINATES },
	{ "without FINGERPRINT the signature suffices", UFRAG ":theirs", PWD,
	    { USE_CANDIDATE }, .no_fingerprint = true,
	    .want = STUN_CHECK_NOMINATES },
	{ "it thinks it is controlled: 487 (7.3.1.1)", UFRAG ":theirs", PWD,
	    { PRIORITY, CONTROLLED, USE_CANDIDATE },
	    .want = STUN_CHECK_REFUSED, .code = 487 },
	{ "an attribute nobody knows: 420", UFRAG ":theirs", PWD,
	    { PRIORITY, 0x7777, USE_CANDIDATE },
	    .want = STUN_CHECK_REFUSED, .code = 420 },
	{ "six of these: 420", UFRAG ":theirs", PWD,
	    { 0x7771, 0x7772, 0x7773, 0x7774, 0x7775, 0x7776 },
	    .want = STUN_CHECK_REFUSED, .code = 420 },
	{ "optional ones are passed over", UFRAG ":theirs", PWD,
	    { 0x8fff, USE_CANDIDATE }, .want = STUN_CHECK_NOMINATES },
	{ "another password", UFRAG ":theirs", "thePasswordOfTheGate1235",
	    { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "the password's beginning", UFRAG ":theirs", "thePassword",
	    { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "another's name", "Gate1235:theirs", PWD, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "ours is only how it begins", UFRAG "5:theirs", PWD,
	    { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "the wrong way round", "theirs:" UFRAG, PWD, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "ours alone", UFRAG, PWD, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "nothing behind the colon", UFRAG ":", PWD, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "no name", NULL, PWD, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "no signature", UFRAG ":theirs", NULL, { USE_CANDIDATE },
	    .want = STUN_CHECK_SILENT },
	{ "an indication", UFRAG ":theirs", PWD, { USE_CANDIDATE },
	    .type = 0x0011,
	    .want = STUN_CHECK_SILENT },
	{ "an answer", UFRAG ":theirs", PWD, { USE_CANDIDATE },
	    .type = 0x0101,
	    .want = STUN_CHECK_SILENT },
	{ "another method", UFRAG ":theirs", PWD, { USE_CANDIDATE },
	    .type = 0x0003,
	    .want = STUN_CHECK_SILENT },
};

static void
put16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

static void
put_attribute(struct buf *b, unsigned type)
{
	size_t len = type == PRIORITY ? 4 : type == CONTROLLED ||
		type == CONTROLLING ? 8 : 0;

	put16(b, type);
	put16(b, (unsigned)len);
	while (len-- > 0)
		buf_putc(b, 7);
}

static void
set_len(struct buf *b, size_t more)
{
	size_t len = b->len - STUN_HEADER_LEN + more;

	b->p[2] = (char)(len >> 8);
	b->p[3] = (char)len;
}

static void
put_ask(struct buf *b, const struct ask *a)
{
	put16(b, a->type != 0 ? a->type : 0x0001);
	put16(b, 0);
	buf_put(b, SPAN_LIT("\x21\x12\xa4\x42" "transaction!"));
	if (a->username != NULL) {
		put16(b, 0x0006);
		put16(b, (unsigned)strlen(a->username));
		buf_puts(b, a->username);
		while (b->len % 4 != 0)
			buf_putc(b, ' ');
	}
	for (unsigned i = 0; i < 6; i++)
		if (a->attr[i] != 0)
			put_attribute(b, a->attr[i]);
	set_len(b, STUN_INTEGRITY_LEN);
	if (a->pwd != NULL)
		stun_put_integrity(b, span_str(a->pwd));
	set_len(b, a->no_fingerprint ? 0 : 8);
	if (!a->no_fingerprint)
		stun_put_fingerprint(b);
	ck_assert_int_eq(buf_err(b), 0);
}

static void
expect_answer(const struct ask *a, struct span answer, const char *source)
{
	struct addr at = addr_of(source);
	struct stun_msg m;

	ck_assert_int_eq(stun_parse(answer, &m), 0);
	ck_assert(stun_fingerprint_ok(&m));
	ck_assert(stun_integrity_ok(&m, SPAN_LIT(PWD)));
	ck_assert_mem_eq(m.tid, "transaction!", STUN_TID_LEN);
	ck_assert_uint_eq(m.error_code, a->code);
	ck_assert_int_eq(m.class, a->code != 0 ? STUN_ERROR : STUN_SUCCESS);
	ck_assert(a->code != 0 || (m.xored && addr_eq(&m.mapped, &at)));
}

/* IP and UDP headers count, too. */
static void
expect_small(size_t ask, size_t answer, size_t headers)
{
	ck_assert_uint_le(2 * (answer + headers), 3 * (ask + headers));
}

START_TEST(only_who_has_the_password_is_answered)
{
	const struct ask *a = &rows[_i];
	static const char *const sources[] = { PHONE, "[2001:db8::7]:40000" };
	uint8_t ask[STUN_MSG_MAX], mem[STUN_CHECK_MAX];
	struct buf q, b;

	for (int i = 0; i < 2; i++) {
		struct addr source = addr_of(sources[i]);

		buf_init(&q, ask, sizeof(ask));
		buf_init(&b, mem, sizeof(mem));
		put_ask(&q, a);
		ck_assert_msg(stun_check(buf_span(&q), SPAN_LIT(UFRAG),
			SPAN_LIT(PWD), &source, &b) == a->want, "%s", a->name);
		if (a->want == STUN_CHECK_SILENT)
			ck_assert_uint_eq(b.len, 0);
		else
			expect_answer(a, buf_span(&b), sources[i]);
		expect_small(q.len, b.len, i == 0 ? 28 : 48);
	}
}
END_TEST

/* Each octet changed, each cut; what no FINGERPRINT is any more is not looked
 * at behind the signature (RFC 8489 14.5). */
START_TEST(nothing_that_was_tampered_with_counts)
{
	uint8_t ask[STUN_MSG_MAX], bad[STUN_MSG_MAX], mem[STUN_CHECK_MAX];
	struct addr source = addr_of(PHONE);
	struct buf q, b;

	buf_init(&q, ask, sizeof(ask));
	put_ask(&q, &rows[1]);
	for (size_t i = 0; i < q.len; i++) {
		if (i == q.len - 8 || i == q.len - 7)
			continue;
		memcpy(bad, ask, q.len);
		bad[i] ^= 1;
		buf_init(&b, mem, sizeof(mem));
		ck_assert_msg(stun_check(span_make(bad, q.len),
			SPAN_LIT(UFRAG), SPAN_LIT(PWD), &source, &b) ==
		    STUN_CHECK_SILENT, "octet %zu", i);
		ck_assert_int_eq(stun_check(span_make(ask, i),
			SPAN_LIT(UFRAG), SPAN_LIT(PWD), &source, &b),
		    STUN_CHECK_SILENT);
		ck_assert_uint_eq(b.len, 0);
	}
}
END_TEST

START_TEST(the_request_of_rfc5769_is_a_role_conflict)
{
	uint8_t packet[256], mem[STUN_CHECK_MAX];
	FILE *f = fopen(VECTORS "/rfc5769/sample-request.bin", "rb");
	struct addr source = addr_of(PHONE);
	struct stun_msg m;
	struct buf b;
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(packet, 1, sizeof(packet), f);
	fclose(f);
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(stun_check(span_make(packet, n), SPAN_LIT("evtj"),
		SPAN_LIT("VOkJxbRl1RmTxUk/WvJxBt"), &source, &b),
	    STUN_CHECK_REFUSED);
	ck_assert_int_eq(stun_parse(buf_span(&b), &m), 0);
	ck_assert_uint_eq(m.error_code, 487);
}
END_TEST

void
add_stun_check_tests(Suite *s)
{
	TCase *tc = tcase_create("connectivity checks");

	tcase_add_loop_test(tc, only_who_has_the_password_is_answered, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, nothing_that_was_tampered_with_counts);
	tcase_add_test(tc, the_request_of_rfc5769_is_a_role_conflict);
	suite_add_tcase(s, tc);
}
