/* Streams cut into messages: each row at once, octet by octet, and in pieces
 * of every small size: the same comes out. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/frame.h"

#define HEAD "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n" \
	"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n" \
	"CSeq: 1 OPTIONS\r\n"
#define NONE HEAD "Content-Length: 0\r\n\r\n"
#define FOUR HEAD "l: 4\r\n\r\nbody"

/* What comes out: m and the body's length for a message, p for a ping, x for
 * the end with, and X without, something to answer. */
static const struct {
	const char *name, *in, *out;
} rows[] = {
	{ "one message", NONE, "m0 " },
	{ "one with a body", FOUR, "m4 " },
	{ "pipelined", NONE FOUR NONE, "m0 m4 m0 " },
	{ "7.5: empty lines before a message", "\r\n" NONE "\r\n" FOUR,
	    "m0 m4 " },
	{ "RFC 5626 4.4.1: a ping", "\r\n\r\n", "p " },
	{ "a ping between messages", NONE "\r\n\r\n" FOUR, "m0 p m4 " },
	{ "two pings", "\r\n\r\n\r\n\r\n", "p p " },
	{ "three empty lines are one ping", "\r\n\r\n\r\n" NONE, "p m0 " },
	{ "a body that looks like a ping and a message",
	    HEAD "l: 8\r\n\r\n\r\n\r\n\r\n\r\n" NONE, "m8 m0 " },
	{ "a body with a space first", HEAD "l: 2\r\n\r\n x" NONE, "m2 m0 " },
	{ "an LF and a CR alone between messages", NONE "\n\r\r\n" NONE,
	    "m0 m0 " },
	{ "a folded header before the empty line",
	    HEAD "l: 0\r\nSubject: a\r\n b\r\n \r\n\r\n" NONE, "m0 m0 " },
	{ "a folded length", HEAD "l:\r\n 4\r\n\r\nbody" NONE, "m4 m0 " },
	{ "a fault that does not touch the frame",
	    "OPTIONS sip:a@b SIP/2.0\r\nl: 4\r\n\r\nbody" NONE, "m4 m0 " },
	{ "LF without CR: the parser refuses it, the frame holds",
	    "OPTIONS sip:a@b SIP/2.0\nl: 1\n\nx" NONE, "m1 m0 " },
	{ "another version", "OPTIONS sip:a@b SIP/7.0\r\nl: 0\r\n\r\n" NONE,
	    "m0 m0 " },
	{ "half a message", HEAD "l: 9\r\n\r\nbody", "" },
	{ "half a header", HEAD "l: 9\r\n", "" },
	{ "18.3: no length", HEAD "\r\n" NONE, "x" },
	{ "a length twice", HEAD "l: 0\r\nContent-Length: 0\r\n\r\n" NONE,
	    "x" },
	{ "a length twice, unlike", HEAD "l: 0\r\nl: 4\r\n\r\n" NONE, "x" },
	{ "a length that is none", HEAD "l: 1x\r\n\r\n" NONE, "x" },
	{ "a negative length", HEAD "l: -1\r\n\r\n" NONE, "x" },
	{ "an endless length", HEAD "l: 99999999999\r\n\r\n" NONE, "x" },
	{ "one octet too long", HEAD "l: 8193\r\n\r\n" NONE, "x" },
	{ "as long as 16 bits", HEAD "l: 65535\r\n\r\n" NONE, "x" },
	{ "HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "X" },
	{ "TLS", "\x16\x03\x01\x02", "X" },
	{ "text", "hello\r\n", "X" },
	{ "garbage behind a message", NONE "\x01" NONE, "m0 X" },
	{ "a start line that is none", "SIP/2.0 x\r\nl: 0\r\n\r\n", "X" },
};
#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static struct sip_msg scratch;

/* Offer a stream in pieces of `step` octets; each time in a block of its own,
 * so that a look too far is seen by a sanitizer. */
static void
feed(struct span stream, size_t step, char *out, size_t cap)
{
	char *kept = malloc(1), *block;
	struct frame f = { 0 };
	struct span in, got;
	enum frame_kind kind;
	size_t n_kept = 0, n;

	out[0] = '\0';
	while (stream.len > 0) {
		n = step < stream.len ? step : stream.len;
		block = malloc(n_kept + n);
		memcpy(block, kept, n_kept);
		memcpy(block + n_kept, stream.p, n);
		free(kept);
		kept = block;
		stream = span_sub(stream, n, stream.len);
		in = span_make(block, n_kept + n);
		while ((kind = frame_next(&f, &scratch, &in, &got)) !=
		    FRAME_MORE) {
			size_t at = strlen(out);

			if (kind == FRAME_PING)
				snprintf(out + at, cap - at, "p ");
			if (kind == FRAME_LOST)
				snprintf(out + at, cap - at, "%s",
				    got.len > 0 ? "x" : "X");
			if (kind == FRAME_LOST)
				goto done;
			if (kind != FRAME_MESSAGE)
				continue;
			sip_parse(got, SIP_STREAM, &scratch, &n);
			ck_assert_uint_eq(n, got.len);
			snprintf(out + at, cap - at, "m%zu ",
			    scratch.body.len);
		}
		ck_assert_uint_le(in.len, FRAME_MAX);
		n_kept = in.len;
		memmove(block, in.p, n_kept);
	}
done:
	free(kept);
}

START_TEST(a_stream_is_cut_the_same_however_it_comes)
{
	struct span s = span_str(rows[_i].in);
	char out[256];

	for (size_t step = 1; step <= s.len; step++) {
		feed(s, step, out, sizeof(out));
		ck_assert_msg(strcmp(out, rows[_i].out) == 0,
		    "%s, %zu octets at a time: \"%s\", not \"%s\"",
		    rows[_i].name, step, out, rows[_i].out);
	}
}
END_TEST

START_TEST(the_limits_are_exact)
{
	static char mem[4 * FRAME_MAX];
	static const char tail[] = "\r\nl: 8192\r\n\r\n";
	char out[256];
	size_t head;

	for (int over = 0; over < 2; over++) {
		head = sizeof(HEAD "X: ") - 1;
		memcpy(mem, HEAD "X: ", head);
		memset(mem + head, 'x', FRAME_HEAD_MAX);
		head = FRAME_HEAD_MAX - (sizeof(tail) - 1) + (size_t)over;
		memcpy(mem + head, tail, sizeof(tail) - 1);
		head += sizeof(tail) - 1;
		memset(mem + head, 'b', FRAME_BODY_MAX);
		for (size_t step = 1; step <= 2 * FRAME_MAX; step *= 7) {
			feed(span_make(mem, head + FRAME_BODY_MAX), step, out,
			    sizeof(out));
			ck_assert_str_eq(out, over ? "x" : "m8192 ");
		}
	}
}
END_TEST

START_TEST(a_header_without_an_end_is_lost)
{
	static char mem[2 * FRAME_MAX];
	char out[256];

	memset(mem, 'x', sizeof(mem));
	memcpy(mem, HEAD, sizeof(HEAD) - 1);
	feed(span_make(mem, sizeof(mem)), 100, out, sizeof(out));
	ck_assert_str_eq(out, "x");
	memset(mem, 'x', sizeof(mem));
	feed(span_make(mem, sizeof(mem)), sizeof(mem), out, sizeof(out));
	ck_assert_str_eq(out, "x");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sip frames");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_stream_is_cut_the_same_however_it_comes, 0,
	    N_ROWS);
	tcase_add_test(t, the_limits_are_exact);
	tcase_add_test(t, a_header_without_an_end_is_lost);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
