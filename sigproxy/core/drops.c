#include "sigproxy/core/drops.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"

#define SLOTS 4096		/* a power of two, more than DROPS_MAX */
#define LENGTHS 129		/* 0 to 128 bits */

struct slot {
	uint8_t family, bits;	/* family 0: free */
	uint8_t ip[16];
	struct mono until;
};

struct drops {
	struct slot slot[SLOTS];
	unsigned n;
	/* Prefixes of this length, by family. */
	uint16_t of_length[2][LENGTHS];
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

struct drops *
drops_new(void)
{
	struct drops *d = calloc(1, sizeof(*d));

	if (d != NULL)
		secret_random(d->hash_key, sizeof(d->hash_key));
	return d;
}

void
drops_free(struct drops *d)
{
	free(d);
}

static unsigned
bits_of(uint8_t family)
{
	return family == ADDR_IPV6 ? 128 : 32;
}

static void
mask(uint8_t ip[16], unsigned bits)
{
	if (bits % 8 != 0)
		ip[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
	for (unsigned i = (bits + 7) / 8; i < 16; i++)
		ip[i] = 0;
}

/* Where it is, or the free slot where it would be. */
static unsigned
find(const struct drops *d, const struct slot *key)
{
	uint8_t bytes[18] = { key->family, key->bits };
	unsigned char out[crypto_shorthash_BYTES];
	unsigned i;

	memcpy(bytes + 2, key->ip, 16);
	crypto_shorthash(out, bytes, sizeof(bytes), d->hash_key);
	i = (out[0] | (unsigned)out[1] << 8) & (SLOTS - 1);
	while (d->slot[i].family != 0 &&
	    (d->slot[i].family != key->family ||
		d->slot[i].bits != key->bits ||
		memcmp(d->slot[i].ip, key->ip, 16) != 0))
		i = (i + 1) & (SLOTS - 1);
	return i;
}

static void
add(struct drops *d, struct mono now, const struct ipc_drop *from)
{
	struct slot key = { .family = from->net.family, .bits = from->bits,
		.until = MONO_NEVER };
	struct slot *to;

	memcpy(key.ip, from->net.ip, sizeof(key.ip));
	mask(key.ip, key.bits);
	if (from->left_s != UINT32_MAX)
		key.until = mono_add_ms(now, from->left_s * 1000ull);
	to = &d->slot[find(d, &key)];
	if (to->family == 0) {
		if (d->n == DROPS_MAX)
			return;
		d->n++;
		d->of_length[key.family == ADDR_IPV6][key.bits]++;
	}
	*to = key;
}

int
drops_frame(struct drops *d, struct mono now, struct span payload)
{
	static struct ipc_drop_list list;
	int err = get_drop_list(payload, &list);

	for (unsigned i = 0; i < list.n_drops && err == 0; i++)
		if (list.drops[i].bits > bits_of(list.drops[i].net.family))
			err = -EBADMSG;
	if (err)
		return err;
	if (list.first != 0) {
		memset(d->slot, 0, sizeof(d->slot));
		memset(d->of_length, 0, sizeof(d->of_length));
		d->n = 0;
	}
	for (unsigned i = 0; i < list.n_drops; i++)
		add(d, now, &list.drops[i]);
	return 0;
}

bool
drops_has(const struct drops *d, struct mono now, const struct addr *a)
{
	const uint16_t *lengths = d->of_length[a->family == ADDR_IPV6];
	struct slot key = { .family = a->family };

	if (d->n == 0)
		return false;
	memcpy(key.ip, a->ip, sizeof(key.ip));
	/* From the longest: masking only takes away. */
	for (unsigned bits = bits_of(a->family) + 1; bits-- > 0;) {
		const struct slot *s;

		if (lengths[bits] == 0)
			continue;
		key.bits = (uint8_t)bits;
		mask(key.ip, bits);
		s = &d->slot[find(d, &key)];
		if (s->family != 0 && !mono_due(s->until, now))
			return true;
	}
	return false;
}

unsigned
drops_count(const struct drops *d)
{
	return d->n;
}
