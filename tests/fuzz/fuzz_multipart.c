/*
 * A Content-Type, LF, and a body of several parts: what is understood can be
 * written, and reads the same again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
insist(bool true_thing, const char *what)
{
	if (true_thing)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
insist_same(const struct sip_multipart *a, const struct sip_multipart *b)
{
	insist(a->n == b->n, "another number of parts");
	for (unsigned i = 0; i < a->n; i++) {
		insist(
		    span_eq(a->part[i].body, b->part[i].body), "another body");
		insist(sip_part_is_required(&a->part[i]) ==
			   sip_part_is_required(&b->part[i]),
		    "another handling");
		insist(sip_part_is(&a->part[i], "application", "sdp") ==
			   sip_part_is(&b->part[i], "application", "sdp"),
		    "another type");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char mem[131072];
	struct span all = span_make(data, len), type, body;
	struct sip_multipart m, again;
	ptrdiff_t lf = span_find(all, '\n');
	struct buf b;

	if (lf < 0 || len > 65536)
		return 0;
	type = span_sub(all, 0, (size_t)lf);
	body = span_sub(all, (size_t)lf + 1, len);
	if (sip_multipart_parse(type, body, &m) != 0)
		return 0;
	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < m.n; i++) {
		sip_multipart_put(&b, &m, &m.part[i]);
		buf_put(&b, m.part[i].body);
	}
	sip_multipart_end(&b, &m);
	if (buf_err(&b)) /* a control octet in a header: not passed on */
		return 0;
	insist(sip_multipart_parse(type, buf_span(&b), &again) == 0,
	    "what we wrote is refused");
	insist_same(&m, &again);
	return 0;
}
