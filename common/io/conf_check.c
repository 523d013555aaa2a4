#include <string.h>

#include "common/io/conf_parts.h"

/* ---- required keys ---- */

static void
check_required(struct conf_reading *r)
{
	const struct conf *c = &r->conf;

	if (c->domain[0] == '\0' && r->seen[CONF_site_domain].line == 0)
		conf_complain(r, CONF_site_domain, "missing; set the name "
		    "after the @ of your phones' addresses");
	if (c->n_internal == 0 && r->seen[CONF_address_internal].line == 0)
		conf_complain(r, CONF_address_internal, "missing; set this "
		    "host's address in the office network");
	if (c->n_external == 0 && r->seen[CONF_address_external].line == 0)
		conf_complain(r, CONF_address_external, "missing; set this "
		    "host's address towards the internet (behind a router: "
		    "the same as internal)");
	if (c->public_how == PUBLIC_STUN && c->n_stun == 0 &&
	    r->seen[CONF_address_stun].line == 0)
		conf_complain(r, CONF_address_public, "no STUN server is "
		    "named; set stun = HOST:PORT (your ITSP's), or public to "
		    "your fixed address, your dynamic name, or none on a "
		    "public host");
}

static void
check_name(struct conf_reading *r)
{
	struct addr ip;

	if (addr_parse_ip(span_str(r->conf.name), &ip) == 0)
		conf_complain(r, CONF_address_name, "an address; write the "
		    "DNS name that phones use, or leave the key out");
}

static void
check_tls(struct conf_reading *r)
{
	const struct conf *c = &r->conf;
	unsigned need = 0;

	for (unsigned i = 0; i < c->n_tls_certificates; i++)
		need += !conf_is_p12(c->tls_certificate[i]);
	if (c->n_tls_certificates == 0 && c->n_tls_keys > 0)
		conf_complain(r, CONF_tls_key, "stands without a "
		    "certificate; set certificate too");
	else if (need > 0 && c->n_tls_keys == 0)
		conf_complain(r, CONF_tls_certificate,
		    "stands without a key; set key too");
	else if (need != c->n_tls_keys)
		conf_complain(r, CONF_tls_key, "%u keys for %u certificates "
		    "that are not .p12; give each its own, in the same order",
		    c->n_tls_keys, need);
}

/* ---- SIP ports ---- */

struct listener {
	enum conf_id id;
	enum zone zone;
	bool udp;
	uint16_t port;
};

#define N_LISTENERS 6

static void
list_listeners(const struct conf *c, struct listener *out)
{
	const struct listener all[N_LISTENERS] = {
		{ CONF_listen_external_udp, ZONE_EXTERNAL, true,
		    c->external_udp },
		{ CONF_listen_external_tcp, ZONE_EXTERNAL, false,
		    c->external_tcp },
		{ CONF_listen_external_tls, ZONE_EXTERNAL, false,
		    c->external_tls },
		{ CONF_listen_internal_udp, ZONE_INTERNAL, true,
		    c->internal_udp },
		{ CONF_listen_internal_tcp, ZONE_INTERNAL, false,
		    c->internal_tcp },
		{ CONF_listen_internal_tls, ZONE_INTERNAL, false,
		    c->internal_tls },
	};

	memcpy(out, all, sizeof(all));
}

static bool
zones_share_address(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_external; i++) {
		for (unsigned k = 0; k < c->n_internal; k++) {
			if (addr_same_ip(&c->external[i], &c->internal[k]))
				return true;
		}
	}
	return false;
}

static void
check_advertised(struct conf_reading *r)
{
	const struct conf *c = &r->conf;
	const struct {
		enum conf_id id;
		uint16_t said, port;
		const char *key;
	} all[] = {
		{ CONF_listen_external_udp_advertised,
		    c->external_udp_advertised, c->external_udp,
		    "external_udp" },
		{ CONF_listen_external_tcp_advertised,
		    c->external_tcp_advertised, c->external_tcp,
		    "external_tcp" },
		{ CONF_listen_external_tls_advertised,
		    c->external_tls_advertised, c->external_tls,
		    "external_tls" },
	};

	for (unsigned i = 0; i < 3; i++) {
		if (all[i].said != 0 && all[i].port == 0)
			conf_complain(r, all[i].id, "nobody listens: %s is 0; "
			    "set a port there, or remove this line",
			    all[i].key);
	}
	if (c->external_tcp_advertised != 0 &&
	    c->external_tcp_advertised == c->external_tls_advertised)
		conf_complain(r, CONF_listen_external_tls_advertised,
		    "external_tcp_advertised is the same port; the router "
		    "can forward it to one of them only");
}

