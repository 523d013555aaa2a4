#include <assert.h>
#include <errno.h>

#include "common/base/text.h"
#include "common/ipc/msg.h"
#include "common/ipc/wire.h"

/* ---- put: what one field of each kind does ---- */

static void
put_bounded(struct buf *b, uint64_t v, unsigned bytes, uint64_t lo,
    uint64_t hi)
{
	assert(v >= lo && v <= hi);
	wire_put_uint(b, v, bytes);
}

static void
put_blob(struct buf *b, struct span s, size_t lo, size_t hi)
{
	if (s.len < lo || s.len > hi)
		b->err = -EMSGSIZE;
	wire_put_text(b, s);
}

/* A stranger's text goes on as it may be read, never as he wrote it: the
 * receiver would take the sender for captured. */
static void
put_str(struct buf *b, struct span s, size_t lo, size_t hi)
{
	if (s.len < lo || s.len > hi)
		b->err = -EMSGSIZE;
	wire_put_uint(b, s.len, 2);
	text_put_plain(b, s);
}

#define PUT_u8(name, lo, hi) put_bounded(b, m->name, 1, lo, hi);
#define PUT_u16(name, lo, hi) put_bounded(b, m->name, 2, lo, hi);
#define PUT_u32(name, lo, hi) put_bounded(b, m->name, 4, lo, hi);
#define PUT_u64(name, lo, hi) put_bounded(b, m->name, 8, lo, hi);
#define PUT_str(name, lo, hi) put_str(b, m->name, lo, hi);
#define PUT_blob(name, lo, hi) put_blob(b, m->name, lo, hi);
#define PUT_bin(name, lo, hi) buf_put(b, span_make(m->name, lo));
#define PUT_addr(name, lo, hi)                    \
	assert(m->name.family != ADDR_NONE);      \
	wire_put_addr(b, &m->name);
#define PUT_oaddr(name, lo, hi) wire_put_addr(b, &m->name);
#define PUT_item(name, lo, hi) put_item_##lo(b, &m->name);
#define PUT_list(name, lo, hi)                              \
	put_bounded(b, m->n_##name, 1, 0, hi);              \
	for (unsigned i_ = 0; i_ < m->n_##name; i_++)       \
		put_item_##lo(b, &m->name[i_]);
#define PUT(kind, name, lo, hi) PUT_##kind(name, lo, hi)

/* ---- get: the same, and every bound is checked ---- */

static struct span
get_str(struct rwire *r, size_t lo, size_t hi)
{
	struct span s = wire_get_blob(r, lo, hi);

	if (!text_is_plain(s))
		wire_fail(r, -EBADMSG);
	return r->err ? SPAN_NONE : s;
}

#define GET_u8(name, lo, hi) m->name = (uint8_t)wire_get_uint(r, 1, lo, hi);
#define GET_u16(name, lo, hi) m->name = (uint16_t)wire_get_uint(r, 2, lo, hi);
#define GET_u32(name, lo, hi) m->name = (uint32_t)wire_get_uint(r, 4, lo, hi);
#define GET_u64(name, lo, hi) m->name = wire_get_uint(r, 8, lo, hi);
#define GET_str(name, lo, hi) m->name = get_str(r, lo, hi);
#define GET_blob(name, lo, hi) m->name = wire_get_blob(r, lo, hi);
#define GET_bin(name, lo, hi) wire_get_bin(r, m->name, lo);
#define GET_addr(name, lo, hi) m->name = wire_get_addr(r, false);
#define GET_oaddr(name, lo, hi) m->name = wire_get_addr(r, true);
#define GET_item(name, lo, hi) get_item_##lo(r, &m->name);
#define GET_list(name, lo, hi)                                     \
	m->n_##name = (unsigned)wire_get_uint(r, 1, 0, hi);        \
	for (unsigned i_ = 0; i_ < m->n_##name && r->err == 0; i_++) \
		get_item_##lo(r, &m->name[i_]);
#define GET(kind, name, lo, hi) GET_##kind(name, lo, hi)

#define DEFINE_ITEM(item)                                          \
	static void put_item_##item(struct buf *b,                 \
	    const struct ipc_##item *m)                            \
	{                                                          \
		IPC_ITEM_##item(PUT)                               \
	}                                                          \
	static void get_item_##item(struct rwire *r,               \
	    struct ipc_##item *m)                                  \
	{                                                          \
		IPC_ITEM_##item(GET)                               \
	}
IPC_ITEMS(DEFINE_ITEM)

#define DEFINE_MSG(NAME, msg, nr, from, to, answers, meaning)      \
	void put_##msg(struct buf *b, const struct ipc_##msg *m)   \
	{                                                          \
		IPC_F_##msg(PUT)                                   \
	}                                                          \
	int get_##msg(struct span payload, struct ipc_##msg *out)  \
	{                                                          \
		struct rwire rw = { payload, 0 }, *r = &rw;        \
		struct ipc_##msg got = { 0 }, *m = &got;           \
		int err;                                           \
		IPC_F_##msg(GET)                                   \
		err = wire_end(r);                                 \
		if (err == 0)                                      \
			*out = got;                                \
		return err;                                        \
	}
IPC_TABLE(DEFINE_MSG)

/* ---- frames ---- */

size_t
ipc_begin(struct buf *b, enum ipc_type type)
{
	size_t begin = b->len;

	wire_put_uint(b, 0, 4);
	wire_put_uint(b, type, 2);
	return begin;
}

void
ipc_end(struct buf *b, size_t begin)
{
	size_t end = b->len;

	if (b->err == 0 && end - begin - IPC_HEADER_LEN > IPC_PAYLOAD_MAX)
		b->err = -EMSGSIZE;
	if (b->err) {
		b->len = begin;
		return;
	}
	b->len = begin;
	wire_put_uint(b, end - begin - IPC_HEADER_LEN, 4);
	b->len = end;
}

int
ipc_split(struct span stream, uint16_t *type_out, struct span *payload_out,
    size_t *used_out)
{
	struct rwire r = { stream, 0 };
	size_t len;
	uint16_t type;

	if (stream.len < IPC_HEADER_LEN)
		return -EAGAIN;
	len = wire_get_uint(&r, 4, 0, UINT32_MAX);
	if (len > IPC_PAYLOAD_MAX)
		return -EMSGSIZE;
	type = (uint16_t)wire_get_uint(&r, 2, 0, UINT16_MAX);
	if (r.left.len < len)
		return -EAGAIN;
	*type_out = type;
	*payload_out = span_make(r.left.p, len);
	*used_out = IPC_HEADER_LEN + len;
	return 0;
}
