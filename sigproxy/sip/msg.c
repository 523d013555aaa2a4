#include <errno.h>

#include "sigproxy/sip/lex.h"
#include "sigproxy/sip/msg.h"

static const struct {
	struct span name;
	uint8_t count;		/* enum sip_hdr_count */
	uint8_t class;		/* enum sip_hdr_class */
} header[SIP_H_N] = {
#define ROW(id, text, compact, many, kind)                                    \
	[SIP_H_##id] = { { text, sizeof(text) - 1 }, SIP_##many, SIP_C_##kind },
	SIP_HEADERS(ROW)
#undef ROW
};

/* Position is the id, so that memchr() looks a compact name up. */
static const char compact_name[SIP_H_N] = {
#define COMPACT(id, text, compact, many, kind) [SIP_H_##id] = compact,
	SIP_HEADERS(COMPACT)
#undef COMPACT
};

/* The table is sorted: where each letter begins.  test_sip_msg.c finds every
 * name, so a row that is added out of place is noticed. */
static const uint8_t letter_first[27] = {
	['a' - 'a'] = SIP_H_ACCEPT,
	['b' - 'a'] = SIP_H_CALL_ID,
	['c' - 'a'] = SIP_H_CALL_ID,
	['d' - 'a'] = SIP_H_DATE,
	['e' - 'a'] = SIP_H_ERROR_INFO,
	['f' - 'a'] = SIP_H_FLOW_TIMER,
	['g' - 'a'] = SIP_H_GEOLOCATION,
	['h' - 'a'] = SIP_H_HISTORY_INFO,
	['i' - 'a'] = SIP_H_IDENTITY,
	['j' - 'a'] = SIP_H_JOIN,
	['k' - 'a'] = SIP_H_MAX_BREADTH,
	['l' - 'a'] = SIP_H_MAX_BREADTH,
	['m' - 'a'] = SIP_H_MAX_BREADTH,
	['n' - 'a'] = SIP_H_ORGANIZATION,
	['o' - 'a'] = SIP_H_ORGANIZATION,
	['p' - 'a'] = SIP_H_P_ACCESS_NETWORK_INFO,
	['q' - 'a'] = SIP_H_RACK,
	['r' - 'a'] = SIP_H_RACK,
	['s' - 'a'] = SIP_H_SERVER,
	['t' - 'a'] = SIP_H_TARGET_DIALOG,
	['u' - 'a'] = SIP_H_UNSUPPORTED,
	['v' - 'a'] = SIP_H_VIA,
	['w' - 'a'] = SIP_H_WARNING,
	['x' - 'a'] = SIP_H_N,
	['y' - 'a'] = SIP_H_N,
	['z' - 'a'] = SIP_H_N,
	[26] = SIP_H_N,
};

enum sip_hdr_id
sip_hdr_of(struct span name)
{
	unsigned letter, i;
	const char *hit;

	if (name.len == 0)
		return SIP_H_UNKNOWN;
	letter = (unsigned char)name.p[0] | 0x20;
	if (letter < 'a' || letter > 'z')
		return SIP_H_UNKNOWN;
	if (name.len == 1) {
		hit = memchr(compact_name, (int)letter, SIP_H_N);
		return hit == NULL ? SIP_H_UNKNOWN :
		    (enum sip_hdr_id)(hit - compact_name);
	}
	letter -= 'a';
	for (i = letter_first[letter]; i < letter_first[letter + 1]; i++) {
		if (span_caseeq(name, header[i].name))
			return (enum sip_hdr_id)i;
	}
	return SIP_H_UNKNOWN;
}

struct span
sip_hdr_name(enum sip_hdr_id id)
{
	return (unsigned)id < SIP_H_N ? header[id].name : SPAN_NONE;
}

enum sip_hdr_class
sip_hdr_class(enum sip_hdr_id id)
{
	return (unsigned)id < SIP_H_N ? (enum sip_hdr_class)header[id].class :
	    SIP_C_UNKNOWN;
}

enum sip_hdr_count
sip_hdr_count(enum sip_hdr_id id)
{
	return (unsigned)id < SIP_H_N ? (enum sip_hdr_count)header[id].count :
	    SIP_MANY;
}

const struct sip_hdr *
sip_first(const struct sip_msg *m, enum sip_hdr_id id)
{
	if (id == SIP_H_UNKNOWN || (unsigned)id >= SIP_H_N || m->first[id] < 0)
		return NULL;
	return &m->hdr[m->first[id]];
}

const struct sip_hdr *
sip_next(const struct sip_msg *m, const struct sip_hdr *h)
{
	return h->next < 0 ? NULL : &m->hdr[h->next];
}

struct span
sip_value(const struct sip_msg *m, enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_first(m, id);

	return h == NULL ? SPAN_NONE : h->value;
}

bool
sip_has(const struct sip_msg *m, enum sip_hdr_id id)
{
	return sip_first(m, id) != NULL;
}

static void
values_enter(struct sip_values *it, const struct sip_hdr *line)
{
	it->line = line;
	if (line != NULL && it->is_list)
		it->list = sip_list_start(line->value);
}

struct sip_values
sip_values(const struct sip_msg *m, enum sip_hdr_id id)
{
	struct sip_values it = {
		.m = m,
		.is_list = sip_hdr_count(id) == SIP_LIST,
	};

	values_enter(&it, sip_first(m, id));
	return it;
}

int
sip_values_next(struct sip_values *it, struct span *value_out)
{
	int err;

	while (it->line != NULL) {
		if (!it->is_list) {
			*value_out = it->line->value;
			values_enter(it, sip_next(it->m, it->line));
			return 0;
		}
		err = sip_list_next(&it->list, value_out);
		if (err != -ENOENT) {
			if (err != 0)
				it->line = NULL;
			return err;
		}
		values_enter(it, sip_next(it->m, it->line));
	}
	return -ENOENT;
}

bool
sip_lists(const struct sip_msg *m, enum sip_hdr_id id, const char *token)
{
	struct sip_values it = sip_values(m, id);
	struct span wanted = span_str(token), value;

	while (sip_values_next(&it, &value) == 0) {
		if (span_caseeq(value, wanted))
			return true;
	}
	return false;
}

bool
sip_body_is(const struct sip_msg *m, const char *type, const char *subtype)
{
	struct sip_media_type t;

	return sip_has(m, SIP_H_CONTENT_TYPE) &&
	    sip_media_type_parse(sip_value(m, SIP_H_CONTENT_TYPE), &t) == 0 &&
	    span_caseeq(t.type, span_str(type)) &&
	    span_caseeq(t.subtype, span_str(subtype));
}
