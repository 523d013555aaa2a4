/*
 * What is traced: a few rules, each for a time.  They are kept in a file, so
 * that tracer may end at any moment; what the file says is believed no more
 * than a frame, since a captured tracer could have written it.
 */
#ifndef TRACER_CORE_RULES_H
#define TRACER_CORE_RULES_H

#include "common/ipc/msg.h"

/* Every rule as text, with room. */
#define RULES_TEXT_MAX (IPC_TRACES_MAX * (IPC_TRACE_TARGET_MAX + 80) + 64)

struct rule {
	uint32_t number;
	uint8_t kind;		/* enum trace_kind */
	uint8_t profiles;
	bool hep;
	int64_t until_s;	/* since 1970 */
	size_t target_len;
	char target[IPC_TRACE_TARGET_MAX];
	/* Since this process began. */
	uint64_t messages, packets;
};

struct rules {
	struct rule rule[IPC_TRACES_MAX];	/* oldest first */
	unsigned n;
	uint32_t last;		/* number given last */
};

/*
 * Add one.  The same target again renews it, with the number it had.
 *
 * Errors:  -ENOSPC too many; -EINVAL no number, no Call-ID.
 */
int rules_add(struct rules *r, const struct ipc_trace_on *m, int64_t now_s,
    uint32_t *number_out);
/* Take one out, or all (0).  Errors: -ENOENT. */
int rules_del(struct rules *r, uint32_t number);
/* Those whose time is over; were there any? */
bool rules_expire(struct rules *r, int64_t now_s);
/* By number, or NULL. */
struct rule *rules_find(struct rules *r, uint32_t number);
/* For sigproxy; views into r. */
void rules_tell(const struct rules *r, struct ipc_trace_rules *out);

/* "registration, signalling, media". */
void rules_put_profiles(struct buf *b, uint8_t profiles);

/* As lines of text, and read again.  Lines that are wrong are left out. */
void rules_put(const struct rules *r, struct buf *b);
void rules_read(struct rules *r, struct span text, int64_t now_s);

#endif
