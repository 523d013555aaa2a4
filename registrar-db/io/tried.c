/* Trunks that did not take a call, as sigproxy tells it: a few of each call
 * that was granted and has not ended. */
#include "registrar-db/io/oracle.h"

static const char *const names[] = {
	[TRIED_REFUSED] = "refused",
	[TRIED_SILENT] = "silent",
	[TRIED_STALLED] = "stalled",
	[TRIED_UNREACHABLE] = "unreachable",
	[TRIED_PASSWORD] = "password",
	[TRIED_NO_PASSWORD] = "no-password",
	[TRIED_CHALLENGE] = "challenge",
	[TRIED_REALM] = "realm",
	[TRIED_OURS] = "ours",
};

int
trunks_tried(struct oracle *o, struct span payload)
{
	struct ipc_call_tried m;
	int err = get_call_tried(payload, &m);

	if (err)
		return err;
	(void)queue_add(o->queue, JOB_CALL_TRIED, 0, false, payload);
	return 0;
}

int
trunks_tried_run(struct oracle *o, const struct job *job)
{
	char mem[ADDR_TEXT_MAX + 1];
	struct ipc_call_tried m;
	sqlite3_stmt *q;
	int err = get_call_tried(span_make(job->payload, job->len), &m);

	if (err)
		return err;
	q = store_use(o->store, ST_CALL_TRIED);
	sql_int(q, 1, (int64_t)m.ticket);
	sql_int(q, 2, m.trunk);
	sql_text(q, 3, span_str(addr_text(&m.at, mem)));
	sql_text(q, 4, span_str(names[m.why]));
	sql_int(q, 5, m.status);
	sql_text(q, 6, m.words);
	return store_run(o->store, q);
}
