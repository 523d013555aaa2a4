/*
 * sigproxy: the SIP edge.  Faces the internet, owns no secret.
 *
 * This file only wires: configuration to the core, inherited sockets to
 * listeners, doors to peers; then the cage closes and the loop runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/io/cage.h"
#include "common/io/dscp.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "sigproxy/io/shell.h"
#include "sigproxy/io/trust.h"

static void
die(const char *what)
{
	log_begin(LOG_ERROR_, what);
	log_end();
	exit(1);
}

/* Descriptors beside connections: sockets, doors, the loop's own. */
#define FILES_BESIDE 256
/* Where nobody is listened to by TCP or TLS trunks are dialled still. */
#define TRUNK_CONNS 64

/* Listeners of one zone, in the order of the configuration's addresses. */
static void
add_listeners(struct edge_conf *e, enum zone zone, enum transport transport,
    const struct addr *addrs, unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n && port != 0; i++) {
		struct edge_listener *l;

		if (e->n_listeners == EDGE_LISTENERS_MAX)
			die("too-many-listen-addresses");
		l = &e->listeners[e->n_listeners++];
		l->zone = (uint8_t)zone;
		l->transport = (uint8_t)transport;
		l->local = addrs[i];
		l->local.port = port;
	}
}

/* What the router calls the external ports. */
static void
set_advertised(struct edge_conf *e, const struct conf *c)
{
	const uint16_t said[] = {
		[TRANSPORT_UDP] = c->external_udp_advertised,
		[TRANSPORT_TCP] = c->external_tcp_advertised,
		[TRANSPORT_TLS] = c->external_tls_advertised,
	};

	for (unsigned i = 0; i < e->n_listeners; i++) {
		if (e->listeners[i].zone == ZONE_EXTERNAL)
			e->advertised[i] = said[e->listeners[i].transport];
	}
}

static void
set_site(struct edge_conf *e, const struct conf *c)
{
	e->domain = span_str(c->domain);
	e->realm = span_str(c->realm);
	e->digests = c->digests;
	e->auth_int = c->auth_int;
	for (unsigned i = 0; i < c->n_aliases; i++)
		e->aliases[e->n_aliases++] = span_str(c->aliases[i]);
	for (unsigned i = 0; i < c->n_emergency; i++)
		e->emergency[e->n_emergency++] = span_str(c->emergency[i]);
	e->accept_ip = c->accept_ip;
	for (unsigned i = 0; i < c->n_lan; i++)
		e->lan[e->n_lan++] = c->lan[i];
	if (c->public_how == PUBLIC_ADDRESS)
		e->public_addr = c->public_addr;
	for (unsigned i = 0; i < c->n_stun; i++) {
		struct addr *a = &e->stun_servers[e->n_stun_servers++];

		*a = c->stun[i].addr;
		a->port = conf_stun_port(&c->stun[i]);
	}
	for (unsigned i = 0; i < c->n_mwi_source; i++)
		e->mwi_sources[e->n_mwi_sources++] = c->mwi_source[i];
	e->channels = c->channels;
	e->reserved = c->reserved;
	e->wait_for_restore = true;
	e->wait_for_address = c->public_how == PUBLIC_NAME ||
	    (c->public_how == PUBLIC_STUN && c->n_stun > 0);
	e->n_relays = c->processes;
	e->hold = c->hold;
	e->latching = c->latching;
}

/* So many that descriptors cannot run out. */
static uint32_t
most_connections(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 ||
	    l.rlim_max >= TCP_CONNS_MAX + FILES_BESIDE)
		return TCP_CONNS_MAX;
	return l.rlim_max > FILES_BESIDE ?
	    (uint32_t)(l.rlim_max - FILES_BESIDE) : 1;
}

static struct edge_conf
make_edge_conf(const struct conf *c)
{
	struct edge_conf e = { 0 };

	set_site(&e, c);
	/* New kinds come last: a listener's place stands in the database. */
	add_listeners(&e, ZONE_EXTERNAL, TRANSPORT_UDP, c->external,
	    c->n_external, c->external_udp);
	add_listeners(&e, ZONE_INTERNAL, TRANSPORT_UDP, c->internal,
	    c->n_internal, c->internal_udp);
	add_listeners(&e, ZONE_EXTERNAL, TRANSPORT_TCP, c->external,
	    c->n_external, c->external_tcp);
	add_listeners(&e, ZONE_INTERNAL, TRANSPORT_TCP, c->internal,
	    c->n_internal, c->internal_tcp);
	if (conf_has_tls(c)) {
		add_listeners(&e, ZONE_EXTERNAL, TRANSPORT_TLS, c->external,
		    c->n_external, c->external_tls);
		add_listeners(&e, ZONE_INTERNAL, TRANSPORT_TLS, c->internal,
		    c->n_internal, c->internal_tls);
	}
	set_advertised(&e, c);
	e.max_conns = c->external_tcp != 0 || c->internal_tcp != 0 ||
		conf_has_tls(c) ? most_connections() : TRUNK_CONNS;
	return e;
}

