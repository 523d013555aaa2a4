/* postern-stunmon: finds out our public address.  See README.md. */
#include <stdlib.h>

#include "common/base/secret.h"
#include "common/io/cage.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "stunmon/io/monitor.h"

/* Loop, doors and their connections, the resolver's sockets. */
#define FILES_MAX 160

static unsigned
owner_of(const struct monitor *m, const struct door *peer)
{
	unsigned i = 0;

	while (i < m->n_owners && m->owner[i] != peer)
		i++;
	return i;
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct monitor *m = arg;
	unsigned owner = owner_of(m, from);

	if (owner < m->n_owners)
		return on_owner_frame(m, owner, type, payload);
	if (from == m->registrar)
		return trunks_frame(m, type, payload);
	return on_admin_frame(m, type, payload);
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct monitor *m = arg;
	unsigned owner = owner_of(m, peer);

	if (owner < m->n_owners)
		on_owner_state(m, owner, up);
}

static void
fail(const char *what, int err)
{
	log_begin(LOG_ERROR_, what);
	log_err("why", err);
	log_end();
	exit(1);
}

/* ---- start ---- */

static void
set_mappings(struct monitor *m)
{
	const struct conf *c = &m->conf;
	bool stun = c->public_how == PUBLIC_STUN;
	const struct mapping_conf vc = {
		.stun = stun,
		.n_servers = stun ? c->n_stun : 0,
		.interval_ms = c->stun_interval_s * 1000,
		.n_owners = 1 + c->processes,
		.random = secret_random,
	};
	const struct addr none = { 0 };

	m->mappings = mapping_new(&vc);
	if (m->mappings == NULL)
		fail("no-memory", 0);
	if (c->public_how == PUBLIC_ADDRESS)
		mapping_set_site(m->mappings, &c->public_addr, m->started);
	if (c->public_how == PUBLIC_NONE)
		mapping_set_site(m->mappings, &none, m->started);
	for (unsigned i = 0; i < vc.n_servers; i++) {
		struct addr a = c->stun[i].addr;

		a.port = c->stun[i].port;
		if (a.family != ADDR_NONE)
			mapping_set_server(m->mappings, i, &a, m->started);
	}
}

static void
set_nat(struct monitor *m)
{
	const struct nat_conf nc = { m->conf.external, m->conf.n_external,
		m->conf.external_udp, secret_random };

	nat_init(&m->nat, &nc);
	if (m->conf.public_how == PUBLIC_NONE &&
	    addr_is_public(&m->conf.external[0]))
		m->nat.mapping = NAT_NONE;
}

static void
open_doors(struct monitor *m, const struct sd *sd)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, m };

	m->doors = doors_new(m->loop, ROLE_STUN, 0, &ops);
	if (m->doors == NULL)
		fail("no-memory", 0);
	m->n_owners = 1 + m->conf.processes;
	m->owner[MAPPING_SIP] = role_peer(m->doors, sd, ROLE_STUN, 0,
	    ROLE_SIG, 0);
	for (unsigned i = 1; i < m->n_owners; i++)
		m->owner[i] = role_peer(m->doors, sd, ROLE_STUN, 0, ROLE_MEDIA,
		    (uint8_t)(i - 1));
	m->registrar = role_peer(m->doors, sd, ROLE_STUN, 0, ROLE_REG, 0);
	m->admin = role_admin(m->doors, sd);
	for (unsigned i = 0; i < m->n_owners; i++) {
		if (m->owner[i] == NULL)
			exit(1);	/* said why */
	}
	if (m->admin == NULL || m->registrar == NULL)
		exit(1);
}

int
main(int argc, char **argv)
{
	static struct monitor m;	/* zeroed */
	static struct sd sd;
	struct role_args args;
	int err;

	role_begin(argc, argv, "stunmon", &args, &m.conf, &sd);
	err = priv_drop_user(cage_role_user(ROLE_STUN));
	if (err)
		fail("user-not-dropped", err);
	m.loop = uv_default_loop();
	m.started = clock_mono();
	priv_warm_up();
	set_mappings(&m);
	set_nat(&m);
	err = names_watch(&m);
	if (err)
		fail("resolver-not-started", err);
	err = dials_new(&m);
	if (err)
		fail("no-memory", err);
	monitor_recall(&m);
	err = monitor_start(&m);
	if (err)
		fail("clock-not-started", err);
	open_doors(&m, &sd);
	role_cage(m.loop, ROLE_STUN, NULL, FILES_MAX, &sd, m.doors);
	if (m.dns != NULL)
		dns_start(m.dns);
	monitor_run(&m);
	return uv_run(m.loop, UV_RUN_DEFAULT);
}
