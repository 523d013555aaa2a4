/*
 * A SIP message as views into one datagram (RFC 3261 7, 18.3, 25.1).
 *
 * One pass, no allocation, no copy; a struct sip_msg dies with its bytes.
 * What sip_parse() accepts has every mandatory header once, each well formed;
 * what it refuses carries the status to answer with, or is to be dropped.
 * Raw bytes are never forwarded: build.h writes from this parse, so that no
 * second parser can read the message differently.
 */
#ifndef SIGPROXY_SIP_MSG_H
#define SIGPROXY_SIP_MSG_H

#include "sigproxy/sip/hdr.h"

#define SIP_HDRS_MAX 128	/* header lines of one message */
#define SIP_BYTES_MAX 65535

/*
 * How often a header may stand (RFC 3261 7.3.1).
 * ONE: once, no list.  LIST: comma lists, several lines.  MANY: several
 * lines, but a comma is no separator (20.7: credentials, challenges).
 */
enum sip_hdr_count { SIP_ONE, SIP_LIST, SIP_MANY };

/* What a header means for a B2BUA that hides each side from the other. */
enum sip_hdr_class {
	SIP_C_UNKNOWN,	/* not in the table */
	SIP_C_HOP,	/* ends at each leg: Via, Route, Contact ... */
	SIP_C_DIALOG,	/* written anew by the core: From, CSeq ... */
	SIP_C_AUTH,	/* credentials and challenges: never passed on */
	SIP_C_IDENTITY,	/* not believed from outside */
	SIP_C_OPTION,	/* lists what is built: Supported, Allow ... */
	SIP_C_BODY,	/* describes the body; goes with it */
	SIP_C_ADDRESS,	/* may hold addresses or Call-IDs of the other side */
	SIP_C_SOFTWARE,	/* names a program: User-Agent, Server */
	SIP_C_PLAIN,	/* end to end, shows nothing */
};

