/* Header values one by one: good ones taken apart, bad ones refused. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sip/lab.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct span
text(const char *s)
{
	return lab_guarded(span_str(s));
}

/* ---- Via ---- */

START_TEST(a_via_is_taken_apart)
{
	struct sip_via v;

	ck_assert_int_eq(sip_via_parse(text("SIP / 2.0 / UDP first.example.com"
	    ": 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1"
	    ";rport;received=192.0.2.9"), &v), 0);
	ck_assert(v.is_whole && v.has_magic && v.has_rport);
	ck_assert(span_eq(v.transport, SPAN_LIT("UDP")));
	ck_assert(span_eq(v.host, SPAN_LIT("first.example.com")));
	ck_assert_uint_eq(v.port, 4000);
	ck_assert_uint_eq(v.rport, 0);
	ck_assert_int_eq(v.ip.family, ADDR_NONE);
	ck_assert(span_eq(v.branch, SPAN_LIT("z9hG4bKa7c6a8dlze.1")));
	ck_assert(span_eq(v.maddr, SPAN_LIT("224.2.0.1")));
	ck_assert(span_eq(v.received, SPAN_LIT("192.0.2.9")));
	ck_assert_int_eq(sip_via_parse(text("SIP/2.0/TLS [2001:db8::1]:5061;"
	    "rport=65535"), &v), 0);
	ck_assert_uint_eq(v.rport, 65535);
	ck_assert_int_eq(v.ip.family, ADDR_IPV6);
}
END_TEST

static const struct {
	const char *text;
	bool can_answer;
} bad_vias[] = {
	{ "", false },
	{ "SIP/2.0/UDP", false },
	{ "SIP/2.0/UDP ", false },
	{ "SIP/2.0 192.0.2.1", false },
	{ "/2.0/UDP 192.0.2.1", false },
	{ "SIP/2.0/UDP 192.0.2.1:0", false },
	{ "SIP/2.0/UDP 192.0.2.1:65536", false },
	{ "SIP/2.0/UDP 192.0.2.1:", false },
	{ "SIP/2.0/UDP 192.0.2.256", false },
	{ "SIP/2.0/UDP [::1", false },
	{ "SIP/2.0/UDP ;branch=z9hG4bK1", false },
	{ "SIP/2.0/UDP 192.0.2.1 x", false },
	{ "SIP/2.0/UDP 192.0.2.1;", true },
	{ "SIP/2.0/UDP 192.0.2.1;;", true },
	{ "SIP/2.0/UDP 192.0.2.1;branch", true },
	{ "SIP/2.0/UDP 192.0.2.1;branch=", true },
	{ "SIP/2.0/UDP 192.0.2.1;branch=\"z9hG4bK1\"", true },
	{ "SIP/2.0/UDP 192.0.2.1;branch=a;branch=b", true },
	{ "SIP/2.0/UDP 192.0.2.1;branch=a;BRANCH=a", true },
	{ "SIP/2.0/UDP 192.0.2.1;rport=65536", true },
	{ "SIP/2.0/UDP 192.0.2.1;rport=x", true },
	{ "SIP/2.0/UDP 192.0.2.1;rport;rport", true },
	{ "SIP/2.0/UDP 192.0.2.1;received", true },
	{ "SIP/2.0/UDP 192.0.2.1;=x", true },
	{ "SIP/2.0/UDP 192.0.2.1;a=\"", true },
	{ "SIP/2.0/UDP 192.0.2.1;a=\"\\", true },
	{ "SIP/2.0/UDP 192.0.2.1;a b", true },
};

START_TEST(a_bad_via_is_refused)
{
	struct sip_via v;

	ck_assert_msg(sip_via_parse(text(bad_vias[_i].text), &v) == -EBADMSG,
	    "%s", bad_vias[_i].text);
	ck_assert_msg((v.transport.len > 0) == bad_vias[_i].can_answer, "%s",
	    bad_vias[_i].text);
	ck_assert(!v.is_whole);
}
END_TEST

/* ---- addresses ---- */

