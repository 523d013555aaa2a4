#include "postern/hook.h"

void
hook_is_known(struct hook *h, const struct addr *address)
{
	h->done = *address;
}

bool
hook_wants(const struct hook *h, const struct addr *address, struct mono now)
{
	return addr_is_public(address) && !addr_same_ip(address, &h->done) &&
	    (h->ran_at.us == 0 ||
		mono_ms_between(h->ran_at, now) >= h->pause_ms);
}

void
hook_ran(struct hook *h, const struct addr *address, bool well,
    struct mono now)
{
	h->ran_at = now;
	if (well) {
		h->done = *address;
		h->pause_ms = HOOK_PAUSE_MS;
		return;
	}
	h->pause_ms = h->pause_ms < HOOK_PAUSE_MS ? HOOK_PAUSE_MS :
	    2 * h->pause_ms;
	if (h->pause_ms > HOOK_PAUSE_MOST_MS)
		h->pause_ms = HOOK_PAUSE_MOST_MS;
}
