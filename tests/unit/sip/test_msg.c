/* Whole messages: one fault at a time in a good one, and what follows. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sip/lab.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct sip_msg msg;

#define LINE "OPTIONS sip:168@example.org SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\n"
#define FROM "From: <sip:1@example.org>;tag=f\r\n"
#define TO "To: <sip:168@example.org>\r\n"
#define ID "Call-ID: c@d\r\n"
#define CSEQ "CSeq: 1 OPTIONS\r\n"
#define ALL VIA FROM TO ID CSEQ

static int
parse(const char *text)
{
	return sip_parse(lab_guarded(span_str(text)), SIP_DATAGRAM, &msg,
	    NULL);
}

/* want: 0 accepted, -EBADMSG dropped, else the status. */
static const struct {
	const char *name;
	const char *text;
	int want;
} rows[] = {
	{ "a good one", LINE ALL "\r\n", 0 },
	{ "CRLF before it", "\r\n\r\n" LINE ALL "\r\n", 0 },
	{ "only CRLF", "\r\n\r\n", -ENOMSG },
	{ "nothing", "", -ENOMSG },
	{ "a body without Content-Length", LINE ALL "\r\nbody", 0 },
	{ "a body that begins with a space", LINE ALL "\r\n body", 0 },
	{ "a folded value", LINE ALL "Subject: a\r\n b\r\n\tc\r\n\r\n", 0 },
	{ "an empty value", LINE ALL "Subject:\r\n\r\n", 0 },
	{ "a fold of spaces only", LINE ALL "Subject: a\r\n \r\n\r\n", 0 },
	{ "a version in small letters", "OPTIONS sip:b sip/2.0\r\n" ALL
	    "\r\n", 0 },
	{ "the highest Max-Forwards", LINE ALL "Max-Forwards: 255\r\n\r\n",
	    0 },
	{ "Max-Forwards above", LINE ALL "Max-Forwards: 256\r\n\r\n", 400 },
	{ "Max-Forwards below", LINE ALL "Max-Forwards: -1\r\n\r\n", 400 },
	{ "Max-Forwards empty", LINE ALL "Max-Forwards:\r\n\r\n", 400 },
	{ "Max-Forwards twice", LINE ALL "Max-Forwards: 70\r\n"
	    "Max-Forwards: 70\r\n\r\n", 400 },
	{ "no Via", LINE FROM TO ID CSEQ "\r\n", -EBADMSG },
	{ "no From", LINE VIA TO ID CSEQ "\r\n", 400 },
	{ "no To", LINE VIA FROM ID CSEQ "\r\n", 400 },
	{ "no Call-ID", LINE VIA FROM TO CSEQ "\r\n", 400 },
	{ "no CSeq", LINE VIA FROM TO ID "\r\n", 400 },
	{ "To twice", LINE ALL TO "\r\n", 400 },
	{ "To twice, once compact", LINE ALL "t: sip:x@y\r\n\r\n", 400 },
	{ "From twice", LINE ALL "f: sip:x@y\r\n\r\n", 400 },
	{ "Call-ID twice", LINE ALL "i: c@d\r\n\r\n", 400 },
	{ "CSeq twice", LINE ALL CSEQ "\r\n", 400 },
	{ "To empty", LINE VIA FROM "To:\r\n" ID CSEQ "\r\n", 400 },
	{ "Via empty", LINE "Via:\r\n" FROM TO ID CSEQ "\r\n", -EBADMSG },
	{ "a bad Via below the top", LINE VIA "v: x\r\n" FROM TO ID CSEQ
	    "\r\n", 400 },
	{ "an open quote in a Via list", LINE VIA "v: SIP/2.0/UDP h;x=\"\r\n"
	    FROM TO ID CSEQ "\r\n", 400 },
	{ "another CSeq method", LINE VIA FROM TO ID "CSeq: 1 INVITE\r\n\r\n",
	    400 },
	{ "CSeq method in another case", LINE VIA FROM TO ID
	    "CSeq: 1 Options\r\n\r\n", 400 },
	{ "no end of header", LINE ALL, 400 },
	{ "cut in a header", LINE ALL "Subj", 400 },
	{ "no line end at all", "OPTIONS sip:b SIP/2.0", -EBADMSG },
	{ "LF only", "OPTIONS sip:b SIP/2.0\nVia: SIP/2.0/UDP h\n\n", 400 },
	{ "one bare LF", LINE ALL "Subject: a\nX: b\r\n\r\n", 400 },
	{ "one bare CR", LINE ALL "Subject: a\rX: b\r\n\r\n", 400 },
	{ "CR CR LF", LINE ALL "Subject: a\r\r\n\r\n", 400 },
	{ "a control octet", LINE ALL "Subject: a\x01\r\n\r\n", 400 },
	{ "DEL", LINE ALL "Subject: a\x7f\r\n\r\n", 400 },
	{ "an escaped control octet in quotes", LINE ALL
	    "Subject: \"\\\x01\"\r\n\r\n", 0 },
	{ "an escaped control octet outside quotes", LINE ALL
	    "Subject: \\\x01\r\n\r\n", 400 },
	{ "no colon", LINE ALL "Foobar roobar\r\n\r\n", 400 },
	{ "no name", LINE ALL ": x\r\n\r\n", 400 },
	{ "a separator in the name", LINE ALL "X[y]: z\r\n\r\n", 400 },
	{ "a space before the colon", LINE ALL "Subject : x\r\n\r\n", 0 },
	{ "tabs before the colon", LINE ALL "Subject\t\t: x\r\n\r\n", 0 },
	{ "\\x01 before the colon", LINE ALL "X-Bypass\x01: x\r\n\r\n", 400 },
	{ "a space in the name", LINE ALL "To x: y\r\n\r\n", 400 },
	{ "a fold before the colon", LINE ALL "X-Bypass\r\n : x\r\n\r\n",
	    400 },
	{ "a folded start line", LINE " Via: SIP/2.0/UDP h\r\n" ALL "\r\n",
	    400 },
	{ "two spaces in the start line", "OPTIONS  sip:b SIP/2.0\r\n" ALL
	    "\r\n", 400 },
	{ "a space after the version", "OPTIONS sip:b SIP/2.0 \r\n" ALL
	    "\r\n", 400 },
	{ "a tab in the start line", "OPTIONS\tsip:b SIP/2.0\r\n" ALL "\r\n",
	    -EBADMSG },
	{ "no method", " sip:b SIP/2.0\r\n" ALL "\r\n", -EBADMSG },
	{ "no Request-URI", "OPTIONS SIP/2.0\r\n" ALL "\r\n", -EBADMSG },
	{ "an empty Request-URI", "OPTIONS  SIP/2.0\r\n" ALL "\r\n", 400 },
	{ "version 3.0", "OPTIONS sip:b SIP/3.0\r\n" ALL "\r\n", 505 },
	{ "version 2.00", "OPTIONS sip:b SIP/2.00\r\n" ALL "\r\n", 505 },
	{ "version x", "OPTIONS sip:b SIP/x\r\n" ALL "\r\n", 400 },
	{ "HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", -EBADMSG },
	{ "an unknown scheme", "OPTIONS foo:b SIP/2.0\r\n" ALL "\r\n", 416 },
	{ "a telephone number", "OPTIONS tel:+1 SIP/2.0\r\n" ALL "\r\n", 0 },
	{ "a bad escape", "OPTIONS sip:%4@b SIP/2.0\r\n" ALL "\r\n", 400 },
	{ "headers in the Request-URI", "OPTIONS sip:b?a=b SIP/2.0\r\n" ALL
	    "\r\n", 400 },
	{ "a bad Contact", LINE ALL "Contact: %\r\n\r\n", 400 },
	{ "an empty Contact in a list", LINE ALL "m: <sip:a@b>,\r\n\r\n",
	    400 },
	{ "a star outside REGISTER", LINE ALL "m: *\r\n\r\n", 400 },
	{ "a good Route", LINE ALL "Route: <sip:a;lr>, <sip:b;lr>\r\n\r\n",
	    0 },
	{ "a Route without brackets", LINE ALL "Route: sip:a;lr\r\n\r\n",
	    400 },
	{ "a bad Record-Route", LINE ALL "Record-Route: <sip:a\r\n\r\n",
	    400 },
	{ "many Vias of one line", LINE "v: SIP/2.0/UDP a,SIP/2.0/UDP b ,\r\n"
	    " SIP/2.0/TCP c\r\n" FROM TO ID CSEQ "\r\n", 0 },
	{ "Content-Length too large", LINE ALL "l: 5\r\n\r\nbody", 400 },
	{ "Content-Length exact", LINE ALL "l: 4\r\n\r\nbody", 0 },
	{ "Content-Length smaller", LINE ALL "l: 3\r\n\r\nbody", 0 },
	{ "Content-Length -1", LINE ALL "l: -1\r\n\r\nbody", 400 },
	{ "Content-Length 2^31", LINE ALL "l: 2147483648\r\n\r\nb", 400 },
	{ "Content-Length 2^32", LINE ALL "l: 4294967296\r\n\r\nb", 400 },
	{ "Content-Length 2^64", LINE ALL "l: 18446744073709551616\r\n\r\nb",
	    400 },
	{ "Content-Length hex", LINE ALL "l: 0x1\r\n\r\nb", 400 },
	{ "Content-Length of two numbers", LINE ALL "l: 1 1\r\n\r\nb", 400 },
	{ "Content-Length empty", LINE ALL "l:\r\n\r\nb", 400 },
	{ "Content-Length twice, equal", LINE ALL "l: 1\r\nl: 1\r\n\r\nb",
	    400 },
	{ "Content-Length twice", LINE ALL "l: 1\r\nContent-Length: 0\r\n"
	    "\r\nb", 400 },
	{ "a bad ACK is dropped", "ACK sip:b SIP/2.0\r\n" VIA FROM TO ID
	    "CSeq: 1 INVITE\r\n\r\n", -EBADMSG },
	{ "a bad response is dropped", "SIP/2.0 200 OK\r\n" VIA FROM TO ID
	    "\r\n", -EBADMSG },
	{ "a good response", "SIP/2.0 200 OK\r\n" ALL "\r\n", 0 },
	{ "no space before an empty reason", "SIP/2.0 200\r\n" ALL "\r\n",
	    0 },
	{ "status 99", "SIP/2.0 099 x\r\n" ALL "\r\n", -EBADMSG },
	{ "status 700", "SIP/2.0 700 x\r\n" ALL "\r\n", -EBADMSG },
	{ "status 2000", "SIP/2.0 2000 x\r\n" ALL "\r\n", -EBADMSG },
	{ "status 20", "SIP/2.0 20 x\r\n" ALL "\r\n", -EBADMSG },
	{ "version 2.1 in a response", "SIP/2.1 200 OK\r\n" ALL "\r\n",
	    -EBADMSG },
	{ "a control octet in a reason", "SIP/2.0 200 \x01\r\n" ALL "\r\n",
	    -EBADMSG },
};

