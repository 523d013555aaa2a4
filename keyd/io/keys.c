#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/cage.h"
#include "common/io/cert.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "keyd/io/keyd.h"

/* Eight RSA keys of 4096 bits take a fifth of it. */
#define SECURE_BYTES (256 * 1024)
#define SECURE_LEAST 32

/* ---- memory ---- */

static void *
take(size_t len, const char *file, int line)
{
	return malloc(len);
}

static void
give(void *p, const char *file, int line)
{
	if (p != NULL)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
change(void *p, size_t len, const char *file, int line)
{
	size_t had = p == NULL ? 0 : malloc_usable_size(p);
	void *q;

	if (p != NULL && had >= len)
		return p;
	/* As OpenSSL's own: nothing of nothing. */
	q = len == 0 ? NULL : malloc(len);
	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, had);
	give(p, file, line);
	return q;
}

int
keys_memory(void)
{
	if (CRYPTO_set_mem_functions(take, change, give) != 1)
		return -EINVAL;
	switch (CRYPTO_secure_malloc_init(SECURE_BYTES, SECURE_LEAST)) {
	case 1:
		return 0;
	case 2:	/* it works, but may be written to swap */
		return -EPERM;
	default:
		return -ENOMEM;
	}
}

/* ---- files ---- */

static int
refuse(const char *why, int err)
{
	log_begin(LOG_ERROR_, "key-refused");
	log_str("why", why);
	log_end();
	return err;
}

int
keys_read(struct keyd *k)
{
	uid_t owner = (uid_t)cage_role_uid(ROLE_KEY);
	char why[KEYPAIR_WHY_MAX];
	struct keypair_files f;
	int err = 0;

	for (unsigned i = 0; i < k->conf.n_tls_certificates; i++) {
		int one;

		keypair_files(&k->conf, i, &f);
		one = keypair_read(&f, owner, &k->bytes[i], why);
		err = one ? refuse(why, one) : err;
	}
	return err;
}

/* ---- looking at them ---- */

static void
note_facts(struct keyd *k, unsigned i)
{
	struct keyd_key *key = &k->key[i];
	X509 *leaf = sk_X509_value(key->pair.chain, 0);
	struct cert_facts f;

	cert_facts(leaf, &f);
	key->until_s = f.until_s;
	memcpy(key->names, f.names, sizeof(key->names));
	memcpy(key->file, k->conf.tls_certificate[i], sizeof(key->file));
	key->fits = cert_is_for(leaf, k->conf.domain);
	log_begin(key->fits ? LOG_INFO_ : LOG_WARN_, "certificate");
	log_str("file", key->file);
	log_str("names", key->names);
	log_str("key", f.key);
	log_u64("days_left", (uint64_t)cert_days_left(f.until_s,
	    clock_wall_s()));
	if (!key->fits) {
		log_str("warning", "it does not name [site] domain: phones "
		    "that check will refuse");
		log_str("domain", k->conf.domain);
	}
	log_end();
	if (f.from_s > clock_wall_s()) {
		log_begin(LOG_WARN_, "certificate-not-yet-valid");
		log_str("file", key->file);
		log_str("remedy", "set this machine's clock, or wait");
		log_end();
	}
}

/*
 * What OpenSSL loads at its first use it loads now, and the signature is
 * checked with the certificate: not only the numbers belong together.
 */
static int
prove(EVP_PKEY *key, X509 *leaf)
{
	static const uint16_t first[] = { [KEY_P256] = 0x0403,
		[KEY_P384] = 0x0503, [KEY_RSA] = 0x0804,
		[KEY_ED25519] = 0x0807 };
	enum key_kind kind = sign_kind(key);
	const struct scheme *s;
	uint8_t out[SIGNATURE_MAX];
	size_t len;
	int err;

	s = scheme_find(first[kind], kind, FORM_TLS13);
	if (s == NULL)
		return -ENOTSUP;
	err = sign(key, s, SPAN_LIT("a"), out, &len);
	return err ? err : sign_check(leaf, s, SPAN_LIT("a"),
	    span_make(out, len));
}

static int
open_one(struct keyd *k, unsigned i)
{
	char why[KEYPAIR_WHY_MAX];
	struct keyd_key *key = &k->key[i];
	int err;

	err = keypair_parse(&k->bytes[i], clock_wall_s(), &key->pair, why);
	keypair_wipe(&k->bytes[i]);
	if (err)
		return refuse(why, err);
	err = prove(key->pair.key, sk_X509_value(key->pair.chain, 0));
	if (err)
		return refuse("its signature does not match its certificate; "
		    "make both anew: postern cert create", err);
	k->gate.keys[i] = sign_kind(key->pair.key);
	note_facts(k, i);
	return 0;
}

int
keys_open(struct keyd *k)
{
	int err = 0, one;

	gate_init(&k->gate, clock_mono());
	k->n_keys = k->conf.n_tls_certificates;
	for (unsigned i = 0; i < k->n_keys; i++) {
		one = open_one(k, i);
		err = one ? one : err;
	}
	return err;
}
