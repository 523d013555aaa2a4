/*
 * Mailboxes: what a voicemail in the office says of them, for the lamps of
 * phones (RFC 3842).
 *
 * The source sends NOTIFY, Event: message-summary, out of any dialog, for
 * NUMBER@domain to an internal listener: from an address that the
 * configuration names ([site] mwi_source), or with the digest of a subscriber
 * whom the database lets (mwi_source).  The body is parsed and written anew;
 * the last state of each number is kept here and by registrar-db.
 */
#ifndef SIGPROXY_CORE_MWI_H
#define SIGPROXY_CORE_MWI_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

#define MWI_BOXES_MAX 2048

struct mwi;

/* Errors: NULL for no memory. */
struct mwi *mwi_new(uint32_t max);
void mwi_free(struct mwi *m);

/* A NOTIFY without To tag, no retransmission: answered here, or sent to be
 * authenticated. */
void mwi_request(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);
/* The database lets its sender. */
void mwi_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say);

/* The body of a NOTIFY about this number: "no" if nothing was ever said. */
void mwi_put(const struct edge *e, struct buf *b, struct span number);

/* MWI_RESTORE.  Errors: -EBADMSG, -ERANGE. */
int mwi_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload);
/* registrar-db's door opened: all is saved again, in batches. */
void mwi_save_all(struct edge *e);
bool mwi_is_waiting(const struct mwi *m);
void mwi_settle(struct edge *e, struct mono now, struct steps *st);
/* Members of a JSON object without braces. */
void mwi_status(const struct mwi *m, struct buf *json);

#endif
