/* The deciding fact behind a verdict, in words with its ports. */
#include <check.h>

#include "common/ipc/proof.h"

static struct addr
at(uint16_t port)
{
	return (struct addr){ .family = ADDR_IPV4, .ip = { 198, 51, 100, 7 },
		.port = port };
}

static const struct {
	enum media_proof proof;
	const char *text;
} rows[] = {
	{ PROOF_NONE, "" },
	{ PROOF_SENT_FIRST, "it announced 198.51.100.7:1; the relay "
	    "(198.51.100.7:4) sent first to 198.51.100.7:2, and nothing came" },
	{ PROOF_ASKED, "it announced 198.51.100.7:1; asked to send its sound "
	    "to our SIP port it sent nothing there either" },
	{ PROOF_AS_SAID, "it announced 198.51.100.7:1; its sound came to our "
	    "SIP port from 198.51.100.7:2; the relay (198.51.100.7:4) sent "
	    "first to there, and nothing came" },
	{ PROOF_SEEN, "it announced 198.51.100.7:1; its sound came to our SIP "
	    "port from 198.51.100.7:2, where the relay had not sent first "
	    "yet" },
	{ PROOF_SEEN_STUN, "STUN told it 198.51.100.7:1, to where the relay "
	    "(198.51.100.7:4) sent first, and nothing came; its sound came to "
	    "our SIP port from 198.51.100.7:2: each peer gets another port" },
	{ PROOF_SEEN_SENT, "it announced 198.51.100.7:1; its sound came to our "
	    "SIP port from 198.51.100.7:2; the relay (198.51.100.7:4) sent "
	    "first to there, too, and nothing came" },
	{ PROOF_BACK, "in mid-call its sound moved from 198.51.100.7:3 to "
	    "198.51.100.7:2; it was not heard for 1.5 s" },
	{ PROOF_UNREACHED, "its sound came from 198.51.100.7:3, and stopped; "
	    "it did not answer when it was asked where it is" },
};

static const char *
text_of(const struct ipc_call_reach *m, char mem[PROOF_TEXT_MAX])
{
	struct buf b;

	buf_init(&b, mem, PROOF_TEXT_MAX - 1);
	proof_put(&b, m);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	return mem;
}

START_TEST(each_names_its_ports)
{
	const struct ipc_call_reach m = { .proof = (uint8_t)rows[_i].proof,
		.announced = at(1), .seen = at(2), .before = at(3),
		.said = at(4), .after_ms = 1540 };
	char mem[PROOF_TEXT_MAX];

	ck_assert_str_eq(text_of(&m, mem), rows[_i].text);
}
END_TEST

START_TEST(without_an_address_that_it_needs_nothing_is_said)
{
	struct ipc_call_reach m = { .said = at(4), .announced = at(1) };
	char mem[PROOF_TEXT_MAX];

	m.proof = PROOF_SEEN_SENT;
	ck_assert_str_eq(text_of(&m, mem), "");
	m.proof = PROOF_BACK;
	m.seen = at(2);
	ck_assert_str_eq(text_of(&m, mem), "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proof");
	TCase *t = tcase_create("proof");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, each_names_its_ports, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, without_an_address_that_it_needs_nothing_is_said);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
