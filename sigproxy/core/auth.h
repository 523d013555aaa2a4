/*
 * Authentication: nonces in stock, challenges, questions to the oracle.
 *
 * No verdict is made here: registrar-db mints and spends nonces and checks
 * answers (RFC 7616; RFC 3261 22).  What is kept: a stock of fresh nonces, so
 * that a 401 needs no round trip; a fixed memory of which nonce was sent to
 * which address, so that a made-up nonce costs nobody anything; and the
 * questions under way, each with a deadline, asked once more when
 * registrar-db comes back within half a second.
 */
#ifndef SIGPROXY_CORE_AUTH_H
#define SIGPROXY_CORE_AUTH_H

#include "sigproxy/core/txn_server.h"

struct auth;

enum {
	AUTH_REGISTER_MS = 22000,	/* the oracle may wait 20 s for a lock */
	AUTH_OTHER_MS = 3000,
	AUTH_RETURN_MS = 1500,	/* runit waits 1 s before it starts a
				 * process again that ran only shortly */
	AUTH_RETRY_AFTER_S = 5,
	AUTH_STOCK = 1024,	/* nonces */
	AUTH_QUESTIONS_MAX = 8192,
};

/* A request as it came in; views and pointers lent for the call. */
struct edge_in {
	const struct sip_msg *msg;
	struct span raw;		/* its bytes, without what follows it */
	const struct flow *from;
};

/*
 * Have a request authenticated.
 *
 * Without credentials of our realm: a stateless 401, under the stranger's
 * budget.  With them: a server transaction is made, the oracle asked, and
 *   - AUTH_REGISTER: the verdict goes to registrar_answer();
 *   - AUTH_CALL: the number called is looked up too; a right answer goes to
 *     call_authorised();
 *   - AUTH_OTHER: the same without a lookup;
 *   - every other verdict is answered here (401 stale, 403, 404, 480, 500).
 * A CANCEL in the meantime is answered here too.
 */
enum auth_purpose { AUTH_REGISTER, AUTH_CALL, AUTH_OTHER, AUTH_TRUNK };

void auth_require(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, enum auth_purpose purpose);
/* An INVITE that a trunk sent (AUTH_TRUNK): for whom it is. */
void auth_trunk(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);

/* What every verdict but OK is answered with, also for a REGISTER; s may be
 * gone afterwards.  why: in words, for VERDICT_DENIED. */
void auth_refuse(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, enum verdict verdict, uint32_t min_expires_s,
    uint32_t retry_after_s, struct span why);

/*
 * Add a nonce for the next REGISTER to the headers of the 200 to this one, if
 * this one's will be too old by then (RFC 7616 3.5): it saves a 401.
 *
 * Takes:   expires_s  what was granted; 0: it will not come again.
 */
void auth_put_info(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, const struct ipc_reg_say *say, uint32_t expires_s,
    struct buf *b);

/* Errors: NULL for no memory. */
struct auth *auth_new(struct timerq *timers, uint32_t max_questions);
void auth_free(struct auth *a);
uint32_t auth_timers(uint32_t max_questions);

/* registrar-db's door opened or closed. */
void auth_peer(struct edge *e, struct mono now, struct steps *st, bool up);
/* Were there ever nonces?  Before that nobody can be challenged. */
bool auth_can_challenge(const struct auth *a);
/* NONCE_SAY, REG_SAY, AUTH_SAY.  Errors: as edge_frame(). */
int auth_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* TIMER_AUTH, TIMER_NONCES. */
void auth_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);
void auth_status(const struct auth *a, struct buf *json);

#endif
