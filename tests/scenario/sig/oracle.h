/* The oracle of a scenario: answers registrar-db's questions as told. */
#ifndef TESTS_SCENARIO_SIG_ORACLE_H
#define TESTS_SCENARIO_SIG_ORACLE_H

#include "sigproxy/core/edge.h"

#define ORACLE_HELD 64
#define ORACLE_TEXT 16384

struct oracle {
	bool mints, silent;
	bool has_target;	/* AUTH_SAY names an office phone */
	enum verdict verdict;
	uint32_t expires_s;
	uint32_t nonce_left_s;
	uint32_t serial;		/* of nonces */
	unsigned asked;
	unsigned n_held;		/* questions not answered yet */
	struct {
		uint16_t type;
		size_t len;
		char payload[ORACLE_TEXT];
	} held[ORACLE_HELD];
	/* The last REG_ASK. */
	char text[ORACLE_TEXT];
	struct ipc_reg_ask last;
	/* Listed beside what was asked for. */
	struct ipc_binding extra[IPC_TARGETS_MAX];
	char extra_uri[IPC_TARGETS_MAX][600];
	unsigned n_extra;
};

void oracle_init(struct oracle *o);
/* Frames for it; its answers go into `answers` as frames. */
void oracle_hear(struct oracle *o, struct span frames, struct buf *answers);
/* Answer what was held. */
void oracle_release(struct oracle *o, struct buf *answers);

#endif