START_TEST(one_fault_has_one_verdict)
{
	int err = parse(rows[_i].text);
	int got = err == -EPROTO ? msg.refuse_status : err;

	ck_assert_msg(got == rows[_i].want, "%s: %d, not %d (%s)",
	    rows[_i].name, got, rows[_i].want,
	    err ? msg.refuse_why : "accepted");
}
END_TEST

START_TEST(a_register_must_name_a_sip_address_and_one_star)
{
#define REG(contact, to) "REGISTER sip:example.org SIP/2.0\r\n" VIA FROM \
	"To: " to "\r\n" ID "CSeq: 1 REGISTER\r\n" contact "\r\n"
	ck_assert_int_eq(parse(REG("m: *\r\n", "sip:a@b")), 0);
	ck_assert_int_eq(parse(REG("", "sip:a@b")), 0);
	ck_assert_int_eq(parse(REG("m: *, <sip:a@b>\r\n", "sip:a@b")),
	    -EPROTO);
	ck_assert_int_eq(parse(REG("m: *\r\nm: *\r\n", "sip:a@b")), -EPROTO);
	ck_assert_int_eq(parse(REG("", "tel:+1")), -EPROTO);
	ck_assert_int_eq(parse(REG("", "<isbn:2983792873>")), -EPROTO);
}
END_TEST

