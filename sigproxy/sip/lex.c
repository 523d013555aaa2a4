#include <errno.h>

#include "sigproxy/sip/lex.h"

#define TOKEN (LEX_TOKEN | LEX_WORD | LEX_VALUE | LEX_NAME)

const uint8_t lex_octet[256] = {
	[0 ... 8] = LEX_CTL,
	['\t'] = LEX_LWS | LEX_NAME,
	['\n'] = LEX_CTL | LEX_LWS | LEX_NAME,
	[11 ... 12] = LEX_CTL,
	['\r'] = LEX_CTL | LEX_LWS | LEX_NAME,
	[14 ... 31] = LEX_CTL,
	[' '] = LEX_LWS | LEX_NAME,
	['a' ... 'f'] = TOKEN | LEX_HEX,
	['g' ... 'z'] = TOKEN,
	['A' ... 'F'] = TOKEN | LEX_HEX,
	['G' ... 'Z'] = TOKEN,
	['0' ... '9'] = TOKEN | LEX_DIGIT | LEX_HEX,
	['-'] = TOKEN,
	['.'] = TOKEN,
	['!'] = TOKEN,
	['%'] = TOKEN,
	['*'] = TOKEN,
	['_'] = TOKEN,
	['+'] = TOKEN,
	['`'] = TOKEN,
	['\''] = TOKEN,
	['~'] = TOKEN,
	['('] = LEX_WORD,
	[')'] = LEX_WORD,
	['<'] = LEX_WORD,
	['>'] = LEX_WORD,
	[':'] = LEX_WORD | LEX_VALUE,
	['\\'] = LEX_WORD,
	['"'] = LEX_WORD,
	['/'] = LEX_WORD | LEX_VALUE,
	['['] = LEX_WORD | LEX_VALUE,
	[']'] = LEX_WORD | LEX_VALUE,
	['?'] = LEX_WORD,
	['{'] = LEX_WORD,
	['}'] = LEX_WORD,
	['@'] = LEX_VALUE,
	[127] = LEX_CTL,
	[128 ... 255] = LEX_NAME,
};

bool
lex_separator(struct lex *l, char c)
{
	lex_lws(l);
	if (!lex_sees(l, c))
		return false;
	l->p++;
	lex_lws(l);
	return true;
}

int
lex_quoted(struct lex *l, struct span *out)
{
	const char *from;

	if (!lex_sees(l, '"'))
		return -EBADMSG;
	from = ++l->p;
	while (l->p != l->end && *l->p != '"') {
		if (*l->p == '\\') {
			if (++l->p == l->end || *l->p == '\r' ||
			    *l->p == '\n' || (unsigned char)*l->p > 127)
				return -EBADMSG;
		} else if (lex_is(*l->p, LEX_CTL) && !lex_is(*l->p, LEX_LWS)) {
			return -EBADMSG;
		}
		l->p++;
	}
	if (l->p == l->end)
		return -EBADMSG;
	*out = span_make(from, (size_t)(l->p - from));
	l->p++;
	return 0;
}

int
lex_number(struct span value, uint32_t max, uint32_t *out)
{
	return span_to_u32(span_trim(value), max, out) == 0 ? 0 : -EBADMSG;
}
