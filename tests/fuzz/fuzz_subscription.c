/*
 * A subscription as registrar-db gives it back, from a hostile hand: whatever
 * it says, it is told of or refused, ends with its time, and nothing stays.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_none(struct edge *e, struct mono now)
{
	static char json[12001];
	struct buf b;

	buf_init(&b, json, sizeof(json) - 1);
	edge_status(e, now, &b);
	json[b.len] = '\0';
	if (strstr(json, "\"subscriptions\":0,") == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char mem[IPC_SUB_STATE_MAX + 64];
	static struct edge_conf conf;
	static struct steps *st;
	struct ipc_sub_restore m = { .id = 1, .left_s = 60, .version = 1,
		.state = span_make((const char *)data, len) };
	struct mono now = { 5000000000 };
	struct edge *e;
	struct buf b;

	if (len == 0 || len > IPC_SUB_STATE_MAX)
		return 0;
	if (st == NULL) {
		gate_conf(&conf);
		conf.max_subs = 4;
		st = steps_new();
	}
	e = edge_new(&conf);
	if (e == NULL || st == NULL)
		abort();
	edge_peer(e, now, st, ROLE_REG, 0, true);
	for (unsigned i = 0; i < 2; i++) {
		buf_init(&b, mem, sizeof(mem));
		m.id = 1 + i;	/* the second has the same token */
		put_sub_restore(&b, &m);
		gate_frame(e, now, st, IPC_SUB_RESTORE, buf_span(&b));
		steps_clear(st);
	}
	edge_peer(e, now, st, ROLE_REG, 0, true);
	steps_clear(st);
	gate_pass_time(e, now, st);
	check_none(e, now);
	edge_free(e);
	return 0;
}
