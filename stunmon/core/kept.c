#include <errno.h>

#include "common/ipc/wire.h"
#include "stunmon/core/kept.h"

#define MAGIC 0x504b5431u	/* counted up when the form changes */
#define HEAD 16			/* magic, generation, length, 2 unused */
#define SUM 8

/* Finds a torn write; nobody is kept from forging it. */
static uint64_t
sum(struct span s)
{
	uint64_t h = 0xcbf29ce484222325u;	/* FNV-1a */

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
	return h;
}

/* ---- writing ---- */

static void
put_history(struct buf *b, const struct history *h)
{
	wire_put_uint(b, h->n, 1);
	for (unsigned i = 0; i < h->n; i++) {
		const struct history_row *r = history_get(h, i);

		wire_put_addr(b, &r->site);
		wire_put_uint(b, r->state, 1);
		wire_put_uint(b, (uint64_t)r->wall_s, 8);
		wire_put_addr(b, &r->server);
	}
}

static void
put_nat(struct buf *b, const struct nat_result *n)
{
	wire_put_uint(b, n->mapping, 1);
	wire_put_uint(b, n->filtering, 1);
	wire_put_uint(b, n->hairpin, 1);
	wire_put_uint(b, n->tested, 1);
	wire_put_uint(b, n->port_preserving, 1);
	wire_put_uint(b, n->port_open, 1);
	wire_put_uint(b, n->socket, 2);
}

void
kept_put(const struct kept *k, uint64_t generation, char slot[KEPT_SLOT])
{
	struct buf b, head;

	memset(slot, 0, KEPT_SLOT);
	buf_init(&b, slot + HEAD, KEPT_SLOT - HEAD - SUM);
	wire_put_addr(&b, &k->site);
	wire_put_uint(&b, (uint64_t)k->sure_s, 8);
	wire_put_addr(&b, &k->dns);
	wire_put_uint(&b, k->n_local, 1);
	for (unsigned i = 0; i < k->n_local; i++)
		wire_put_addr(&b, &k->local[i]);
	wire_put_uint(&b, k->n_sip, 1);
	for (unsigned i = 0; i < k->n_sip; i++) {
		wire_put_uint(&b, k->sip[i].number, 2);
		wire_put_addr(&b, &k->sip[i].mapped);
	}
	put_nat(&b, &k->nat);
	put_history(&b, &k->history);
	buf_init(&head, slot, HEAD);
	wire_put_uint(&head, MAGIC, 4);
	wire_put_uint(&head, generation, 8);
	wire_put_uint(&head, b.len, 2);
	buf_init(&head, slot + KEPT_SLOT - SUM, SUM);
	wire_put_uint(&head, sum(span_make(slot, KEPT_SLOT - SUM)), SUM);
}

/* ---- reading ---- */

static int64_t
get_wall(struct rwire *r)
{
	return (int64_t)wire_get_uint(r, 8, 0, INT64_MAX / 2);
}

/* None, or one that the internet reaches. */
static struct addr
get_public(struct rwire *r, bool with_port)
{
	struct addr a = wire_get_addr(r, true);

	if (a.family != ADDR_NONE &&
	    (!addr_is_public(&a) || (a.port != 0) != with_port))
		wire_fail(r, -ERANGE);
	return a;
}

static void
get_sip(struct rwire *r, struct kept *k)
{
	k->n_sip = (unsigned)wire_get_uint(r, 1, 0, KEPT_SIP_MAX);
	for (unsigned i = 0; i < k->n_sip; i++) {
		k->sip[i].number = (uint16_t)wire_get_uint(r, 2, 0,
		    MAPPING_SITE - 1);
		k->sip[i].mapped = get_public(r, true);
		if (k->sip[i].mapped.family == ADDR_NONE)
			wire_fail(r, -ERANGE);
	}
}

static void
get_nat(struct rwire *r, struct nat_result *n)
{
	n->mapping = (enum nat_kind)wire_get_uint(r, 1, 0, NAT_PORT);
	n->filtering = (enum nat_kind)wire_get_uint(r, 1, 0, NAT_PORT);
	n->hairpin = (enum nat_hairpin)wire_get_uint(r, 1, 0, HAIRPIN_NO);
	n->tested = wire_get_uint(r, 1, 0, 1);
	n->port_preserving = wire_get_uint(r, 1, 0, 1);
	n->port_open = wire_get_uint(r, 1, 0, 1);
	n->socket = (uint16_t)wire_get_uint(r, 2, 0, UINT16_MAX);
}

static void
get_history(struct rwire *r, struct history *h)
{
	unsigned n = (unsigned)wire_get_uint(r, 1, 0, HISTORY_MAX);

	for (unsigned i = 0; i < n; i++) {
		struct history_row row = { .site = get_public(r, false) };

		row.state = (enum public_state)wire_get_uint(r, 1,
		    PUBLIC_UNKNOWN, PUBLIC_OLD);
		row.wall_s = get_wall(r);
		row.server = wire_get_addr(r, true);
		history_add(h, &row);
	}
}

int
kept_read(struct span state, struct kept *k)
{
	struct rwire r = { state, 0 };

	*k = (struct kept){ 0 };
	k->site = get_public(&r, false);
	k->sure_s = get_wall(&r);
	k->dns = get_public(&r, false);
	k->n_local = (unsigned)wire_get_uint(&r, 1, 0, KEPT_LOCAL_MAX);
	for (unsigned i = 0; i < k->n_local; i++)
		k->local[i] = wire_get_addr(&r, false);
	get_sip(&r, k);
	get_nat(&r, &k->nat);
	get_history(&r, &k->history);
	return wire_end(&r);
}

static int
get_slot(struct span slot, struct kept *k, uint64_t *generation)
{
	struct rwire r = { span_sub(slot, 0, HEAD), 0 };
	struct rwire end = { span_sub(slot, KEPT_SLOT - SUM, SUM), 0 };
	size_t len;

	wire_get_uint(&r, 4, MAGIC, MAGIC);
	*generation = wire_get_uint(&r, 8, 1, UINT64_MAX - 1);
	len = wire_get_uint(&r, 2, 0, KEPT_SLOT - HEAD - SUM);
	if (r.err || wire_get_uint(&end, SUM, 0, UINT64_MAX) !=
		sum(span_sub(slot, 0, KEPT_SLOT - SUM)))
		return -EBADMSG;
	return kept_read(span_sub(slot, HEAD, len), k);
}

int
kept_get(struct span image, struct kept *out, uint64_t *generation_out)
{
	uint64_t newest = 0, generation;
	struct kept k;

	if (image.len != KEPT_IMAGE)
		return -ENOENT;
	for (size_t i = 0; i < 2; i++) {
		if (get_slot(span_sub(image, i * KEPT_SLOT, KEPT_SLOT), &k,
			&generation) != 0 || generation <= newest)
			continue;
		newest = generation;
		*out = k;
	}
	if (newest == 0)
		return -ENOENT;
	*generation_out = newest;
	return 0;
}
