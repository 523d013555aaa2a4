#include <errno.h>

#include "tracer/core/pcapng.h"

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_RAW 101	/* IPv4 or IPv6, by its first half octet */
#define SNAP_LEN 262144
#define DATAGRAM_MAX 65535
#define COMMENT_MAX 200

enum { BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
#define BLOCK_SECTION 0x0a0d0d0au

enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_IF_NAME = 2,
	OPTION_FLAGS = 2,	/* of a packet */
	OPTION_PROGRAM = 4,	/* of a section */
};

static const char *const interfaces[] = { "external-udp", "external-tcp",
	"external-tls", "internal-udp", "internal-tcp", "internal-tls",
	"media" };

#define N_INTERFACES (sizeof(interfaces) / sizeof(interfaces[0]))
#define MEDIA (N_INTERFACES - 1)

static void
put16(struct buf *b, uint32_t v)
{
	buf_putc(b, (char)(v & 0xff));
	buf_putc(b, (char)(v >> 8 & 0xff));
}

static void
put32(struct buf *b, uint32_t v)
{
	put16(b, v & 0xffff);
	put16(b, v >> 16);
}

static void
pad(struct buf *b, size_t len)
{
	for (; len % 4 != 0; len++)
		buf_putc(b, '\0');
}

static void
option(struct buf *b, uint16_t code, struct span value)
{
	put16(b, code);
	put16(b, (uint32_t)value.len);
	buf_put(b, value);
	pad(b, value.len);
}

static size_t
block_begin(struct buf *b, uint32_t type)
{
	size_t at = b->len;

	put32(b, type);
	put32(b, 0);
	return at;
}

/* Its length stands at both ends. */
static void
block_end(struct buf *b, size_t at)
{
	char mem[4];
	struct buf len;

	buf_init(&len, mem, sizeof(mem));
	put32(&len, (uint32_t)(b->len - at + 4));
	buf_put(b, buf_span(&len));
	if (buf_err(b) == 0)
		memcpy(b->p + at + 4, mem, sizeof(mem));
}

void
pcapng_head(struct buf *b)
{
	size_t at = block_begin(b, BLOCK_SECTION);

	put32(b, BYTE_ORDER_MAGIC);
	put16(b, 1);
	put16(b, 0);
	put32(b, UINT32_MAX);	/* length not known */
	put32(b, UINT32_MAX);
	option(b, OPTION_COMMENT, SPAN_LIT("Digests, keys and texts are "
	    "crossed out. SIP over TCP and TLS is shown as UDP."));
	option(b, OPTION_PROGRAM, SPAN_LIT("Postern"));
	option(b, OPTION_END, SPAN_NONE);
	block_end(b, at);
	for (size_t i = 0; i < N_INTERFACES; i++) {
		at = block_begin(b, BLOCK_INTERFACE);
		put16(b, LINKTYPE_RAW);
		put16(b, 0);
		put32(b, SNAP_LEN);
		option(b, OPTION_IF_NAME, span_str(interfaces[i]));
		option(b, OPTION_END, SPAN_NONE);
		block_end(b, at);
	}
}

/* ---- IP and UDP, whose numbers are big-endian ---- */

static uint32_t
sum(uint32_t s, struct span bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;

	for (size_t i = 0; i < bytes.len; i++)
		s += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return s;
}

static uint16_t
folded(uint32_t s)
{
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void
be16(char *at, uint32_t v)
{
	at[0] = (char)(v >> 8 & 0xff);
	at[1] = (char)(v & 0xff);
}

struct ends {
	const struct addr *from, *to;
};

static void
put_ipv4(struct buf *b, struct ends e, uint32_t len)
{
	char h[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17 };

	be16(h + 2, len + 28);
	memcpy(h + 12, e.from->ip, 4);
	memcpy(h + 16, e.to->ip, 4);
	be16(h + 10, folded(sum(0, span_make(h, sizeof(h)))));
	buf_put(b, span_make(h, sizeof(h)));
}

static void
put_ipv6(struct buf *b, struct ends e, uint32_t len)
{
	char h[40] = { 0x60, 0, 0, 0, 0, 0, 17, 64 };

	be16(h + 4, len + 8);
	memcpy(h + 8, e.from->ip, 16);
	memcpy(h + 24, e.to->ip, 16);
	buf_put(b, span_make(h, sizeof(h)));
}

/* Of what was cut nobody can tell the checksum; IPv4 allows none. */
static void
put_udp(struct buf *b, struct ends e, struct span bytes, uint32_t len)
{
	size_t ip_len = addr_ip_len(e.from);
	uint16_t check = 0;
	char h[8];

	be16(h, e.from->port);
	be16(h + 2, e.to->port);
	be16(h + 4, len + 8);
	be16(h + 6, 0);
	if (bytes.len == len || ip_len == 16) {
		uint32_t s = 17 + len + 8;

		s = sum(s, span_make(e.from->ip, ip_len));
		s = sum(s, span_make(e.to->ip, ip_len));
		s = sum(s, span_make(h, sizeof(h)));
		check = folded(sum(s, bytes));
		be16(h + 6, check == 0 ? 0xffff : check);
	}
	buf_put(b, span_make(h, sizeof(h)));
}

static uint32_t
interface_of(const struct packet *p)
{
	if (p->zone < ZONE_EXTERNAL || p->zone > ZONE_INTERNAL ||
	    p->transport < TRANSPORT_UDP || p->transport > TRANSPORT_TLS)
		return MEDIA;
	return 3 * (p->zone - 1u) + p->transport - 1u;
}

static void
put_options(struct buf *b, const struct packet *p, struct span comment)
{
	char flags[4] = { p->out ? 2 : 1, 0, 0, 0 };

	if (comment.len > 0)
		option(b, OPTION_COMMENT, span_sub(comment, 0, COMMENT_MAX));
	option(b, OPTION_FLAGS, span_make(flags, sizeof(flags)));
	option(b, OPTION_END, SPAN_NONE);
}

int
pcapng_packet(struct buf *b, const struct packet *p, struct span comment)
{
	struct ends e = { p->out ? &p->local : &p->remote,
		p->out ? &p->remote : &p->local };
	uint32_t ip_len = e.from->family == ADDR_IPV4 ? 20 : 40;
	uint32_t len = p->len < p->bytes.len ? (uint32_t)p->bytes.len : p->len;
	size_t at;

	if (addr_ip_len(e.from) == 0 || e.from->family != e.to->family)
		return -EAFNOSUPPORT;
	if (len > DATAGRAM_MAX - 28)
		len = DATAGRAM_MAX - 28;
	if (p->bytes.len > len)
		return -EMSGSIZE;
	at = block_begin(b, BLOCK_PACKET);
	put32(b, interface_of(p));
	put32(b, (uint32_t)(p->at_us >> 32));
	put32(b, (uint32_t)p->at_us);
	put32(b, ip_len + 8 + (uint32_t)p->bytes.len);
	put32(b, ip_len + 8 + len);
	if (e.from->family == ADDR_IPV4)
		put_ipv4(b, e, len);
	else
		put_ipv6(b, e, len);
	put_udp(b, e, p->bytes, len);
	buf_put(b, p->bytes);
	pad(b, p->bytes.len);	/* what stands before is a multiple of 4 */
	put_options(b, p, comment);
	block_end(b, at);
	return buf_err(b);
}