static const struct {
	const char *text, *display, *uri, *tag;
} good_names[] = {
	{ "sip:a@b", "", "sip:a@b", "" },
	{ "sip:a@b;tag=x", "", "sip:a@b", "x" },
	{ "<sip:a@b;tag=no>;tag=yes", "", "sip:a@b;tag=no", "yes" },
	{ "\"A. <G.> \\\"Bell\" <sip:a@b>;tag=x",
	    "\"A. <G.> \\\"Bell\"", "sip:a@b", "x" },
	{ "A. Bell <sip:a@b>", "A. Bell", "sip:a@b", "" },
	{ "A.\r\n Bell\t<sip:a@b> ; x ; tag = y", "A.\r\n Bell", "sip:a@b",
	    "y" },
	{ "J\xc3\xb6rg <sip:a@b>", "J\xc3\xb6rg", "sip:a@b", "" },
	{ "\"\" <sip:a@b?X=y>", "\"\"", "sip:a@b?X=y", "" },
	{ "<tel:+15551212>", "", "tel:+15551212", "" },
	{ "<http://www.example.com>", "", "http://www.example.com", "" },
	{ "<sip:a@b>;a=\";tag=no\";tag=t", "", "sip:a@b", "t" },
};

START_TEST(a_name_and_address_are_taken_apart)
{
	struct sip_nameaddr na;

	ck_assert_int_eq(sip_nameaddr_parse(text(good_names[_i].text), &na),
	    0);
	ck_assert(span_eq(na.display, span_str(good_names[_i].display)));
	ck_assert(span_eq(na.uri.all, span_str(good_names[_i].uri)));
	ck_assert(span_eq(na.tag, span_str(good_names[_i].tag)));
}
END_TEST

static const char *const bad_names[] = {
	"", " ", ",", ";", "/", "\"", "<", ">", "<>", "\"\"", "\"a\"",
	"\"a\" sip:a@b", "\"a <sip:a@b>", "< sip:a@b>", "<sip:a@b >",
	"<sip:a@b", "sip:a@b>", "<sip:a@b>>", "<<sip:a@b>>",
	"Bell, A <sip:a@b>", "sip:a@b,sip:c@d", "sip:a@b?x=y",
	"<sip:a@b>;", "<sip:a@b>;;tag=x", "<sip:a@b>;tag", "<sip:a@b>;tag=",
	"<sip:a@b>;tag=\"x\"", "<sip:a@b>;tag=x;tag=x", "<sip:a@b>;tag=x;Tag=y",
	"<sip:a@b>;tag=a b", "<sip:a@b>;tag=a<", "<sip:a@b> tag=x",
	"a@b <sip:a@b>", "\"a\\\xc3\" <sip:a@b>", "\"a\\\r\n\" <sip:a@b>",
	"\"\x01\" <sip:a@b>", "<%>", "%", "<sip:%>", "a\\b <sip:a@b>",
};

START_TEST(a_bad_address_is_refused)
{
	struct sip_nameaddr na = { .has_brackets = true };

	ck_assert_msg(sip_nameaddr_parse(text(bad_names[_i]), &na) ==
	    -EBADMSG, "%s", bad_names[_i]);
	ck_assert_uint_eq(na.uri.all.len, 0);
}
END_TEST

/* ---- CSeq, RAck ---- */

static const struct {
	const char *text;
	int err;
	uint32_t want;
} cseqs[] = {
	{ "0 INVITE", 0, 0 },
	{ "0009\r\n  INVITE", 0, 9 },
	{ "2147483647 INVITE", 0, 2147483647u },
	{ "2147483648 INVITE", -EBADMSG, 0 },
	{ "4294967295 INVITE", -EBADMSG, 0 },
	{ "4294967296 INVITE", -EBADMSG, 0 },
	{ "18446744073709551616 INVITE", -EBADMSG, 0 },
	{ "123456789012345678901234567890 INVITE", -EBADMSG, 0 },
	{ "-1 INVITE", -EBADMSG, 0 },
	{ "+1 INVITE", -EBADMSG, 0 },
	{ "0x1 INVITE", -EBADMSG, 0 },
	{ "1", -EBADMSG, 0 },
	{ "1 ", -EBADMSG, 0 },
	{ "INVITE", -EBADMSG, 0 },
	{ "1INVITE", -EBADMSG, 0 },
	{ "1 INVITE x", -EBADMSG, 0 },
	{ "1 INV<ITE", -EBADMSG, 0 },
	{ "", -EBADMSG, 0 },
};

