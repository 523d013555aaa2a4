/*
 * The reader of a phone's report on a call (RFC 6035): whatever it says, its
 * figures are within their bounds and its Call-ID lies in the body.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sigproxy/sip/vqreport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span body = span_make(data, len);
	struct vqreport r;

	if (vqreport_parse(body, &r) != 0)
		return 0;
	if (r.loss_permyriad > 10000 || r.jitter_us > 60000000 ||
	    r.rtt_ms > 20000 || r.mos_centi > 450 ||
	    (r.has_mos && r.mos_centi < 100) || r.call_id.len == 0 ||
	    r.call_id.p < body.p ||
	    r.call_id.p + r.call_id.len > body.p + body.len)
		abort();
	return 0;
}
