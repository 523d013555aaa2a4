/*
 * A checkpoint as registrar-db gives it back, from a hostile hand: whatever
 * it says, the call that comes of it can be ended, and nothing stays.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sigproxy/core/checkpoint.h"
#include "tests/fuzz/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char mem[IPC_STATE_MAX + 64];
	static struct edge_conf conf;
	static struct steps *st;
	struct ipc_call_restore m = { .ticket = 1,
		.lives = len % 2,
		.version = CHECKPOINT_VERSION,
		.state = span_make((const char *)data, len) };
	struct mono now = { 5000000000 };
	struct edge *e;
	struct buf b;

	if (len == 0 || len > IPC_STATE_MAX)
		return 0;
	if (st == NULL) {
		gate_conf(&conf);
		st = steps_new();
	}
	e = edge_new(&conf);
	if (e == NULL || st == NULL)
		abort();
	edge_peer(e, now, st, ROLE_REG, 0, true);
	edge_peer(e, now, st, ROLE_MEDIA, 0, true);
	buf_init(&b, mem, sizeof(mem));
	put_call_restore(&b, &m);
	gate_frame(e, now, st, IPC_CALL_RESTORE, buf_span(&b));
	steps_clear(st);
	edge_peer(e, now, st, ROLE_MEDIA, 1, true);
	edge_peer(e, now, st, ROLE_REG, 0, true);
	steps_clear(st);
	gate_pass_time(e, now, st);
	edge_free(e);
	return 0;
}