START_TEST(cseq_numbers_stay_below_two_to_the_31)
{
	struct sip_cseq c = { 77, SIP_OTHER, SPAN_NONE };

	ck_assert_int_eq(sip_cseq_parse(text(cseqs[_i].text), &c),
	    cseqs[_i].err);
	ck_assert_uint_eq(c.number, cseqs[_i].err ? 77 : cseqs[_i].want);
	if (cseqs[_i].err == 0)
		ck_assert_int_eq(c.method, SIP_INVITE);
}
END_TEST

START_TEST(cseq_methods_of_any_length_are_views)
{
	size_t max = 60000;
	char *s = malloc(max + 2);
	struct sip_cseq c;

	s[0] = '1';
	s[1] = ' ';
	memset(s + 2, 'M', max);
	for (size_t len = 1; len < max; len = len * 2 + 1) {
		ck_assert_int_eq(sip_cseq_parse(
		    lab_guarded(span_make(s, len + 2)), &c), 0);
		ck_assert_uint_eq(c.method_name.len, len);
		ck_assert_int_eq(c.method, SIP_OTHER);
	}
	free(s);
}
END_TEST

START_TEST(rack_and_replaces_are_read)
{
	struct sip_rack r;
	struct sip_replaces p;

	ck_assert_int_eq(sip_rack_parse(text("776656 1 INVITE"), &r), 0);
	ck_assert_uint_eq(r.rseq, 776656);
	ck_assert_uint_eq(r.cseq, 1);
	ck_assert_int_eq(r.method, SIP_INVITE);
	ck_assert_int_eq(sip_rack_parse(text("776656 INVITE"), &r), -EBADMSG);
	ck_assert_int_eq(sip_rack_parse(text("2147483648 1 INVITE"), &r),
	    -EBADMSG);
	ck_assert_int_eq(sip_replaces_parse(text("12345@149.112.118.3"
	    ";to-tag=12345;from-tag=54321;early-only"), &p), 0);
	ck_assert(span_eq(p.call_id, SPAN_LIT("12345@149.112.118.3")));
	ck_assert(span_eq(p.to_tag, SPAN_LIT("12345")));
	ck_assert(span_eq(p.from_tag, SPAN_LIT("54321")));
	ck_assert(p.early_only);
	ck_assert_int_eq(sip_replaces_parse(text("1;to-tag=1"), &p), -EBADMSG);
	ck_assert_int_eq(sip_replaces_parse(text("1;to-tag=1;from-tag=2;"
	    "to-tag=3"), &p), -EBADMSG);
	ck_assert_int_eq(sip_replaces_parse(text(";to-tag=1;from-tag=2"), &p),
	    -EBADMSG);
}
END_TEST

/* ---- Contact ---- */

START_TEST(a_contact_is_taken_apart)
{
	struct sip_contact c;

	ck_assert_int_eq(sip_contact_parse(text("\"x\" <sip:a@b;ob>"
	    ";+sip.instance=\"<urn:uuid:0-1>\";reg-id=1;expires=3600;q=0.7"),
	    &c), 0);
	ck_assert(span_eq(c.instance, SPAN_LIT("<urn:uuid:0-1>")));
	ck_assert(c.has_reg_id && c.has_expires && !c.is_star);
	ck_assert_uint_eq(c.reg_id, 1);
	ck_assert_uint_eq(c.expires_s, 3600);
	ck_assert_uint_eq(c.q_milli, 700);
	ck_assert_int_eq(sip_contact_parse(text(" * "), &c), 0);
	ck_assert(c.is_star);
	ck_assert_int_eq(sip_contact_parse(text("<sip:a@b>"), &c), 0);
	ck_assert_uint_eq(c.q_milli, SIP_Q_NONE);
	ck_assert_int_eq(sip_contact_parse(
	    text("<sip:a@b>;expires=280297596632815"), &c), 0);
	ck_assert_uint_eq(c.expires_s, UINT32_MAX);
}
END_TEST

