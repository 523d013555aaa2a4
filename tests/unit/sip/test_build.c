/* What is written: expected bytes, and what never gets out. */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "tests/unit/sip/lab.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct sip_msg msg;
static char mem[4096];
static struct buf b;

static void
begin(void)
{
	buf_init(&b, mem, sizeof(mem));
}

static void
assert_written(const char *want)
{
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_msg(span_eq(buf_span(&b), span_str(want)),
	    "wrote:\n%.*s\nnot:\n%s", (int)b.len, b.p, want);
}

static struct addr
address(const char *text)
{
	struct addr a = { 0 };

	ck_assert_int_eq(addr_parse(span_str(text), 0, &a), 0);
	return a;
}

START_TEST(a_request_is_written_line_by_line)
{
	struct addr local = address("192.0.2.9:5070");

	begin();
	build_request_line(&b, SPAN_LIT("INVITE"), SPAN_LIT("sip:a@b"));
	build_via(&b, "UDP", &local, SPAN_LIT("z9hG4bKx"), true);
	build_hdr_u64(&b, SIP_H_MAX_FORWARDS, 69);
	build_open(&b, SIP_H_FROM);
	build_nameaddr(&b, SPAN_LIT("\"A\r\n  B\""), SPAN_LIT("sip:1@d"),
	    SPAN_LIT(";x=\"y z\"; tag=old"), SPAN_LIT("new"));
	build_close(&b);
	build_cseq(&b, 7, SPAN_LIT("INVITE"));
	build_hdr_named(&b, SPAN_LIT("X-y"), SPAN_LIT(" a \r\n\t b\t"));
	build_hdr_str(&b, SIP_H_CONTENT_TYPE, "text/plain");
	build_end(&b, SPAN_LIT("hi\0"));
	ck_assert_uint_eq(b.p[b.len - 1], 0);
	b.len--;
	assert_written("INVITE sip:a@b SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bKx\r\n"
	    "Max-Forwards: 69\r\n"
	    "From: \"A B\" <sip:1@d>;x=\"y z\";tag=new\r\n"
	    "CSeq: 7 INVITE\r\n"
	    "X-y: a b\r\n"
	    "Content-Type: text/plain\r\n"
	    "Content-Length: 3\r\n\r\nhi");
}
END_TEST

#define REST "From: <sip:1@d>;tag=f\r\nTo: <sip:2@d>\r\nCall-ID: c\r\n" \
	"CSeq: 1 INVITE\r\n"

static const struct {
	const char *name, *vias, *want;
} responses[] = {
	{ "the same address and no rport: the Via as it came",
	    "Via: SIP/2.0/UDP 203.0.113.7:5099;branch=z9hG4bKa\r\n",
	    "Via: SIP/2.0/UDP 203.0.113.7:5099;branch=z9hG4bKa\r\n" },
	{ "another address: received",
	    "v: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bKa\r\n",
	    "Via: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bKa"
	    ";received=203.0.113.7\r\n" },
	{ "a name: received",
	    "v: SIP / 2.0 / UDP phone.local : 5060 ; branch=z9hG4bKa\r\n",
	    "Via: SIP/2.0/UDP phone.local:5060;branch=z9hG4bKa"
	    ";received=203.0.113.7\r\n" },
	{ "rport: port and address (RFC 3581 4)",
	    "v: SIP/2.0/UDP 203.0.113.7;rport;branch=z9hG4bKa\r\n",
	    "Via: SIP/2.0/UDP 203.0.113.7;rport=5099;branch=z9hG4bKa"
	    ";received=203.0.113.7\r\n" },
	{ "claims about received and rport are replaced",
	    "v: SIP/2.0/UDP 192.168.1.2;received=10.0.0.1;rport=1"
	    ";branch=z9hG4bKa;x=\"q\\\"\"\r\n",
	    "Via: SIP/2.0/UDP 192.168.1.2;rport=5099"
	    ";branch=z9hG4bKa;x=\"q\\\"\";received=203.0.113.7\r\n" },
	{ "the Vias below stay, in order",
	    "v: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKa, SIP/2.0/TCP b\r\n"
	    "Via: SIP / 2.0 / UDP\r\n c;received=1.2.3.4;rport\r\n",
	    "Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKa\r\n"
	    "Via: SIP/2.0/TCP b\r\n"
	    "Via: SIP / 2.0 / UDP c;received=1.2.3.4;rport\r\n" },
};

