/*
 * Registrations of our own in virtual time: registrars that challenge, refuse,
 * are silent or hostile, hours in milliseconds.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/codec/digest.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/regclient.h"

#define SENT_MAX 1024
#define TEXT_MAX 2048

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static struct mono now;
static uint8_t key[IPC_KEY_LEN];

/* What left for the registrar. */
static struct {
	uint64_t ms;
	char text[TEXT_MAX];
} sent[SENT_MAX];
static unsigned n_sent;

/* The oracle: the last question and the last news. */
static struct {
	bool mute;
	uint8_t refusal;
	unsigned asks;
	char realm[129], nonce[257], nc[9], qop[9], algorithm[17];
} oracle;
static struct {
	uint64_t id;
	unsigned n;
	uint8_t state;
	uint16_t status;
	uint32_t expires_s;
	char why[121];
} note;

/* The registrar: what it answers to a REGISTER. */
typedef void answer_fn(const char *msg);
static answer_fn *answers;

static const char *
hdr_of(const char *msg, const char *name)
{
	static char mem[16][512];
	static unsigned i;
	char *out = mem[i++ % 16];
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "\r\n%s: ", name);
	at = strstr(msg, want);
	if (at == NULL)
		return "";
	at += strlen(want);
	snprintf(out, 512, "%.*s", (int)strcspn(at, "\r"), at);
	return out;
}

static struct flow
registrar(void)
{
	struct flow f = { .zone = ZONE_EXTERNAL, .transport = TRANSPORT_UDP };

	addr_parse(SPAN_LIT("198.51.100.20:5060"), 1, &f.remote);
	return f;
}

static void settle(void);

static void
reply(const char *msg, unsigned status, const char *lines)
{
	char text[TEXT_MAX * 2];
	struct flow from = registrar();

	snprintf(text, sizeof(text),
	    "SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=r1\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n",
	    status, hdr_of(msg, "Via"), hdr_of(msg, "From"),
	    hdr_of(msg, "To"), hdr_of(msg, "Call-ID"), hdr_of(msg, "CSeq"),
	    lines);
	edge_message(edge, now, st, &from, span_str(text));
	settle();
}

static void
copy(char *to, size_t cap, struct span s)
{
	snprintf(to, cap, "%.*s", (int)s.len, s.p == NULL ? "" : s.p);
}

static void
on_ask(struct span payload)
{
	struct ipc_account_ask ask;
	struct ipc_account_say say;
	char mem[1024];
	struct span got;
	struct buf b;
	uint16_t type;
	size_t used;

	ck_assert_int_eq(get_account_ask(payload, &ask), 0);
	oracle.asks++;
	copy(oracle.realm, sizeof(oracle.realm), ask.realm);
	copy(oracle.nonce, sizeof(oracle.nonce), ask.nonce);
	copy(oracle.nc, sizeof(oracle.nc), ask.nc);
	copy(oracle.qop, sizeof(oracle.qop), ask.qop);
	copy(oracle.algorithm, sizeof(oracle.algorithm), ask.algorithm);
	if (oracle.mute)
		return;
	say = (struct ipc_account_say){ ask.id, ask.question, oracle.refusal,
		SPAN_LIT("office"), SPAN_LIT("sip:itsp.example"),
		SPAN_LIT("0123456789abcdef0123456789abcdef") };
	if (oracle.refusal != ACCOUNT_OK)
		say.username = say.uri = say.response = SPAN_NONE;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_SAY, account_say, &say);
	ck_assert_int_eq(ipc_split(buf_span(&b), &type, &got, &used), 0);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, type, got),
	    0);
}

static void
on_note(struct span payload)
{
	struct ipc_account_note m;

	ck_assert_int_eq(get_account_note(payload, &m), 0);
	note.id = m.id;
	note.n++;
	note.state = m.state;
	note.status = m.status;
	note.expires_s = m.expires_s;
	copy(note.why, sizeof(note.why), m.why);
}

