#include <string.h>

#include "mediaproxy/core/ice_seen.h"

enum {
	HASHES = 4,
	TAG_AT = 2 * HASHES,	/* bits and tag: other parts of the MAC */
};

static unsigned
bit_of(const uint8_t *mac, unsigned i)
{
	unsigned v = (unsigned)mac[2 * i] << 8 | mac[2 * i + 1];

	return v % (ICE_SEEN_WORDS * 64);
}

static bool
is_marked(const struct ice_seen *s, const uint8_t *mac)
{
	for (unsigned i = 0; i < HASHES; i++) {
		unsigned bit = bit_of(mac, i);

		if (!(s->bits[bit / 64] >> bit % 64 & 1))
			return false;
	}
	return true;
}

static void
mark(struct ice_seen *s, const uint8_t *mac)
{
	for (unsigned i = 0; i < HASHES; i++) {
		unsigned bit = bit_of(mac, i);

		s->bits[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

static const struct ice_seen_one *
find(const struct ice_seen *s, uint64_t mac)
{
	for (unsigned i = 0; i < ICE_SEEN_RECENT; i++) {
		const struct ice_seen_one *one = &s->recent[i];

		if (one->mac == mac && one->source.family != ADDR_NONE)
			return one;
	}
	return NULL;
}

enum ice_said
ice_seen(struct ice_seen *s, const uint8_t mac[ICE_MAC_LEN],
    enum port_which which, const struct addr *source)
{
	const struct ice_seen_one *one;
	uint64_t tag;

	memcpy(&tag, mac + TAG_AT, sizeof(tag));
	one = find(s, tag);
	if (one != NULL)
		return one->which == which && addr_eq(&one->source, source) ?
		    ICE_AGAIN : ICE_REPLAYED;
	if (is_marked(s, mac))
		return ICE_REPLAYED;
	mark(s, mac);
	s->recent[s->next] = (struct ice_seen_one){ tag, *source,
		(uint8_t)which };
	s->next = (uint8_t)((s->next + 1) % ICE_SEEN_RECENT);
	return ICE_FRESH;
}
