/*
 * Frames and every decoder: the input is a byte stream from a hostile peer.
 * What a decoder accepts must come out the same when it is encoded again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char again[IPC_PAYLOAD_MAX];

static void
same(struct span payload, const struct buf *b, const char *name)
{
	if (buf_err(b) == 0 && span_eq(payload, buf_span(b)))
		return;
	fprintf(stderr, "%s changes when encoded again\n", name);
	abort();
}

#define TRY(NAME, msg, nr, from, to, answers, meaning)         \
	static void try_##msg(struct span payload)             \
	{                                                      \
		static struct ipc_##msg m;                     \
		struct buf b;                                  \
		if (get_##msg(payload, &m) != 0)               \
			return;                                \
		buf_init(&b, again, sizeof(again));            \
		put_##msg(&b, &m);                             \
		same(payload, &b, #NAME);                      \
	}
IPC_TABLE(TRY)

static void
try_type(uint16_t type, struct span payload)
{
	switch (type) {
#define CASE(NAME, msg, nr, from, to, answers, meaning) \
	case IPC_##NAME:                                \
		try_##msg(payload);                     \
		break;
		IPC_TABLE(CASE)
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span left = span_make(data, len), payload;
	uint16_t type;
	size_t used;

	while (ipc_split(left, &type, &payload, &used) == 0) {
		for (unsigned role = 1; role <= ROLE_TRACE; role *= 2)
			(void)ipc_permit(type, (enum ipc_role)role, ROLE_REG,
			    payload.len);
		try_type(type, payload);
		left = span_sub(left, used, left.len);
	}
	return 0;
}