/* Carry out what the core wants, and what follows from that. */
static void
settle(void)
{
	char frames[32768];
	struct span rest, payload;
	unsigned first = n_sent;
	uint16_t type;
	size_t used;

	for (unsigned i = 0; i < st->n; i++) {
		if (st->step[i].kind != STEP_SEND)
			continue;
		ck_assert_uint_lt(n_sent, SENT_MAX);
		sent[n_sent].ms = now.us / 1000;
		copy(sent[n_sent++].text, TEXT_MAX, st->step[i].bytes);
	}
	memcpy(frames, st->reg.p, st->reg.len);
	rest = span_make(frames, st->reg.len);
	steps_clear(st);
	while (ipc_split(rest, &type, &payload, &used) == 0) {
		if (type == IPC_ACCOUNT_ASK)
			on_ask(payload);
		else if (type == IPC_ACCOUNT_NOTE)
			on_note(payload);
		rest = span_sub(rest, used, rest.len);
	}
	for (unsigned i = first, last = n_sent; i < last; i++) {
		if (answers != NULL)
			answers(sent[i].text);
	}
	if (st->n > 0 || st->reg.len > 0)
		settle();
}

static void
pass(uint64_t ms)
{
	struct mono until = mono_add_ms(now, ms);

	for (;;) {
		struct mono due = edge_due(edge);

		if (due.us > until.us)
			break;
		now = due;
		edge_tick(edge, now, st);
		settle();
	}
	now = until;
}

static void
frame(enum ipc_role role, struct buf *b)
{
	struct span payload;
	uint16_t type;
	size_t used;

	ck_assert_int_eq(buf_err(b), 0);
	ck_assert_int_eq(ipc_split(buf_span(b), &type, &payload, &used), 0);
	ck_assert_int_eq(edge_frame(edge, now, st, role, 0, type, payload), 0);
	settle();
}

static void
trunk_is(const char *host)
{
	struct ipc_trunk trunk = { .set = 1, .trunk = 7,
		.name = SPAN_LIT("itsp"), .host = span_str(host),
		.port = 5060, .transport = TRANSPORT_UDP,
		.zone = ZONE_EXTERNAL, .domain = SPAN_LIT("itsp.example"),
		.expires_s = 600, .wait_s = 6 };
	struct ipc_trunks all = { 1, 1 };
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK, trunk, &trunk);
	frame(ROLE_REG, &b);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &all);
	frame(ROLE_REG, &b);
}

static void
tell(const struct ipc_account_want *w)
{
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_WANT, account_want, w);
	frame(ROLE_REG, &b);
}

static struct ipc_account_want
office(uint64_t id)
{
	return (struct ipc_account_want){ .id = id, .kind = ACCOUNT_TRUNK,
		.trunk = 7, .stamp = 1, .user = SPAN_LIT("office"),
		.host = SPAN_LIT("itsp.example"), .expires_s = 600 };
}

static void
want(void)
{
	struct ipc_account_want w = office(7);

	tell(&w);
	pass(0);
}

static void
door(bool up)
{
	edge_peer(edge, now, st, ROLE_REG, 0, up);
	settle();
}

static void
start(void)
{
	struct ipc_sig_keys keys;
	char mem[256];
	struct buf b;

	edge = edge_new(&conf);
	ck_assert_ptr_nonnull(edge);
	n_sent = 0;
	memset(&oracle, 0, sizeof(oracle));
	memset(&note, 0, sizeof(note));
	memcpy(keys.key, key, sizeof(key));
	edge_peer(edge, now, st, ROLE_REG, 0, true);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SIG_KEYS, sig_keys, &keys);
	frame(ROLE_REG, &b);
	trunk_is("198.51.100.20");
}

