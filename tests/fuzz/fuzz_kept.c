/*
 * The file in which stunmon keeps what it believes, written by a captured
 * one: what is read is written back to the same, and holds no address that
 * the internet does not reach.
 */
#include <stdlib.h>

#include "stunmon/core/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct kept *k)
{
	static char image[KEPT_IMAGE];
	uint64_t generation;
	struct kept again;

	kept_put(k, 2, image);
	if (kept_get(span_make(image, sizeof(image)), &again,
		&generation) != 0 || generation != 2 ||
	    again.n_sip != k->n_sip || again.history.n != k->history.n ||
	    memcmp(&again.site, &k->site, sizeof(k->site)) != 0)
		abort();
	if (k->site.family != ADDR_NONE && !addr_is_public(&k->site))
		abort();
	for (unsigned i = 0; i < k->n_sip; i++) {
		if (!addr_is_public(&k->sip[i].mapped))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kept k;
	uint64_t generation;

	if (kept_read(span_make(data, len), &k) == 0)
		check(&k);
	kept_get(span_make(data, len), &k, &generation);
	return 0;
}
