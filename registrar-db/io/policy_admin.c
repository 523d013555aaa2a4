/* An admin's "what if": the rules asked, nothing granted and nothing kept. */
#include "registrar-db/io/oracle.h"

static void
answer(struct door *to, const struct ipc_policy_say *say)
{
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, POLICY_SAY, policy_say, say);
	if (buf_err(&b) == 0)
		door_send(to, buf_span(&b));
}

int
policy_admin(struct oracle *o, struct door *from, struct span payload)
{
	static struct decision d;
	struct ipc_policy_ask ask;
	struct ipc_policy_say say;
	struct party_row by;
	int err = get_policy_ask(payload, &ask);

	if (err)
		return err;
	say = (struct ipc_policy_say){ .id = ask.id,
		.verdict = VERDICT_NOT_FOUND,
		.why = SPAN_LIT("there is no such subscriber") };
	store_read(o->store);
	if (party_read(o->store, ask.by, &by) == 0) {
		policy_ask(o->policy, ask.by, ask.internet != 0, ask.dialled,
		    &d);
		say = (struct ipc_policy_say){ .id = ask.id,
			.verdict = (uint8_t)d.verdict,
			.kind = span_str(number_kind_name(d.kind)),
			.number = span_make(d.number, d.number_len),
			.pattern = span_make(d.pattern, d.pattern_len),
			.rule = span_make(d.rule, d.rule_len),
			.why = span_make(d.why, d.why_len) };
	}
	answer(from, &say);
	return 0;
}