static void
begin(void)
{
	conf = (struct edge_conf){ .n_listeners = 2, .max_transactions = 512,
		.max_calls = 4, .max_flows = 16, .max_subs = 4 };
	addr_parse(SPAN_LIT("203.0.113.10:5070"), 1,
	    &conf.listeners[0].local);
	addr_parse(SPAN_LIT("192.168.10.2:5060"), 1,
	    &conf.listeners[1].local);
	conf.listeners[0].zone = ZONE_EXTERNAL;
	conf.listeners[1].zone = ZONE_INTERNAL;
	conf.listeners[0].transport = conf.listeners[1].transport =
	    TRANSPORT_UDP;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	st = steps_new();
	now = (struct mono){ 1000000 };
	answers = NULL;
	start();
}

static void
finish(void)
{
	edge_free(edge);
	steps_free(st);
}

static bool
has_proof(const char *msg)
{
	return strstr(msg, "\r\nAuthorization: ") != NULL ||
	    strstr(msg, "\r\nProxy-Authorization: ") != NULL;
}

/* ---- kinds of registrars ---- */

static void
says_yes(const char *msg)
{
	reply(msg, 200, "Expires: 600\r\n");
}

#define CHALLENGE "WWW-Authenticate: Digest realm=\"itsp\", " \
	"nonce=\"n%u\", qop=\"auth\", algorithm=MD5\r\n"

static unsigned nonces;

static void
challenges(const char *msg)
{
	char lines[256];

	snprintf(lines, sizeof(lines), CHALLENGE, ++nonces);
	if (has_proof(msg))
		reply(msg, 200, "Expires: 600\r\n");
	else
		reply(msg, 401, lines);
}

static void
always_challenges(const char *msg)
{
	char lines[256];

	snprintf(lines, sizeof(lines), CHALLENGE, ++nonces);
	reply(msg, 401, lines);
}

static void
always_says_stale(const char *msg)
{
	reply(msg, 407, "Proxy-Authenticate: Digest realm=\"itsp\", "
	    "nonce=\"old\", stale=true\r\n");
}

static void
forbids(const char *msg)
{
	reply(msg, 403, "");
}

static void
is_busy(const char *msg)
{
	reply(msg, 503, "Retry-After: 3000 (maintenance);duration=9\r\n");
}

static void
redirects(const char *msg)
{
	reply(msg, 302, "Contact: <sip:192.168.10.5>\r\n");
}

static void
wants_an_hour(const char *msg)
{
	if (strcmp(hdr_of(msg, "Expires"), "3600") == 0)
		reply(msg, 200, "Expires: 3600\r\n");
	else
		reply(msg, 423, "Min-Expires: 3600\r\n");
}

static void
wants_a_year(const char *msg)
{
	reply(msg, 423, "Min-Expires: 31536000\r\n");
}

/* ---- tests ---- */

START_TEST(what_is_sent)
{
	const char *msg = sent[0].text;

	want();
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_int_eq(strncmp(msg, "REGISTER sip:itsp.example SIP/2.0\r\n",
		35), 0);
	ck_assert_ptr_nonnull(strstr(msg, "Via: SIP/2.0/UDP "
	    "203.0.113.10:5070;rport;branch=z9hG4bK"));
	ck_assert_str_eq(hdr_of(msg, "To"), "<sip:office@itsp.example>");
	ck_assert_int_eq(strncmp(hdr_of(msg, "From"),
		"<sip:office@itsp.example>;tag=", 30), 0);
	ck_assert_str_eq(hdr_of(msg, "CSeq"), "1 REGISTER");
	ck_assert_str_eq(hdr_of(msg, "Expires"), "600");
	ck_assert_ptr_nonnull(strstr(hdr_of(msg, "Contact"),
	    "@203.0.113.10:5070>"));
	ck_assert(!has_proof(msg));
}
END_TEST