START_TEST(a_response_goes_back_by_its_vias)
{
	struct addr source = address("203.0.113.7:5099");
	char text[1024], want[1024];

	snprintf(text, sizeof(text), "INVITE sip:a@b SIP/2.0\r\n%s" REST
	    "Record-Route: <sip:r;lr>\r\n\r\n", responses[_i].vias);
	snprintf(want, sizeof(want), "SIP/2.0 180 Ringing\r\n%s"
	    "From: <sip:1@d>;tag=f\r\nTo: <sip:2@d>;tag=ours\r\n"
	    "Call-ID: c\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:r;lr>\r\n"
	    "Content-Length: 0\r\n\r\n", responses[_i].want);
	ck_assert_int_eq(sip_parse(lab_guarded(span_str(text)), SIP_DATAGRAM,
	    &msg, NULL), 0);
	begin();
	build_response(&b, &msg, 180, NULL, SPAN_LIT("ours"), &source,
	    BUILD_RECORD_ROUTE);
	build_end(&b, SPAN_NONE);
	assert_written(want);
}
END_TEST

START_TEST(a_tag_that_is_there_stays)
{
	static const char text[] = "BYE sip:a@b SIP/2.0\r\n"
	    "v: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa\r\n"
	    "f: <sip:1@d>;tag=f\r\nt: sip:2@d;tag=theirs\r\ni: c\r\n"
	    "CSeq: 1 BYE\r\nTimestamp: 54\r\n\r\n";
	struct addr source = address("[2001:db8::2]:5060");

	ck_assert_int_eq(sip_parse(lab_guarded(span_str(text)), SIP_DATAGRAM,
	    &msg, NULL), 0);
	begin();
	build_response(&b, &msg, 100, NULL, SPAN_LIT("ours"), &source, 0);
	build_end(&b, SPAN_NONE);
	assert_written("SIP/2.0 100 Trying\r\n"
	    "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa"
	    ";received=2001:db8::2\r\n"
	    "From: <sip:1@d>;tag=f\r\nTo: sip:2@d;tag=theirs\r\n"
	    "Call-ID: c\r\nCSeq: 1 BYE\r\nTimestamp: 54\r\n"
	    "Content-Length: 0\r\n\r\n");
}
END_TEST

static const struct {
	const char *name;
	struct span value;
	const char *want;	/* NULL: refused */
} values[] = {
	{ "plain", SPAN_LIT("a b"), "a b" },
	{ "spaces around", SPAN_LIT(" \t a b \r\n "), "a b" },
	{ "tabs inside stay", SPAN_LIT("a\t b"), "a\t b" },
	{ "a fold", SPAN_LIT("a\r\n b"), "a b" },
	{ "spaces around a fold", SPAN_LIT("a \t\r\n \t b"), "a b" },
	{ "two folds", SPAN_LIT("a\r\n \r\n\tb"), "a b" },
	{ "a fold in quotes", SPAN_LIT("\"a\r\n b\""), "\"a b\"" },
	{ "UTF-8", SPAN_LIT("\xc3\xa9"), "\xc3\xa9" },
	{ "an escape in quotes", SPAN_LIT("\"\\\x01\""), "\"\\\x01\"" },
	{ "a forged header", SPAN_LIT("a\r\nX: y"), NULL },
	{ "a forged end", SPAN_LIT("a\r\n\r\nb"), NULL },
	{ "a bare CR", SPAN_LIT("a\rb"), NULL },
	{ "a bare LF", SPAN_LIT("a\nb"), NULL },
	{ "LF and space", SPAN_LIT("a\n b"), NULL },
	{ "CR CR LF", SPAN_LIT("a\r\r\n b"), NULL },
	{ "a header after a fold", SPAN_LIT("a\r\n \r\nX: y"), NULL },
	{ "NUL", SPAN_LIT("a\0b"), NULL },
	{ "DEL", SPAN_LIT("a\x7f"), NULL },
	{ "escape outside quotes", SPAN_LIT("\\\x01"), NULL },
	{ "an escaped CR in quotes", SPAN_LIT("\"\\\rX\""), NULL },
	{ "an escaped LF in quotes", SPAN_LIT("\"\\\nX\""), NULL },
	{ "an escaped fold in quotes", SPAN_LIT("\"\\\r\n X\""), "\"\\ X\"" },
};

