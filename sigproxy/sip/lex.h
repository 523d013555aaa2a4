/*
 * The smallest pieces of SIP's grammar (RFC 3261 25.1), on a cursor that
 * never leaves its bytes.  For the readers of this folder.
 */
#ifndef SIGPROXY_SIP_LEX_H
#define SIGPROXY_SIP_LEX_H

#include "common/base/span.h"

enum lex_class {
	LEX_TOKEN = 1,
	LEX_WORD = 2,	/* of Call-ID */
	LEX_VALUE = 4,	/* unquoted gen-value: token, host, and the `:[]@/`
			 * that real Via and dialog parameters hold */
	LEX_LWS = 8,	/* SP HTAB CR LF: the line splitter let only folds in */
	LEX_CTL = 16,	/* control octets but HTAB; DEL */
	LEX_DIGIT = 32,
	LEX_NAME = 64,	/* unquoted display name: token, and octets above 127
			 * (phones write UTF-8 there without quotes) */
	LEX_HEX = 128,
};

extern const uint8_t lex_octet[256];

static inline bool
lex_is(char c, uint8_t classes)
{
	return (lex_octet[(unsigned char)c] & classes) != 0;
}

struct lex {
	const char *p;
	const char *end;
};

static inline struct lex
lex_start(struct span s)
{
	return (struct lex){ s.p, s.len == 0 ? s.p : s.p + s.len };
}

static inline bool
lex_at_end(const struct lex *l)
{
	return l->p == l->end;
}

static inline bool
lex_sees(const struct lex *l, char c)
{
	return l->p != l->end && *l->p == c;
}

static inline struct span
lex_rest(const struct lex *l)
{
	return span_make(l->p, (size_t)(l->end - l->p));
}

static inline void
lex_lws(struct lex *l)
{
	while (l->p != l->end && lex_is(*l->p, LEX_LWS))
		l->p++;
}

/* Take a run of these classes; it may be empty. */
static inline struct span
lex_run(struct lex *l, uint8_t classes)
{
	const char *from = l->p;

	while (l->p != l->end && lex_is(*l->p, classes))
		l->p++;
	return span_make(from, (size_t)(l->p - from));
}

/* Take c with LWS around it (COLON, SEMI, EQUAL, SLASH of 25.1). */
bool lex_separator(struct lex *l, char c);

/*
 * Take a quoted string.
 *
 * Takes:   l    at the opening quote.
 * Gives:   what stands between the quotes, escapes kept.
 * Errors:  -EBADMSG no opening or closing quote, a control octet without
 *          backslash, a backslash before CR, LF or an octet above 127.
 */
int lex_quoted(struct lex *l, struct span *out);

#define LEX_NUMBER_MAX 0x7fffffffu	/* CSeq, RSeq, reg-id: below 2^31 */

/* A number that is the whole of value, LWS around it aside.
 * Errors: -EBADMSG, also above max. */
int lex_number(struct span value, uint32_t max, uint32_t *out);

#endif