START_TEST(it_registers_with_a_digest_and_goes_on)
{
	const char *proof;

	answers = challenges;
	want();
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_str_eq(oracle.realm, "itsp");
	ck_assert_str_eq(oracle.qop, "auth");
	ck_assert_str_eq(oracle.nc, "00000001");
	proof = hdr_of(sent[1].text, "Authorization");
	ck_assert_ptr_nonnull(strstr(proof, "Digest username=\"office\", "
	    "realm=\"itsp\", nonce=\"n"));
	ck_assert_ptr_nonnull(strstr(proof, "uri=\"sip:itsp.example\""));
	ck_assert_ptr_nonnull(strstr(proof, "qop=auth, nc=00000001"));
	ck_assert_str_eq(hdr_of(sent[1].text, "CSeq"), "2 REGISTER");
	ck_assert_str_eq(hdr_of(sent[1].text, "Call-ID"),
	    hdr_of(sent[0].text, "Call-ID"));
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
	ck_assert_uint_eq(note.expires_s, 600);
	ck_assert(regclient_is_up(edge->regs, 7));
	/* Refreshed in time, with the nonce it has: one request. */
	pass(560000);
	ck_assert_uint_eq(n_sent, 3);
	ck_assert(has_proof(sent[2].text));
	ck_assert_str_eq(oracle.nc, "00000002");
	ck_assert_uint_ge(sent[2].ms, 400000);
	pass(3600000);
	ck_assert_uint_le(n_sent, 14);
	ck_assert(regclient_is_up(edge->regs, 7));
}
END_TEST

static const char *challenge_line;

static void
challenges_by_line(const char *msg)
{
	char lines[1024];

	snprintf(lines, sizeof(lines), "WWW-Authenticate: %s\r\n",
	    challenge_line);
	if (has_proof(msg))
		reply(msg, 200, "");
	else
		reply(msg, 401, lines);
}

static const struct {
	const char *name, *line;
	bool is_answered;
	const char *qop, *algorithm;
} challenge_rows[] = {
	{ "RFC 2069", "Digest realm=\"a\", nonce=\"b\"", true, "", "" },
	{ "auth among others", "Digest realm=\"a\", nonce=\"b\", "
	    "qop=\"auth-int,auth\"", true, "auth", "" },
	{ "SHA-256 (RFC 8760)", "Digest realm=\"a\", nonce=\"b\", "
	    "qop=\"auth\", algorithm=SHA-256", true, "auth", "SHA-256" },
	{ "SHA-512-256", "Digest realm=\"a\", nonce=\"b\", "
	    "qop=\"auth\", algorithm=SHA-512-256", true, "auth",
	    "SHA-512-256" },
	{ "quoted algorithm", "Digest realm=\"a\", nonce=\"b\", "
	    "algorithm=\"md5\"", true, "", "md5" },
	{ "the first one is not built", "Digest realm=\"a\", nonce=\"b\", "
	    "algorithm=AKAv1-MD5\r\nWWW-Authenticate: Digest realm=\"a\", "
	    "nonce=\"c\", algorithm=MD5", true, "", "MD5" },
	{ "-sess", "Digest realm=\"a\", nonce=\"b\", algorithm=MD5-sess",
	    false, NULL, NULL },
	{ "auth-int only", "Digest realm=\"a\", nonce=\"b\", "
	    "qop=\"auth-int\"", false, NULL, NULL },
	{ "no nonce", "Digest realm=\"a\"", false, NULL, NULL },
	{ "another scheme", "Basic realm=\"a\"", false, NULL, NULL },
	{ "a realm with quotes in it", "Digest realm=\"a\\\"b\", "
	    "nonce=\"b\"", false, NULL, NULL },
	{ "not by the grammar", "Digest realm=a nonce", false, NULL, NULL },
	{ "nothing", "", false, NULL, NULL },
};

START_TEST(challenge_forms)
{
	challenge_line = challenge_rows[_i].line;
	answers = challenges_by_line;
	want();
	pass(0);
	if (challenge_rows[_i].is_answered) {
		ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
		ck_assert_str_eq(oracle.qop, challenge_rows[_i].qop);
		ck_assert_str_eq(oracle.algorithm,
		    challenge_rows[_i].algorithm);
	} else {
		ck_assert_uint_eq(oracle.asks, 0);
		ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
		pass(590000);
		ck_assert_uint_eq(n_sent, 1);
	}
}
END_TEST

