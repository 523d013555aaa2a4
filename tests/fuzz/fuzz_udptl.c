/* UDPTL packets: any bytes. */
#include <stdlib.h>

#include "common/codec/udptl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* A copy of just that size, so that a step beyond it is seen. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	uint16_t seq = 0;

	if (copy == NULL)
		return 0;
	if (len > 0)
		memcpy(copy, data, len);
	if (udptl_parse(span_make((const char *)copy, len), &seq) == 0 &&
	    seq != (uint16_t)(copy[0] << 8 | copy[1]))
		abort();
	free(copy);
	return 0;
}
