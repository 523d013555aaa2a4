/*
 * Every message of RFC 4475 and RFC 5118: what the parser says of it, and
 * that what is relayed of it is read the same way again.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/sdp.h"
#include "tests/unit/sip/lab.h"

enum { ACCEPT = 1, DROP = 2, ABOVE = 3 /* the core refuses it */ };

/* want: a status to refuse with, or one of the words above. */
static const struct row {
	const char *set;
	const char *file;
	int want;
} rows[] = {
	{ "rfc4475", "wsinv.dat", ACCEPT },
	{ "rfc4475", "intmeth.dat", ACCEPT },
	{ "rfc4475", "esc01.dat", ACCEPT },
	{ "rfc4475", "escnull.dat", ACCEPT },
	{ "rfc4475", "esc02.dat", ACCEPT },
	{ "rfc4475", "lwsdisp.dat", ACCEPT },
	{ "rfc4475", "longreq.dat", ACCEPT },
	{ "rfc4475", "dblreq.dat", ACCEPT },
	{ "rfc4475", "semiuri.dat", ACCEPT },
	{ "rfc4475", "transports.dat", ACCEPT },
	{ "rfc4475", "mpart01.dat", ACCEPT },
	{ "rfc4475", "unreason.dat", ACCEPT },
	{ "rfc4475", "noreason.dat", ACCEPT },
	{ "rfc4475", "badinv01.dat", 400 },
	{ "rfc4475", "clerr.dat", 400 },
	{ "rfc4475", "ncl.dat", 400 },
	{ "rfc4475", "scalar02.dat", 400 },
	{ "rfc4475", "scalarlg.dat", DROP },
	{ "rfc4475", "quotbal.dat", 400 },
	{ "rfc4475", "ltgtruri.dat", 400 },
	{ "rfc4475", "lwsruri.dat", 400 },
	{ "rfc4475", "lwsstart.dat", 400 },
	{ "rfc4475", "trws.dat", 400 },
	{ "rfc4475", "escruri.dat", 400 },
	{ "rfc4475", "baddate.dat", ACCEPT },
	{ "rfc4475", "regbadct.dat", 400 },
	{ "rfc4475", "badaspec.dat", 400 },
	{ "rfc4475", "baddn.dat", 400 },
	{ "rfc4475", "badvers.dat", 505 },
	{ "rfc4475", "mismatch01.dat", 400 },
	{ "rfc4475", "mismatch02.dat", 400 },
	{ "rfc4475", "bigcode.dat", DROP },
	{ "rfc4475", "badbranch.dat", ACCEPT },
	{ "rfc4475", "insuf.dat", 400 },
	{ "rfc4475", "unkscm.dat", 416 },
	{ "rfc4475", "novelsc.dat", 416 },
	{ "rfc4475", "unksm2.dat", 400 },
	{ "rfc4475", "bext01.dat", ABOVE },	/* 420 */
	{ "rfc4475", "invut.dat", ACCEPT },
	{ "rfc4475", "regaut01.dat", ABOVE },	/* 401 */
	{ "rfc4475", "multi01.dat", 400 },
	{ "rfc4475", "mcl01.dat", 400 },
	{ "rfc4475", "bcast.dat", ABOVE },	/* no such transaction */
	{ "rfc4475", "zeromf.dat", ABOVE },	/* 483 */
	{ "rfc4475", "cparam01.dat", ACCEPT },
	{ "rfc4475", "cparam02.dat", ACCEPT },
	{ "rfc4475", "regescrt.dat", ACCEPT },
	{ "rfc4475", "sdp01.dat", ACCEPT },
	{ "rfc4475", "inv2543.dat", ACCEPT },
	{ "rfc4475", "test.dat", DROP },
	{ "rfc5118", "ipv6-good.wire", ACCEPT },
	{ "rfc5118", "ipv6-bad.wire", 400 },
	{ "rfc5118", "port-ambiguous.wire", ACCEPT },
	{ "rfc5118", "port-unambiguous.wire", ACCEPT },
	{ "rfc5118", "via-received-param-with-delim.wire", ACCEPT },
	{ "rfc5118", "via-received-param-no-delim.wire", ACCEPT },
	/* Says accept in the index, but its Content-Length is 268 where 251
	 * octets follow: RFC 3261 18.3 wants 400, as for clerr.dat. */
	{ "rfc5118", "ipv6-in-sdp.wire", 400 },
	{ "rfc5118", "mult-ip-in-header.wire", ACCEPT },
	{ "rfc5118", "mult-ip-in-sdp.wire", ACCEPT },
	{ "rfc5118", "ipv4-mapped-ipv6.wire", ACCEPT },
	{ "rfc5118", "ipv6-bug-abnf-3-colons.wire", ACCEPT },
	{ "rfc5118", "ipv6-correct-abnf-2-colons.wire", ACCEPT },
};
#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static struct sip_msg msg, again;