START_TEST(a_huge_nonce_is_no_nonce)
{
	static char line[600];

	snprintf(line, sizeof(line), "Digest realm=\"a\", nonce=\"%0300d\"",
	    1);
	challenge_line = line;
	answers = challenges_by_line;
	want();
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_uint_eq(oracle.asks, 0);
}
END_TEST

START_TEST(a_wrong_password_is_not_tried_again_and_again)
{
	answers = always_challenges;
	want();
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_uint_eq(note.status, 401);
	ck_assert_ptr_nonnull(strstr(note.why, "password"));
	pass(REGC_REFUSED_MS - 1000);
	ck_assert_uint_eq(n_sent, 2);
	pass(86400000);
	/* At most two every ten minutes. */
	ck_assert_uint_le(n_sent, 2 * 145);
	/* A new password is tried at once. */
	answers = challenges;
	n_sent = 0;
	{
		struct ipc_account_want w = office(7);

		w.stamp = 2;
		tell(&w);
	}
	pass(100);
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
}
END_TEST

START_TEST(stale_is_answered_once)
{
	answers = always_says_stale;
	want();
	ck_assert_uint_eq(n_sent, 3);
	ck_assert(strstr(sent[2].text, "\r\nProxy-Authorization: ") != NULL);
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
}
END_TEST

START_TEST(too_brief)
{
	answers = wants_an_hour;
	want();
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(note.expires_s, 3600);
	pass(3600000);
	/* The next one asks for as much at once. */
	ck_assert_str_eq(hdr_of(sent[2].text, "Expires"), "3600");
	ck_assert_uint_eq(n_sent, 3);
}
END_TEST

START_TEST(too_brief_beyond_reason)
{
	answers = wants_a_year;
	want();
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_uint_eq(note.status, 423);
}
END_TEST

static unsigned
first_tries(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_sent; i++)
		n += i == 0 || strcmp(hdr_of(sent[i].text, "CSeq"),
		    hdr_of(sent[i - 1].text, "CSeq")) != 0;
	return n;
}

START_TEST(silence_is_waited_out)
{
	unsigned n;

	want();
	pass(32000);
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_ptr_nonnull(strstr(note.why, "does not answer"));
	ck_assert_uint_eq(note.n, 1);
	pass(15 * 60000);
	n = first_tries();
	ck_assert_uint_ge(n, 3);
	ck_assert_uint_le(n, 12);
	pass(6 * 3600000);
	/* In the end at most every 15 minutes, at least every 31. */
	n = first_tries() - n;
	ck_assert_uint_ge(n, 10);
	ck_assert_uint_le(n, 26);
	/* Said once, and when it changes. */
	ck_assert_uint_eq(note.n, 1);
	answers = says_yes;
	pass(1900000);
	ck_assert_uint_gt(note.n, 1);
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
}
END_TEST

static const struct {
	const char *name;
	answer_fn *answers;
	uint16_t status;
	uint64_t quiet_ms;
} refusals[] = {
	{ "403: a password is wrong for longer", forbids, 403, 599000 },
	{ "503 with Retry-After", is_busy, 503, 2999000 },
	{ "3xx is not followed", redirects, 302, 29000 },
};

START_TEST(refused)
{
	answers = refusals[_i].answers;
	want();
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_uint_eq(note.status, refusals[_i].status);
	pass(refusals[_i].quiet_ms);
	ck_assert_uint_eq(n_sent, 1);
	answers = says_yes;
	pass(3600000);
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
}
END_TEST

START_TEST(no_burst)
{
	struct ipc_account_want w;

	answers = says_yes;
	for (uint64_t id = 100; id < 300; id++) {
		w = office(id);
		tell(&w);
	}
	pass(20000);
	ck_assert_uint_eq(n_sent, 200);
	for (unsigned i = 1; i < n_sent; i++)
		ck_assert_uint_ge(sent[i].ms, sent[i - 1].ms + REGC_PACE_MS);
	/* Nor do they come back all at once. */
	n_sent = 0;
	pass(600000);
	for (unsigned i = 1; i < n_sent; i++)
		ck_assert_uint_ge(sent[i].ms, sent[i - 1].ms + REGC_PACE_MS);
	ck_assert_uint_ge(n_sent, 200);
}
END_TEST