START_TEST(every_header_is_found_in_every_spelling)
{
	static const struct {
		enum sip_hdr_id id;
		const char *name;
		char compact;
	} all[] = {
#define ROW(id, name, compact, count, class) { SIP_H_##id, name, compact },
		SIP_HEADERS(ROW)
#undef ROW
	};
	char text[64];

	for (int i = 0; i < N(all); i++) {
		struct span name = span_str(all[i].name);

		ck_assert_msg(sip_hdr_of(name) == all[i].id, "%s",
		    all[i].name);
		ck_assert(span_eq(sip_hdr_name(all[i].id), name));
		for (size_t k = 0; k < name.len; k++)
			text[k] = (char)(i % 2 ? name.p[k] | 0x20 :
			    name.p[k] >= 'a' && name.p[k] <= 'z' ?
			    name.p[k] - 32 : name.p[k]);
		ck_assert_int_eq(sip_hdr_of(span_make(text, name.len)),
		    all[i].id);
		if (name.len > 2)	/* `T` is To */
			ck_assert_int_ne(sip_hdr_of(
			    span_make(text, name.len - 1)), all[i].id);
		if (all[i].compact == 0)
			continue;
		text[0] = all[i].compact;
		ck_assert_int_eq(sip_hdr_of(span_make(text, 1)), all[i].id);
		text[0] = (char)(all[i].compact - 32);
		ck_assert_int_eq(sip_hdr_of(span_make(text, 1)), all[i].id);
	}
	ck_assert_int_eq(sip_hdr_of(SPAN_LIT("Viaa")), SIP_H_UNKNOWN);
	ck_assert_int_eq(sip_hdr_of(SPAN_LIT("V\0a")), SIP_H_UNKNOWN);
	ck_assert_int_eq(sip_hdr_of(SPAN_LIT("z")), SIP_H_UNKNOWN);
	ck_assert_int_eq(sip_hdr_of(SPAN_LIT("\0")), SIP_H_UNKNOWN);
	ck_assert_int_eq(sip_hdr_of(SPAN_NONE), SIP_H_UNKNOWN);
}
END_TEST