START_TEST(values_cannot_start_a_header)
{
	begin();
	build_value(&b, lab_guarded(values[_i].value));
	if (values[_i].want != NULL) {
		assert_written(values[_i].want);
		return;
	}
	ck_assert_msg(buf_err(&b) == -EBADMSG, "%s", values[_i].name);
}
END_TEST

/* RFC 4475 3.3.14 registers such a Contact, and is called by it. */
/* quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F), RFC 3261 25.1 */
START_TEST(a_quoted_parameter_is_written_as_it_came)
{
	begin();
	build_open(&b, SIP_H_FROM);
	build_nameaddr(&b, SPAN_NONE, SPAN_LIT("sip:1@d"),
	    SPAN_LIT(";x=\" a\\\1\\\"b \";y"), SPAN_NONE);
	build_close(&b);
	assert_written("From: <sip:1@d>;x=\" a\\\1\\\"b \";y\r\n");
}
END_TEST

START_TEST(request_uri_has_no_headers)
{
	static const struct {
		const char *contact, *line;
	} rows[] = {
		{ "sip:u@h?Route=%3Csip:evil%3E", "INVITE sip:u@h SIP/2.0\r\n" },
		{ "sip:u@h;x=y?a=b&c=d", "INVITE sip:u@h;x=y SIP/2.0\r\n" },
		{ "sip:what?@h", "INVITE sip:what?@h SIP/2.0\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, mem, sizeof(mem));
		build_request_line(
		    &b, SPAN_LIT("INVITE"), span_str(rows[i].contact));
		ck_assert_int_eq(buf_err(&b), 0);
		ck_assert_msg(b.len == strlen(rows[i].line) &&
			memcmp(b.p, rows[i].line, b.len) == 0,
		    "%.*s", (int)b.len, b.p);
	}
}
END_TEST

START_TEST(pieces_of_ours_are_checked_too)
{
	struct addr a = address("192.0.2.1:5060");

	begin();
	build_request_line(&b, SPAN_LIT("INVITE"), SPAN_LIT("sip:a b"));
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_request_line(&b, SPAN_LIT("INV ITE"), SPAN_LIT("sip:a"));
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_hdr_named(&b, SPAN_LIT("X\r\nY"), SPAN_LIT("z"));
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_via(&b, "UDP", &a, SPAN_LIT("z\r\nX:"), false);
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_status_line(&b, 200, "OK\r\nX: y");
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_status_line(&b, 99, NULL);
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
	begin();
	build_nameaddr(&b, SPAN_NONE, SPAN_LIT("sip:a>\r\n"), SPAN_NONE,
	    SPAN_NONE);
	ck_assert_int_eq(buf_err(&b), -EBADMSG);
}
END_TEST

START_TEST(a_full_buffer_is_an_error_at_every_size)
{
	struct span bytes = lab_file("rfc4475", "wsinv.dat");
	size_t whole;

	ck_assert_int_eq(sip_parse(bytes, SIP_DATAGRAM, &msg, NULL), 0);
	begin();
	ck_assert_int_eq(lab_forward(&b, &msg), 0);
	whole = b.len;
	for (size_t cap = 0; cap < whole; cap++) {
		struct span room = lab_guarded(span_make(mem, cap));

		buf_init(&b, (char *)(uintptr_t)room.p, cap);
		ck_assert_int_eq(lab_forward(&b, &msg), -EMSGSIZE);
		ck_assert_uint_le(b.len, cap);
	}
}
END_TEST

START_TEST(every_status_has_a_phrase)
{
	for (unsigned status = 0; status < 2000; status++)
		ck_assert(build_reason(status)[0] != '\0');
	ck_assert_str_eq(build_reason(486), "Busy Here");
	ck_assert_str_eq(build_reason(499), "Request Failure");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip builder");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_quoted_parameter_is_written_as_it_came);
	tcase_add_test(t, request_uri_has_no_headers);
	tcase_add_test(t, a_request_is_written_line_by_line);
	tcase_add_loop_test(t, a_response_goes_back_by_its_vias, 0,
	    N(responses));
	tcase_add_test(t, a_tag_that_is_there_stays);
	tcase_add_loop_test(t, values_cannot_start_a_header, 0, N(values));
	tcase_add_test(t, pieces_of_ours_are_checked_too);
	tcase_add_test(t, a_full_buffer_is_an_error_at_every_size);
	tcase_add_test(t, every_status_has_a_phrase);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
