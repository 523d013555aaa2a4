/* What a bundle and a trace of the admin's command leave out and understand. */
#include <stdio.h>
#include <stdlib.h>

#include "postern/bundle.h"
#include "postern/bundle_hide.h"
#include "common/ipc/names.h"
#include "postern/trace.h"
#include "tests/unit/postern/suite.h"

static const struct {
	const char *name, *text, *want;
} scrubbed[] = {
	{ "a log", "x info refused nonce=\"abc\" number=168 response=12ab\n",
	    "x info refused nonce=\"xxx\" number=168 response=xxxx\n" },
	{ "JSON", "{\"password\":\"geheim\",\"name\":\"Password\"}",
	    "{\"password\":\"xxxxxx\",\"name\":\"Password\"}" },
	{ "JSON in a text", "\"uri\":\"\\\"secret\\\": \\\"ab\\\"\"",
	    "\"uri\":\"\\\"secret\\\": \\\"xx\\\"\"" },
	{ "a password of any characters", "\"password\":\"a, b;c'\"",
	    "\"password\":\"xxxxxxx\"" },
	{ "a configuration", "passphrase = a b\n", "passphrase = x b\n" },
	{ "a key of media", "a=crypto:1 X inline:abc|2\r\n",
	    "a=crypto:1 X inline:xxxxx\r\n" },
	{ "no names of secrets", "nonces=12 passwords: 3 mytoken=4\n",
	    "nonces=12 passwords: 3 mytoken=4\n" },
	{ "PEM", "a\n-----BEGIN KEY-----\nMIIB\nxyz\n-----END KEY-----\nb",
	    "a\n-----BEGINxxxxxxxxx\nxxxx\nxxx\n-----END KEY-----\nb" },
	{ "PEM that does not end", "-----BEGIN KEY\nMIIB",
	    "-----BEGINxxxx\nxxxx" },
	{ "at the end of all", "nonce=", "nonce=" },
	{ "a name at the end of all", "nonce", "nonce" },
};

START_TEST(secrets_are_crossed_out)
{
	char text[256];

	for (size_t i = 0; i < sizeof(scrubbed) / sizeof(scrubbed[0]); i++) {
		snprintf(text, sizeof(text), "%s", scrubbed[i].text);
		bundle_scrub(text, strlen(text));
		ck_assert_msg(strcmp(text, scrubbed[i].want) == 0, "%s: %s",
		    scrubbed[i].name, text);
	}
}
END_TEST

START_TEST(only_known_keys_of_the_configuration_stay)
{
	char text[256] = "# my password is x\n[site] ; geheim\n"
	    "domain = a.b ; geheim\n  realm = R\nsecret_key = geheim\n"
	    "; geheim\n\nno key\nkey = /etc/postern/store.key";
	size_t n = bundle_config(text, strlen(text));

	text[n] = '\0';
	ck_assert_str_eq(text, "[site]\ndomain = a.b \n  realm = R\n"
	    "key = /etc/postern/store.key\n");
}
END_TEST

START_TEST(durations_and_kinds_are_understood)
{
	static const struct { const char *text; uint32_t s; } times[] = {
		{ "90", 90 }, { "90s", 90 }, { "30m", 1800 }, { "2h", 7200 },
		{ "30d", 2592000 }, { "31d", 0 }, { "", 0 }, { "h", 0 },
		{ "1w", 0 }, { "1hh", 0 }, { "-1", 0 }, { "0", 0 },
		{ "99999999999", 0 },
	};
	static const struct { const char *word; uint8_t kind; } words[] = {
		{ "168", TRACE_NUMBER }, { "+4930123", TRACE_NUMBER },
		{ "all", TRACE_ALL }, { "1795794676483", TRACE_CALL },
		{ "a84b4c76e66710@pc33", TRACE_CALL },
		{ "0123456789abcdef0123456789abcdef0", TRACE_CALL },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		ck_assert_msg(trace_duration(times[i].text) == times[i].s,
		    "%s", times[i].text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_msg(trace_kind_of(words[i].word) == words[i].kind,
		    "%s", words[i].word);
}
END_TEST

START_TEST(numbers_are_hidden_where_they_stand_alone)
{
	static const struct { const char *text; unsigned n; } rows[] = {
		{ "from=168 to=201", 2 }, { "<sip:168@sip.example.org>", 1 },
		{ "\"number\":\"168\",", 1 }, { "168-0x55@192.0.2.1", 1 },
		{ "Anna Bell <168>", 2 }, { "user SIP-168.", 1 },
		{ "168", 1 }, { "called 168.", 1 }, { "+4989123 rang", 1 },
		/* another number, an address, a number of JSON */
		{ "1680 21681 x168 _168", 0 }, { "192.168.10.2 10.0.0.168", 0 },
		{ "\"count\":168,", 0 }, { "Annabell Anna", 0 }, { "", 0 },
		/* other forms of a number */
		{ "to=+4989123456@x", 1 }, { "sip:004989123456@x", 1 },
		{ "tel:+49-89-123456", 1 }, { "+49(89)123456", 1 },
		{ "089/123456 0-89-123456", 2 }, { "9004989123456", 1 },
		{ "4989123456 rang", 1 }, { "+493033301 0049-30-33309", 2 },
		{ "+168", 1 }, { "123457 889123450", 0 },
		{ "2026-11-28T10:00:00 call=1795805970860", 0 },
	};
	struct hide h;

	ck_assert_int_eq(hide_init(&h, SPAN_LIT("[{\"w\":\"168\"},{\"w\":"
	    "\"201\"},{\"w\":\"SIP-168\"},{\"w\":\"Anna Bell\"},{\"w\":"
	    "\"+4989123\"},{\"w\":\"7\"},{\"w\":\"+4989123456\"},"
	    "{\"w\":\"+4930333XX\"}]")), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = NULL;
		size_t len;
		FILE *to = open_memstream(&out, &len);
		unsigned n = 0;

		hide_write(&h, to, span_str(rows[i].text));
		fclose(to);
		for (const char *p = out; (p = strstr(p, "hidden-")) != NULL;
		     p++)
			n++;
		ck_assert_msg(n == rows[i].n, "%s: %s", rows[i].text, out);
		if (n == 0)
			ck_assert_str_eq(out, rows[i].text);
		free(out);
	}
	hide_clear(&h);
	ck_assert_int_eq(hide_init(&h, SPAN_LIT("")), 0);
	hide_clear(&h);
}
END_TEST

START_TEST(a_number_is_hidden_alike_in_one_bundle_alone)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);
	struct hide h;

	for (int i = 0; i < 3; i++) {
		if (i != 1)
			ck_assert_int_eq(hide_init(&h,
			    SPAN_LIT("[{\"w\":\"168\"}]")), 0);
		hide_write(&h, to, SPAN_LIT("168"));
		if (i > 0)
			hide_clear(&h);
	}
	fclose(to);
	ck_assert_uint_eq(len, 45);
	ck_assert_int_eq(memcmp(out, out + 15, 15), 0);
	ck_assert_int_ne(memcmp(out, out + 30, 15), 0);
	free(out);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { secrets_are_crossed_out,
		only_known_keys_of_the_configuration_stay,
		durations_and_kinds_are_understood,
		numbers_are_hidden_where_they_stand_alone,
		a_number_is_hidden_alike_in_one_bundle_alone };

	return run_suite("bundle", tests, sizeof(tests) / sizeof(tests[0]));
}
