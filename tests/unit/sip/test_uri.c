/* URIs: the grammar row by row, and comparison after unescaping. */
#include <check.h>
#include <errno.h>

#include "common/codec/sos.h"
#include "tests/unit/sip/lab.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const struct {
	const char *text;
	enum uri_scheme scheme;
	const char *user, *host;
	unsigned port;
	const char *params, *headers;
} good[] = {
	{ "sip:a@b", URI_SIP, "a", "b", 0, "", "" },
	{ "SIP:b", URI_SIP, "", "b", 0, "", "" },
	{ "sips:168@sip.example.org:5061;transport=tcp?X=y&z=", URI_SIPS,
	    "168", "sip.example.org", 5061, "transport=tcp", "X=y&z=" },
	{ "sip:a:pass@192.0.2.1:5060", URI_SIP, "a", "192.0.2.1", 5060, "",
	    "" },
	{ "sip:[2001:db8::1]:65535;lr", URI_SIP, "", "[2001:db8::1]", 65535,
	    "lr", "" },
	{ "sip:+1-212-555-1212:1234@gateway.com;user=phone", URI_SIP,
	    "+1-212-555-1212", "gateway.com", 0, "user=phone", "" },
	{ "sip:alice;day=tuesday@atlanta.com", URI_SIP, "alice;day=tuesday",
	    "atlanta.com", 0, "", "" },
	{ "sip:a?b/c@d", URI_SIP, "a?b/c", "d", 0, "", "" },
	{ "sip:%00@d", URI_SIP, "%00", "d", 0, "", "" },
	{ "sip:a@my_host.example.org.", URI_SIP, "a", "my_host.example.org.",
	    0, "", "" },
	{ "sip:a@b;maddr=[::1];x=a%20b", URI_SIP, "a", "b", 0,
	    "maddr=[::1];x=a%20b", "" },
	{ "tel:+1-201-555-0123", URI_TEL, "+1-201-555-0123", "", 0, "", "" },
	{ "tel:7042;phone-context=example.com", URI_TEL, "7042", "", 0,
	    "phone-context=example.com", "" },
	{ "http://www.example.com", URI_OTHER, "", "", 0, "", "" },
	{ "urn:service:sos", URI_OTHER, "", "", 0, "", "" },
};

START_TEST(a_good_uri_is_taken_apart)
{
	struct span s = lab_guarded(span_str(good[_i].text));
	struct uri u;

	ck_assert_int_eq(uri_parse(s, &u), 0);
	ck_assert_int_eq(u.scheme, good[_i].scheme);
	ck_assert(span_eq(u.all, s));
	ck_assert(span_eq(u.user, span_str(good[_i].user)));
	ck_assert(u.has_user == (good[_i].user[0] != '\0'));
	ck_assert(span_eq(u.host, span_str(good[_i].host)));
	ck_assert_uint_eq(u.port, good[_i].port);
	ck_assert(span_eq(u.params, span_str(good[_i].params)));
	ck_assert(span_eq(u.headers, span_str(good[_i].headers)));
}
END_TEST

static const char *const bad[] = {
	"", ":", "sip", "sip:", "sip:@", "sip:@b", "sip::p@b", "sip:a@",
	"sip:[", "sip:[]", "sip:]", "sip:[::1", "sip:[::1]5", "sip:[::1]:",
	"sip:[1.2.3.4]", "sip:[::g]", "sips:%", "sip:%", "sip:a%@b",
	"sip:a%4@b", "x:%4", "sip:b;x=%4", "sip:b;x=%", "sip:a%zz@b", "%", "sip:a@b:", "sip:a@b:0",
	"sip:a@b:65536", "sip:a@b:5060x", "sip:a@b:-1",
	"sip:a@b:99999999999999999999999", "sip:2001:db8::10", "sip:a b@c",
	" sip:a@b", "sip:a@b ", "<sip:a@b>", "sip:a@b;", "sip:a@b;;x",
	"sip:a@b;=x", "sip:a@b;x=", "sip:a@b?", "sip:a@b?x", "sip:a@b?=y",
	"sip:a@b?x=y&", "sip:a@b@c", "sip:a@b..c", "sip:a@.b", "sip:a@-b",
	"sip:a@b-", "sip:a@1.2.3", "sip:a@1.2.3.4.5", "sip:a@256.1.1.1",
	"sip:a@b\"", "sip:a\"b@c", "sip:a@b\\c", "sip:a@b;x=\"y\"",
	"sip:\x01@b", "sip:\xc3\xa9@b", "sip:a@\xc3\xa9", "sip:a\t@b",
	"sip:a@b\r\n", "tel:", "tel:+", "tel:1+2", "tel:1;", "tel:-",
	"1sip:a@b", "s p:a@b", "x:%", "x:a b", "x:<a>", "sip:a@b#c",
	"sip:a@1.2.3.4:5060:5060", "sip:.", "sip:..",
};

START_TEST(a_bad_uri_is_refused)
{
	struct uri u = { .port = 7 };
	struct span s = lab_guarded(span_str(bad[_i]));

	ck_assert_msg(uri_parse(s, &u) == -EBADMSG, "%s", bad[_i]);
	ck_assert_uint_eq(u.port, 7);	/* out untouched */
}
END_TEST

