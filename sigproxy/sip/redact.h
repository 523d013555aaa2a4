/*
 * Cross out what a trace must not show: digests and nonces, tokens, keys of
 * media, passwords in URIs, what people write and the digits they dial.
 *
 * Each octet becomes an `x`, so that lengths, lines and everything else stay
 * as they were on the wire.  Headers and bodies are taken for secret unless
 * they are known not to be: of credentials these parameters stay: username,
 * realm, uri, algorithm, qop, nc, stale, domain; of bodies SDP (without keys),
 * and what says how calls, mailboxes and sound are.
 */
#ifndef SIGPROXY_SIP_REDACT_H
#define SIGPROXY_SIP_REDACT_H

#include "sigproxy/sip/msg.h"

/*
 * Cross out in a copy of a message.
 *
 * Takes:   m     the message as it was parsed.
 *          copy  the first n of m->bytes, changed in place.
 */
void redact(const struct sip_msg *m, char *copy, size_t n);

/*
 * The same of what sip_parse() refused.  Its first line stays if it is one of
 * SIP, and of headers that bring no secrets what they say; all else is
 * crossed out, but for the names of headers.
 *
 * Takes:   bytes  as they came.
 *          copy   the first n of them, changed in place.
 */
void redact_refused(struct span bytes, char *copy, size_t n);

#endif