/*   id                   name                     short count  class */
#define SIP_HEADERS(M)                                                        \
	M(ACCEPT,             "Accept",                0,   LIST, OPTION)     \
	M(ACCEPT_CONTACT,     "Accept-Contact",        'a', LIST, PLAIN)      \
	M(ACCEPT_ENCODING,    "Accept-Encoding",       0,   LIST, OPTION)     \
	M(ACCEPT_LANGUAGE,    "Accept-Language",       0,   LIST, PLAIN)      \
	M(ALERT_INFO,         "Alert-Info",            0,   LIST, ADDRESS)    \
	M(ALLOW,              "Allow",                 0,   LIST, OPTION)     \
	M(ALLOW_EVENTS,       "Allow-Events",          'u', LIST, OPTION)     \
	M(ANSWER_MODE,        "Answer-Mode",           0,   ONE,  PLAIN)      \
	M(AUTHENTICATION_INFO, "Authentication-Info",  0,   ONE,  AUTH)       \
	M(AUTHORIZATION,      "Authorization",         0,   MANY, AUTH)       \
	M(CALL_ID,            "Call-ID",               'i', ONE,  DIALOG)     \
	M(CALL_INFO,          "Call-Info",             0,   LIST, ADDRESS)    \
	M(CONTACT,            "Contact",               'm', LIST, HOP)        \
	M(CONTENT_DISPOSITION, "Content-Disposition",  0,   ONE,  BODY)       \
	M(CONTENT_ENCODING,   "Content-Encoding",      'e', LIST, BODY)       \
	M(CONTENT_ID,         "Content-ID",            0,   ONE,  BODY)       \
	M(CONTENT_LANGUAGE,   "Content-Language",      0,   LIST, BODY)       \
	M(CONTENT_LENGTH,     "Content-Length",        'l', ONE,  DIALOG)     \
	M(CONTENT_TRANSFER_ENCODING, "Content-Transfer-Encoding",             \
	                                               0,   ONE,  BODY)       \
	M(CONTENT_TYPE,       "Content-Type",          'c', ONE,  BODY)       \
	M(CSEQ,               "CSeq",                  0,   ONE,  DIALOG)     \
	M(DATE,               "Date",                  0,   ONE,  PLAIN)      \
	M(DIVERSION,          "Diversion",             0,   LIST, IDENTITY)   \
	M(ERROR_INFO,         "Error-Info",            0,   LIST, ADDRESS)    \
	M(EVENT,              "Event",                 'o', ONE,  PLAIN)      \
	M(EXPIRES,            "Expires",               0,   ONE,  PLAIN)      \
	M(FLOW_TIMER,         "Flow-Timer",            0,   ONE,  HOP)        \
	M(FROM,               "From",                  'f', ONE,  DIALOG)     \
	M(GEOLOCATION,        "Geolocation",           0,   LIST, ADDRESS)    \
	M(HISTORY_INFO,       "History-Info",          0,   LIST, IDENTITY)   \
	M(IDENTITY,           "Identity",              'y', MANY, IDENTITY)   \
	M(IDENTITY_INFO,      "Identity-Info",         'n', ONE,  IDENTITY)   \
	M(INFO_PACKAGE,       "Info-Package",          0,   ONE,  PLAIN)      \
	M(IN_REPLY_TO,        "In-Reply-To",           0,   LIST, ADDRESS)    \
	M(JOIN,               "Join",                  0,   ONE,  ADDRESS)    \
	M(MAX_BREADTH,        "Max-Breadth",           0,   ONE,  DIALOG)     \
	M(MAX_FORWARDS,       "Max-Forwards",          0,   ONE,  DIALOG)     \
	M(MIME_VERSION,       "MIME-Version",          0,   ONE,  BODY)       \
	M(MIN_EXPIRES,        "Min-Expires",           0,   ONE,  PLAIN)      \
	M(MIN_SE,             "Min-SE",                0,   ONE,  PLAIN)      \
	M(ORGANIZATION,       "Organization",          0,   ONE,  PLAIN)      \
	M(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0, LIST, IDENTITY)  \
	M(P_ASSERTED_IDENTITY, "P-Asserted-Identity",  0,   LIST, IDENTITY)   \
	M(P_ASSOCIATED_URI,   "P-Associated-URI",      0,   LIST, IDENTITY)   \
	M(P_CALLED_PARTY_ID,  "P-Called-Party-ID",     0,   ONE,  IDENTITY)   \
	M(P_CHARGING_VECTOR,  "P-Charging-Vector",     0,   ONE,  IDENTITY)   \
	M(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0,  LIST, IDENTITY)   \
	M(PATH,               "Path",                  0,   LIST, HOP)        \
	M(PRIORITY,           "Priority",              0,   ONE,  PLAIN)      \
	M(PRIV_ANSWER_MODE,   "Priv-Answer-Mode",      0,   ONE,  PLAIN)      \
	M(PRIVACY,            "Privacy",               0,   MANY, PLAIN)      \
	M(PROXY_AUTHENTICATE, "Proxy-Authenticate",    0,   MANY, AUTH)       \
	M(PROXY_AUTHORIZATION, "Proxy-Authorization",  0,   MANY, AUTH)       \
	M(PROXY_REQUIRE,      "Proxy-Require",         0,   LIST, HOP)        \
	M(RACK,               "RAck",                  0,   ONE,  DIALOG)     \
	M(REASON,             "Reason",                0,   LIST, PLAIN)      \
	M(RECORD_ROUTE,       "Record-Route",          0,   LIST, HOP)        \
	M(RECV_INFO,          "Recv-Info",             0,   LIST, OPTION)     \
	M(REFER_SUB,          "Refer-Sub",             0,   ONE,  PLAIN)      \
	M(REFER_TO,           "Refer-To",              'r', ONE,  ADDRESS)    \
	M(REFERRED_BY,        "Referred-By",           'b', ONE,  ADDRESS)    \
	M(REJECT_CONTACT,     "Reject-Contact",        'j', LIST, PLAIN)      \
	M(REMOTE_PARTY_ID,    "Remote-Party-ID",       0,   LIST, IDENTITY)   \
	M(REPLACES,           "Replaces",              0,   ONE,  ADDRESS)    \
	M(REPLY_TO,           "Reply-To",              0,   ONE,  ADDRESS)    \
	M(REQUEST_DISPOSITION, "Request-Disposition",  'd', LIST, PLAIN)      \
	M(REQUIRE,            "Require",               0,   LIST, OPTION)     \
	M(RETRY_AFTER,        "Retry-After",           0,   ONE,  PLAIN)      \
	M(ROUTE,              "Route",                 0,   LIST, HOP)        \
	M(RSEQ,               "RSeq",                  0,   ONE,  DIALOG)     \
	M(SERVER,             "Server",                0,   ONE,  SOFTWARE)   \
	M(SERVICE_ROUTE,      "Service-Route",         0,   LIST, HOP)        \
	M(SESSION_EXPIRES,    "Session-Expires",       'x', ONE,  PLAIN)      \
	M(SIP_ETAG,           "SIP-ETag",              0,   ONE,  PLAIN)      \
	M(SIP_IF_MATCH,       "SIP-If-Match",          0,   ONE,  PLAIN)      \
	M(SUBJECT,            "Subject",               's', ONE,  PLAIN)      \
	M(SUBSCRIPTION_STATE, "Subscription-State",    0,   ONE,  PLAIN)      \
	M(SUPPORTED,          "Supported",             'k', LIST, OPTION)     \
	M(TARGET_DIALOG,      "Target-Dialog",         0,   ONE,  ADDRESS)    \
	M(TIMESTAMP,          "Timestamp",             0,   ONE,  HOP)        \
	M(TO,                 "To",                    't', ONE,  DIALOG)     \
	M(UNSUPPORTED,        "Unsupported",           0,   LIST, OPTION)     \
	M(USER_AGENT,         "User-Agent",            0,   ONE,  SOFTWARE)   \
	M(VIA,                "Via",                   'v', LIST, HOP)        \
	M(WARNING,            "Warning",               0,   LIST, ADDRESS)    \
	M(WWW_AUTHENTICATE,   "WWW-Authenticate",      0,   MANY, AUTH)

