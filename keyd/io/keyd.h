/*
 * keyd: what main.c makes and the files of io/ share.
 *
 *	keys.c		reading, opening and trying keys, before the cage
 *	sign.c		one signature
 *	peer_sigproxy.c	its questions; the chains it gets
 *	peer_admin.c	status
 *	warn.c		what the log says of certificates that end
 */
#ifndef KEYD_IO_KEYD_H
#define KEYD_IO_KEYD_H

#include "common/io/door.h"
#include "common/io/keypair.h"
#include "keyd/core/expiry.h"
#include "keyd/core/gate.h"

/* More than any key of ours makes (RSA with 4096 bits). */
#define SIGNATURE_MAX 512

struct keyd_key {
	struct keypair pair;
	int64_t until_s;
	char names[512], file[CONF_PATH_MAX];
	bool fits;		/* it names the domain */
	struct expiry expiry;
};

struct keyd {
	struct conf conf;
	struct keypair_bytes bytes[IPC_CERTS_MAX];
	struct keyd_key key[IPC_CERTS_MAX];
	unsigned n_keys;
	struct gate gate;
	struct mono said[4];	/* when a refusal was last logged */
	uint64_t signed_;
	uv_loop_t loop;
	uv_timer_t timer;
	struct doors *doors;
	struct door *sig, *admin;
};

/* ---- keys.c; the log says why not ---- */

/* OpenSSL wipes what it frees, and keeps keys in locked memory.  First of
 * all.  Errors: -EPERM it is not locked (RLIMIT_MEMLOCK); -ENOMEM. */
int keys_memory(void);
/* As whoever started us. */
int keys_read(struct keyd *k);
/* As ourselves: open them, and sign once with each. */
int keys_open(struct keyd *k);

/* ---- sign.c ---- */

/*
 * Sign.
 *
 * Gives:   *len_out bytes in out, of SIGNATURE_MAX.
 * Errors:  -EIO OpenSSL could not.
 */
int sign(EVP_PKEY *key, const struct scheme *s, struct span tbs,
    uint8_t *out, size_t *len_out);
/* Is it this certificate's?  Errors: -EKEYREJECTED. */
int sign_check(X509 *leaf, const struct scheme *s, struct span tbs,
    struct span signature);
enum key_kind sign_kind(const EVP_PKEY *key);

/* ---- peers ---- */

int on_sigproxy_frame(struct keyd *k, uint16_t type, struct span payload);
/* sigproxy came: tell it the chains. */
void tell_chains(struct keyd *k);
int on_admin_frame(struct keyd *k, uint16_t type, struct span payload);

/* ---- warn.c ---- */

/* Say what is to be said now, and each day. */
int warn_start(struct keyd *k);

#endif