/* ES2020-01: what must be taken out is found however it is written. */
START_TEST(identity_headers_are_found_in_every_spelling)
{
	static const char *const lines[] = {
		"P-Asserted-Identity: x", "P-Asserted-Identity : x",
		"P-Asserted-Identity\t: x", "p-asserted-identity \t :x",
		"P-ASSERTED-IDENTITY:\r\n x", "Y: x", "y : x",
		"Remote-Party-ID:x", "n: x", "Diversion\t:\r\n\tx",
		"P-Preferred-Identity: x",
	};
	char text[1024];

	for (int i = 0; i < N(lines); i++) {
		snprintf(text, sizeof(text), LINE ALL "%s\r\n\r\n", lines[i]);
		ck_assert_int_eq(parse(text), 0);
		ck_assert_uint_eq(msg.n_hdrs, 6);
		ck_assert_int_eq(sip_hdr_class((enum sip_hdr_id)
		    msg.hdr[5].id), SIP_C_IDENTITY);
		ck_assert(span_eq(msg.hdr[5].value, SPAN_LIT("x")));
	}
}
END_TEST

START_TEST(lines_of_one_header_are_one_list)
{
	static const char *const want[] = { "timer", "100rel", "path", "gruu" };
	struct sip_values it;
	struct span v;
	int n = 0;

	ck_assert_int_eq(parse(LINE ALL "Supported: timer,\r\n 100rel\r\n"
	    "Subject: x\r\nsupported:\r\nk : path , gruu\r\n\r\n"), 0);
	it = sip_values(&msg, SIP_H_SUPPORTED);
	while (sip_values_next(&it, &v) == 0) {
		ck_assert_int_lt(n, 4);
		ck_assert(span_eq(v, span_str(want[n])));
		n++;
	}
	ck_assert_int_eq(n, 4);
	ck_assert(sip_lists(&msg, SIP_H_SUPPORTED, "100REL"));
	ck_assert(!sip_lists(&msg, SIP_H_SUPPORTED, "100re"));
	ck_assert(!sip_lists(&msg, SIP_H_REQUIRE, "100rel"));
}
END_TEST

START_TEST(credentials_are_not_split_at_commas)
{
	struct sip_values it;
	struct span v;
	int n = 0;

	ck_assert_int_eq(parse(LINE ALL
	    "Authorization: Digest username=\"a\", realm=\"b\"\r\n"
	    "Authorization: Basic x\r\n\r\n"), 0);
	it = sip_values(&msg, SIP_H_AUTHORIZATION);
	while (sip_values_next(&it, &v) == 0)
		n++;
	ck_assert_int_eq(n, 2);
}
END_TEST

/* 0 to as many as a datagram holds; the limit is counted, not felt. */
START_TEST(repeated_headers_stop_at_the_limit)
{
	static const char *const repeat[] = {
		"Accept: a/b\r\n", "Route: <sip:a>\r\n", "m: <sip:a@b>\r\n",
		"Xy: z\r\n", "v: SIP/2.0/UDP a\r\n",
		"Authorization: Digest username=\"a\"\r\n",
	};
	static char text[SIP_BYTES_MAX + 1];

	for (int k = 0; k < N(repeat); k++) {
		for (unsigned n = 0; n < 2000; n = n < 130 ? n + 1 : n * 2) {
			struct buf b;
			int err;

			buf_init(&b, text, sizeof(text));
			buf_puts(&b, LINE ALL);
			for (unsigned i = 0; i < n; i++)
				buf_puts(&b, repeat[k]);
			buf_puts(&b, "\r\n");
			err = sip_parse(lab_guarded(buf_span(&b)),
			    SIP_DATAGRAM, &msg, NULL);
			ck_assert_msg(err == (n + 5 <= SIP_HDRS_MAX ? 0 :
			    -EPROTO), "%u times %s", n, repeat[k]);
			ck_assert_uint_le(msg.n_hdrs, SIP_HDRS_MAX);
		}
	}
}
END_TEST