START_TEST(after_a_restart_nothing_is_sent_before_its_time)
{
	struct ipc_account_want w = office(7);
	struct regclient_found found;
	char token[17] = "", again[17] = "";

	answers = challenges;
	want();
	regclient_token(edge->regs, 7, token);
	edge_free(edge);
	start();
	w.left_s = 400;
	tell(&w);
	pass(0);
	regclient_token(edge->regs, 7, again);
	ck_assert_str_eq(token, again);
	ck_assert(regclient_by_token(edge->regs, span_str(token), &found));
	ck_assert_uint_eq(found.trunk, 7);
	ck_assert(!regclient_by_token(edge->regs,
	    SPAN_LIT("0000000000000000"), &found));
	ck_assert(!regclient_by_token(edge->regs, SPAN_LIT("0"), &found));
	pass(250000);
	ck_assert_uint_eq(n_sent, 0);
	ck_assert(regclient_is_up(edge->regs, 7));
	pass(150000);
	ck_assert_uint_eq(n_sent, 2);
}
END_TEST

START_TEST(nobody_wants_it_any_more)
{
	struct ipc_account_want gone = { .id = 7, .kind = ACCOUNT_GONE };

	answers = challenges;
	want();
	tell(&gone);
	pass(1000);
	ck_assert_uint_eq(n_sent, 3);
	ck_assert_str_eq(hdr_of(sent[2].text, "Expires"), "0");
	ck_assert(has_proof(sent[2].text));
	ck_assert_uint_eq(note.state, ACCOUNT_ENDED);
	ck_assert(!regclient_is_up(edge->regs, 7));
	pass(86400000);
	ck_assert_uint_eq(n_sent, 3);
	/* Never registered: not a word. */
	tell(&gone);
	pass(1000);
	ck_assert_uint_eq(n_sent, 3);
}
END_TEST

START_TEST(its_trunk_was_turned_off_before)
{
	struct ipc_account_want w = office(7);
	struct ipc_account_want gone = { .id = 7, .kind = ACCOUNT_GONE };
	const struct ipc_trunks none = { 2, 0 };
	char mem[64];
	struct buf b;

	/* Also one that a sigproxy before us made. */
	answers = says_yes;
	w.left_s = 500;
	tell(&w);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &none);
	frame(ROLE_REG, &b);
	tell(&gone);
	pass(1000);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_str_eq(hdr_of(sent[0].text, "Expires"), "0");
	ck_assert_uint_eq(note.state, ACCOUNT_ENDED);
}
END_TEST

START_TEST(its_registrar_does_not_even_hear_the_end)
{
	struct ipc_account_want gone = { .id = 7, .kind = ACCOUNT_GONE };

	answers = says_yes;
	want();
	answers = NULL;
	tell(&gone);
	pass(40000);
	ck_assert_uint_eq(note.state, ACCOUNT_ENDED);
	n_sent = 0;
	pass(86400000);
	ck_assert_uint_eq(n_sent, 0);
}
END_TEST

START_TEST(registrar_db_comes_back)
{
	struct ipc_account_want w = office(7), other = office(8);
	const struct ipc_account_want all = { .kind = ACCOUNT_ALL };

	answers = says_yes;
	want();
	tell(&other);
	pass(1000);
	ck_assert_uint_eq(n_sent, 2);
	door(false);
	pass(1000);
	door(true);
	/* The same again: nothing is to be done; 8 is no more. */
	tell(&w);
	tell(&all);
	pass(1000);
	ck_assert_uint_eq(n_sent, 3);
	ck_assert_str_eq(hdr_of(sent[2].text, "Expires"), "0");
	ck_assert(regclient_is_up(edge->regs, 7));
	ck_assert_uint_eq(note.id, 8);
}
END_TEST

