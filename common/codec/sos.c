#include "common/codec/sos.h"

#define PREFIX SPAN_LIT("urn:service:")

static bool
is_label(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool alnum = (c >= '0' && c <= '9') ||
		    ((c | 32) >= 'a' && (c | 32) <= 'z');

		if (!alnum && (c != '-' || i == 0 || i + 1 == s.len))
			return false;
	}
	return s.len > 0;
}

bool
sos_is(struct span uri, struct span *service_out)
{
	struct span service, rest;
	bool first = true;

	if (uri.len <= PREFIX.len ||
	    !span_caseeq(span_sub(uri, 0, PREFIX.len), PREFIX))
		return false;
	service = rest = span_sub(uri, PREFIX.len, uri.len);
	if (service.len > SOS_SERVICE_MAX)
		return false;
	while (rest.len > 0) {
		ptrdiff_t dot = span_find(rest, '.');
		size_t n = dot < 0 ? rest.len : (size_t)dot;
		struct span label = span_sub(rest, 0, n);

		if (!is_label(label) || n + 1 == rest.len ||
		    (first && !span_caseeq(label, SPAN_LIT("sos"))))
			return false;
		first = false;
		rest = n < rest.len ? span_sub(rest, n + 1, rest.len) :
				      SPAN_NONE;
	}
	if (service_out != NULL)
		*service_out = service;
	return true;
}

struct span
sos_parent(struct span service)
{
	while (service.len > 0 && service.p[service.len - 1] != '.')
		service.len--;
	if (service.len > 0)
		service.len--;
	return service;
}
