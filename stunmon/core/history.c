#include "stunmon/core/history.h"

void
history_add(struct history *h, const struct history_row *row)
{
	h->row[(h->first + h->n) % HISTORY_MAX] = *row;
	if (h->n < HISTORY_MAX)
		h->n++;
	else
		h->first = (h->first + 1) % HISTORY_MAX;
}

const struct history_row *
history_get(const struct history *h, unsigned i)
{
	return i < h->n ? &h->row[(h->first + i) % HISTORY_MAX] : NULL;
}

const struct history_row *
history_before(const struct history *h)
{
	const struct history_row *now, *r;

	if (h->n == 0)
		return NULL;
	now = history_get(h, h->n - 1);
	for (unsigned i = h->n - 1; i-- > 0;) {
		r = history_get(h, i);
		if (r->site.family != ADDR_NONE &&
		    !addr_same_ip(&r->site, &now->site))
			return r;
	}
	return NULL;
}

void
history_date(struct history *h, struct mono now, int64_t wall_s)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct history_row *r = &h->row[(h->first + i) % HISTORY_MAX];

		if (r->wall_s == 0)
			r->wall_s = wall_s -
			    (int64_t)(mono_ms_between(r->at, now) / 1000);
	}
}
