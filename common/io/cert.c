#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/addr.h"
#include "common/io/cert.h"

#define DAY_S 86400

/* Whoever made the certificate chose these bytes. */
static void
make_plain(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s < 32 || *s > 126)
			*s = '?';
	}
}

static void
copy_bio(BIO *from, char *to, size_t size)
{
	int n = BIO_read(from, to, (int)size - 1);

	to[n < 0 ? 0 : n] = '\0';
	make_plain(to);
}

static void
put_name(const X509_NAME *name, char *to, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());

	*to = '\0';
	if (b == NULL)
		return;
	X509_NAME_print_ex(b, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	copy_bio(b, to, size);
	BIO_free(b);
}

static void
put_ip(BIO *b, const ASN1_OCTET_STRING *ip)
{
	int len = ASN1_STRING_length(ip);
	char text[ADDR_TEXT_MAX + 1];
	struct addr a = { 0 };
	struct buf out;

	if (len != 4 && len != 16)
		return;
	a.family = len == 4 ? ADDR_IPV4 : ADDR_IPV6;
	memcpy(a.ip, ASN1_STRING_get0_data(ip), (size_t)len);
	buf_init(&out, text, sizeof(text));
	addr_put_ip(&out, &a);
	BIO_write(b, text, (int)out.len);
}

static void
put_alt_names(X509 *cert, char *to, size_t size)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
	    NULL);
	BIO *b = BIO_new(BIO_s_mem());

	*to = '\0';
	for (int i = 0; b != NULL && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (i > 0)
			BIO_puts(b, ", ");
		if (g->type == GEN_IPADD)
			put_ip(b, g->d.iPAddress);
		else if (g->type == GEN_DNS || g->type == GEN_EMAIL ||
		    g->type == GEN_URI)
			BIO_write(b, ASN1_STRING_get0_data(g->d.ia5),
			    ASN1_STRING_length(g->d.ia5));
		else
			BIO_puts(b, "(another kind)");
	}
	if (b != NULL)
		copy_bio(b, to, size);
	BIO_free(b);
	GENERAL_NAMES_free(all);
}

static void
put_key(X509 *cert, char *to, size_t size)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[32] = "";
	size_t len;

	snprintf(to, size, "unknown");
	if (key == NULL)
		return;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		snprintf(to, size, "RSA %d", EVP_PKEY_get_bits(key));
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1) {
		snprintf(to, size, "EC %s",
		    strcmp(group, "prime256v1") == 0 ? "P-256" :
		    strcmp(group, "secp384r1") == 0 ? "P-384" : group);
	} else if (EVP_PKEY_get0_type_name(key) != NULL) {
		snprintf(to, size, "%s", EVP_PKEY_get0_type_name(key));
	}
	make_plain(to);
}

static void
put_hex(const unsigned char *p, size_t n, char *to, size_t size)
{
	*to = '\0';
	for (size_t i = 0; i < n && (i + 1) * 3 <= size; i++)
		snprintf(to + i * 3 - (i > 0), 4, i > 0 ? ":%02X" : "%02X",
		    p[i]);
}

static void
put_fingerprint(X509 *cert, char *to, size_t size)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(cert, EVP_sha256(), md, &len) != 1)
		len = 0;
	put_hex(md, len, to, size);
}

static void
put_serial(X509 *cert, char *to, size_t size)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(cert);

	put_hex(ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n), to,
	    size);
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void
cert_facts(X509 *cert, struct cert_facts *out)
{
	put_name(X509_get_subject_name(cert), out->subject,
	    sizeof(out->subject));
	put_name(X509_get_issuer_name(cert), out->issuer, sizeof(out->issuer));
	put_alt_names(cert, out->names, sizeof(out->names));
	put_key(cert, out->key, sizeof(out->key));
	put_serial(cert, out->serial, sizeof(out->serial));
	put_fingerprint(cert, out->fingerprint, sizeof(out->fingerprint));
	out->from_s = seconds(X509_get0_notBefore(cert));
	out->until_s = seconds(X509_get0_notAfter(cert));
	out->is_ca = X509_check_ca(cert) == 1;
}

bool
cert_is_for(X509 *cert, const char *name)
{
	struct addr ip;

	if (addr_parse_ip(span_str(name), &ip) == 0)
		return X509_check_ip_asc(cert, name, 0) == 1;
	return X509_check_host(cert, name, 0, 0, NULL) == 1;
}

int64_t
cert_days_left(int64_t until_s, int64_t now_s)
{
	int64_t left = until_s - now_s;

	return left >= 0 ? left / DAY_S : -((DAY_S - 1 - left) / DAY_S);
}
