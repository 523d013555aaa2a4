/*
 * Which signature scheme goes with which key in which version of TLS.
 *
 * Spec:    RFC 8446 4.2.3, RFC 8422 5.4 (TLS 1.2: the hash is free of the
 *          curve), RFC 9325 4 (no SHA-1).
 */
#ifndef KEYD_CORE_SCHEME_H
#define KEYD_CORE_SCHEME_H

#include "keyd/core/form.h"

enum key_kind {
	KEY_NONE,
	KEY_P256,
	KEY_P384,
	KEY_RSA,		/* 2048 to 4096 bits */
	KEY_ED25519,
};

enum scheme_hash {
	HASH_NONE,		/* Ed25519 hashes by itself */
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
};

struct scheme {
	uint16_t number;	/* SignatureScheme */
	enum scheme_hash hash;
	bool pss;		/* RSA: padding of RFC 8017 8.1 */
};

/* NULL: not with this key, or not in this version. */
const struct scheme *scheme_find(uint16_t number, enum key_kind key,
    enum form form);

#endif
