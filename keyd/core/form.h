/*
 * Is this what a TLS server signs in a handshake, and nothing else?
 *
 * keyd never gets a digest, always the whole structure, so that whoever asks
 * cannot have anything else signed: no certificate, no mail, no login.
 *
 * Spec:    RFC 8446 4.4.3 (CertificateVerify of a server),
 *          RFC 8422 5.4 (ServerKeyExchange with a named curve).
 */
#ifndef KEYD_CORE_FORM_H
#define KEYD_CORE_FORM_H

#include "common/base/span.h"

enum form {
	FORM_NONE,		/* never sign */
	FORM_TLS12,		/* both randoms, a named curve, a point */
	FORM_TLS13,		/* 64 spaces, the context, a transcript hash */
};

/*
 * Tell which of the two forms these bytes have, every one of them looked at.
 *
 * Takes:   tbs  any bytes.
 * Gives:   FORM_NONE for one byte too many or too few, a client's context,
 *          a curve that is not P-256, P-384, P-521, X25519 or X448, a point
 *          of another length than its curve's, or a compressed one.
 */
enum form form_of(struct span tbs);

#endif
