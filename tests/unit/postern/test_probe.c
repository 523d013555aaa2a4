/* `postern probe`: its question, and what is made of an answer. */
#include <string.h>

#include "postern/probe.h"
#include "tests/unit/postern/suite.h"

#define ID "0123456789abcdef"
#define VIA "Via: SIP/2.0/UDP 192.168.1.7:4000"
#define OK_HEAD "SIP/2.0 200 OK\r\n"
#define REST "\r\nCall-ID: " ID "\r\nCSeq: 1 OPTIONS\r\n\r\n"

static struct probe_target
target(const char *mapped)
{
	struct probe_target t = { .kind = PROBE_UDP, .port = 5070,
		.id = ID };

	ck_assert_int_eq(addr_parse(SPAN_LIT("192.168.1.7:4000"), 0, &t.own),
	    0);
	if (mapped != NULL)
		ck_assert_int_eq(addr_parse(span_str(mapped), 1, &t.mapped),
		    0);
	return t;
}

START_TEST(the_question_is_one_that_a_phone_would_send)
{
	struct probe p = { .name = "203.0.113.10" };
	struct probe_target t = target(NULL);
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	probe_put_options(&b, &p, &t);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	ck_assert_ptr_nonnull(strstr(mem,
	    "REGISTER sip:203.0.113.10:5070 SIP/2.0\r\n"
	    VIA ";rport;branch=z9hG4bK" ID "\r\n"));
	ck_assert_ptr_nonnull(strstr(mem, "Call-ID: " ID "\r\n"));
	ck_assert_ptr_nonnull(strstr(mem, "CSeq: 1 REGISTER\r\n"));
	/* By a name anything may be asked. */
	strcpy(p.name, "sip.example.org");
	t.kind = PROBE_TLS;
	buf_init(&b, mem, sizeof(mem) - 1);
	probe_put_options(&b, &p, &t);
	mem[b.len] = '\0';
	ck_assert_ptr_nonnull(strstr(mem, "OPTIONS sip:sip.example.org:"));
	ck_assert_ptr_nonnull(strstr(mem, ";transport=tls SIP/2.0\r\nVia: "
					  "SIP/2.0/TLS 192.168.1.7:4000;"));
}
END_TEST

START_TEST(what_came_back_is_held_against_what_was_sent)
{
	static const struct {
		const char *name, *packet, *mapped;
		bool want, altered;
	} rows[] = {
		{ "as sent", OK_HEAD VIA ";rport=4000;branch=x" REST, NULL,
		    true, false },
		{ "short names", OK_HEAD "v: SIP/2.0/UDP 192.168.1.7:4000;a"
		    "\r\ni: " ID "\r\n\r\n", NULL, true, false },
		{ "bare line ends", "SIP/2.0 404 No\n" VIA "\nCall-ID: " ID
		    "\n\n", NULL, true, false },
		{ "the router's address in the Via", OK_HEAD
		    "Via: SIP/2.0/UDP 198.51.100.10:4000;rport=4000" REST,
		    NULL, true, true },
		{ "another port in the Via", OK_HEAD
		    "Via: SIP/2.0/UDP 192.168.1.7:4001" REST, NULL, true,
		    true },
		{ "no Via", OK_HEAD "X: y" REST, NULL, true, true },
		{ "received as STUN saw it", OK_HEAD VIA
		    ";received=198.51.100.10" REST, "198.51.100.10:4000",
		    true, false },
		{ "received is the home's own again", OK_HEAD VIA
		    ";received=192.168.1.7" REST, "198.51.100.10:4000", true,
		    true },
		{ "received that is none", OK_HEAD VIA ";received=x" REST,
		    "198.51.100.10:4000", true, false },
		{ "another Call-ID", OK_HEAD VIA "\r\nCall-ID: 1\r\n\r\n",
		    NULL, true, true },
		{ "a request", "OPTIONS sip:a SIP/2.0\r\n" VIA REST, NULL,
		    false, false },
		{ "no Call-ID", OK_HEAD VIA "\r\n\r\n", NULL, false, false },
		{ "HTTP", "HTTP/1.1 200 OK\r\n\r\n", NULL, false, false },
		{ "nothing", "", NULL, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct probe_target t = target(rows[i].mapped);
		bool altered = false;

		ck_assert_msg(probe_read_answer(span_str(rows[i].packet), &t,
				  &altered) == rows[i].want, "%s",
		    rows[i].name);
		ck_assert_msg(altered == rows[i].altered, "%s: %s",
		    rows[i].name, t.why);
	}
}
END_TEST

START_TEST(what_an_answer_says_cannot_command_a_terminal)
{
	static const char text[] = OK_HEAD
	    "Via: SIP/2.0/UDP \033[2Jgone\007\2332J\177.7:1" REST;
	struct probe_target t = target(NULL);
	bool altered = false;

	ck_assert(probe_read_answer(span_str(text), &t, &altered));
	ck_assert(altered);
	ck_assert_ptr_nonnull(strstr(t.why, "came back ?[2Jgone??2J?.7:1"));
}
END_TEST

START_TEST(a_cut_answer_is_never_read_past_its_end)
{
	static const char text[] = OK_HEAD VIA ";received=192.0.2.1" REST;

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *exact = malloc(len > 0 ? len : 1);
		struct probe_target t = target("192.0.2.1:1");
		bool altered;

		memcpy(exact, text, len);
		probe_read_answer(span_make(exact, len), &t, &altered);
		free(exact);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_question_is_one_that_a_phone_would_send,
		what_came_back_is_held_against_what_was_sent,
		a_cut_answer_is_never_read_past_its_end,
		what_an_answer_says_cannot_command_a_terminal,
	};

	return run_suite("probe", tests, sizeof(tests) / sizeof(tests[0]));
}