static int
verdict(int err, const struct sip_msg *m)
{
	if (err == -EPROTO)
		return m->refuse_status;
	return err == 0 ? ACCEPT : DROP;
}

START_TEST(each_vector_gets_its_verdict)
{
	const struct row *row = &rows[_i];
	struct span bytes = lab_guarded(lab_file(row->set, row->file));
	int want = row->want == ABOVE ? ACCEPT : row->want;
	int err = sip_parse(bytes, SIP_DATAGRAM, &msg, NULL);

	ck_assert_msg(verdict(err, &msg) == want, "%s: got %d (%s), not %d",
	    row->file, verdict(err, &msg),
	    err ? msg.refuse_why : "accepted", want);
}
END_TEST

/* The column `parser` of the index, for every file it names. */
static void
compare_with_index(const char *set, int file_column, int parser_column)
{
	struct span index = lab_file(set, "index.tsv");
	char *text = strndup(index.p, index.len), *line, *save;
	const char *column[12];
	int files = 0;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		const struct row *row = NULL;
		char *field, *rest = line;
		int n = 0;

		while (n < 12 && (field = strsep(&rest, "\t")) != NULL)
			column[n++] = field;
		if (n <= parser_column || strcmp(column[0], "file") == 0)
			continue;
		for (int i = 0; i < N_ROWS; i++) {
			if (strcmp(rows[i].file, column[file_column]) == 0)
				row = &rows[i];
		}
		ck_assert_msg(row != NULL, "no row for %s",
		    column[file_column]);
		files++;
		if (strcmp(row->file, "ipv6-in-sdp.wire") == 0)
			continue;
		if (strcmp(column[parser_column], "accept") == 0)
			ck_assert_int_eq(row->want, ACCEPT);
		else if (strcmp(column[parser_column], "reject") == 0)
			ck_assert_int_ne(row->want, ACCEPT);
		else if (strcmp(column[parser_column], "drop") == 0)
			ck_assert_int_ge(row->want, DROP);
	}
	ck_assert_int_ge(files, 12);
	free(text);
}

START_TEST(the_table_above_agrees_with_the_index)
{
	compare_with_index("rfc4475", 0, 5);
	compare_with_index("rfc5118", 1, 6);
}
END_TEST

static void
assert_same(struct span a, struct span b, const char *what, const char *file)
{
	ck_assert_msg(span_eq(a, b), "%s: %s was `%.*s`, is `%.*s`", file,
	    what, (int)a.len, a.p, (int)b.len, b.p);
}

START_TEST(what_is_relayed_reads_the_same_again)
{
	static char mem[SIP_BYTES_MAX], mem2[SIP_BYTES_MAX];
	const struct row *row = &rows[_i];
	struct span bytes = lab_guarded(lab_file(row->set, row->file));
	struct buf b, b2;

	if (sip_parse(bytes, SIP_DATAGRAM, &msg, NULL) != 0)
		return;
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(lab_forward(&b, &msg), 0);
	ck_assert_int_eq(sip_parse(buf_span(&b), SIP_STREAM, &again, NULL), 0);
	ck_assert_int_eq(again.status, msg.status);
	assert_same(msg.method_name, again.method_name, "method", row->file);
	assert_same(msg.ruri.all, again.ruri.all, "Request-URI", row->file);
	assert_same(msg.call_id, again.call_id, "Call-ID", row->file);
	assert_same(msg.from.tag, again.from.tag, "From tag", row->file);
	assert_same(msg.to.tag, again.to.tag, "To tag", row->file);
	assert_same(msg.to.uri.all, again.to.uri.all, "To", row->file);
	assert_same(msg.from.display, again.from.display, "name", row->file);
	assert_same(msg.via.branch, again.via.branch, "branch", row->file);
	assert_same(msg.body, again.body, "body", row->file);
	ck_assert_uint_eq(msg.cseq.number, again.cseq.number);
	/* And writing that again changes nothing any more. */
	buf_init(&b2, mem2, sizeof(mem2));
	ck_assert_int_eq(lab_forward(&b2, &again), 0);
	assert_same(buf_span(&b), buf_span(&b2), "second copy", row->file);
}
END_TEST