START_TEST(users_compare_after_unescaping)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "sip:user@x", "sip:%75se%72@y", true },
		{ "sip:user@x", "sip:User@x", false },
		{ "sip:%00@x", "sip:%00%00@x", false },
		{ "sip:null-%00-null@x", "sip:null-@x", false },
		{ "sip:null-%00-null@x", "sip:null-%00-NULL@x", false },
		{ "sip:%c3%A9@x", "sip:%C3%a9@x", true },
		{ "sip:x", "sip:y", true },
		{ "sip:x", "sip:x@x", false },
		{ "sip:a@x", "sip:ab@x", false },
	};
	struct uri a, b;

	for (int i = 0; i < N(rows); i++) {
		ck_assert_int_eq(uri_parse(span_str(rows[i].a), &a), 0);
		ck_assert_int_eq(uri_parse(span_str(rows[i].b), &b), 0);
		ck_assert_msg(uri_same_user(&a, &b) == rows[i].same, "%s %s",
		    rows[i].a, rows[i].b);
		ck_assert(uri_same_user(&b, &a) == rows[i].same);
	}
}
END_TEST

START_TEST(an_unescaped_user_has_a_limit)
{
	char text[600] = "sip:", mem[URI_USER_MAX];
	struct span user;
	struct uri u;

	for (size_t len = 1; len <= URI_USER_MAX + 2; len++) {
		int want = len <= URI_USER_MAX ? 0 : -EMSGSIZE;

		memset(text + 4, 'x', len);
		strcpy(text + 4 + len, "@h");
		ck_assert_int_eq(uri_parse(span_str(text), &u), 0);
		ck_assert_int_eq(uri_user_unescape(&u, mem, &user), want);
		for (size_t i = 0; i < len; i++)
			memcpy(text + 4 + 3 * i, "%41", 3);
		strcpy(text + 4 + 3 * len, "@h");
		ck_assert_int_eq(uri_parse(span_str(text), &u), 0);
		ck_assert_int_eq(uri_user_unescape(&u, mem, &user), want);
		if (want == 0)
			ck_assert_uint_eq(user.len, len);
	}
}
END_TEST

START_TEST(hosts_compare_by_value)
{
	static const struct {
		const char *uri, *host;
		bool same;
	} rows[] = {
		{ "sip:a@Example.org", "example.ORG", true },
		{ "sip:a@example.org.", "example.org", true },
		{ "sip:a@example.org", "example.org.uk", false },
		{ "sip:a@192.0.2.1", "192.0.2.1", true },
		{ "sip:a@192.0.2.1", "192.0.2.2", false },
		{ "sip:a@[2001:db8::1]", "2001:db8:0::1", true },
		{ "sip:a@[2001:db8::1]", "[2001:DB8::1]", true },
		{ "sip:a@[::ffff:192.0.2.1]", "192.0.2.1", true },
		{ "sip:a@example.org", "192.0.2.1", false },
		{ "tel:123", "example.org", false },
		{ "sip:a@example.org", "", false },
	};
	struct uri u;

	for (int i = 0; i < N(rows); i++) {
		ck_assert_int_eq(uri_parse(span_str(rows[i].uri), &u), 0);
		ck_assert_msg(uri_host_is(&u, span_str(rows[i].host)) ==
		    rows[i].same, "%s %s", rows[i].uri, rows[i].host);
	}
}
END_TEST

START_TEST(parameters_are_found_case_blind)
{
	struct span v = SPAN_NONE;
	struct uri u;

	ck_assert_int_eq(uri_parse(SPAN_LIT("sip:a@b;lr;Transport=TLS;t=1"),
	    &u), 0);
	ck_assert(uri_param(&u, "transport", &v));
	ck_assert(span_eq(v, SPAN_LIT("TLS")));
	ck_assert(uri_param(&u, "LR", &v));
	ck_assert_uint_eq(v.len, 0);
	ck_assert(!uri_param(&u, "trans", &v));
}
END_TEST

static const struct {
	const char *uri, *service, *parent;	/* service NULL: none */
} services[] = {
	{ "urn:service:sos", "sos", "" },
	{ "URN:Service:SOS", "SOS", "" },
	{ "urn:service:sos.police", "sos.police", "sos" },
	{ "urn:service:sos.animal-control", "sos.animal-control", "sos" },
	{ "urn:service:sos.a.b", "sos.a.b", "sos.a" },
	{ "urn:service:counseling", NULL, "" },
	{ "urn:service:sosage", NULL, "" },
	{ "urn:service:", NULL, "" },
	{ "urn:service:sos.", NULL, "" },
	{ "urn:service:sos..police", NULL, "" },
	{ "urn:service:sos.-a", NULL, "" },
	{ "urn:service:sos.a_b", NULL, "" },
	{ "urn:service:sos;x=1", NULL, "" },
	{ "urn:services:sos", NULL, "" },
	{ "sip:urn:service:sos@x", NULL, "" },
	{ "urn:service:sos.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaa", NULL, "" },
};

START_TEST(emergency_services_by_rfc_5031)
{
	struct span service = SPAN_NONE;
	bool is = sos_is(span_str(services[_i].uri), &service);

	ck_assert_msg(is == (services[_i].service != NULL), "%s",
	    services[_i].uri);
	if (!is)
		return;
	ck_assert(span_eq(service, span_str(services[_i].service)));
	ck_assert(span_eq(sos_parent(service),
	    span_str(services[_i].parent)));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uri");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, a_good_uri_is_taken_apart, 0, N(good));
	tcase_add_loop_test(t, a_bad_uri_is_refused, 0, N(bad));
	tcase_add_test(t, users_compare_after_unescaping);
	tcase_add_test(t, an_unescaped_user_has_a_limit);
	tcase_add_test(t, hosts_compare_by_value);
	tcase_add_test(t, parameters_are_found_case_blind);
	tcase_add_loop_test(t, emergency_services_by_rfc_5031, 0, N(services));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
