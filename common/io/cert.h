/*
 * What a certificate says, for people and for logs: whoever reads files of
 * certificates (keyd, the admin command) asks here.
 */
#ifndef COMMON_IO_CERT_H
#define COMMON_IO_CERT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* All of it printable ASCII; what does not fit is cut. */
struct cert_facts {
	char subject[256], issuer[256];
	char names[512];	/* "sip.example.org, 192.0.2.1" */
	char key[32];		/* "EC P-256", "RSA 2048" */
	char serial[64];
	char fingerprint[96];	/* of SHA-256, with colons */
	int64_t from_s, until_s; /* seconds since 1970 */
	bool is_ca;
};

void cert_facts(X509 *cert, struct cert_facts *out);

/* Would a phone that was given this name, or IP address, accept it? */
bool cert_is_for(X509 *cert, const char *name);

/* Whole days until the end; negative: since it. */
int64_t cert_days_left(int64_t until_s, int64_t now_s);

#endif
