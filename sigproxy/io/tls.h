/*
 * TLS 1.2 and 1.3 for the connections of both zones, by OpenSSL.
 *
 * It knows no socket: what lies beneath gives and takes octets by two
 * functions, and takes all it is given, so that nothing here ever waits to
 * write.  The private key is keyd's: a handshake that needs a signature
 * pauses (SSL_MODE_ASYNC), its question goes to keyd, and everybody else goes
 * on.  A keyd that went away is asked again when it is back, as long as the
 * handshake may last.
 *
 * OpenSSL allocates for each connection; how many there are, and how many of
 * them shake hands, is limited, and so is memory (docs/tls.md has the
 * figures).
 */
#ifndef SIGPROXY_IO_TLS_H
#define SIGPROXY_IO_TLS_H

#include <sys/types.h>

#include "common/base/mono.h"
#include "sigproxy/io/tls_client.h"
#include "sigproxy/io/tls_hello.h"

#define TLS_SHAKING_MAX 128	/* handshakes under way at once */
#define TLS_DIALS_MAX 32	/* of these towards trunks, beside them */
#define TLS_CHAIN_MAX 15000	/* octets of one chain */

struct tls;		/* all of it */
struct tls_conn;	/* one connection */

struct tls_ops {
	/* Beneath.  recv: octets, 0 at the end, -EAGAIN: none now.  send
	 * takes all; false: broken. */
	ssize_t (*recv)(void *conn, void *mem, size_t room);
	bool (*send)(void *conn, struct span bytes);
	/* The handshake waited for keyd and can go on: tls_shake().  Not
	 * called from within tls_shake(). */
	void (*go_on)(void *conn);
	/* Put this to keyd; it answers with tls_signed(), which may be called
	 * from within.  Lost questions are put again by tls_key_up(). */
	void (*ask)(void *arg, uint32_t id, uint8_t index, uint16_t scheme,
	    struct span tbs);
	void *arg;
};

/* Before anything else of libcrypto: openssl.cnf is not read, ever.
 * Errors: -EIO. */
int tls_init(void);

/* Errors: NULL for no memory. */
struct tls *tls_new(const struct tls_ops *ops);
/* Whom trunks' certificates may be of (tls_client.h); before the first. */
void tls_trust(struct tls *t, struct span ca);
void tls_free(struct tls *t);

/*
 * Shake hands with ourselves in memory, by each version and group, with a key
 * made for that moment: OpenSSL loads late, and after the cage it is too
 * late.
 *
 * Errors:  -EIO something in our own use of OpenSSL is wrong.
 */
int tls_warm_up(void);

/* ---- certificates and keys, from keyd ---- */

/*
 * One chain of a set: keyd sends numbers 0 to total - 1 in order.
 *
 * Gives:   1 the set is whole and new, and in use; 0: not yet, or it is the
 *          one in use.
 * Errors:  -EBADMSG not certificates that can be used: the set in use stays.
 *          -EPROTO out of order.
 */
int tls_certificate(struct tls *t, unsigned index, unsigned total,
    struct span chain);
bool tls_has_certificate(const struct tls *t);
/* keyd's answer; empty: it refused.  One nobody waits for is fine. */
void tls_signed(struct tls *t, uint32_t id, struct span signature);
/* keyd has too much to do: it is asked again by the next tls_tick(). */
void tls_put_off(struct tls *t, uint32_t id);
/* keyd is there (again): put to it what waits. */
void tls_key_up(struct tls *t);
/* Some times a second: questions put off; keys of tickets grow old. */
void tls_tick(struct tls *t, struct mono now);

/* ---- a connection ---- */

enum tls_state {
	TLS_UP,		/* the handshake is done */
	TLS_READS,	/* it needs more octets */
	TLS_ASKS,	/* it waits for keyd: do not read */
	TLS_FAILED,	/* close it; tls_failure() says why */
};

/* conn is the caller's, for the functions beneath.  Errors: NULL for no
 * memory, no certificate, or TLS_SHAKING_MAX handshakes. */
struct tls_conn *tls_open(struct tls *t, void *conn);
/*
 * The same as a client, towards a trunk.
 *
 * Takes:   name    the trunk's, as it is configured.
 *          verify  its certificate must be right, and for that name.
 * Errors:  NULL for no memory, too long a name, TLS_DIALS_MAX.
 */
struct tls_conn *tls_dial(struct tls *t, void *conn, struct span name,
    bool verify);
/* Why such a handshake failed; TLS_WORDS_MAX bytes are enough. */
void tls_dial_words(const struct tls_conn *c, struct buf *out);
/* Frees; polite: with a close_notify.  NULL is fine. */
void tls_close(struct tls_conn *c, bool polite);

/* Go on with the handshake.  When it ends its place is free again. */
enum tls_state tls_shake(struct tls_conn *c);
bool tls_is_up(const struct tls_conn *c);
/* Was anything read of the handshake? */
bool tls_has_begun(const struct tls_conn *c);
/* Was the session resumed?  Is it TLS 1.3, or 1.2? */
bool tls_is_resumed(const struct tls_conn *c);
bool tls_is_1_3(const struct tls_conn *c);
/* After TLS_FAILED, or -EPIPE of tls_read(): why, and what the phone offered,
 * as far as it is known. */
enum tls_why tls_failure(const struct tls_conn *c, struct tls_hello *hello);

/* Decrypted octets; 0: no more now; -EPIPE: the peer ended it, or it is
 * broken. */
ssize_t tls_read(struct tls_conn *c, void *mem, size_t room);
/* Is there a part of a record, which holds memory? */
bool tls_has_part(const struct tls_conn *c);
/* All of it.  false: broken. */
bool tls_write(struct tls_conn *c, struct span bytes);

uint32_t tls_shaking(const struct tls *t);

#endif
