#include <stdio.h>
#include <stdlib.h>

#include "tests/scenario/sig/oracle.h"

void
oracle_init(struct oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->mints = true;
	o->verdict = VERDICT_OK;
	o->expires_s = 60;
	o->nonce_left_s = 300;
}

static void
broken(const char *what)
{
	fprintf(stderr, "sigproxy sent a broken %s\n", what);
	abort();
}

static void
mint(struct oracle *o, struct span payload, struct buf *answers)
{
	static char mem[IPC_NONCES_MAX * IPC_NONCE_LEN + 1];
	struct ipc_nonce_ask ask;
	struct ipc_nonce_say say = { .lifetime_ms = 300000 };

	if (get_nonce_ask(payload, &ask) != 0)
		broken("NONCE_ASK");
	if (!o->mints)
		return;
	for (unsigned i = 0; i < ask.count; i++)
		snprintf(mem + i * IPC_NONCE_LEN, IPC_NONCE_LEN + 1, "%032x",
		    ++o->serial);
	say.id = ask.id;
	say.nonces = span_make(mem, ask.count * IPC_NONCE_LEN);
	IPC_FRAME(answers, NONCE_SAY, nonce_say, &say);
}

static void
answer_reg(struct oracle *o, struct span payload, struct buf *answers)
{
	struct ipc_reg_say say = { .verdict = o->verdict, .number =
		SPAN_LIT("168"), .min_expires_s = 60 };

	memcpy(o->text, payload.p, payload.len);
	if (get_reg_ask(span_make(o->text, payload.len), &o->last) != 0)
		broken("REG_ASK");
	say.id = o->last.id;
	if (o->verdict == VERDICT_OK)
		say.nonce_left_s = o->nonce_left_s;
	if (o->verdict == VERDICT_BUSY)
		say.retry_after_s = 7;
	for (unsigned i = 0; o->verdict == VERDICT_OK &&
	     i < o->last.n_contacts; i++) {
		struct ipc_contact *c = &o->last.contacts[i];

		if (c->expires_s > 0)
			say.bindings[say.n_bindings++] = (struct ipc_binding){
				c->uri, o->expires_s, c->instance,
				c->reg_id };
	}
	for (unsigned i = 0; o->verdict == VERDICT_OK && i < o->n_extra; i++)
		say.bindings[say.n_bindings++] = o->extra[i];
	IPC_FRAME(answers, REG_SAY, reg_say, &say);
}

static void
add_target(const struct ipc_auth_ask *ask, struct ipc_auth_say *say)
{
	static const uint8_t desk[4] = { 192, 168, 10, 50 };

	say->caller.number = SPAN_LIT("168");
	if (ask->want == 0)
		return;
	say->ticket = 7;
	say->show = WATCH_NUMBER;
	say->called.number = SPAN_LIT("11");
	say->n_targets = 1;
	say->targets[0] = (struct ipc_target){
		.flow = { ZONE_INTERNAL, TRANSPORT_UDP, 1,
			addr_from_bytes(desk, 4, 5060), 0 },
		.uri = SPAN_LIT("sip:11@192.168.10.50:5060"),
		.q_permille = 1000,
	};
}

static void
answer_auth(struct oracle *o, struct span payload, struct buf *answers)
{
	struct ipc_auth_ask ask;
	struct ipc_auth_say say = { .verdict = o->verdict };

	if (get_auth_ask(payload, &ask) != 0)
		broken("AUTH_ASK");
	say.id = ask.id;
	if (o->verdict == VERDICT_DENIED)
		say.why = SPAN_LIT("No \"premium\" calls from the internet");
	if (o->has_target && o->verdict == VERDICT_OK)
		add_target(&ask, &say);
	IPC_FRAME(answers, AUTH_SAY, auth_say, &say);
}

static void
answer(struct oracle *o, uint16_t type, struct span payload,
    struct buf *answers)
{
	if (type == IPC_REG_ASK)
		answer_reg(o, payload, answers);
	else
		answer_auth(o, payload, answers);
}

static void
hold(struct oracle *o, uint16_t type, struct span payload)
{
	if (o->n_held == ORACLE_HELD)
		return;
	o->held[o->n_held].type = type;
	o->held[o->n_held].len = payload.len;
	memcpy(o->held[o->n_held++].payload, payload.p, payload.len);
}

void
oracle_hear(struct oracle *o, struct span frames, struct buf *answers)
{
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0) {
		if (ipc_split(frames, &type, &payload, &used) != 0)
			broken("frame");
		frames = span_sub(frames, used, frames.len);
		if (type == IPC_NONCE_ASK) {
			mint(o, payload, answers);
			continue;
		}
		if (type != IPC_REG_ASK && type != IPC_AUTH_ASK)
			continue;
		o->asked++;
		if (o->silent)
			hold(o, type, payload);
		else
			answer(o, type, payload, answers);
	}
}

void
oracle_release(struct oracle *o, struct buf *answers)
{
	for (unsigned i = 0; i < o->n_held; i++)
		answer(o, o->held[i].type, span_make(o->held[i].payload,
			o->held[i].len), answers);
	o->n_held = 0;
	o->silent = false;
}
