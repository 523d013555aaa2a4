/*
 * `sips:` (RFC 3261 26.2.2, RFC 5630): what we promise and what we refuse.
 *
 * TLS ends at each hop, ours too.  A request to a sips: URI came to us by TLS
 * or is refused with 416.  It goes on to phones outside by TLS only; phones
 * in the office are reached as the office decides, by TLS or not: that is
 * inside the second wall (26.2.2, "in accordance with local policy").  When
 * no phone is left: 480 with warning 380.  A call for help is not refused for
 * any of this.
 *
 * Who shows a sips: Contact is shown one of ours (8.1.1.8, 12.1.1).
 */
#ifndef SIGPROXY_CORE_SIPS_H
#define SIGPROXY_CORE_SIPS_H

#include "sigproxy/core/step.h"
#include "sigproxy/sip/msg.h"

#define SIPS_NOT_KEPT "Warning: 380 gate \"SIPS Not Allowed\"\r\n"

bool sips_is(struct span uri);
/* May a request with this Request-URI come by this flow? */
bool sips_may_come(const struct sip_msg *m, const struct flow *from);

/* May one with it go on by this flow? */
bool sips_may_go(const struct sip_msg *m, uint8_t zone, uint8_t transport);

/*
 * Those devices by which the promise is kept.
 *
 * Gives:   out  say with the others left out.
 *          false: there were some, and none is left.
 */
bool sips_targets(const struct sip_msg *invite, const struct ipc_auth_say *say,
    struct ipc_auth_say *out);

#endif
