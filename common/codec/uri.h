/*
 * SIP, SIPS and tel URIs (RFC 3261 19.1 and 25.1, RFC 3966): views into the
 * caller's bytes, strict, no allocation.
 *
 * Escapes stay as they were written; a user is compared or looked up only
 * after uri_user_unescape(), and what comes out may hold any octet, NUL too.
 */
#ifndef COMMON_CODEC_URI_H
#define COMMON_CODEC_URI_H

#include "common/base/addr.h"

enum uri_scheme {
	URI_SIP = 1,
	URI_SIPS,
	URI_TEL,	/* user: the number; params; nothing else */
	URI_OTHER,	/* only `all` and `scheme_name` are set */
};

enum uri_host {
	URI_HOST_NONE = 0,
	URI_HOST_NAME,
	URI_HOST_IP,	/* 192.0.2.1 or [2001:db8::1] */
};

struct uri {
	struct span all;	/* the whole URI as written */
	struct span scheme_name;
	enum uri_scheme scheme;
	enum uri_host host_kind;
	bool has_user;		/* `sip:@host` is refused */
	uint16_t port;		/* 0: none was written */
	struct span user;	/* escaped, without password */
	struct span password;
	struct span host;	/* as written, IPv6 with brackets */
	struct addr ip;		/* when URI_HOST_IP; port 0 */
	struct span params;	/* after the first ';', without it */
	struct span headers;	/* after '?', without it */
};

/*
 * Read a URI that is the whole of s.
 *
 * Spec:    RFC 3261 25.1. As RFC 5118 4.10 advises, `:::` before an IPv4 part
 *          is read as `::`.
 * Gives:   out, views into s.
 * Errors:  -EBADMSG not a URI by its grammar (also a '%' without two hex
 *          digits, a space or control octet, an empty user, port 0 or above
 *          65535). An unknown scheme is no error: URI_OTHER.
 */
int uri_parse(struct span s, struct uri *out);

/*
 * Find a URI parameter by name, case-blind.
 *
 * Gives:   true and the escaped value (empty for a lone name). When a name
 *          stands twice the first one counts.
 */
bool uri_param(const struct uri *u, const char *name, struct span *value_out);

/*
 * Step through parameters: start with rest = u->params.
 *
 * Gives:   false at the end.
 */
bool uri_param_next(struct span *rest, struct span *name, struct span *value);

/*
 * Append s with each %XX turned into its octet.
 *
 * Takes:   s    escaped text from a parsed URI.
 * Errors:  -EBADMSG a '%' without two hex digits; else buf_err(b).
 *          %00 gives a NUL octet: the length of b is the only truth.
 */
int uri_unescape(struct span s, struct buf *b);

/* Longest user we compare or look up, after unescaping. */
#define URI_USER_MAX 128

/*
 * The unescaped user.
 *
 * Takes:   mem  URI_USER_MAX bytes that the result may lie in.
 * Gives:   a view into mem, or into the URI when nothing is escaped.
 * Errors:  -EMSGSIZE longer than URI_USER_MAX; -ENOENT no user.
 */
int uri_user_unescape(const struct uri *u, char *mem, struct span *out);

/* Are two escaped texts the same octets (RFC 3261 19.1.4)? Case counts. */
bool uri_escaped_eq(struct span a, struct span b);

/* Same user after unescaping; two URIs without a user are equal too. */
bool uri_same_user(const struct uri *a, const struct uri *b);

/* Same host: addresses by value, names case-blind, one trailing dot aside. */
bool uri_same_host(const struct uri *a, const struct uri *b);

/* Is the URI's host this name or address (as configured)? */
bool uri_host_is(const struct uri *u, struct span name);

/* The port to use: as written, else 5061 for sips and 5060 for sip. */
uint16_t uri_port_or_default(const struct uri *u);

/* Is s a host name by RFC 3261's grammar (also an IP address)? */
int uri_host_parse(struct span s, enum uri_host *kind_out,
    struct addr *ip_out);

#endif