START_TEST(each_refusal_can_be_answered)
{
	static char mem[SIP_BYTES_MAX];
	const struct row *row = &rows[_i];
	struct span bytes = lab_guarded(lab_file(row->set, row->file));
	struct addr source;
	struct buf b;
	int err = sip_parse(bytes, SIP_DATAGRAM, &msg, NULL);

	if (row->want < 400)
		return;
	ck_assert_int_eq(err, -EPROTO);
	ck_assert_int_eq(addr_parse(SPAN_LIT("203.0.113.7:5099"), 0, &source),
	    0);
	buf_init(&b, mem, sizeof(mem));
	build_response(&b, &msg, msg.refuse_status, msg.refuse_why,
	    SPAN_LIT("ours"), &source, 0);
	build_end(&b, SPAN_NONE);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert(span_starts(buf_span(&b), SPAN_LIT("SIP/2.0 ")));
	/* At most 1.5 times what was sent (RFC 5393's lesson). */
	ck_assert_uint_le(b.len, bytes.len * 3 / 2);
}
END_TEST

/* ---- what the index says of single messages ---- */

static void
load(const char *set, const char *file)
{
	ck_assert_int_eq(sip_parse(lab_guarded(lab_file(set, file)),
	    SIP_DATAGRAM, &msg, NULL), 0);
}

static struct span
unknown_value(const struct sip_msg *m, const char *name)
{
	for (unsigned i = 0; i < m->n_hdrs; i++) {
		if (span_caseeq(m->hdr[i].name, span_str(name)))
			return m->hdr[i].value;
	}
	return SPAN_NONE;
}

START_TEST(wsinv_is_understood_through_its_folds)
{
	static char mem[SIP_BYTES_MAX];
	struct sip_values it;
	struct sip_contact c;
	struct sip_via via;
	struct span value;
	struct buf b;
	int vias = 0;

	load("rfc4475", "wsinv.dat");
	ck_assert(span_eq(msg.to.tag, SPAN_LIT("1918181833n")));
	ck_assert(span_eq(msg.from.tag, SPAN_LIT("98asjd8")));
	ck_assert(span_eq(msg.from.display,
	    SPAN_LIT("\"J Rosenberg \\\\\\\"\"")));
	ck_assert_uint_eq(msg.max_forwards, 68);
	ck_assert_uint_eq(msg.cseq.number, 9);
	ck_assert(span_eq(msg.via.branch, SPAN_LIT("390skdjuw")));
	ck_assert(!msg.via.has_magic);
	ck_assert(span_eq(msg.via.transport, SPAN_LIT("UDP")));
	it = sip_values(&msg, SIP_H_VIA);
	while (sip_values_next(&it, &value) == 0) {
		ck_assert_int_eq(sip_via_parse(value, &via), 0);
		vias++;
	}
	ck_assert_int_eq(vias, 3);
	ck_assert(span_eq(via.host, SPAN_LIT("192.168.255.111")));
	ck_assert(span_eq(via.branch, SPAN_LIT("z9hG4bK30239")));
	ck_assert_int_eq(sip_contact_parse(sip_value(&msg, SIP_H_CONTACT), &c),
	    0);
	ck_assert_uint_eq(c.q_milli, 330);
	ck_assert_uint_eq(msg.body.len, 150);

	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(lab_forward(&b, &msg), 0);
	ck_assert_int_eq(sip_parse(buf_span(&b), SIP_DATAGRAM, &again, NULL),
	    0);
	ck_assert(span_eq(unknown_value(&again,
	    "UnknownHeaderWithUnusualValue"), SPAN_LIT(";;,,;;,;")));
	ck_assert(span_eq(unknown_value(&again, "NewFangledHeader"),
	    SPAN_LIT("newfangled value continued newfangled value")));
	ck_assert(memmem(b.p, b.len, "\r\n ", 3) == NULL);
}
END_TEST

START_TEST(intmeth_keeps_nul_and_utf8)
{
	static const char display[] = "\"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\"";
	struct sip_param p;

	load("rfc4475", "intmeth.dat");
	ck_assert(span_eq(msg.to.display,
	    span_make(display, sizeof(display) - 1)));
	ck_assert(span_eq(msg.from.tag, SPAN_LIT("_token~1'+`*%!-.")));
	ck_assert(span_eq(msg.from.display,
	    SPAN_LIT("token1~` token2'+_ token3*%!.-")));
	ck_assert_int_eq(sip_param_find(msg.from.params, "fromParam''~+*_!.-%",
	    &p), 0);
	ck_assert_uint_eq(p.value.len, 20);
	ck_assert_int_eq(msg.method, SIP_OTHER);
	ck_assert(span_eq(msg.ruri.user,
	    SPAN_LIT("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")));
	ck_assert(span_eq(msg.ruri.password,
	    SPAN_LIT("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")));
	ck_assert(span_eq(msg.ruri.host, SPAN_LIT("example.com")));
}
END_TEST

