#include <sodium.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "registrar-db/core/nonce.h"

#define SERIAL_LEN 8
#define MAC_LEN 16
#define RAW_LEN (SERIAL_LEN + MAC_LEN)
#define B64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct nonce_slot {
	uint64_t serial;	/* 0: never used */
	struct mono minted;
	uint64_t window;	/* bit i: nc_top - i was used */
	int64_t subscriber;	/* whose it is, once used */
	uint32_t nc_top;	/* highest count used */
	bool used;
	bool uncounted;		/* used without nc: no further use */
};

struct nonces {
	struct nonce_slot slot[NONCE_RING];
	uint64_t next_serial;
	uint64_t lifetime_us;
	struct secret key;
};

_Static_assert((NONCE_RING & (NONCE_RING - 1)) == 0, "a power of two");
_Static_assert(sodium_base64_ENCODED_LEN(RAW_LEN, B64) == NONCE_CHARS + 1,
    "the raw bytes fill the characters exactly");

/* All of the ring now, so that memory is flat from the first day on. */
static void
make_resident(struct nonces *n)
{
	volatile struct nonce_slot *slot = n->slot;

	for (size_t i = 0; i < NONCE_RING; i++)
		slot[i].used = false;
}

struct nonces *
nonces_new(const uint8_t key[NONCE_KEY_LEN], uint32_t lifetime_ms)
{
	struct nonces *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	if (secret_new(&n->key, NONCE_KEY_LEN) != 0) {
		free(n);
		return NULL;
	}
	memcpy(n->key.p, key, NONCE_KEY_LEN);
	make_resident(n);
	n->lifetime_us = (uint64_t)lifetime_ms * 1000;
	n->next_serial = 1;
	return n;
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	secret_free(&n->key);
	free(n);
}

/* Write the serial and its keyed hash. */
static void
raw_make(const struct nonces *n, uint64_t serial, uint8_t out[RAW_LEN])
{
	for (int i = 0; i < SERIAL_LEN; i++)
		out[i] = (uint8_t)(serial >> (56 - 8 * i));
	crypto_generichash(out + SERIAL_LEN, MAC_LEN, out, SERIAL_LEN,
	    n->key.p, n->key.len);
}

void
nonce_mint(struct nonces *n, struct mono now, char out[NONCE_CHARS])
{
	uint64_t serial = n->next_serial++;
	char text[NONCE_CHARS + 1];
	uint8_t raw[RAW_LEN];

	n->slot[serial % NONCE_RING] = (struct nonce_slot){
		.serial = serial,
		.minted = now,
	};
	raw_make(n, serial, raw);
	sodium_bin2base64(text, sizeof(text), raw, sizeof(raw), B64);
	memcpy(out, text, NONCE_CHARS);
}

/* Index of the slot of a nonce that we made and still remember, or -1. */
static int
slot_find(const struct nonces *n, struct span nonce)
{
	uint8_t raw[RAW_LEN], right[RAW_LEN];
	uint64_t serial = 0;
	size_t len;

	if (nonce.len != NONCE_CHARS ||
	    sodium_base642bin(raw, sizeof(raw), nonce.p, nonce.len, NULL, &len,
		NULL, B64) != 0 || len != RAW_LEN)
		return -1;
	for (int i = 0; i < SERIAL_LEN; i++)
		serial = serial << 8 | raw[i];
	raw_make(n, serial, right);
	if (!secret_eq(raw, right, RAW_LEN))
		return -1;
	if (n->slot[serial % NONCE_RING].serial != serial)
		return -1;
	return (int)(serial % NONCE_RING);
}

/* Was this count used, or is it too far behind to know? */
static bool
count_is_spent(const struct nonce_slot *s, uint32_t nc)
{
	if (!s->used || nc > s->nc_top)
		return false;
	if (s->nc_top - nc >= NONCE_WINDOW)
		return true;
	return (s->window >> (s->nc_top - nc) & 1) != 0;
}

enum nonce_state
nonce_check(const struct nonces *n, struct mono now,
    const struct nonce_use *use, int64_t subscriber)
{
	int at = slot_find(n, use->nonce);
	const struct nonce_slot *s;

	if (at < 0)
		return NONCE_STALE;
	s = &n->slot[at];
	if (now.us - s->minted.us > n->lifetime_us)
		return NONCE_STALE;
	if (!s->used)
		return NONCE_GOOD;
	if (s->subscriber != subscriber || s->uncounted || !use->counted ||
	    count_is_spent(s, use->nc))
		return NONCE_STALE;
	return NONCE_GOOD;
}

uint32_t
nonce_left_s(const struct nonces *n, struct mono now, struct span nonce)
{
	int at = slot_find(n, nonce);
	uint64_t age;

	if (at < 0 || n->slot[at].uncounted)
		return 0;
	age = now.us - n->slot[at].minted.us;
	return age >= n->lifetime_us ? 0 :
				       (uint32_t)((n->lifetime_us - age) /
					   1000000);
}

void
nonce_spend(struct nonces *n, const struct nonce_use *use, int64_t subscriber)
{
	int at = slot_find(n, use->nonce);
	struct nonce_slot *s;
	uint32_t ahead;

	if (at < 0)
		return;
	s = &n->slot[at];
	s->subscriber = subscriber;
	if (!use->counted) {
		s->used = s->uncounted = true;
	} else if (!s->used) {
		s->used = true;
		s->nc_top = use->nc;
		s->window = 1;
	} else if (use->nc > s->nc_top) {
		ahead = use->nc - s->nc_top;
		s->window = ahead >= NONCE_WINDOW ? 1 : s->window << ahead | 1;
		s->nc_top = use->nc;
	} else if (s->nc_top - use->nc < NONCE_WINDOW) {
		s->window |= UINT64_C(1) << (s->nc_top - use->nc);
	}
}
