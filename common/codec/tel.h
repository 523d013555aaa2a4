/*
 * Telephone numbers in URIs (RFC 3966; RFC 3261 19.1.6): which number of our
 * own plan a tel: URI, or a sip: URI with user=phone, means.
 *
 * The same rules serve sigproxy, for what a request is about, and
 * registrar-db, for what the digest's own uri is about: they cannot differ.
 */
#ifndef COMMON_CODEC_TEL_H
#define COMMON_CODEC_TEL_H

#include "common/codec/uri.h"

/* A number by RFC 3966's grammar; views into the URI. */
struct tel {
	struct span digits;     /* as written, with its visual separators */
	bool is_global;         /* begins with '+' */
	struct span context;    /* phone-context; empty: none */
	bool context_is_number; /* "+49", not a domain */
	struct span ext;        /* extension; empty: none */
	struct span isub;       /* ISDN subaddress; empty: none */
};

/*
 * Read a tel: URI strictly.
 *
 * Errors:  -ENOTSUP  not a tel: URI;
 *          -EBADMSG  a global number with letters, '*' or '#'; phone-context
 *                    on a global number, or neither number nor domain; an
 *                    extension that holds no digit; ext and isub together; one
 *                    of the three twice.
 */
int tel_parse(const struct uri *u, struct tel *out);

/*
 * The number that a URI means in our plan, without visual separators: the
 * global number (with '+'); a local one with its phone-context in front when
 * that is a number; else a local one as it is, its context's domain being for
 * the caller to check.  An extension or subaddress is dialled behind a call
 * and does not choose whom it is for.
 *
 * sip: and sips: the same with user=phone, or with parameters behind a number
 * in the user (RFC 3261 19.1.6); else the unescaped user, byte for byte.
 *
 * Takes:   mem  URI_USER_MAX bytes that the result may lie in.
 * Errors:  as tel_parse(); -ENOTSUP another scheme; -ENOENT no user;
 *          -EMSGSIZE longer than URI_USER_MAX.
 */
int tel_number(const struct uri *u, char mem[URI_USER_MAX], struct span *out);

/* Do both mean the same number?  False when one means none. */
bool tel_same_number(const struct uri *a, const struct uri *b);

/*
 * Write the sip: URI that a tel: URI means at our domain:
 * sip:NUMBER@domain;user=phone (RFC 3261 19.1.6).
 *
 * Errors:  as tel_number(); else buf_err(b).
 */
int tel_put_sip(struct buf *b, const struct uri *u, struct span domain);

#endif