static const char *const bad_contacts[] = {
	"%", "<%>", "*;expires=0", "<*>", "<sip:a@b>;q=1.1", "<sip:a@b>;q=2",
	"<sip:a@b>;q=0.1234", "<sip:a@b>;q=", "<sip:a@b>;q=1.001",
	"<sip:a@b>;q=.5", "<sip:a@b>;expires=-1", "<sip:a@b>;expires=x",
	"<sip:a@b>;expires", "<sip:a@b>;expires=1;expires=1",
	"<sip:a@b>;expires=\"1\"", "<sip:a@b>;+sip.instance=x",
	"<sip:a@b>;reg-id=0", "<sip:a@b>;reg-id=2147483648",
	"<sip:a@b>;q=0.1;q=0.2", "<sip:a@b>;;;;", "<sip:a@b>;q=0.1;=1",
	"<sip:a@b>;q=0.1;a=\"x",
};

START_TEST(a_bad_contact_is_refused)
{
	struct sip_contact c;

	ck_assert_msg(sip_contact_parse(text(bad_contacts[_i]), &c) ==
	    -EBADMSG, "%s", bad_contacts[_i]);
}
END_TEST

/* ---- lists and parameters ---- */

static const struct {
	const char *text;
	int items, end;
} lists[] = {
	{ "", 0, -ENOENT },
	{ "  ", 0, -ENOENT },
	{ "a", 1, -ENOENT },
	{ "a,b", 2, -ENOENT },
	{ "a , b,\r\n c", 3, -ENOENT },
	{ "a,,b", 3, -ENOENT },
	{ "a,", 2, -ENOENT },
	{ ",", 2, -ENOENT },
	{ "\"a,b\" <sip:c,d@e>, f", 2, -ENOENT },
	{ "<sip:a,\"b@c>, d", 2, -ENOENT },
	{ "\"a\\\",b\" <sip:c>", 1, -ENOENT },
	{ "\"a,b", 0, -EBADMSG },
	{ "a, \"b", 1, -EBADMSG },
	{ "a, <b,c", 1, -EBADMSG },
};

START_TEST(lists_split_at_commas_that_separate)
{
	struct sip_list l = sip_list_start(text(lists[_i].text));
	struct span item;
	int n = 0, err;

	while ((err = sip_list_next(&l, &item)) == 0)
		n++;
	ck_assert_int_eq(err, lists[_i].end);
	ck_assert_int_eq(n, lists[_i].items);
}
END_TEST

START_TEST(parameters_are_found_once_or_refused)
{
	struct sip_param p;

	ck_assert_int_eq(sip_param_find(text(";a;B=\"x\\\"\" ; c = d"), "b",
	    &p), 0);
	ck_assert(p.quoted && p.has_value);
	ck_assert(span_eq(p.value, SPAN_LIT("x\\\"")));
	ck_assert_int_eq(sip_param_find(text(";a;b=1"), "c", &p), -ENOENT);
	ck_assert_int_eq(sip_param_find(text(";a;b=1;A"), "a", &p), -EBADMSG);
	ck_assert_int_eq(sip_param_find(text(""), "a", &p), -ENOENT);
	ck_assert_int_eq(sip_param_find(text("a"), "a", &p), -EBADMSG);
	ck_assert_int_eq(sip_param_find(text(";b=1;"), "b", &p), -EBADMSG);
}
END_TEST

START_TEST(unquoting_undoes_escapes_and_folds)
{
	char mem[16];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sip_unquote(text("a\\\"b\\\\\r\n\t c"), &b), 0);
	ck_assert(span_eq(buf_span(&b), SPAN_LIT("a\"b\\ c")));
	buf_init(&b, mem, 2);
	ck_assert_int_eq(sip_unquote(text("abc"), &b), -EMSGSIZE);
}
END_TEST

