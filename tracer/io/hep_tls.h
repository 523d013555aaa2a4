/*
 * TLS 1.2 and newer towards the receiver of HEP, by OpenSSL, in memory: it
 * knows no socket.  Octets from the receiver go in, octets for it come out.
 *
 * Its certificate must be signed by one of the CAs that were read before the
 * cage, be of its time, and be for the name that the configuration gives.
 * There is no way to do without.
 */
#ifndef TRACER_IO_HEP_TLS_H
#define TRACER_IO_HEP_TLS_H

#include <openssl/ssl.h>

#include "common/base/buf.h"
#include "common/io/conf.h"

struct hep_tls {
	SSL_CTX *ctx;		/* NULL: there is none to believe, or no TLS */
	SSL *ssl;		/* the connection's; NULL: none */
	const char *name;	/* that its certificate must be for */
	bool is_address;
};

/*
 * Before the cage, as ourselves: read the CAs, and shake hands with ourselves
 * once, so that nothing is loaded late.
 *
 * Takes:   c    kept.
 * Gives:   in why, which CAs cannot be read, if that is so: every connection
 *          is refused then.
 * Errors:  -EIO.
 */
int hep_tls_init(struct hep_tls *t, const struct conf *c, struct buf *why);

/* A new connection.  Errors: -ENOMEM, -EIO there is nobody to believe. */
int hep_tls_open(struct hep_tls *t);
void hep_tls_close(struct hep_tls *t);

/* What came.  Errors: -ENOMEM. */
int hep_tls_take(struct hep_tls *t, struct span bytes);
/*
 * Go on shaking hands, or read what came: the receiver of HEP says nothing
 * but what TLS itself does.
 *
 * Gives:   1 the handshake is done; 0 it needs more octets.
 * Errors:  -EPIPE it ended the session, -EPROTO it came to nothing, with the
 *          cause in why.
 */
int hep_tls_go_on(struct hep_tls *t, struct buf *why);
/* Errors: -EPROTO. */
int hep_tls_write(struct hep_tls *t, struct span bytes);

/* What is to be sent; lent until the next call. */
struct span hep_tls_out(const struct hep_tls *t);
/* So many of them are sent. */
void hep_tls_sent(struct hep_tls *t, size_t n);
/* Octets for the receiver since hep_tls_open(). */
uint64_t hep_tls_written(const struct hep_tls *t);

/* hep_tls_warm.c; Errors: -EIO. */
int hep_tls_warm_up(void);

#endif
