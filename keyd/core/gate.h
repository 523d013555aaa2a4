/*
 * What keyd signs: the form first, then key and scheme, then the meter.
 */
#ifndef KEYD_CORE_GATE_H
#define KEYD_CORE_GATE_H

#include "common/ipc/msg.h"
#include "keyd/core/meter.h"
#include "keyd/core/scheme.h"

struct gate {
	enum key_kind keys[IPC_CERTS_MAX];	/* KEY_NONE: none there */
	struct meter meter;
	uint64_t asked, refused[4];		/* by enum sign_refusal */
};

void gate_init(struct gate *g, struct mono now);

/*
 * Decide about one question.  Only what would be signed costs the meter.
 *
 * Gives:   SIGN_OK with how to sign in *scheme_out; else why not, counted.
 */
enum sign_refusal gate_ask(struct gate *g, struct mono now,
    const struct ipc_sign_ask *ask, const struct scheme **scheme_out);

#endif