enum sip_hdr_id {
	SIP_H_UNKNOWN = 0,
#define SIP_HDR_ENUM(id, name, compact, count, class) SIP_H_##id,
	SIP_HEADERS(SIP_HDR_ENUM)
#undef SIP_HDR_ENUM
	SIP_H_N
};

/* By full or compact name, case-blind; SIP_H_UNKNOWN for others. */
enum sip_hdr_id sip_hdr_of(struct span name);
/* "Call-ID"; "" for SIP_H_UNKNOWN. */
struct span sip_hdr_name(enum sip_hdr_id id);
enum sip_hdr_class sip_hdr_class(enum sip_hdr_id id);
enum sip_hdr_count sip_hdr_count(enum sip_hdr_id id);

/* One header line. */
struct sip_hdr {
	struct span name;	/* as written */
	struct span value;	/* trimmed; may hold folds (CR LF SP) */
	uint8_t id;		/* enum sip_hdr_id */
	int16_t next;		/* next line with this known id, or -1 */
};

struct sip_msg {
	struct span bytes;	/* the message: start line to end of body */
	bool is_request;
	enum sip_method method;	/* of the request; in responses the CSeq's */
	struct span method_name;
	struct uri ruri;	/* requests */
	uint16_t status;	/* responses: 100 to 699 */
	struct span reason;

	/* The mandatory ones, already read. */
	struct sip_via via;	/* the topmost */
	struct sip_nameaddr from, to;
	struct span call_id;
	struct sip_cseq cseq;
	uint8_t max_forwards;	/* 70 when the header is missing (16.3) */
	bool has_max_forwards;

	struct span body;	/* Content-Length bytes, or to the end */
	bool has_content_length;
	bool framing_lost;	/* streams: close after the answer */

	/* When sip_parse() refuses. */
	uint16_t refuse_status;	/* 400, 416, 505, 513; 0: accepted */
	const char *refuse_why;	/* for the reason phrase; a literal */

	unsigned n_hdrs;
	int16_t first[SIP_H_N];	/* index of a known id's first line, or -1 */
	int16_t last[SIP_H_N];
	struct sip_hdr hdr[SIP_HDRS_MAX];
};

enum sip_framing {
	SIP_DATAGRAM,	/* UDP: the bytes are one message */
	SIP_STREAM,	/* TCP, TLS: the bytes are the start of a stream */
};

/*
 * Read one message.
 *
 * Spec:    RFC 3261 7, 8.1.1, 18.3, 19.1, 20, 25.1.
 * Takes:   bytes    kept as long as out is used.
 *          framing  datagram: octets after Content-Length are cut off.
 * Gives:   out; for streams out->bytes.len (from the first non-CRLF octet;
 *          see *used) tells where the next message begins.
 *          used_out may be NULL; else bytes consumed, when 0 or -EPROTO.
 * Errors:  -EPROTO   malformed request that can be answered:
 *                    out->refuse_status and refuse_why; build_response()
 *                    works on it, every other field may be empty.
 *          -EBADMSG  drop without an answer (a response, an ACK, no usable
 *                    Via); refuse_why says why, for a counter or a log.
 *          -ENOMSG   only CR and LF: a keep-alive.
 *          -EAGAIN   streams: more bytes are needed.
 */
int sip_parse(struct span bytes, enum sip_framing framing,
    struct sip_msg *out, size_t *used_out);

/* The first line with this id, or NULL. */
const struct sip_hdr *sip_first(const struct sip_msg *m, enum sip_hdr_id id);
/* The next line with the same id, or NULL. */
const struct sip_hdr *sip_next(const struct sip_msg *m,
    const struct sip_hdr *h);
/* The value of the first line with this id; SPAN_NONE when there is none. */
struct span sip_value(const struct sip_msg *m, enum sip_hdr_id id);
bool sip_has(const struct sip_msg *m, enum sip_hdr_id id);

/*
 * All values of a LIST header, over all its lines and commas:
 *
 *	it = sip_values(m, SIP_H_CONTACT);
 *	while ((err = sip_values_next(&it, &value)) == 0)
 *		... sip_contact_parse(value, &c) ...
 *	if (err != -ENOENT) ...malformed
 *
 * An empty line (`Supported:`) has no values.  MANY and ONE headers give one
 * value a line.
 */
struct sip_values {
	const struct sip_msg *m;
	const struct sip_hdr *line;
	struct sip_list list;
	bool is_list;
};

struct sip_values sip_values(const struct sip_msg *m, enum sip_hdr_id id);
/* Errors: -ENOENT at the end, -EBADMSG. */
int sip_values_next(struct sip_values *it, struct span *value_out);

/* Does a token list (Supported, Require, Allow) name this, case-blind? */
bool sip_lists(const struct sip_msg *m, enum sip_hdr_id id,
    const char *token);

/* Is the body of this media type?  False without a Content-Type. */
bool sip_body_is(const struct sip_msg *m, const char *type,
    const char *subtype);

#endif
