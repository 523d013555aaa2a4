/*
 * What the core asks the shell to do: the only way out of sigproxy's core.
 *
 * Core functions take an event and the time and append steps; io/edge.c
 * carries them out in order after each batch of datagrams (one sendmmsg for
 * all datagrams, one write for each peer).  Nothing in core sends, asks or
 * logs by itself, so tests read the steps instead of sockets.
 *
 * Memory is fixed: a full queue drops the datagram or question and counts it
 * (the network may lose a datagram too; every question has a deadline).
 */
#ifndef SIGPROXY_CORE_STEP_H
#define SIGPROXY_CORE_STEP_H

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/ipc/msg.h"

/* How to reach somebody: the socket or connection and the far address. */
struct flow {
	uint8_t zone;		/* enum zone */
	uint8_t transport;	/* enum transport */
	uint8_t listener;	/* index into the configuration of listeners */
	struct addr remote;
	/* TCP and TLS: the connection, by a number that is never given to
	 * another one, not even by the next process; UDP: 0.  Nobody is
	 * ever reached by a connection other than the one he made. */
	uint64_t conn;
};

bool flow_eq(const struct flow *a, const struct flow *b);
struct ipc_flow flow_to_ipc(const struct flow *f);
struct flow flow_from_ipc(const struct ipc_flow *f);

enum step_level { STEP_DEBUG, STEP_INFO, STEP_WARN };

/* One key of a log line; text is copied into the step's memory. */
struct step_key {
	const char *key;	/* ours: a literal */
	enum { STEP_TEXT, STEP_NUMBER, STEP_ADDR } kind;
	struct span text;
	uint64_t number;
	struct addr addr;
};

#define STEP_KEYS_MAX 8

enum step_kind { STEP_SEND, STEP_CLOSE, STEP_LOG };

struct step {
	enum step_kind kind;
	/* STEP_SEND, STEP_CLOSE */
	struct flow flow;
	struct span bytes;	/* in the queue's memory */
	/* STEP_LOG */
	enum step_level level;
	const char *event;
	struct step_key keys[STEP_KEYS_MAX];
	unsigned n_keys;
};

#define STEPS_MAX 512
#define STEPS_BYTES (512 * 1024)
#define STEPS_RELAYS_MAX 8

struct steps {
	struct step step[STEPS_MAX];
	unsigned n;
	char *mem;		/* STEPS_BYTES: datagrams and log text */
	size_t mem_len;
	struct buf reg;		/* frames for registrar-db */
	struct buf stun;	/* frames for stunmon */
	struct buf trace;	/* frames for tracer */
	struct buf relay[STEPS_RELAYS_MAX];	/* frames for each mediaproxy */
	uint64_t dropped;	/* what did not fit, ever */
	struct step *line;	/* the log line that keys go to, or NULL */
};

/* Errors: NULL for no memory. */
struct steps *steps_new(void);
void steps_free(struct steps *s);
/* Forget everything: the shell has carried it out. */
void steps_clear(struct steps *s);

/* Room to build one datagram of up to max bytes in place; finish with
 * steps_send_end().  b->err set from the start when there is no room. */
void steps_send_begin(struct steps *s, const struct flow *to, struct buf *b,
    size_t max);
void steps_send_end(struct steps *s, const struct flow *to, struct buf *b);
/* The same for bytes that exist already; copied. */
void steps_send(struct steps *s, const struct flow *to, struct span bytes);

/* Close this connection, when what was sent before is out. */
void steps_close(struct steps *s, const struct flow *flow);

/* A frame for a peer: STEPS_ASK(s, &s->reg, AUTH_ASK, auth_ask, &ask). */
#define STEPS_ASK(s, peer, NAME, name, m)                   \
	do {                                                \
		IPC_FRAME((peer), NAME, name, (m));         \
		if (buf_err(peer)) {                        \
			(peer)->err = 0;                    \
			(s)->dropped++;                     \
		}                                           \
	} while (0)

/* A log line: steps_log(s, STEP_INFO, "register"), then keys. */
void steps_log(struct steps *s, enum step_level level, const char *event);
void steps_key_text(struct steps *s, const char *key, struct span text);
void steps_key_number(struct steps *s, const char *key, uint64_t number);
void steps_key_addr(struct steps *s, const char *key, const struct addr *a);

#endif
