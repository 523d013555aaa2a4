/*
 * The digest answer for our realm in a request (RFC 3261 22.3, RFC 7616).
 *
 * Authorization and Proxy-Authorization are both looked at, since phones
 * answer a 401 with either; those for other realms, and malformed ones, count
 * as absent.  Everything is checked against what may travel to registrar-db:
 * a stranger's octets never make it close the door.
 */
#ifndef SIGPROXY_CORE_CREDS_H
#define SIGPROXY_CORE_CREDS_H

#include "common/ipc/msg.h"
#include "sigproxy/sip/msg.h"

struct creds {
	struct ipc_digest digest;	/* views into the request or mem */
	struct uri uri;			/* digest.uri, read */
	char mem[640];			/* where escapes were undone */
};

/* Errors: -ENOENT none for this realm; -EBADMSG one, but not usable. */
int creds_find(const struct sip_msg *m, struct span realm,
    struct creds *out);

/* May this text travel in a field of 0 to max bytes? */
bool creds_text_ok(struct span s, size_t max);

#endif
