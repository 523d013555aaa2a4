/*
 * The reader of a voicemail's word, and its writer: what is written is read
 * as the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sigproxy/sip/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct summary s, again;
	char mem[256];
	struct buf b;

	if (summary_parse(span_make(data, len), &s) != 0)
		return 0;
	buf_init(&b, mem, sizeof(mem));
	summary_put(&b, &s, SPAN_LIT("sip:168@sip.example.org"));
	if (buf_err(&b) || summary_parse(buf_span(&b), &again) != 0 ||
	    s.waiting != again.waiting || s.counted != again.counted ||
	    s.fresh != again.fresh || s.old != again.old ||
	    s.urgent_fresh != again.urgent_fresh ||
	    s.urgent_old != again.urgent_old)
		abort();
	return 0;
}
