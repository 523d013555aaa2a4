/* sigproxy asks for signatures.  It may be anybody's by now. */
#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "keyd/io/keyd.h"

/* A refusal of one kind is logged once in that time. */
#define SAY_EACH_MS 10000

static const char *
reason(enum sign_refusal refusal)
{
	switch (refusal) {
	case SIGN_FORM:
		return "not what a TLS handshake signs";
	case SIGN_BUSY:
		return "too many in too short a time";
	case SIGN_KEY:
		return "no such key, or not with that scheme";
	default:
		return "";
	}
}

static void
say_refusal(struct keyd *k, struct mono now, enum sign_refusal refusal,
    const struct ipc_sign_ask *ask)
{
	struct mono *said = &k->said[refusal];

	if (said->us != 0 && mono_ms_between(*said, now) < SAY_EACH_MS)
		return;
	*said = now;
	log_begin(LOG_WARN_, "signature-refused");
	log_str("why", reason(refusal));
	log_u64("certificate", ask->index);
	log_u64("scheme", ask->scheme);
	log_u64("bytes", ask->tbs.len);
	log_u64("so_far", k->gate.refused[refusal]);
	log_end();
}

static void
answer(struct keyd *k, const struct ipc_sign_say *say)
{
	char mem[SIGNATURE_MAX + 64];
	struct buf out;

	buf_init(&out, mem, sizeof(mem));
	IPC_FRAME(&out, SIGN_SAY, sign_say, say);
	/* Full: it does not read, and its handshakes end by their deadline. */
	door_send(k->sig, buf_span(&out));
}

int
on_sigproxy_frame(struct keyd *k, uint16_t type, struct span payload)
{
	uint8_t signature[SIGNATURE_MAX];
	struct mono now = clock_mono();
	const struct scheme *scheme = NULL;
	struct ipc_sign_say say = { 0 };
	enum sign_refusal refusal;
	struct ipc_sign_ask ask;
	size_t len = 0;
	int err;

	if (type != IPC_SIGN_ASK)
		return -EPROTO;
	err = get_sign_ask(payload, &ask);
	if (err)
		return err;
	if (!door_may_answer(k->sig))
		return 0;	/* a newer sigproxy has come */
	refusal = gate_ask(&k->gate, now, &ask, &scheme);
	if (refusal == SIGN_OK && sign(k->key[ask.index].pair.key, scheme,
		ask.tbs, signature, &len) != 0)
		refusal = SIGN_KEY;
	if (refusal != SIGN_OK)
		say_refusal(k, now, refusal, &ask);
	k->signed_ += refusal == SIGN_OK;
	say.id = ask.id;
	say.refusal = (uint8_t)refusal;
	say.signature = span_make(signature, len);
	answer(k, &say);
	return 0;
}

void
tell_chains(struct keyd *k)
{
	static char mem[IPC_CERTS_MAX * (IPC_CHAIN_MAX + 64)];
	char der[IPC_CHAIN_MAX];
	struct buf out, chain;

	buf_init(&out, mem, sizeof(mem));
	for (unsigned i = 0; i < k->n_keys; i++) {
		struct ipc_key_cert say = { .index = (uint8_t)i,
			.total = (uint8_t)k->n_keys };

		buf_init(&chain, der, sizeof(der));
		if (keypair_chain(&k->key[i].pair, &chain) != 0)
			return;	/* out of memory */
		say.chain = buf_span(&chain);
		IPC_FRAME(&out, KEY_CERT, key_cert, &say);
	}
	door_send(k->sig, buf_span(&out));
}
