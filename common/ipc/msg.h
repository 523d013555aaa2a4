/*
 * The messages as structs, made from table.h, with put and get.
 *
 * For each message NAME there are struct ipc_name, IPC_NAME, put_name() and
 * get_name().  Text and blobs are spans: borrowed when putting; when getting,
 * lent from the frame's own bytes and dead with it.
 *
 * get_*() checks everything: every length, every range, the text's octets,
 * list counts, and that not one byte is left over.  Errors: -EBADMSG (short,
 * long, malformed), -ERANGE (a bound); out is untouched on failure.
 * put_*() of a value outside its bounds is our own bug and asserts, except
 * that text longer than allowed sets the builder's error.
 */
#ifndef COMMON_IPC_MSG_H
#define COMMON_IPC_MSG_H

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/ipc/names.h"
#include "common/ipc/table.h"

#define IPC_DECL_u8(name, lo, hi) uint8_t name;
#define IPC_DECL_u16(name, lo, hi) uint16_t name;
#define IPC_DECL_u32(name, lo, hi) uint32_t name;
#define IPC_DECL_u64(name, lo, hi) uint64_t name;
#define IPC_DECL_str(name, lo, hi) struct span name;
#define IPC_DECL_blob(name, lo, hi) struct span name;
#define IPC_DECL_bin(name, lo, hi) uint8_t name[lo];
#define IPC_DECL_addr(name, lo, hi) struct addr name;
#define IPC_DECL_oaddr(name, lo, hi) struct addr name;
#define IPC_DECL_item(name, lo, hi) struct ipc_##lo name;
#define IPC_DECL_list(name, lo, hi) \
	unsigned n_##name;	    \
	struct ipc_##lo name[hi];
#define IPC_DECL(kind, name, lo, hi) IPC_DECL_##kind(name, lo, hi)

#define IPC_ITEM_STRUCT(item) \
	struct ipc_##item {   \
		IPC_ITEM_##item(IPC_DECL) };
IPC_ITEMS(IPC_ITEM_STRUCT)

#define IPC_MSG_STRUCT(NAME, name, nr, from, to, answers, meaning) \
	struct ipc_##name {					   \
		IPC_F_##name(IPC_DECL) };
IPC_TABLE(IPC_MSG_STRUCT)

enum ipc_type {
#define IPC_MSG_ENUM(NAME, name, nr, from, to, answers, meaning) \
	IPC_##NAME = (nr),
	IPC_TABLE(IPC_MSG_ENUM)
};

#define IPC_MSG_PROTO(NAME, name, nr, from, to, answers, meaning)   \
	void put_##name(struct buf *b, const struct ipc_##name *m); \
	int get_##name(struct span payload, struct ipc_##name *out);
IPC_TABLE(IPC_MSG_PROTO)

/* A row of the table, for checks, names and documentation. */
struct ipc_field {
	const char *kind, *name, *lo, *hi;
};

struct ipc_row {
	const char *name;
	uint16_t type;
	uint8_t from, to;	/* sets of enum ipc_role */
	uint16_t answers;	/* type of the question, 0: none */
	const char *meaning;
	const struct ipc_field *fields;
	size_t n_fields;
};

/* The row of a type, or NULL. */
const struct ipc_row *ipc_row(uint16_t type);
/* Rows in table order; NULL after the last. */
const struct ipc_row *ipc_row_at(size_t i);
/* Name of a type, "?" for none; never NULL. */
const char *ipc_name(uint16_t type);
/* Items by index, for documentation; false after the last. */
bool ipc_item_at(size_t i, const char **name_out,
    const struct ipc_field **fields_out, size_t *n_out);
/* A number that changes with any row or field of the table. */
uint64_t ipc_table_mark(void);
/* "sigproxy", "mediaproxy", ..., "?" */
const char *ipc_role_name(enum ipc_role role);

/*
 * May `from` send this type to `to`?  `from` is the door it came by.
 *
 * Errors: -ENOMSG no such type; -EPERM not that pair; -EMSGSIZE too long.
 */
int ipc_permit(uint16_t type, enum ipc_role from, enum ipc_role to,
    size_t len);

/* ---- frames: u32 length of the payload, u16 type, payload ---- */

#define IPC_HEADER_LEN 6

/*
 * Begin a frame in b; ipc_end() fills in the length.  Between them exactly
 * one put_*().  If it did not fit, b keeps its error.
 */
size_t ipc_begin(struct buf *b, enum ipc_type type);
void ipc_end(struct buf *b, size_t begin);

/* Write a whole frame: IPC_FRAME(&b, REG_SAY, reg_say, &say). */
#define IPC_FRAME(b, NAME, name, m)                                    \
	do {                                                           \
		struct buf *ipc_buf_ = (b); /* asked once: it may flush */ \
		size_t ipc_begin_ = ipc_begin(ipc_buf_, IPC_##NAME);   \
		put_##name(ipc_buf_, (m));                             \
		ipc_end(ipc_buf_, ipc_begin_);                         \
	} while (0)

/*
 * Split the first frame off a byte stream.
 *
 * Gives:   type, payload (a view into stream) and the bytes used.
 * Errors:  -EAGAIN more bytes needed; -EMSGSIZE longer than any frame may be.
 */
int ipc_split(struct span stream, uint16_t *type_out,
    struct span *payload_out, size_t *used_out);

#endif
