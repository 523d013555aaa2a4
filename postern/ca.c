#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/io/cert.h"
#include "postern/ca.h"

#define SERIAL_LEN 16
/* Clocks of phones run behind. */
#define EARLIER_S 3600
#define DAY_S 86400

EVP_PKEY *
ca_key(const char *kind)
{
	if (strcmp(kind, "p256") == 0)
		return EVP_EC_gen("P-256");
	if (strcmp(kind, "p384") == 0)
		return EVP_EC_gen("P-384");
	if (strcmp(kind, "rsa2048") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(kind, "rsa3072") == 0)
		return EVP_RSA_gen(3072);
	if (strcmp(kind, "rsa4096") == 0)
		return EVP_RSA_gen(4096);
	return NULL;
}

/* ---- parts ---- */

static bool
add_entry(X509_NAME *to, const char *what, const char *value)
{
	return value == NULL || X509_NAME_add_entry_by_txt(to, what,
	    MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool
set_subject(X509 *x, const struct ca_subject *s)
{
	X509_NAME *name = X509_get_subject_name(x);

	return add_entry(name, "C", s->country) &&
	    add_entry(name, "O", s->organization) &&
	    add_entry(name, "OU", s->unit) && add_entry(name, "CN", s->name);
}

static bool
set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_LEN];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40;	/* positive, never short */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool
set_time(X509 *x, const struct ca_want *w, X509 *issuer)
{
	int64_t until = w->now_s + (int64_t)w->days * DAY_S;
	struct cert_facts f;

	if (issuer != NULL) {
		cert_facts(issuer, &f);
		if (f.until_s < until)
			until = f.until_s;
	}
	return ASN1_TIME_set(X509_getm_notBefore(x), w->now_s - EARLIER_S) !=
	    NULL && ASN1_TIME_set(X509_getm_notAfter(x), until) != NULL;
}

static bool
add_ext(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;

	X509_EXTENSION_free(e);
	return ok;
}

/* ---- names ---- */

static GENERAL_NAME *
alt_name(const char *text)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s;

	if (g == NULL || ip != NULL) {
		if (g != NULL)
			GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
		else
			ASN1_OCTET_STRING_free(ip);
		return g;
	}
	s = ASN1_IA5STRING_new();
	if (s == NULL || ASN1_STRING_set(s, text, -1) != 1) {
		ASN1_IA5STRING_free(s);
		GENERAL_NAME_free(g);
		return NULL;
	}
	GENERAL_NAME_set0_value(g, strstr(text, "://") != NULL ? GEN_URI :
	    strchr(text, '@') != NULL ? GEN_EMAIL : GEN_DNS, s);
	return g;
}

static bool
add_alt_names(X509 *x, const struct ca_want *w)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	bool ok = all != NULL;

	for (unsigned i = 0; ok && i < w->n_names; i++) {
		GENERAL_NAME *g = alt_name(w->names[i]);

		ok = g != NULL && sk_GENERAL_NAME_push(all, g) > 0;
	}
	if (ok && w->n_names > 0)
		ok = X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0,
		    X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(all);
	return ok;
}

static bool
add_crl(X509 *x, const char *where)
{
	CRL_DIST_POINTS *all = sk_DIST_POINT_new_null();
	DIST_POINT *p = DIST_POINT_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *g = alt_name(where);
	bool ok = all != NULL && p != NULL && names != NULL && g != NULL &&
	    (p->distpoint = DIST_POINT_NAME_new()) != NULL;

	if (ok) {
		sk_GENERAL_NAME_push(names, g);
		p->distpoint->type = 0;	/* fullName */
		p->distpoint->name.fullname = names;
		sk_DIST_POINT_push(all, p);
		ok = X509_add1_ext_i2d(x, NID_crl_distribution_points, all, 0,
		    X509V3_ADD_DEFAULT) == 1;
		CRL_DIST_POINTS_free(all);
		return ok;
	}
	GENERAL_NAME_free(g);
	GENERAL_NAMES_free(names);
	DIST_POINT_free(p);
	sk_DIST_POINT_free(all);
	return false;
}

static bool
add_extensions(X509 *x, const struct ca_want *w, X509 *issuer)
{
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer == NULL ? x : issuer, x, NULL, NULL, 0);
	ok = add_ext(x, &ctx, NID_basic_constraints, w->is_ca ?
		"critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
	    add_ext(x, &ctx, NID_key_usage, w->is_ca ?
		"critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
	    add_ext(x, &ctx, NID_subject_key_identifier, "hash");
	if (ok && !w->is_ca)
		ok = add_ext(x, &ctx, NID_ext_key_usage, "serverAuth");
	if (ok && issuer != NULL)
		ok = add_ext(x, &ctx, NID_authority_key_identifier, "keyid");
	ok = ok && add_alt_names(x, w);
	return ok && (w->crl == NULL || add_crl(x, w->crl));
}

/* SHA-256; a P-384 key deserves SHA-384. */
static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
}

X509 *
ca_make(const struct ca_want *want, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key, const char **wrong_out)
{
	X509 *x = X509_new();
	const char *wrong = NULL;

	if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1 ||
	    !set_serial(x) || X509_set_pubkey(x, key) != 1)
		wrong = "out of memory";
	else if (!set_subject(x, &want->subject) ||
	    X509_set_issuer_name(x, X509_get_subject_name(
		issuer == NULL ? x : issuer)) != 1)
		wrong = "a part of the subject does not fit: the country has "
			"two letters, the others at most 64 characters";
	else if (!set_time(x, want, issuer))
		wrong = "the dates do not fit";
	else if (!add_extensions(x, want, issuer))
		wrong = "a name does not fit: use host names, IP addresses "
			"and mail addresses";
	else if (X509_sign(x, issuer_key, digest_for(issuer_key)) == 0)
		wrong = "it cannot be signed";
	if (wrong == NULL)
		return x;
	X509_free(x);
	*wrong_out = wrong;
	return NULL;
}

void
ca_file_name(const X509_NAME *name, char *mem, size_t size)
{
	int n = X509_NAME_get_text_by_NID(name, NID_commonName, mem,
	    (int)size);

	if (n <= 0)
		snprintf(mem, size, "unnamed");
	for (char *p = mem; *p != '\0'; p++) {
		if ((*p < '0' || *p > '9') && (*p < 'A' || *p > 'Z') &&
		    (*p < 'a' || *p > 'z') && strchr("-_. ", *p) == NULL)
			*p = '_';
	}
	if (mem[0] == '.')
		mem[0] = '_';
}
