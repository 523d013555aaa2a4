#include "keyd/core/scheme.h"

#define BIT(x) (1u << (x))
#define EC_ANY (BIT(KEY_P256) | BIT(KEY_P384))

static const struct {
	struct scheme scheme;
	uint8_t tls12, tls13;	/* kinds of key */
} all[] = {
	{ { 0x0403, HASH_SHA256, false }, EC_ANY, BIT(KEY_P256) },
	{ { 0x0503, HASH_SHA384, false }, EC_ANY, BIT(KEY_P384) },
	{ { 0x0603, HASH_SHA512, false }, EC_ANY, 0 },
	{ { 0x0804, HASH_SHA256, true }, BIT(KEY_RSA), BIT(KEY_RSA) },
	{ { 0x0805, HASH_SHA384, true }, BIT(KEY_RSA), BIT(KEY_RSA) },
	{ { 0x0806, HASH_SHA512, true }, BIT(KEY_RSA), BIT(KEY_RSA) },
	{ { 0x0401, HASH_SHA256, false }, BIT(KEY_RSA), 0 },
	{ { 0x0501, HASH_SHA384, false }, BIT(KEY_RSA), 0 },
	{ { 0x0601, HASH_SHA512, false }, BIT(KEY_RSA), 0 },
	{ { 0x0807, HASH_NONE, false }, BIT(KEY_ED25519), BIT(KEY_ED25519) },
};

const struct scheme *
scheme_find(uint16_t number, enum key_kind key, enum form form)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		unsigned keys = form == FORM_TLS13 ? all[i].tls13 :
		    form == FORM_TLS12		   ? all[i].tls12 :
						     0;

		if (all[i].scheme.number == number)
			return keys & BIT(key) ? &all[i].scheme : NULL;
	}
	return NULL;
}