static void
listen_all(struct shell *sh, const struct edge_conf *e, const struct sd *sd,
    uint32_t dscp)
{
	static const char *const names[3][4] = {
		[ZONE_EXTERNAL] = { [TRANSPORT_UDP] = "sip-external-udp",
		    [TRANSPORT_TCP] = "sip-external-tcp",
		    [TRANSPORT_TLS] = "sip-external-tls" },
		[ZONE_INTERNAL] = { [TRANSPORT_UDP] = "sip-internal-udp",
		    [TRANSPORT_TCP] = "sip-internal-tcp",
		    [TRANSPORT_TLS] = "sip-internal-tls" },
	};
	unsigned seen[3][4] = { 0 };

	for (unsigned i = 0; i < e->n_listeners; i++) {
		uint8_t zone = e->listeners[i].zone;
		uint8_t transport = e->listeners[i].transport;
		const char *name = names[zone][transport];
		int fd = sd_fd(sd, name, seen[zone][transport]++);

		if (fd < 0 || shell_listen(sh, (uint8_t)i, fd) != 0) {
			log_begin(LOG_ERROR_, "listener-not-inherited");
			log_str("name", name);
			log_addr("address", &e->listeners[i].local);
			log_str("remedy", "start with `postern up` or the "
			    "shipped socket units");
			log_end();
			exit(1);
		}
		dscp_mark(fd, (enum addr_family)e->listeners[i].local.family,
		    dscp);
	}
}

static void
meet_peers(struct shell *sh, struct doors *d, const struct sd *sd,
    const struct conf *c)
{
	struct door *peer;

	peer = role_peer(d, sd, ROLE_SIG, 0, ROLE_REG, 0);
	if (peer == NULL)
		die("no-door-for-registrar-db");
	shell_peer(sh, peer);
	peer = role_peer(d, sd, ROLE_SIG, 0, ROLE_STUN, 0);
	if (peer == NULL)
		die("no-door-for-stunmon");
	shell_peer(sh, peer);
	for (unsigned i = 0; i < c->processes; i++) {
		peer = role_peer(d, sd, ROLE_SIG, 0, ROLE_MEDIA, (uint8_t)i);
		if (peer == NULL)
			die("no-door-for-mediaproxy");
		shell_peer(sh, peer);
	}
	peer = role_peer(d, sd, ROLE_SIG, 0, ROLE_TRACE, 0);
	if (peer == NULL)
		die("no-door-for-tracer");
	shell_peer(sh, peer);
	if (conf_has_tls(c)) {
		peer = role_peer(d, sd, ROLE_SIG, 0, ROLE_KEY, 0);
		if (peer == NULL)
			die("no-door-for-keyd");
		shell_peer(sh, peer);
	}
	if (role_admin(d, sd) == NULL)
		die("no-door-for-the-admin");
}

/* A trunk that is believed without them goes on working. */
static struct span
read_trust(const struct conf *c)
{
	struct span ca = SPAN_NONE;
	int err = trust_read(c->tls_trunk_ca, &ca);

	if (err == 0)
		return ca;
	log_begin(LOG_INFO_, "trunk-ca-not-read");
	log_str("file", c->tls_trunk_ca);
	log_err("why", err);
	log_str("remedy", "install ca-certificates, or set [tls] trunk_ca: "
	    "until then trunks by TLS need tls_verify = 0");
	log_end();
	return SPAN_NONE;
}

int
main(int argc, char **argv)
{
	static struct conf conf;
	static struct edge_conf edge_conf;
	static struct sd sd;
	struct doors_ops ops;
	struct role_args args;
	struct doors *doors;
	struct edge *edge;
	struct shell *sh;
	struct span ca;
	uv_loop_t loop;

	role_begin(argc, argv, "sigproxy", &args, &conf, &sd);
	ca = read_trust(&conf);
	if (priv_drop_user(cage_role_user(ROLE_SIG)) != 0)
		die("cannot-become-postern-sig");
	/* First of all that uses libcrypto: no openssl.cnf is read. */
	if (tls_init() != 0)
		die("openssl-will-not-do");
	priv_warm_up();
	if (tls_warm_up() != 0)
		die("tls-does-not-work-with-itself");
	edge_conf = make_edge_conf(&conf);
	edge = edge_new(&edge_conf);
	if (edge == NULL || uv_loop_init(&loop) != 0)
		die("out-of-memory");
	sh = shell_new(&loop, edge, &edge_conf);
	if (sh == NULL)
		die("out-of-memory");
	shell_trust(sh, ca);
	ops = shell_doors_ops(sh);
	doors = doors_new(&loop, ROLE_SIG, 0, &ops);
	if (doors == NULL)
		die("out-of-memory");
	listen_all(sh, &edge_conf, &sd, conf.dscp_sip);
	meet_peers(sh, doors, &sd, &conf);
	role_cage(&loop, ROLE_SIG, NULL, FILES_BESIDE + edge_conf.max_conns,
	    &sd, doors);
	shell_start(sh);
	return uv_run(&loop, UV_RUN_DEFAULT);
}
