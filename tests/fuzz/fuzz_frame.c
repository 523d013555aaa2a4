/*
 * A stream cut into messages: whole and in pieces it comes out the same, and
 * the parser sees each message end where the frame does.
 *
 * Input: one octet (size of the pieces), then the stream.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define EVENTS_MAX 64

struct events {
	unsigned n;
	enum frame_kind kind[EVENTS_MAX];
	size_t len[EVENTS_MAX];
};

static struct sip_msg msg;

static void
insist(bool true_thing, const char *what)
{
	if (true_thing)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
check_message(struct span got)
{
	size_t used = 0;
	int err = sip_parse(got, SIP_STREAM, &msg, &used);

	insist(err != -EAGAIN && err != -ENOMSG, "half a message");
	insist(used == got.len, "the parser sees another end");
}

static void
cut(struct span stream, size_t step, struct events *out)
{
	struct frame f = { 0 };
	enum frame_kind kind = FRAME_MORE;
	struct span in = span_make(stream.p, 0), got;

	out->n = 0;
	while (in.p + in.len < stream.p + stream.len) {
		size_t left = (size_t)(stream.p + stream.len - in.p) - in.len;

		in.len += step < left ? step : left;
		while (out->n < EVENTS_MAX &&
		    (kind = frame_next(&f, &msg, &in, &got)) != FRAME_MORE) {
			insist(in.p + in.len <= stream.p + stream.len,
			    "more consumed than there was");
			out->kind[out->n] = kind;
			out->len[out->n++] = kind == FRAME_MESSAGE ?
			    got.len : 0;
			if (kind == FRAME_LOST)
				return;
			if (kind == FRAME_MESSAGE)
				check_message(got);
		}
		if (out->n == EVENTS_MAX)
			return;
		insist(in.len <= FRAME_MAX, "too much to keep");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct events whole, pieces;

	if (len < 2)
		return 0;
	cut(span_make(data + 1, len - 1), len, &whole);
	cut(span_make(data + 1, len - 1), 1 + (size_t)data[0], &pieces);
	insist(whole.n == pieces.n &&
	    memcmp(whole.kind, pieces.kind,
		whole.n * sizeof(whole.kind[0])) == 0 &&
	    memcmp(whole.len, pieces.len,
		whole.n * sizeof(whole.len[0])) == 0,
	    "pieces make a difference");
	return 0;
}