/* ---- digest ---- */

START_TEST(digest_answers_are_taken_apart)
{
	struct sip_digest d;

	ck_assert_int_eq(sip_digest_parse(text("Digest username=\"SIP-168\",\r"
	    "\n realm = \"SMO-SIP\" ,nonce=\"n\", uri=\"sip:b\",response="
	    "\"6629fae49393a05397450978507c4ef1\",algorithm=MD5,cnonce=\"c\","
	    "opaque=\"\",qop=auth,nc=0000000a,other=1"), &d), 0);
	ck_assert(span_eq(d.username, SPAN_LIT("SIP-168")));
	ck_assert(span_eq(d.realm, SPAN_LIT("SMO-SIP")));
	ck_assert(span_eq(d.uri, SPAN_LIT("sip:b")));
	ck_assert(span_eq(d.algorithm, SPAN_LIT("MD5")));
	ck_assert(span_eq(d.qop, SPAN_LIT("auth")));
	ck_assert(span_eq(d.nc, SPAN_LIT("0000000a")));
	ck_assert_uint_eq(d.opaque.len, 0);
	ck_assert(!d.has_escapes);
	ck_assert_int_eq(sip_digest_parse(text("digest username=\"a\\\"b\""),
	    &d), 0);
	ck_assert(d.has_escapes);
}
END_TEST

