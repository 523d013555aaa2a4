/* Ask DNS, as a phone would, and wait for the answer; not /etc/hosts. */
#ifndef POSTERN_NAMES_H
#define POSTERN_NAMES_H

#include "common/base/addr.h"

#define NAMES_TARGET_MAX 128
#define NAMES_WAIT_MS 1500

struct names_srv {
	char target[NAMES_TARGET_MAX];
	uint16_t port;
};

/*
 * The addresses of a name, A and AAAA.
 *
 * Gives:   how many, at most max.
 * Errors:  -ENOENT there are none; -ETIMEDOUT no name server answered.
 */
int names_addrs(const char *name, struct addr *out, unsigned max);

/* The SRV records of a name (RFC 2782), in any order; as names_addrs(). */
int names_srv(const char *name, struct names_srv *out, unsigned max);

#endif
