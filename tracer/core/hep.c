#include <errno.h>

#include "common/ipc/wire.h"
#include "tracer/core/hep.h"

/* Types of chunks; the vendor of all is 0. */
enum {
	HEP_FAMILY = 1,
	HEP_PROTOCOL = 2,
	HEP_FROM_IPV4 = 3,
	HEP_TO_IPV4 = 4,
	HEP_FROM_IPV6 = 5,
	HEP_TO_IPV6 = 6,
	HEP_FROM_PORT = 7,
	HEP_TO_PORT = 8,
	HEP_TIME_S = 9,
	HEP_TIME_US = 10,
	HEP_WHAT = 11,
	HEP_AGENT = 12,
	HEP_PAYLOAD = 15,
	HEP_CORRELATION = 17,
};

#define CHUNK_HEAD 6
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define WHAT_SIP 1

static void
chunk(struct buf *b, uint16_t type, struct span value)
{
	wire_put_uint(b, 0, 2);
	wire_put_uint(b, type, 2);
	wire_put_uint(b, CHUNK_HEAD + value.len, 2);
	buf_put(b, value);
}

static void
number(struct buf *b, uint16_t type, uint64_t v, unsigned bytes)
{
	char mem[8];
	struct buf value;

	buf_init(&value, mem, sizeof(mem));
	wire_put_uint(&value, v, bytes);
	chunk(b, type, buf_span(&value));
}

static void
put_ends(struct buf *b, const struct addr *from, const struct addr *to)
{
	bool v4 = from->family == ADDR_IPV4;

	number(b, HEP_FAMILY, v4 ? FAMILY_IPV4 : FAMILY_IPV6, 1);
	chunk(b, v4 ? HEP_FROM_IPV4 : HEP_FROM_IPV6,
	    span_make(from->ip, addr_ip_len(from)));
	chunk(b, v4 ? HEP_TO_IPV4 : HEP_TO_IPV6,
	    span_make(to->ip, addr_ip_len(to)));
	number(b, HEP_FROM_PORT, from->port, 2);
	number(b, HEP_TO_PORT, to->port, 2);
}

int
hep_put(struct buf *b, const struct packet *p, uint32_t agent,
    struct span call_id)
{
	const struct addr *from = p->out ? &p->local : &p->remote;
	const struct addr *to = p->out ? &p->remote : &p->local;
	size_t begin = b->len;

	if (addr_ip_len(from) == 0 || from->family != to->family)
		return -EAFNOSUPPORT;
	buf_puts(b, "HEP3");
	wire_put_uint(b, 0, 2);
	number(b, HEP_PROTOCOL, p->transport == TRANSPORT_UDP ? PROTOCOL_UDP :
		PROTOCOL_TCP, 1);
	put_ends(b, from, to);
	number(b, HEP_TIME_S, p->at_us / 1000000, 4);
	number(b, HEP_TIME_US, p->at_us % 1000000, 4);
	number(b, HEP_WHAT, WHAT_SIP, 1);
	number(b, HEP_AGENT, agent, 4);
	if (call_id.len > 0)
		chunk(b, HEP_CORRELATION, call_id);
	chunk(b, HEP_PAYLOAD, p->bytes);
	if (buf_err(b) == 0 && b->len - begin > UINT16_MAX)
		b->err = -EMSGSIZE;
	if (buf_err(b))
		return buf_err(b);
	b->p[begin + 4] = (char)((b->len - begin) >> 8);
	b->p[begin + 5] = (char)((b->len - begin) & 0xff);
	return 0;
}
