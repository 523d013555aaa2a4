#include "sigproxy/core/leak.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Characters that hosts, addresses and ports are made of. */
static bool
is_word(char c)
{
	return is_digit(c) || is_alpha(c) || c == '.' || c == '-' || c == ':' ||
	       c == '_';
}

static bool
is_ours(const struct edge_conf *conf, struct span name)
{
	if (span_caseeq(name, conf->domain))
		return true;
	for (unsigned i = 0; i < conf->n_aliases; i++)
		if (span_caseeq(name, conf->aliases[i]))
			return true;
	return false;
}

/* word without ":port" at its end. */
static struct span
host_of(struct span word)
{
	ptrdiff_t colon = span_find(word, ':');

	return colon < 0 ? word : span_sub(word, 0, (size_t)colon);
}

/* Labels joined by dots, the last one beginning with a letter. */
static bool
looks_like_name(struct span host)
{
	bool dot = false, alpha_last = false;

	for (size_t i = 0; i < host.len; i++) {
		if (host.p[i] != '.')
			continue;
		if (i == 0 || i + 1 == host.len || host.p[i + 1] == '.')
			return false;
		dot = true;
		alpha_last = is_alpha(host.p[i + 1]);
	}
	return dot && alpha_last;
}

static struct span
trim_punctuation(struct span w)
{
	while (w.len > 0 && (w.p[0] == '.' || w.p[0] == '-'))
		w = span_sub(w, 1, w.len);
	while (w.len > 0 && (w.p[w.len - 1] == '.' || w.p[w.len - 1] == '-'))
		w.len--;
	return w;
}

/* "sip:", "sips:" at the beginning: what follows, or empty. */
static struct span
after_scheme(struct span w)
{
	if (w.len > 4 && span_caseeq(span_sub(w, 0, 4), SPAN_LIT("sip:")))
		return span_sub(w, 4, w.len);
	if (w.len > 5 && span_caseeq(span_sub(w, 0, 5), SPAN_LIT("sips:")))
		return span_sub(w, 5, w.len);
	return SPAN_NONE;
}

/* host_place: the word stands where only a host can stand. */
static bool
word_tells(const struct edge_conf *conf, struct span w, bool host_place)
{
	struct addr a;

	w = trim_punctuation(w);
	if (w.len == 0)
		return false;
	if (addr_parse(w, 1, &a) == 0 || addr_parse_ip(w, &a) == 0)
		return true;
	w = host_of(w);
	if (is_ours(conf, w))
		return false;
	return host_place || addr_parse_ip(w, &a) == 0 || looks_like_name(w);
}

bool
leak_in(const struct edge_conf *conf, struct span s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t begin = i;
		struct span word, rest;
		bool host_place;

		while (i < s.len && is_word(s.p[i]))
			i++;
		if (i == begin) {
			i++;
			continue;
		}
		word = span_make(s.p + begin, i - begin);
		host_place =
		    begin > 0 && (s.p[begin - 1] == '@' ||
				     (begin > 1 && s.p[begin - 1] == '/' &&
					 s.p[begin - 2] == '/'));
		rest = after_scheme(word);
		if (rest.len > 0) {
			word = rest;
			/* Or is it the user part? */
			host_place = i >= s.len || s.p[i] != '@';
		}
		if (word_tells(conf, word, host_place))
			return true;
	}
	return false;
}
