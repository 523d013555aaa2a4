#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "postern/probe.h"

static int
exchange(SSL *ssl, const struct probe *p, struct probe_target *t)
{
	char mem[2048], answer[4096];
	bool altered = false;
	struct buf b;
	int n;

	buf_init(&b, mem, sizeof(mem));
	probe_put_options(&b, p, t);
	if (buf_err(&b) || SSL_write(ssl, b.p, (int)b.len) <= 0)
		return -1;
	n = SSL_read(ssl, answer, sizeof(answer));
	if (n <= 0)
		return -1;
	t->result = !probe_read_answer(span_make(answer, (size_t)n), t,
			&altered) ? PROBE_OTHER :
		    altered ? PROBE_ALG : PROBE_WORKS;
	return 0;
}

/* Whose certificate it is does not matter here: phones judge that, and
 * `postern check` looks at it. */
void
probe_tls(struct probe *p, struct probe_target *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx == NULL ? NULL : SSL_new(ctx);

	t->result = PROBE_OTHER;
	snprintf(t->why, sizeof(t->why), "a connection, but no TLS 1.2 or 1.3 "
	    "on it");
	if (ssl != NULL && SSL_set_fd(ssl, t->fd) == 1 &&
	    SSL_set_min_proto_version(ssl, TLS1_2_VERSION) == 1) {
		SSL_set_tlsext_host_name(ssl, p->name);
		if (SSL_connect(ssl) == 1) {
			t->why[0] = '\0';
			if (exchange(ssl, p, t) != 0)
				snprintf(t->why, sizeof(t->why),
				    "TLS, but no answer to SIP on it");
		}
	}
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
