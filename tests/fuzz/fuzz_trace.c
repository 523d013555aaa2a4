/*
 * What a captured tracer could lay into its directory: files of traces, which
 * the admin's command reads as root, and its own rules.
 */
#include <stdlib.h>

#include "postern/trace_file.h"
#include "tracer/core/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_rules(struct span text)
{
	static char mem[RULES_TEXT_MAX];
	struct rules r, again;
	struct buf b;

	rules_read(&r, text, 1800000000);
	buf_init(&b, mem, sizeof(mem));
	rules_put(&r, &b);
	if (buf_err(&b))
		abort();
	rules_read(&again, buf_span(&b), 1800000000);
	if (again.n != r.n || again.last != r.last)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trace_file f = { span_make(data, len) };
	struct trace_packet p;

	while (trace_file_next(&f, &p) == 0) {
		if (p.bytes.len > len || p.comment.len > len ||
		    (p.bytes.len > 0 && (p.bytes.p < (const char *)data ||
			p.bytes.p + p.bytes.len > (const char *)data + len)))
			abort();
	}
	check_rules(span_make(data, len));
	return 0;
}