START_TEST(escapes_mean_what_rfc4475_says)
{
	char mem[URI_USER_MAX];
	struct sip_values it;
	struct sip_contact a, b;
	struct span user, value;

	load("rfc4475", "esc01.dat");
	ck_assert_int_eq(uri_user_unescape(&msg.ruri, mem, &user), 0);
	ck_assert(span_eq(user, SPAN_LIT("sips:user@example.com")));
	ck_assert(span_eq(msg.ruri.host, SPAN_LIT("example.net")));
	ck_assert_int_eq(uri_user_unescape(&msg.to.uri, mem, &user), 0);
	ck_assert(span_eq(user, SPAN_LIT("user")));

	load("rfc4475", "escnull.dat");
	ck_assert_int_eq(uri_user_unescape(&msg.to.uri, mem, &user), 0);
	ck_assert(span_eq(user, SPAN_LIT("null-\0-null")));
	it = sip_values(&msg, SIP_H_CONTACT);
	ck_assert_int_eq(sip_values_next(&it, &value), 0);
	ck_assert_int_eq(sip_contact_parse(value, &a), 0);
	ck_assert_int_eq(sip_values_next(&it, &value), 0);
	ck_assert_int_eq(sip_contact_parse(value, &b), 0);
	ck_assert(!uri_same_user(&a.na.uri, &b.na.uri));

	load("rfc4475", "esc02.dat");
	ck_assert_int_eq(msg.method, SIP_OTHER);
	ck_assert_uint_eq(msg.n_hdrs, 10);

	load("rfc4475", "semiuri.dat");
	ck_assert(span_eq(msg.ruri.user, SPAN_LIT("user;par=u%40example.net")));
	ck_assert_uint_eq(msg.ruri.params.len, 0);
}
END_TEST

START_TEST(parameters_belong_to_contact_or_to_its_uri)
{
	struct sip_contact c;
	struct sip_param p;
	struct span value;

	load("rfc4475", "cparam01.dat");
	ck_assert_int_eq(sip_contact_parse(sip_value(&msg, SIP_H_CONTACT), &c),
	    0);
	ck_assert(!uri_param(&c.na.uri, "unknownparam", &value));
	ck_assert_int_eq(sip_param_find(c.na.params, "unknownparam", &p), 0);
	load("rfc4475", "cparam02.dat");
	ck_assert_int_eq(sip_contact_parse(sip_value(&msg, SIP_H_CONTACT), &c),
	    0);
	ck_assert(uri_param(&c.na.uri, "unknownparam", &value));
	ck_assert_uint_eq(c.na.params.len, 0);
	load("rfc4475", "regescrt.dat");
	ck_assert_int_eq(sip_contact_parse(sip_value(&msg, SIP_H_CONTACT), &c),
	    0);
	ck_assert(span_eq(c.na.uri.headers,
	    SPAN_LIT("Route=%3Csip:sip.example.com%3E")));
}
END_TEST

START_TEST(octets_after_content_length_are_another_message)
{
	size_t used;
	struct span bytes = lab_guarded(lab_file("rfc4475", "dblreq.dat"));

	ck_assert_int_eq(sip_parse(bytes, SIP_DATAGRAM, &msg, &used), 0);
	ck_assert_uint_eq(msg.body.len, 0);
	ck_assert_int_eq(sip_parse(bytes, SIP_STREAM, &msg, &used), 0);
	ck_assert_int_eq(msg.method, SIP_REGISTER);
	bytes = span_sub(bytes, used, bytes.len);
	ck_assert_int_eq(sip_parse(bytes, SIP_STREAM, &msg, &used), 0);
	ck_assert_int_eq(msg.method, SIP_INVITE);
}
END_TEST

START_TEST(a_stream_waits_for_what_content_length_promises)
{
	struct span bytes = lab_guarded(lab_file("rfc4475", "clerr.dat"));

	ck_assert_int_eq(sip_parse(bytes, SIP_STREAM, &msg, NULL), -EAGAIN);
	bytes = lab_guarded(lab_file("rfc4475", "mcl01.dat"));
	ck_assert_int_eq(sip_parse(bytes, SIP_STREAM, &msg, NULL), -EPROTO);
	ck_assert(msg.framing_lost);
	bytes = lab_guarded(lab_file("rfc4475", "ncl.dat"));
	ck_assert_int_eq(sip_parse(bytes, SIP_STREAM, &msg, NULL), -EPROTO);
	ck_assert(msg.framing_lost);
}
END_TEST

