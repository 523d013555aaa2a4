/*
 * Readers for single header values (RFC 3261 20 and 25.1).
 *
 * Each takes one value (no name, no colon), whole and possibly folded over
 * several lines, and gives views into it.  All are strict: what the grammar
 * does not allow is -EBADMSG, and nothing is read outside the span.
 * Iterators give 0 for an element, -ENOENT at the end and -EBADMSG when the
 * rest cannot be read; they always end.
 */
#ifndef SIGPROXY_SIP_HDR_H
#define SIGPROXY_SIP_HDR_H

#include "common/base/addr.h"
#include "common/codec/uri.h"

/* Methods (RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665). */
#define SIP_METHODS(M)                                                        \
	M(INVITE) M(ACK) M(BYE) M(CANCEL) M(REGISTER) M(OPTIONS) M(INFO)      \
	M(PRACK) M(UPDATE) M(SUBSCRIBE) M(NOTIFY) M(PUBLISH) M(MESSAGE)       \
	M(REFER)

enum sip_method {
	SIP_OTHER = 0,		/* well formed, not in the list */
#define SIP_METHOD_ENUM(name) SIP_##name,
	SIP_METHODS(SIP_METHOD_ENUM)
#undef SIP_METHOD_ENUM
	SIP_METHOD_N
};

/* Byte-exact: methods are case-sensitive. */
enum sip_method sip_method_of(struct span name);
/* "INVITE"; "" for SIP_OTHER. */
const char *sip_method_name(enum sip_method m);

/* A comma-separated list; commas in "quotes" and <brackets> do not count. */
struct sip_list {
	struct span rest;
	bool more;
};

struct sip_list sip_list_start(struct span value);
/* Items are trimmed and may be empty (`a,,b`): the item's reader decides.
 * Errors: -ENOENT, -EBADMSG open quote or bracket. */
int sip_list_next(struct sip_list *l, struct span *item_out);

/* `;name=value` parameters. */
struct sip_param {
	struct span name;
	struct span value;	/* without quotes, escapes kept */
	bool has_value;
	bool quoted;
};

/* Step through parameters; rest starts at a ';' or is empty or blank.
 * Errors: -ENOENT, -EBADMSG. */
int sip_param_next(struct span *rest, struct sip_param *out);
/* Find by name, case-blind.  Errors: -ENOENT, -EBADMSG (also twice). */
int sip_param_find(struct span params, const char *name,
    struct sip_param *out);

/*
 * Append a quoted string's content with its backslash escapes undone and its
 * folds turned into one space.
 *
 * Takes:   s    what stood between the quotes.
 * Errors:  buf_err(b).
 */
int sip_unquote(struct span s, struct buf *b);

/* 1*token-char (RFC 3261 25.1)? */
bool sip_is_token(struct span s);

/* One Via value. */
struct sip_via {
	struct span protocol;	/* "SIP" */
	struct span version;	/* "2.0" */
	struct span transport;	/* "UDP", in the sender's case */
	struct span host;	/* as written, IPv6 with brackets */
	struct addr ip;		/* family ADDR_NONE when host is a name */
	uint16_t port;		/* 0: none written */
	struct span params;	/* from the first ';' */
	struct span branch;	/* empty: none */
	bool has_magic;		/* z9hG4bK and at least one octet more */
	bool has_rport;		/* `;rport`, with or without a value */
	uint16_t rport;		/* its value, 0: none */
	struct span received;	/* as written; brackets optional */
	struct span maddr;
	bool is_whole;		/* false: the parameters could not be read,
				 * the fields before them are good */
};

/* Errors: -EBADMSG. With is_whole false, transport and host can be used to
 * answer; otherwise out is all zero. */
int sip_via_parse(struct span value, struct sip_via *out);

/* From, To, Route, Record-Route, Refer-To, P-Asserted-Identity ... */
struct sip_nameaddr {
	struct span display;	/* as written: quoted or tokens; or empty */
	struct uri uri;
	bool has_brackets;
	struct span params;	/* header parameters, from the first ';' */
	struct span tag;	/* of From and To; empty: none */
};

/* Without brackets everything after the first ';' belongs to the header and
 * '?' or ',' is refused (20.10).  Errors: -EBADMSG. */
int sip_nameaddr_parse(struct span value, struct sip_nameaddr *out);

struct sip_cseq {
	uint32_t number;	/* below 2^31 (8.1.1.5) */
	enum sip_method method;
	struct span method_name;
};

int sip_cseq_parse(struct span value, struct sip_cseq *out);

#define SIP_Q_NONE 0xffff

struct sip_contact {
	bool is_star;		/* `*`: nothing else is set */
	struct sip_nameaddr na;
	uint16_t q_milli;	/* 0 to 1000, or SIP_Q_NONE */
	bool has_expires;
	uint32_t expires_s;	/* larger ones give UINT32_MAX */
	struct span instance;	/* +sip.instance without quotes, with <> */
	bool has_reg_id;
	uint32_t reg_id;	/* RFC 5626 */
	bool has_ice;		/* +sip.ice (RFC 5768) */
};

/* One value of the list.  Errors: -EBADMSG. */
int sip_contact_parse(struct span value, struct sip_contact *out);

/* Credentials or a challenge (RFC 3261 22, RFC 7616 3). */
struct sip_digest {
	struct span username;	/* all: without quotes, escapes kept */
	struct span realm;
	struct span nonce;
	struct span uri;
	struct span response;
	struct span algorithm;	/* empty: none, meaning MD5 */
	struct span cnonce;
	struct span opaque;
	struct span qop;
	struct span nc;
	struct span stale;
	bool has_escapes;	/* some value holds a backslash: sip_unquote */
	bool hides_user;	/* username* or userhash=true (RFC 7616 3.4.4) */
};

/*
 * Errors:  -ENOTSUP a scheme other than Digest;
 *          -EBADMSG not by the grammar, a parameter twice, a value that must
 *          be quoted and is not, nc not 8 hex digits.
 */
int sip_digest_parse(struct span value, struct sip_digest *out);

/* delta-seconds; what is above 2^32-1 gives UINT32_MAX.  Errors: -EBADMSG. */
int sip_delta_parse(struct span value, uint32_t *out);

struct sip_media_type {
	struct span type;
	struct span subtype;
	struct span params;	/* from the first ';' */
};

int sip_media_type_parse(struct span value, struct sip_media_type *out);

/* Event, Reason, Content-Disposition, Session-Expires: token and params. */
struct sip_word {
	struct span word;
	struct span params;
};

int sip_word_parse(struct span value, struct sip_word *out);

struct sip_rack {		/* RFC 3262 7.2 */
	uint32_t rseq;
	uint32_t cseq;
	enum sip_method method;
	struct span method_name;
};

int sip_rack_parse(struct span value, struct sip_rack *out);

struct sip_replaces {		/* RFC 3891 6.1, RFC 4538 */
	struct span call_id;
	struct span to_tag;
	struct span from_tag;
	bool early_only;
};

/* Errors: -EBADMSG, also when a tag is missing or stands twice. */
int sip_replaces_parse(struct span value, struct sip_replaces *out);

/* word ["@" word], RFC 3261 25.1. */
bool sip_is_call_id(struct span s);

#endif
