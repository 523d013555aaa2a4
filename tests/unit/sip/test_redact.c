/* What a trace must not show is crossed out, and nothing else. */
#include <check.h>
#include <stdlib.h>

#include "sigproxy/sip/redact.h"

#define HEAD(method)                                     \
	method " sip:168@sip.example.org SIP/2.0\r\n"    \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" \
	"From: <sip:201@sip.example.org>;tag=1\r\n"      \
	"To: <sip:168@sip.example.org>\r\n"              \
	"Call-ID: c1\r\nCSeq: 1 " method "\r\n"
#define BODY(type, body) "Content-Type: " type "\r\n\r\n" body

static const struct {
	const char *name, *text, *want;	/* want: of the part that differs */
} rows[] = {
	{ "an answer to a challenge (RFC 7616)", HEAD("INVITE")
	  "Authorization: Digest username=\"SIP-201\", realm=\"SMO-SIP\", "
	  "nonce=\"AAAAB3\", uri=\"sip:168@sip.example.org\", "
	  "response=\"0a4f113b\", cnonce=\"c1\", opaque=\"oo\", qop=auth, "
	  "nc=00000001, algorithm=MD5\r\n\r\n",
	  "Authorization: Digest username=\"SIP-201\", realm=\"SMO-SIP\", "
	  "nonce=\"xxxxxx\", uri=\"sip:168@sip.example.org\", "
	  "response=\"xxxxxxxx\", cnonce=\"xx\", opaque=\"xx\", qop=auth, "
	  "nc=00000001, algorithm=MD5\r\n\r\n" },
	{ "without quotes, folded, other case", HEAD("INVITE")
	  "proxy-authorization: DIGEST NONCE=abc,\r\n Response = d e\r\n\r\n",
	  "proxy-authorization: DIGEST NONCE=xxx,\r\n Response = xxx\r\n\r\n"
	},
	{ "a quote in a quote", HEAD("INVITE")
	  "Authorization: Digest nonce=\"a\\\"b\", realm=\"r\"\r\n\r\n",
	  "Authorization: Digest nonce=\"xxxx\", realm=\"r\"\r\n\r\n" },
	{ "a quote that does not end", HEAD("INVITE")
	  "Authorization: Digest nonce=\"abc, realm=r\r\n\r\n",
	  "Authorization: Digest nonce=\"xxxxxxxxxxxx\r\n\r\n" },
	{ "words that are no parameters", HEAD("INVITE")
	  "Authorization: Digest secret, realm=\"r\", hidden\r\n\r\n",
	  "Authorization: Digest xxxxxx, realm=\"r\"xxxxxxxx\r\n\r\n" },
	{ "another scheme", HEAD("INVITE")
	  "Authorization: Bearer eyJhbGciOi\r\n\r\n",
	  "Authorization: Bearerxxxxxxxxxxx\r\n\r\n" },
	{ "a header of a name that sounds secret", HEAD("INVITE")
	  "X-Api-Key: 1234\r\nX-Color: red\r\n\r\n",
	  "X-Api-Key: xxxx\r\nX-Color: red\r\n\r\n" },
	{ "a password in a URI", HEAD("INVITE")
	  "Contact: <sip:201:geheim@192.0.2.1:5060>\r\n\r\n",
	  "Contact: <sip:201:xxxxxx@192.0.2.1:5060>\r\n\r\n" },
	{ "a port in a URI is no password", HEAD("INVITE")
	  "Contact: <sips:192.0.2.1:5060>, <sip:a@192.0.2.1:5061>\r\n\r\n",
	  "Contact: <sips:192.0.2.1:5060>, <sip:a@192.0.2.1:5061>\r\n\r\n" },
	{ "credentials that a URI brings", HEAD("REFER")
	  "Refer-To: <sip:a@b?Authorization=Digest%20x&Subject=s>\r\n\r\n",
	  "Refer-To: <sip:a@b?Authorization=xxxxxxxxxx&Subject=s>\r\n\r\n" },
	{ "keys in SDP (RFC 4568), and nothing else of it", HEAD("INVITE")
	  BODY("application/sdp", "v=0\r\nk=base64:abc\r\n"
	  "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
	  "inline:d0RmdmcmVCspeEc3QGZi|2^20|1:4\r\na=ice-pwd:p\r\n"
	  "a=ptime:20\r\n"),
	  BODY("application/sdp", "v=0\r\nk=xxxxxxxxxx\r\n"
	  "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
	  "inline:xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na=ice-pwd:x\r\n"
	  "a=ptime:20\r\n") },
	{ "what people write, whatever it calls itself", HEAD("MESSAGE")
	  BODY("application/sdp", "Meet me\r\nat 8"),
	  BODY("application/sdp", "xxxxxxx\r\nxxxx") },
	{ "digits that are dialled", HEAD("INFO")
	  BODY("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
	  BODY("application/dtmf-relay", "xxxxxxxx\r\nxxxxxxxxxxxx\r\n") },
	{ "a body of a kind not known", HEAD("INFO")
	  BODY("application/x-secret", "abc"),
	  BODY("application/x-secret", "xxx") },
	{ "a packed body", HEAD("INVITE") "Content-Encoding: gzip\r\n"
	  BODY("application/sdp", "v=0"),
	  "Content-Encoding: gzip\r\n" BODY("application/sdp", "xxx") },
	{ "the parts of a body", HEAD("INVITE")
	  BODY("multipart/mixed;boundary=b", "--b\r\nContent-Type: "
	  "application/sdp\r\n\r\nv=0\r\na=crypto:1 X inline:ab\r\n\r\n"
	  "--b\r\nContent-Type: text/plain\r\n\r\npin 1234\r\n--b--\r\n"),
	  BODY("multipart/mixed;boundary=b", "--b\r\nContent-Type: "
	  "application/sdp\r\n\r\nv=0\r\na=crypto:1 X inline:xx\r\n\r\n"
	  "--b\r\nContent-Type: text/plain\r\n\r\nxxxxxxxx\r\n--b--\r\n") },
	{ "a part in an encoding", HEAD("INVITE")
	  BODY("multipart/mixed;boundary=b", "--b\r\nContent-Type: "
	  "application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	  "YT1jcnlwdG86MQ==\r\n--b--\r\n"),
	  BODY("multipart/mixed;boundary=b", "--b\r\nContent-Type: "
	  "application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	  "xxxxxxxxxxxxxxxx\r\n--b--\r\n") },
	{ "parts that cannot be told apart", HEAD("INVITE")
	  BODY("multipart/mixed", "--b\r\nk=a\r\n"),
	  BODY("multipart/mixed", "xxx\r\nxxx\r\n") },
	{ "how a mailbox is may be seen", HEAD("NOTIFY")
	  BODY("application/simple-message-summary",
	  "Messages-Waiting: yes\r\n"),
	  BODY("application/simple-message-summary",
	  "Messages-Waiting: yes\r\n") },
	{ "of a fragment only its first line (RFC 3420)", HEAD("NOTIFY")
	  BODY("message/sipfrag;version=2.0",
	  "SIP/2.0 200 OK\r\nAuthorization: x\r\n"),
	  BODY("message/sipfrag;version=2.0",
	  "SIP/2.0 200 OK\r\nxxxxxxxxxxxxxxxx\r\n") },
};

static const struct {
	const char *name, *text, *want;
} refused[] = {
	{ "a line without a colon",
	  "INVITE sip:168@sip.example.org SIP/2.0\r\n"
	  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	  "From: <sip:201:pw@sip.example.org>;tag=1\r\nwhat is this\r\n"
	  "X-Color: red\r\nAuthorization: Digest response=\"0a\"\r\n"
	  "\r\nv=0\r\n",
	  "INVITE sip:168@sip.example.org SIP/2.0\r\n"
	  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	  "From: <sip:201:xx@sip.example.org>;tag=1\r\nxxxxxxxxxxxx\r\n"
	  "X-Color:xxxx\r\nAuthorization:xxxxxxxxxxxxxxxxxxxxx\r\n"
	  "\r\nxxx\r\n" },
	{ "folded lines are as the one before",
	  "SIP/2.0 200 OK\nTo: a\n b\nAuthorization: c\n d\n",
	  "SIP/2.0 200 OK\nTo: a\n b\nAuthorization:xx\nxx\n" },
	{ "a line's end is missing",
	  "INVITE sip:a SIP/2.0\r\nTo: <sip:b>Authorization: Digest\r\n"
	  "Call-ID: c a=crypto:1 X inline:d\r\n",
	  "INVITE sip:a SIP/2.0\r\nTo:xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
	  "Call-ID:xxxxxxxxxxxxxxxxxxxxxxxx\r\n" },
	{ "a stream that lost its place, in a header",
	  "Authorization: Digest uri=\"sip:a SIP/2.0\"\r\nTo: b\r\n",
	  "Authorization:xxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nTo: b\r\n" },
	{ "in what somebody wrote", "my pin is 1234\r\nbye",
	  "xxxxxxxxxxxxxx\r\nxxx" },
	{ "behind line ends", "\r\n\r\nBYE sip:a SIP/2.0\r\n\r\nb",
	  "\r\n\r\nBYE sip:a SIP/2.0\r\n\r\nx" },
};

START_TEST(of_what_is_refused_only_what_is_known_stays)
{
	struct span text = span_str(refused[_i].text);
	char copy[2048];

	memcpy(copy, text.p, text.len);
	redact_refused(text, copy, text.len);
	copy[text.len] = '\0';
	ck_assert_msg(strcmp(copy, refused[_i].want) == 0, "%s: %s",
	    refused[_i].name, copy);
	for (size_t cut = 0; cut < text.len; cut++) {
		char part[2048];

		memcpy(part, text.p, cut);
		redact_refused(text, part, cut);
		ck_assert_mem_eq(part, copy, cut);
	}
}
END_TEST

START_TEST(secrets_are_crossed_out_and_nothing_else)
{
	static struct sip_msg m;
	char copy[2048];
	size_t n = strlen(rows[_i].text), differs = strlen(rows[_i].want);

	ck_assert_msg(sip_parse(span_str(rows[_i].text), SIP_DATAGRAM, &m,
	    NULL) == 0, "%s: %s", rows[_i].name, m.refuse_why);
	memcpy(copy, m.bytes.p, n);
	redact(&m, copy, n);
	copy[n] = '\0';
	ck_assert_msg(strcmp(copy + n - differs, rows[_i].want) == 0,
	    "%s: %s", rows[_i].name, copy + n - differs);
	ck_assert_mem_eq(copy, rows[_i].text, n - differs);
	/* A copy that ends anywhere is as safe. */
	for (size_t cut = 0; cut < n; cut++) {
		char part[2048];

		memcpy(part, m.bytes.p, cut);
		redact(&m, part, cut);
		ck_assert_mem_eq(part, copy, cut);
	}
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("redact");
	Suite *s = suite_create("redact");
	SRunner *r;
	int failed;

	tcase_add_loop_test(tc, secrets_are_crossed_out_and_nothing_else, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(tc, of_what_is_refused_only_what_is_known_stays, 0,
	    (int)(sizeof(refused) / sizeof(refused[0])));
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