START_TEST(registrar_db_does_not_answer)
{
	answers = challenges;
	oracle.mute = true;
	want();
	ck_assert_uint_eq(oracle.asks, 1);
	pass(60000);
	/* Its registrar is not to blame: nothing is said, soon again. */
	ck_assert_uint_eq(note.n, 0);
	ck_assert_uint_le(n_sent, 8);
	oracle.mute = false;
	pass(11000);
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
}
END_TEST

START_TEST(while_registrar_db_is_away)
{
	answers = challenges;
	want();
	door(false);
	n_sent = 0;
	pass(590000);
	ck_assert_uint_eq(n_sent, 0);
	door(true);
	want();
	pass(6000);
	ck_assert_uint_eq(n_sent, 1);
}
END_TEST

static const struct {
	const char *name;
	uint8_t refusal;
	const char *why;
} oracle_rows[] = {
	{ "no password", ACCOUNT_NO_PASSWORD, "no password" },
	{ "another realm", ACCOUNT_REALM, "realm" },
	{ "not known", ACCOUNT_UNKNOWN, "not know" },
};

START_TEST(registrar_db_refuses)
{
	answers = challenges;
	oracle.refusal = oracle_rows[_i].refusal;
	want();
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_ptr_nonnull(strstr(note.why, oracle_rows[_i].why));
	ck_assert_uint_eq(n_sent, 1);
}
END_TEST

static const char *granting;

static void
grants(const char *msg)
{
	const char *at = strchr(granting, '@');
	char lines[1024], token[17] = "";

	regclient_token(edge->regs, 7, token);
	snprintf(lines, sizeof(lines), "%.*s%s%s", (int)(at - granting),
	    granting, token, at);
	reply(msg, 200, lines);
}

static const struct {
	const char *name, *lines;
	uint32_t expires_s;
} grant_rows[] = {
	{ "what was asked for", "Contact: <sip:@203.0.113.10:5070>\r\n",
	    600 },
	{ "our Contact's", "Expires: 60\r\nContact: <sip:other>;expires=9, "
	    "<sip:@203.0.113.10:5070>;expires=120\r\n", 120 },
	{ "Expires", "Expires: 300\r\nX: @\r\n", 300 },
	{ "nothing is not never", "Contact: <sip:@h>;expires=0\r\n",
	    REGC_EXPIRES_LEAST_S },
	{ "for ever is a day", "Contact: <sip:@h>;expires=4294967295\r\n",
	    REGC_EXPIRES_MOST_S },
	{ "routes are nobody's", "Service-Route: <sip:evil.example;lr>\r\n"
	    "Path: <sip:evil.example;lr>\r\nP-Associated-URI: <sip:@e>\r\n",
	    600 },
};

START_TEST(granted)
{
	granting = grant_rows[_i].lines;
	answers = grants;
	want();
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
	ck_assert_uint_eq(note.expires_s, grant_rows[_i].expires_s);
	pass(grant_rows[_i].expires_s * (uint64_t)1000);
	ck_assert_uint_ge(n_sent, 2);
	ck_assert_ptr_null(strstr(sent[1].text, "evil"));
}
END_TEST

START_TEST(a_trunk_without_an_address)
{
	trunk_is("nowhere.example");
	want();
	pass(9000);
	ck_assert_uint_eq(note.n, 0);
	pass(6000);
	ck_assert_uint_eq(n_sent, 0);
	ck_assert_uint_eq(note.state, ACCOUNT_FAILED);
	ck_assert_uint_eq(note.status, 0);
	answers = says_yes;
	trunk_is("198.51.100.20");
	pass(200);
	ck_assert_uint_eq(note.state, ACCOUNT_REGISTERED);
}
END_TEST