START_TEST(tags_branches_and_ids_of_each_length_are_whole)
{
	static char text[8192], token[1100];

	memset(token, 'x', sizeof(token));
	for (size_t len = 0; len <= 1024; len++) {
		int n = snprintf(text, sizeof(text), LINE
		    "Via: SIP/2.0/UDP h;branch=%.*s\r\n"
		    "From: <sip:a@b>;tag=%.*s\r\n" TO
		    "Call-ID: %.*s\r\n" CSEQ "\r\n", (int)len, token,
		    (int)len, token, (int)len, token);
		int err = sip_parse(lab_guarded(span_make(text, (size_t)n)),
		    SIP_DATAGRAM, &msg, NULL);

		ck_assert_int_eq(err, len == 0 ? -EPROTO : 0);
		if (err != 0)
			continue;
		ck_assert_uint_eq(msg.via.branch.len, len);
		ck_assert_uint_eq(msg.from.tag.len, len);
		ck_assert_uint_eq(msg.call_id.len, len);
	}
}
END_TEST

/* Each known header with nothing, one octet, or only separators in it. */
START_TEST(empty_and_odd_values_never_harm)
{
	static const char *const odd[] = {
		"", " ", ",", ";", "/", "\"", "<", ">", "<>", "=", ":", "@",
		"%", "*", "\\", "\"\\", ",,,", ";;;", "\"\"", "<,>", "a", "1",
		"\xff", "[", "]", "[]", "sip:", "sip:@", "sip:[", "sips:%",
	};
	char text[1024];

	for (int id = 1; id < SIP_H_N; id++) {
		for (int k = 0; k < N(odd); k++) {
			int n = snprintf(text, sizeof(text),
			    LINE ALL "%s: %s\r\n\r\n",
			    sip_hdr_name((enum sip_hdr_id)id).p, odd[k]);

			sip_parse(lab_guarded(span_make(text, (size_t)n)),
			    SIP_DATAGRAM, &msg, NULL);
			lab_read_all(&msg);
		}
	}
}
END_TEST

START_TEST(a_stream_is_framed_by_content_length)
{
	static const char two[] = LINE ALL "l: 4\r\n\r\nbody" LINE ALL
	    "l: 0\r\n\r\n";
	size_t first = sizeof(LINE ALL "l: 4\r\n\r\nbody") - 1, used;
	struct span s = span_make(two, sizeof(two) - 1);

	for (size_t len = 1; len < first; len++)
		ck_assert_int_eq(sip_parse(lab_guarded(span_sub(s, 0, len)),
		    SIP_STREAM, &msg, &used), -EAGAIN);
	for (size_t len = first; len <= s.len; len++) {
		ck_assert_int_eq(sip_parse(lab_guarded(span_sub(s, 0, len)),
		    SIP_STREAM, &msg, &used), 0);
		ck_assert_uint_eq(used, first);
		ck_assert_uint_eq(msg.body.len, 4);
	}
	ck_assert_int_eq(sip_parse(lab_guarded(SPAN_LIT(LINE ALL "\r\n")),
	    SIP_STREAM, &msg, &used), -EPROTO);
	ck_assert(msg.framing_lost);
	ck_assert_int_eq(sip_parse(lab_guarded(SPAN_LIT(LINE ALL
	    "l: 65536\r\n\r\n")), SIP_STREAM, &msg, &used), -EPROTO);
	ck_assert_uint_eq(msg.refuse_status, 513);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip messages");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, one_fault_has_one_verdict, 0, N(rows));
	tcase_add_test(t, a_register_must_name_a_sip_address_and_one_star);
	tcase_add_test(t, every_header_is_found_in_every_spelling);
	tcase_add_test(t, identity_headers_are_found_in_every_spelling);
	tcase_add_test(t, lines_of_one_header_are_one_list);
	tcase_add_test(t, credentials_are_not_split_at_commas);
	tcase_add_test(t, repeated_headers_stop_at_the_limit);
	tcase_add_test(t, tags_branches_and_ids_of_each_length_are_whole);
	tcase_add_test(t, empty_and_odd_values_never_harm);
	tcase_add_test(t, a_stream_is_framed_by_content_length);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