static const struct {
	const char *text;
	int err;
} bad_digests[] = {
	{ "", -EBADMSG },
	{ "Digest", -EBADMSG },
	{ "Digest ", -EBADMSG },
	{ "Digest ,", -EBADMSG },
	{ "Digest username", -EBADMSG },
	{ "Digest username=", -EBADMSG },
	{ "Digest username=\"", -EBADMSG },
	{ "Digest username=\"\\", -EBADMSG },
	{ "Digest username=\"\\\"", -EBADMSG },
	{ "Digest username=a", -EBADMSG },
	{ "Digest username=\"a\",", -EBADMSG },
	{ "Digest username=\"a\",,realm=\"b\"", -EBADMSG },
	{ "Digest username=\"a\" realm=\"b\"", -EBADMSG },
	{ "Digest username=\"a\",username=\"a\"", -EBADMSG },
	{ "Digest username=\"a\",USERNAME=\"b\"", -EBADMSG },
	{ "Digest nonce=\"a\";realm=\"b\"", -EBADMSG },
	{ "Digest nc=1", -EBADMSG },
	{ "Digest nc=0000000g", -EBADMSG },
	{ "Digest nc=000000001", -EBADMSG },
	{ "Digest realm=\"\x01\"", -EBADMSG },
	{ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", -ENOTSUP },
	{ "NoOneKnowsThisScheme opaque-data=here", -ENOTSUP },
	{ "DigestX username=\"a\"", -ENOTSUP },
};

START_TEST(bad_digest_answers_are_refused)
{
	struct sip_digest d = { .has_escapes = true };

	ck_assert_msg(sip_digest_parse(text(bad_digests[_i].text), &d) ==
	    bad_digests[_i].err, "%s", bad_digests[_i].text);
	ck_assert(d.has_escapes && d.username.len == 0);
}
END_TEST

/* ---- small ones ---- */

START_TEST(delta_seconds_never_wrap)
{
	uint32_t n = 5;

	ck_assert_int_eq(sip_delta_parse(text(" 3600 "), &n), 0);
	ck_assert_uint_eq(n, 3600);
	ck_assert_int_eq(sip_delta_parse(text("4294967295"), &n), 0);
	ck_assert_uint_eq(n, UINT32_MAX);
	ck_assert_int_eq(sip_delta_parse(text("4294967296"), &n), 0);
	ck_assert_uint_eq(n, UINT32_MAX);
	ck_assert_int_eq(sip_delta_parse(text("100000000000000000000000000000"),
	    &n), 0);
	ck_assert_uint_eq(n, UINT32_MAX);
	ck_assert_int_eq(sip_delta_parse(text("-1"), &n), -EBADMSG);
	ck_assert_int_eq(sip_delta_parse(text(""), &n), -EBADMSG);
	ck_assert_int_eq(sip_delta_parse(text("1 2"), &n), -EBADMSG);
}
END_TEST

START_TEST(types_and_words_have_parameters)
{
	struct sip_media_type t;
	struct sip_word w;

	ck_assert_int_eq(sip_media_type_parse(
	    text("multipart / mixed ;boundary=7a9"), &t), 0);
	ck_assert(span_eq(t.subtype, SPAN_LIT("mixed")));
	ck_assert_int_eq(sip_media_type_parse(text("application"), &t),
	    -EBADMSG);
	ck_assert_int_eq(sip_media_type_parse(text("application/"), &t),
	    -EBADMSG);
	ck_assert_int_eq(sip_media_type_parse(text("/sdp"), &t), -EBADMSG);
	ck_assert_int_eq(sip_media_type_parse(text("a/b;"), &t), -EBADMSG);
	ck_assert_int_eq(sip_word_parse(text("dialog;call-id=\"a@b\""), &w),
	    0);
	ck_assert(span_eq(w.word, SPAN_LIT("dialog")));
	ck_assert_int_eq(sip_word_parse(text(""), &w), -EBADMSG);
	ck_assert_int_eq(sip_word_parse(text("a b"), &w), -EBADMSG);
}
END_TEST

START_TEST(call_ids_are_words)
{
	ck_assert(sip_is_call_id(text("f81d4fae-7dec-11d0@foo.bar.com")));
	ck_assert(sip_is_call_id(text("word`~)(><:\\/\"][?}{")));
	ck_assert(!sip_is_call_id(text("")));
	ck_assert(!sip_is_call_id(text("@")));
	ck_assert(!sip_is_call_id(text("a@")));
	ck_assert(!sip_is_call_id(text("@a")));
	ck_assert(!sip_is_call_id(text("a@b@c")));
	ck_assert(!sip_is_call_id(text("a b")));
	ck_assert(!sip_is_call_id(text("a;b")));
	ck_assert(!sip_is_call_id(text("a,b")));
}
END_TEST

START_TEST(methods_are_case_sensitive)
{
	for (int i = 1; i < SIP_METHOD_N; i++)
		ck_assert_int_eq(sip_method_of(span_str(
		    sip_method_name((enum sip_method)i))), i);
	ck_assert_int_eq(sip_method_of(SPAN_LIT("invite")), SIP_OTHER);
	ck_assert_int_eq(sip_method_of(SPAN_LIT("INVITES")), SIP_OTHER);
	ck_assert_int_eq(sip_method_of(SPAN_LIT("")), SIP_OTHER);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip headers");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_via_is_taken_apart);
	tcase_add_loop_test(t, a_bad_via_is_refused, 0, N(bad_vias));
	tcase_add_loop_test(t, a_name_and_address_are_taken_apart, 0,
	    N(good_names));
	tcase_add_loop_test(t, a_bad_address_is_refused, 0, N(bad_names));
	tcase_add_loop_test(t, cseq_numbers_stay_below_two_to_the_31, 0,
	    N(cseqs));
	tcase_add_test(t, cseq_methods_of_any_length_are_views);
	tcase_add_test(t, rack_and_replaces_are_read);
	tcase_add_test(t, a_contact_is_taken_apart);
	tcase_add_loop_test(t, a_bad_contact_is_refused, 0, N(bad_contacts));
	tcase_add_loop_test(t, lists_split_at_commas_that_separate, 0,
	    N(lists));
	tcase_add_test(t, parameters_are_found_once_or_refused);
	tcase_add_test(t, unquoting_undoes_escapes_and_folds);
	tcase_add_test(t, digest_answers_are_taken_apart);
	tcase_add_loop_test(t, bad_digest_answers_are_refused, 0,
	    N(bad_digests));
	tcase_add_test(t, delta_seconds_never_wrap);
	tcase_add_test(t, types_and_words_have_parameters);
	tcase_add_test(t, call_ids_are_words);
	tcase_add_test(t, methods_are_case_sensitive);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
