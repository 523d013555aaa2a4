/* Emergency services by name: urn:service:sos and its kin (RFC 5031). */
#ifndef COMMON_CODEC_SOS_H
#define COMMON_CODEC_SOS_H

#include "common/base/span.h"

#define SOS_SERVICE_MAX 64

/*
 * Is this URI one, and which: "sos", "sos.police", "sos.fire" ...
 *
 * Spec:    RFC 5031 3: labels of letters, digits and hyphens, case-blind; at
 *          most SOS_SERVICE_MAX bytes.
 * Gives:   the service in *service_out (may be NULL), a view into uri, its
 *          letters as they came.
 */
bool sos_is(struct span uri, struct span *service_out);

/* The service that this one is a kind of (RFC 5031 3.2): "sos.police" to
 * "sos"; empty for "sos". */
struct span sos_parent(struct span service);

#endif
