/*
 * Every vector, cut at every length and changed at random, in memory that
 * ends at a guard page: a parser that reads one octet too far dies here.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sigproxy/sip/sdp.h"
#include "tests/unit/sip/lab.h"

static const char *const files[][2] = {
	{ "rfc4475", "wsinv.dat" }, { "rfc4475", "intmeth.dat" },
	{ "rfc4475", "esc01.dat" }, { "rfc4475", "escnull.dat" },
	{ "rfc4475", "esc02.dat" }, { "rfc4475", "longreq.dat" },
	{ "rfc4475", "dblreq.dat" }, { "rfc4475", "semiuri.dat" },
	{ "rfc4475", "transports.dat" }, { "rfc4475", "mpart01.dat" },
	{ "rfc4475", "unreason.dat" }, { "rfc4475", "badinv01.dat" },
	{ "rfc4475", "scalar02.dat" }, { "rfc4475", "scalarlg.dat" },
	{ "rfc4475", "quotbal.dat" }, { "rfc4475", "regbadct.dat" },
	{ "rfc4475", "baddn.dat" }, { "rfc4475", "badvers.dat" },
	{ "rfc4475", "insuf.dat" }, { "rfc4475", "multi01.dat" },
	{ "rfc4475", "mcl01.dat" }, { "rfc4475", "regaut01.dat" },
	{ "rfc4475", "regescrt.dat" }, { "rfc4475", "inv2543.dat" },
	{ "rfc4475", "test.dat" }, { "rfc4475", "unksm2.dat" },
	{ "rfc5118", "ipv6-good.wire" }, { "rfc5118", "ipv6-bad.wire" },
	{ "rfc5118", "via-received-param-no-delim.wire" },
	{ "rfc5118", "mult-ip-in-header.wire" },
	{ "rfc5118", "ipv4-mapped-ipv6.wire" },
	{ "rfc5118", "ipv4-mapped-ipv6.dat" },
};
#define N_FILES ((int)(sizeof(files) / sizeof(files[0])))

static struct sip_msg msg;
static struct sdp sdp;

/* Everything the program would do with it. */
static void
use(struct span bytes, enum sip_framing framing)
{
	static char mem[SIP_BYTES_MAX];
	struct addr source = { .family = ADDR_IPV4, .port = 5060 };
	struct buf b;
	int err;

	err = sip_parse(bytes, framing, &msg, NULL);
	ck_assert(err == 0 || err == -EPROTO || err == -EBADMSG ||
	    err == -ENOMSG || (err == -EAGAIN && framing == SIP_STREAM));
	if (err == -ENOMSG || err == -EAGAIN)
		return;
	lab_read_all(&msg);
	if (err == -EBADMSG)
		return;
	buf_init(&b, mem, sizeof(mem));
	build_response(&b, &msg, 400, NULL, SPAN_LIT("t"), &source,
	    BUILD_RECORD_ROUTE);
	build_end(&b, SPAN_NONE);
	ck_assert_int_eq(buf_err(&b), 0);
	if (err != 0)
		return;
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(lab_forward(&b, &msg), 0);
	sdp_parse(msg.body, &sdp);
}

static struct span
copy(int i)
{
	static char mem[8192];
	struct span s = lab_file(files[i][0], files[i][1]);

	ck_assert_uint_le(s.len, sizeof(mem));
	memcpy(mem, s.p, s.len);
	return span_make(mem, s.len);
}

START_TEST(cut_at_every_length)
{
	struct span s = copy(_i);

	for (size_t len = 0; len <= s.len; len++) {
		use(lab_guarded(span_sub(s, 0, len)), SIP_DATAGRAM);
		use(lab_guarded(span_sub(s, 0, len)), SIP_STREAM);
	}
}
END_TEST

START_TEST(cut_at_both_ends)
{
	struct span s = copy(_i);

	for (size_t from = 0; from < s.len; from++)
		use(lab_guarded(span_sub(s, from, s.len)), SIP_DATAGRAM);
}
END_TEST

static uint32_t state;

static uint32_t
next_random(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

/* The same changes each run: the seed is the file's number. */
START_TEST(changed_at_random)
{
	static const char octets[] = "\0\r\n\t \"\\<>;,:=@%[]/?*&+-.\x01\x7f"
	    "\xff" "0A";
	struct span s = copy(_i);
	char mem[8192];

	state = (uint32_t)_i * 2654435761u + 1;
	for (int round = 0; round < 3000; round++) {
		size_t len = s.len;
		uint32_t n = 1 + next_random(6);

		memcpy(mem, s.p, s.len);
		while (n-- > 0 && len > 2) {
			uint32_t at = next_random((uint32_t)len);

			switch (next_random(4)) {
			case 0:		/* drop one */
				memmove(mem + at, mem + at + 1,
				    len - at - 1);
				len--;
				break;
			case 1:		/* copy a piece over another */
				memmove(mem + next_random(at + 1), mem + at,
				    next_random((uint32_t)(len - at)));
				break;
			default:
				mem[at] = octets[next_random(
				    sizeof(octets) - 1)];
				break;
			}
		}
		use(lab_guarded(span_make(mem, len)), SIP_DATAGRAM);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip edges");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 100);
	tcase_add_loop_test(t, cut_at_every_length, 0, N_FILES);
	tcase_add_loop_test(t, cut_at_both_ends, 0, N_FILES);
	tcase_add_loop_test(t, changed_at_random, 0, N_FILES);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
