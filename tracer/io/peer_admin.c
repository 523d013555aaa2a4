/* The admin: trace this, no longer that, how are you? */
#include <errno.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "tracer/io/tracer.h"

static void
put_number(struct buf *b, const char *name, uint64_t v)
{
	buf_fmt(b, ",\"%s\":%llu", name, (unsigned long long)v);
}

static void
put_rule(struct buf *b, const struct rule *rule)
{
	static const char *const kinds[] = { "", "number", "call", "all" };

	buf_fmt(b, "{\"number\":%u,\"kind\":\"%s\",\"target\":", rule->number,
	    kinds[rule->kind]);
	text_put_json(b, span_make(rule->target, rule->target_len));
	buf_puts(b, ",\"profiles\":\"");
	rules_put_profiles(b, rule->profiles);
	buf_puts(b, rule->hep ? "\",\"hep\":true" : "\",\"hep\":false");
	put_number(b, "until_s", (uint64_t)rule->until_s);
	put_number(b, "messages", rule->messages);
	buf_putc(b, '}');
}

static void
put_status(struct tracer *t, struct buf *b)
{
	buf_puts(b, "{\"role\":\"tracer\"");
	put_number(b, "pid", (uint64_t)getpid());
	put_number(b, "messages", t->messages);
	put_number(b, "packets", t->packets);
	put_number(b, "files_open", files_in_use(&t->files));
	put_number(b, "files_begun", t->files.begun);
	put_number(b, "files_removed", t->files.removed);
	put_number(b, "bytes_kept", t->files.all);
	put_number(b, "not_written", t->files.failed);
	hep_put_status(t, b);
	buf_puts(b, ",\"traces\":[");
	for (unsigned i = 0; i < t->rules.n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		put_rule(b, &t->rules.rule[i]);
	}
	buf_puts(b, "]}");
}

static int
on_status(struct tracer *t, struct span payload)
{
	static char json[12000], mem[12100];
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	struct buf text, out;
	int err = get_status_ask(payload, &ask);

	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	put_status(t, &text);
	say = (struct ipc_status_say){ ask.id, buf_err(&text) ?
		SPAN_LIT("{}") : buf_span(&text) };
	buf_init(&out, mem, sizeof(mem));
	IPC_FRAME(&out, STATUS_SAY, status_say, &say);
	door_send(t->admin, buf_span(&out));
	return 0;
}

static void
answer(struct tracer *t, const struct ipc_trace_say *say)
{
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRACE_SAY, trace_say, say);
	door_send(t->admin, buf_span(&b));
}

static uint8_t
refusal_of(int err)
{
	switch (err) {
	case 0:
		return TRACE_OK;
	case -ENOSPC:
		return TRACE_FULL;
	case -ENOENT:
		return TRACE_UNKNOWN;
	default:
		return TRACE_BAD;
	}
}

static int
on_trace_on(struct tracer *t, struct span payload)
{
	struct ipc_trace_say say = { 0 };
	struct ipc_trace_on m;
	int err = get_trace_on(payload, &m);

	if (err)
		return err;
	say.id = m.id;
	if (m.hep && !t->has_hep)
		say.refusal = TRACE_NO_HEP;
	else
		say.refusal = refusal_of(rules_add(&t->rules, &m,
		    clock_wall_s(), &say.number));
	if (say.refusal == TRACE_OK && kept_write(t) != 0)
		say.refusal = TRACE_DISK;	/* until the next start */
	if (say.number != 0) {
		log_begin(LOG_INFO_, "trace-on");
		log_u64("number", say.number);
		log_span("target", m.target);
		log_u64("for_s", m.for_s);
		log_end();
		tell_rules(t);
	}
	answer(t, &say);
	return 0;
}

static int
on_trace_off(struct tracer *t, struct span payload)
{
	struct ipc_trace_say say = { 0 };
	struct ipc_trace_off m;
	int err = get_trace_off(payload, &m);

	if (err)
		return err;
	say.id = m.id;
	say.number = m.number;
	say.refusal = refusal_of(rules_del(&t->rules, m.number));
	if (say.refusal == TRACE_OK) {
		log_begin(LOG_INFO_, "trace-off");
		log_u64("number", m.number);
		log_end();
		tell_rules(t);
		if (kept_write(t) != 0)
			say.refusal = TRACE_DISK;
	}
	answer(t, &say);
	return 0;
}

int
on_admin_frame(struct tracer *t, uint16_t type, struct span payload)
{
	switch (type) {
	case IPC_STATUS_ASK:
		return on_status(t, payload);
	case IPC_TRACE_ON:
		return on_trace_on(t, payload);
	case IPC_TRACE_OFF:
		return on_trace_off(t, payload);
	default:
		return -EPROTO;
	}
}