static const struct {
	const char *name, *ruri, *to, *more, *want;
	uint32_t trunk;
} called_rows[] = {
	{ "a trunk's token: what was called before", "TOKEN7@203.0.113.10",
	    "sip:+4930123456@itsp.example", "", "+4930123456", 7 },
	{ "P-Called-Party-ID says it", "TOKEN7@203.0.113.10",
	    "sip:office@itsp.example",
	    "P-Called-Party-ID: <sip:4930777@itsp.example>\r\n", "4930777",
	    7 },
	{ "a mirror's token: its subscriber", "TOKEN9@192.168.10.2",
	    "sip:999@pbx", "", "201", 7 },
	{ "another trunk's token is nobody's", "TOKEN9@192.168.10.2",
	    "sip:999@pbx", "", NULL, 8 },
	{ "no token", "4930123@203.0.113.10", "sip:5@itsp.example", "",
	    "4930123", 7 },
};

START_TEST(whom_a_call_is_for)
{
	struct ipc_account_want mirror = office(9);
	char user[2][17] = { "", "" }, ruri[128], text[1024], mem[128];
	const char *at = strchr(called_rows[_i].ruri, '@');
	static struct sip_msg m;
	struct span got;
	int err;

	want();
	mirror.kind = ACCOUNT_MIRROR;
	mirror.number = SPAN_LIT("201");
	tell(&mirror);
	regclient_token(edge->regs, 7, user[0]);
	regclient_token(edge->regs, 9, user[1]);
	snprintf(ruri, sizeof(ruri), "sip:%s%s",
	    strncmp(called_rows[_i].ruri, "TOKEN7", 6) == 0 ? user[0] :
	    strncmp(called_rows[_i].ruri, "TOKEN9", 6) == 0 ? user[1] :
	    "4930123", at);
	snprintf(text, sizeof(text), "INVITE %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bKx\r\n"
	    "From: <sip:1@itsp.example>;tag=a\r\nTo: <%s>\r\n"
	    "Call-ID: a\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n%s"
	    "Content-Length: 0\r\n\r\n", ruri, called_rows[_i].to,
	    called_rows[_i].more);
	ck_assert_int_eq(sip_parse(span_str(text), SIP_DATAGRAM, &m, NULL),
	    0);
	err = regclient_called(edge->regs, called_rows[_i].trunk, &m, mem,
	    &got);
	if (called_rows[_i].want == NULL) {
		ck_assert(err != 0 || !span_eq(got, SPAN_LIT("201")));
		return;
	}
	ck_assert_int_eq(err, 0);
	ck_assert(span_eq(got, span_str(called_rows[_i].want)));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("regclient");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, begin, finish);
	tcase_add_test(t, what_is_sent);
	tcase_add_test(t, it_registers_with_a_digest_and_goes_on);
	tcase_add_loop_test(t, challenge_forms, 0,
	    sizeof(challenge_rows) / sizeof(challenge_rows[0]));
	tcase_add_test(t, a_huge_nonce_is_no_nonce);
	tcase_add_test(t, a_wrong_password_is_not_tried_again_and_again);
	tcase_add_test(t, stale_is_answered_once);
	tcase_add_test(t, too_brief);
	tcase_add_test(t, too_brief_beyond_reason);
	tcase_add_test(t, silence_is_waited_out);
	tcase_add_loop_test(t, refused, 0,
	    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(t, no_burst);
	tcase_add_test(t, after_a_restart_nothing_is_sent_before_its_time);
	tcase_add_test(t, nobody_wants_it_any_more);
	tcase_add_test(t, its_trunk_was_turned_off_before);
	tcase_add_test(t, its_registrar_does_not_even_hear_the_end);
	tcase_add_test(t, registrar_db_comes_back);
	tcase_add_test(t, registrar_db_does_not_answer);
	tcase_add_test(t, while_registrar_db_is_away);
	tcase_add_loop_test(t, registrar_db_refuses, 0,
	    sizeof(oracle_rows) / sizeof(oracle_rows[0]));
	tcase_add_loop_test(t, granted, 0,
	    sizeof(grant_rows) / sizeof(grant_rows[0]));
	tcase_add_test(t, a_trunk_without_an_address);
	tcase_add_loop_test(t, whom_a_call_is_for, 0,
	    sizeof(called_rows) / sizeof(called_rows[0]));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
