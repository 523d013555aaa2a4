#include <errno.h>

#include "common/codec/udptl.h"

/* What is left of a packet. */
struct rest {
	const uint8_t *p;
	size_t len;
};

static int
take_byte(struct rest *r, uint8_t *out)
{
	if (r->len == 0)
		return -EBADMSG;
	*out = *r->p;
	r->p++;
	r->len--;
	return 0;
}

/* A length of one octet, or two with 10 in front. */
static int
take_length(struct rest *r, size_t *out)
{
	uint8_t high, low;

	if (take_byte(r, &high) != 0)
		return -EBADMSG;
	if (high < 0x80) {
		*out = high;
		return 0;
	}
	if (high >= 0xc0 || take_byte(r, &low) != 0)
		return -EBADMSG;
	*out = (size_t)(high & 0x3f) << 8 | low;
	return 0;
}

static int
skip_packet(struct rest *r)
{
	size_t len;

	if (take_length(r, &len) != 0 || len > r->len)
		return -EBADMSG;
	r->p += len;
	r->len -= len;
	return 0;
}

static int
skip_older(struct rest *r)
{
	size_t n;

	if (take_length(r, &n) != 0)
		return -EBADMSG;
	while (n-- > 0)
		if (skip_packet(r) != 0)
			return -EBADMSG;
	return 0;
}

int
udptl_parse(struct span packet, uint16_t *seq_out)
{
	struct rest r = { (const uint8_t *)packet.p, packet.len };
	uint8_t high, low, recovery;

	if (take_byte(&r, &high) != 0 || take_byte(&r, &low) != 0 ||
	    skip_packet(&r) != 0 || take_byte(&r, &recovery) != 0)
		return -EBADMSG;
	if ((recovery & 0x80) == 0 && skip_older(&r) != 0)
		return -EBADMSG;
	*seq_out = (uint16_t)(high << 8 | low);
	return 0;
}
