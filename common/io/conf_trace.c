#include <errno.h>
#include <string.h>

#include "common/io/conf_parts.h"

static const struct {
	const char *word;
	uint8_t transport;
} ways[] = {
	{ "udp:", TRANSPORT_UDP },
	{ "tcp:", TRANSPORT_TCP },
	{ "tls:", TRANSPORT_TLS },
};

int
conf_hep_parse(struct span text, struct addr *to, uint8_t *transport)
{
	uint8_t by = TRANSPORT_UDP;
	struct addr a;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!span_caseeq(span_sub(text, 0, 4),
			span_str(ways[i].word)))
			continue;
		by = ways[i].transport;
		text = span_trim(span_sub(text, 4, text.len));
		break;
	}
	if (addr_parse(text, 0, &a) != 0 || a.port == 0 ||
	    addr_classify(&a) == ADDR_UNUSABLE ||
	    addr_classify(&a) == ADDR_MULTICAST)
		return -EINVAL;
	*to = a;
	*transport = by;
	return 0;
}

const char *
conf_read_hep(const struct conf_key *k, struct span value, struct conf *out)
{
	(void)k;
	return conf_hep_parse(value, &out->hep, &out->hep_transport) == 0 ?
	    NULL : "not ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT; a "
		   "name cannot be looked up here";
}

const char *
conf_hep_way(uint8_t transport)
{
	return transport == TRANSPORT_TCP ? "tcp:" :
	    transport == TRANSPORT_TLS ? "tls:" : "";
}

bool
conf_hep_dials(const struct conf *c)
{
	return c->hep.family != ADDR_NONE &&
	    c->hep_transport != TRANSPORT_UDP;
}

/* To something else than what it is anyhow. */
static bool
is_set(const struct conf_reading *r, enum conf_id id)
{
	const char *usual = conf_keys[id].value;

	return r->seen[id].line != 0 &&
	    (usual == NULL || strcmp(r->seen[id].value, usual) != 0);
}

void
conf_check_trace(struct conf_reading *r)
{
	static const enum conf_id keys[] = { CONF_trace_hep_tls_name,
		CONF_trace_hep_tls_ca };

	if (conf_hep_dials(&r->conf) &&
	    r->conf.hep_transport == TRANSPORT_TLS)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (is_set(r, keys[i]))
			conf_complain(r, keys[i], "HEP does not go by TLS; "
			    "set hep = tls:ADDRESS:PORT, or remove this "
			    "line");
}
