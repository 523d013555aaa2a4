/*
 * Is this digest answer right, and does it help?
 *
 * Every no does the same work and gives the same verdict, so that neither
 * content nor time tells a wrong password from an unknown user.  The caller
 * gives an HA1 in any case: a decoy's for a user that does not exist.
 *
 * Only a right answer of somebody allowed spends the nonce.
 *
 * Spec:  RFC 7616 3.4, RFC 3261 22.4, RFC 8760.
 */
#ifndef REGDB_CORE_VERIFY_H
#define REGDB_CORE_VERIFY_H

#include "common/codec/digest.h"
#include "common/ipc/msg.h"
#include "registrar-db/core/devices.h"
#include "registrar-db/core/meter.h"
#include "registrar-db/core/nonce.h"

/* What the store knows about who answers. */
struct account {
	bool exists;		/* false: all below is a decoy's */
	bool enabled, internet;
	bool may;		/* the request is one of his own AOR's */
	int64_t id;
	struct span ha1;	/* digest_hex_len() characters */
	enum digest_alg least;	/* a weaker answer is a wrong one */
	bool elsewhere;		/* why it does not exist: it may not be there */
	struct span mark;	/* of the device that asks; may be empty */
	bool urgent;		/* it calls for help */
};

enum verify_why {
	VERIFY_RIGHT,
	VERIFY_STALE,		/* nonce unknown, old, spent, another's */
	VERIFY_OTHER_REALM,
	VERIFY_UNKNOWN_USER,
	VERIFY_ELSEWHERE,	/* not at an address that it may be at */
	VERIFY_WRONG,		/* answer, or its form */
	VERIFY_WEAK,		/* right or wrong: nobody is to know */
	VERIFY_METERED,		/* not looked at */
	VERIFY_DISABLED,
	VERIFY_NOT_FROM_INTERNET,
	VERIFY_NOT_HIS,		/* another subscriber's AOR */
};

struct verify {
	struct digest *digest;
	struct nonces *nonces;
	struct meter *meter;
	struct span realm;
	struct devices *devices;
};

/* The algorithm of the answer; MD5 for one we do not know, which is then
 * wrong whatever it says. */
enum digest_alg verify_alg(const struct ipc_digest *answer);

enum verify_why verify_answer(struct verify *v, struct mono now,
    const struct ipc_digest *answer, const struct ipc_flow *flow,
    const struct account *account);

/* Did somebody guess who may guess on?  What the meter counted. */
bool verify_is_guess(enum verify_why why);

enum verdict verify_verdict(enum verify_why why);
/* For the log: "wrong answer", ...; never NULL. */
const char *verify_why_name(enum verify_why why);

#endif
