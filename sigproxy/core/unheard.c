#include <string.h>

#include "common/base/text.h"
#include "common/ipc/proof.h"
#include "sigproxy/core/unheard.h"

static struct span
number_of(const struct unheard *u, unsigned i)
{
	return span_make(u->one[i].number, u->one[i].n_number);
}

static void
forget(struct unheard *u, struct span number)
{
	for (unsigned i = 0; i < UNHEARD_MAX; i++)
		if (span_eq(number_of(u, i), number))
			u->one[i].n_number = 0;
}

static bool
is_bad(enum media_verdict v)
{
	return v != VERDICT_MEDIA_NONE && v != VERDICT_MEDIA_OK &&
	       v != VERDICT_MEDIA_FELL_SILENT &&
	       v != VERDICT_MEDIA_STOPPED_SENDING;
}

void
unheard_note(struct unheard *u, const struct unheard_phone *phone,
    struct mono now)
{
	unsigned i;

	if (phone->number.len == 0 || phone->number.len > UNHEARD_NUMBER_MAX)
		return;
	forget(u, phone->number);
	if (!is_bad(phone->reach->verdict))
		return;
	i = u->next++ % UNHEARD_MAX;
	u->one[i].n_number = (uint8_t)phone->number.len;
	memcpy(u->one[i].number, phone->number.p, phone->number.len);
	u->one[i].at = *phone->at;
	u->one[i].reach = *phone->reach;
	u->one[i].since = now;
}

static void
put_addr(const char *name, const struct addr *a, struct buf *json)
{
	if (a->family == ADDR_NONE)
		return;
	buf_fmt(json, "\"%s\":\"", name);
	addr_put(json, a);
	buf_puts(json, "\",");
}

static void
put_one(const struct unheard *u, unsigned i, struct mono now, struct buf *json)
{
	const struct ipc_call_reach *m = &u->one[i].reach;

	buf_puts(json, "{\"number\":");
	text_put_json(json, number_of(u, i));
	buf_puts(json, ",\"at\":\"");
	addr_put_ip(json, &u->one[i].at);
	buf_puts(json, "\",");
	put_addr("announced", &m->announced, json);
	put_addr(m->proof == PROOF_SENT_FIRST ? "sent_first_to" : "came_from",
	    &m->seen, json);
	buf_puts(json, "\"evidence\":\"");
	proof_put(json, m);
	buf_puts(json, "\",");
	buf_fmt(json, "\"verdict\":\"%s\",\"words\":\"%s\",\"ago_s\":%llu}",
	    media_verdict_code(m->verdict), verdict_words(m->verdict),
	    (unsigned long long)mono_ms_between(u->one[i].since, now) / 1000);
}

void
unheard_status(const struct unheard *u, struct mono now, struct buf *json)
{
	bool any = false;

	buf_puts(json, "\"media_not_heard\":[");
	for (unsigned i = 0; i < UNHEARD_MAX; i++) {
		if (u->one[i].n_number == 0)
			continue;
		if (any)
			buf_putc(json, ',');
		put_one(u, i, now, json);
		any = true;
	}
	buf_putc(json, ']');
}
