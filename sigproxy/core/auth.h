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
 *     call_invite();
 *   - AUTH_DIALOG: a right answer goes to call_reauthorised();
 *   - every other verdict is answered here (401 stale, 403, 404, 480, 500).
 */
enum auth_purpose { AUTH_REGISTER, AUTH_CALL, AUTH_DIALOG };

void auth_require(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, enum auth_purpose purpose);

/* Errors: NULL for no memory. */
struct auth *auth_new(struct timerq *timers, uint32_t max_questions);
void auth_free(struct auth *a);
uint32_t auth_timers(uint32_t max_questions);

/* registrar-db's door opened or closed. */
void auth_peer(struct edge *e, struct mono now, struct steps *st, bool up);
/* NONCE_SAY, REG_SAY, AUTH_SAY.  Errors: as edge_frame(). */
int auth_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* TIMER_AUTH, TIMER_NONCES. */
void auth_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);
void auth_status(const struct auth *a, struct buf *json);

#endif
