#include <string.h>

#include "common/base/text.h"
#include "sigproxy/core/handshakes.h"

#define ONE_MAX 256	/* bytes of one in JSON; they are about 150 */

/* The one that says the same, else a free one, else the oldest. */
static struct handshake *
place(struct handshake *list, const struct addr *at, const char *why)
{
	struct handshake *best = &list[0];

	for (unsigned i = 0; i < HANDSHAKES_MAX; i++) {
		struct handshake *x = &list[i];

		if (x->why != NULL && strcmp(x->why, why) == 0 &&
		    addr_same_ip(&x->at, at))
			return x;
		if (best->why != NULL &&
		    (x->why == NULL || mono_before(x->last, best->last)))
			best = x;
	}
	*best = (struct handshake){ .why = why, .at = *at };
	return best;
}

void
handshakes_note(struct handshakes *h, const struct addr *at, const char *why,
    struct span number, struct mono now)
{
	struct handshake *x = place(number.len > 0 ? h->known : h->other, at,
	    why);

	number = span_sub(number, 0, sizeof(x->number));
	if (number.len > 0)
		memcpy(x->number, number.p, number.len);
	x->n_number = (uint8_t)number.len;
	x->count++;
	x->last = now;
}

static void
put_one(const struct handshake *x, struct mono now, struct buf *json)
{
	buf_puts(json, "{\"at\":\"");
	addr_put_ip(json, &x->at);
	buf_fmt(json, "\",\"why\":\"%s\",\"number\":", x->why);
	text_put_json(json, span_make(x->number, x->n_number));
	buf_fmt(json, ",\"count\":%llu,\"ago_s\":%llu}",
	    (unsigned long long)x->count,
	    (unsigned long long)mono_ms_between(x->last, now) / 1000);
}

static bool
put_list(const struct handshake *list, struct mono now, size_t spare, bool any,
    struct buf *json)
{
	for (unsigned i = 0; i < HANDSHAKES_MAX; i++) {
		if (list[i].why == NULL ||
		    json->len + ONE_MAX + spare > json->cap)
			continue;
		if (any)
			buf_putc(json, ',');
		put_one(&list[i], now, json);
		any = true;
	}
	return any;
}

void
handshakes_status(const struct handshakes *h, struct mono now, size_t spare,
    struct buf *json)
{
	bool any;

	buf_puts(json, "\"tls_failures\":[");
	any = put_list(h->known, now, spare, false, json);
	put_list(h->other, now, spare, any, json);
	buf_putc(json, ']');
}
