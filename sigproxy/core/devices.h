/*
 * What is known of single kinds of phones, by their User-Agent.
 *
 * A row changes what such a phone is told and has a test that shows why; a
 * phone in no row gets the site's defaults.  A User-Agent is a claim: a row
 * decides about convenience, never about permission (that is min_digest's).
 *
 *	D(holds, digests, how_many)
 *
 * holds     a part of the User-Agent, in any case; the first row that fits
 * digests   algorithms it can answer
 * how_many  SEVERAL: it takes the challenge it likes from several;
 *           ONE: it fails when another one stands beside it
 *
 * A phone that lacks SHA is in the table so that `[site] digest = sha256`
 * does not lose it.
 */
#ifndef SIGPROXY_CORE_DEVICES_H
#define SIGPROXY_CORE_DEVICES_H

#include "common/base/span.h"
#include "common/codec/digest.h"

#define DEVICES(D)						\
	/* Measured, 5.1.65: takes SHA-256 when MD5 stands beside it. */ \
	D("Linphonec/5", MD5 | SHA256, SEVERAL)			\
	/* Measured, 1.0.0: "Function not implemented" at anything beside \
	 * MD5.  Later ones stop at SHA-512-256. */		\
	D("baresip", MD5, ONE)					\
	/* Firmware of 2014 and apps of 2016: before RFC 8760. */ \
	D("Yealink SIP-T19P", MD5, ONE)				\
	D("Yealink SIP-T41P", MD5, ONE)				\
	D("Zoiper", MD5, ONE)

struct device {
	const char *holds;
	unsigned digests;	/* 1 << enum digest_alg, or-ed */
	bool several;
};

#define DEVICE_DIGEST(alg) (1u << (alg))

/* NULL: not in the table.  Only the beginning of a User-Agent counts. */
const struct device *device_of(struct span user_agent);

/*
 * The algorithms of the challenges for a device, the most preferred first
 * (RFC 8760 2.3).
 *
 * Takes:   device   or NULL.
 *          digests  what the site's configuration says; not 0.  It is what a
 *                   phone in no row gets; to one in a row nothing weaker is
 *                   offered, unless it knows nothing else: then its strongest.
 * Gives:   how many; at least 1.
 */
unsigned device_challenges(const struct device *device, unsigned digests,
    enum digest_alg out[DIGEST_ALGS]);

#endif
