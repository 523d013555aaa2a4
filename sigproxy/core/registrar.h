/*
 * REGISTER: from contacts to a question, from the verdict to the answer
 * (RFC 3261 10.3, RFC 5626 for instance and reg-id).
 *
 * What a binding is, how long it lives and who may have it is decided by
 * registrar-db.  The flow a REGISTER came by is where its phone is reached;
 * the Contact is kept verbatim for the Request-URI only.
 */
#ifndef SIGPROXY_CORE_REGISTRAR_H
#define SIGPROXY_CORE_REGISTRAR_H

#include "sigproxy/core/auth.h"

/*
 * Fill a question from a REGISTER; all but id, flow and digest.
 *
 * Takes:   mem  where the unescaped user is put; as long as out is used.
 * Errors:  -EBADMSG answer 400; -E2BIG too many contacts (answer 403).
 */
int registrar_ask(const struct sip_msg *m, const struct flow *from,
    char mem[URI_USER_MAX], struct ipc_reg_ask *out);

/* The verdict came: answer, and keep the flow. msg is the stored REGISTER. */
void registrar_answer(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *msg, const struct ipc_reg_say *say);

#endif
