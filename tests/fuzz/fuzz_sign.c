/*
 * A whole SIGN_ASK from a captured sigproxy: what keyd would sign must be a
 * handshake's, told here a second way, with a key and scheme that fit.
 */
#include <stdint.h>
#include <stdlib.h>

#include "keyd/core/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct ipc_sign_ask *ask, const struct scheme *s)
{
	static const char head[] =
	    "                                                                "
	    "TLS 1.3, server CertificateVerify";
	const uint8_t *p = (const uint8_t *)ask->tbs.p;
	size_t n = ask->tbs.len;

	if (s == NULL || s->number != ask->scheme)
		abort();
	if (n >= sizeof(head) && memcmp(p, head, sizeof(head)) == 0) {
		if (n != sizeof(head) + 32 && n != sizeof(head) + 48)
			abort();
		if (!s->pss && s->hash != HASH_NONE && ask->scheme < 0x0403)
			abort();
	} else if (n < 100 || n > 201 || p[64] != 3 || p[65] != 0 ||
	    p[67] != n - 68) {
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum key_kind keys[] = { KEY_P256, KEY_P384, KEY_RSA,
		KEY_ED25519, KEY_NONE };
	const struct scheme *s = NULL;
	const struct mono now = { 1 };
	struct ipc_sign_ask ask;
	struct gate g;

	if (get_sign_ask(span_make(data, len), &ask) != 0)
		return 0;
	gate_init(&g, now);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		g.keys[i] = keys[i];
	for (unsigned i = 0; i < 2; i++) {
		if (gate_ask(&g, now, &ask, &s) != SIGN_OK)
			continue;
		if (ask.index > 3)
			abort();
		check(&ask, s);
	}
	return 0;
}