START_TEST(binary_bodies_go_through_byte_for_byte)
{
	load("rfc4475", "mpart01.dat");
	ck_assert_uint_eq(msg.body.len, 553);
	ck_assert(memchr(msg.body.p, '\0', msg.body.len) != NULL);
	ck_assert(sip_body_is(&msg, "multipart", "mixed"));
}
END_TEST

START_TEST(ipv6_is_read_as_rfc5118_says)
{
	struct addr want;

	load("rfc5118", "port-ambiguous.wire");
	ck_assert_uint_eq(msg.ruri.port, 0);
	ck_assert_uint_eq(uri_port_or_default(&msg.ruri), 5060);
	addr_parse_ip(SPAN_LIT("2001:db8::10:5070"), &want);
	ck_assert(addr_same_ip(&msg.ruri.ip, &want));
	load("rfc5118", "port-unambiguous.wire");
	ck_assert_uint_eq(msg.ruri.port, 5070);
	load("rfc5118", "via-received-param-no-delim.wire");
	ck_assert(span_eq(msg.via.received, SPAN_LIT("2001:db8::9:255")));
	load("rfc5118", "via-received-param-with-delim.wire");
	ck_assert(span_eq(msg.via.received, SPAN_LIT("[2001:db8::9:255]")));
	load("rfc5118", "ipv4-mapped-ipv6.wire");
	ck_assert_int_eq(msg.via.ip.family, ADDR_IPV4);
	load("rfc5118", "ipv6-bug-abnf-3-colons.wire");
	addr_parse_ip(SPAN_LIT("2001:db8::c000:201"), &want);
	ck_assert(addr_same_ip(&msg.ruri.ip, &want));
}
END_TEST

START_TEST(ipv6_sdp_is_read)
{
	static struct sdp sdp;
	struct span bytes = lab_file("rfc5118", "ipv6-in-sdp.wire");
	const char *body = memmem(bytes.p, bytes.len, "\r\n\r\n", 4);

	ck_assert_ptr_nonnull(body);
	body += 4;
	ck_assert_int_eq(sdp_parse(span_make(body,
	    (size_t)(bytes.p + bytes.len - body)), &sdp), 0);
	ck_assert_uint_eq(sdp.n_media, 2);
	ck_assert_int_eq(sdp.media[0].rtp.family, ADDR_IPV6);
	load("rfc5118", "mult-ip-in-sdp.wire");
	ck_assert_int_eq(sdp_parse(msg.body, &sdp), 0);
	ck_assert_int_eq(sdp.media[0].rtp.family, ADDR_IPV4);
	ck_assert_uint_eq(sdp.media[0].rtp.port, 22334);
	ck_assert_int_eq(sdp.media[1].rtp.family, ADDR_IPV6);
}
END_TEST

START_TEST(a_bare_magic_cookie_is_no_branch)
{
	load("rfc4475", "badbranch.dat");
	ck_assert(!msg.via.has_magic);
	load("rfc4475", "inv2543.dat");
	ck_assert_uint_eq(msg.via.branch.len, 0);
	ck_assert_uint_eq(msg.from.tag.len, 0);
	ck_assert_uint_eq(msg.max_forwards, 70);
	ck_assert(!msg.has_max_forwards);
	ck_assert_uint_eq(msg.body.len, 105);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip vectors");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, each_vector_gets_its_verdict, 0, N_ROWS);
	tcase_add_test(t, the_table_above_agrees_with_the_index);
	tcase_add_loop_test(t, what_is_relayed_reads_the_same_again, 0,
	    N_ROWS);
	tcase_add_loop_test(t, each_refusal_can_be_answered, 0, N_ROWS);
	tcase_add_test(t, wsinv_is_understood_through_its_folds);
	tcase_add_test(t, intmeth_keeps_nul_and_utf8);
	tcase_add_test(t, escapes_mean_what_rfc4475_says);
	tcase_add_test(t, parameters_belong_to_contact_or_to_its_uri);
	tcase_add_test(t, octets_after_content_length_are_another_message);
	tcase_add_test(t, a_stream_waits_for_what_content_length_promises);
	tcase_add_test(t, binary_bodies_go_through_byte_for_byte);
	tcase_add_test(t, ipv6_is_read_as_rfc5118_says);
	tcase_add_test(t, ipv6_sdp_is_read);
	tcase_add_test(t, a_bare_magic_cookie_is_no_branch);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