static void
check_listeners(struct conf_reading *r)
{
	bool shared = zones_share_address(&r->conf);
	struct listener all[N_LISTENERS];

	list_listeners(&r->conf, all);
	for (unsigned i = 0; i < N_LISTENERS; i++) {
		if (all[i].port == 0)
			continue;
		/* Ports of old systems, where one listener served both
		 * sides: whoever scans the internet looks there first. */
		if (all[i].zone == ZONE_EXTERNAL &&
		    (all[i].port == 5060 || all[i].port == 5062))
			conf_complain(r, all[i].id, "a legacy port, kept for "
			    "the office side; change it and the router's "
			    "forwarding to 5070 (UDP, TCP) or 5071 (TLS)");
		for (unsigned k = i + 1; k < N_LISTENERS; k++) {
			if (all[i].port != all[k].port ||
			    all[i].udp != all[k].udp ||
			    (all[i].zone != all[k].zone && !shared))
				continue;
			conf_complain(r, all[k].id, "%s already listens on "
			    "this port; give each its own",
			    conf_keys[all[i].id].key);
		}
	}
	if (r->conf.external_udp == 0)
		conf_complain(r, CONF_listen_external_udp, "off; our public "
		    "address is learnt by it: set a port, usually 5070");
	if (r->conf.internal_udp == 0)
		conf_complain(r, CONF_listen_internal_udp, "off; it cannot "
		    "be yet: set a port, usually 5060");
}

/* ---- RTP ports ---- */

/* The default of `reserved` must not refuse ranges that were right before it
 * was there: it then has the ports that are left. */
static uint32_t
channels_to_fit(const struct conf_reading *r)
{
	return r->conf.channels + (r->seen[CONF_media_reserved].line != 0 ?
	    r->conf.reserved : 0);
}

static void
check_range(struct conf_reading *r, enum conf_id id, uint16_t first,
    uint16_t last)
{
	const struct conf *c = &r->conf;
	uint32_t channels = channels_to_fit(r);
	uint32_t size = (uint32_t)last - first + 1;
	uint32_t each = size / c->processes;
	uint32_t per_process = (channels + c->processes - 1) / c->processes;
	uint32_t need = per_process * 2 * c->processes;
	struct listener all[N_LISTENERS];

	if (each < per_process * 2)
		conf_complain(r, id, "%u ports are too few for %u channels in "
		    "%u process%s; make it %u ports or more (RTP and RTCP "
		    "each), or lower channels", size, channels,
		    c->processes, c->processes == 1 ? "" : "es", need);
	list_listeners(c, all);
	for (unsigned i = 0; i < N_LISTENERS; i++) {
		if (all[i].udp && all[i].port >= first && all[i].port <= last)
			conf_complain(r, id, "holds the SIP port %u of %s; "
			    "move one of them", all[i].port,
			    conf_keys[all[i].id].key);
	}
}

static void
check_media(struct conf_reading *r)
{
	const struct conf *c = &r->conf;

	check_range(r, CONF_media_ports, c->ports_first, c->ports_last);
	check_range(r, CONF_media_internal_ports, c->internal_ports_first,
	    c->internal_ports_last);
	if (c->ports_first <= c->internal_ports_last &&
	    c->internal_ports_first <= c->ports_last)
		conf_complain(r, CONF_media_internal_ports, "overlaps ports = "
		    "%u-%u; a router that forwards those would open the "
		    "office side: move one of them", c->ports_first,
		    c->ports_last);
}

/* A forged source address is nobody's in the office only. */
static void
check_mwi_source(struct conf_reading *r)
{
	for (unsigned i = 0; i < r->conf.n_mwi_source; i++)
		if (!conf_is_lan(&r->conf, &r->conf.mwi_source[i]))
			conf_complain(r, CONF_site_mwi_source, "not an address "
			    "of the office ([address] lan); a voicemail "
			    "elsewhere needs a subscriber with mwi_source = 1 "
			    "and comes by the internal listener");
}

void
conf_check(struct conf_reading *r)
{
	check_mwi_source(r);
	check_required(r);
	check_name(r);
	check_tls(r);
	check_listeners(r);
	check_advertised(r);
	check_media(r);
	conf_check_trace(r);
}
