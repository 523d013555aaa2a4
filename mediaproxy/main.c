/* postern-mediaproxy: relays RTP and RTCP; knows no SIP.  See README.md. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "common/io/cage.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/io/role.h"
#include "mediaproxy/io/media.h"

/* By then sigproxy has sent again what sessions there were. */
#define UNASKED_AFTER_MS 3000

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct media *m = arg;

	if (from == m->sigproxy)
		return on_sigproxy_frame(m, type, payload);
	if (from == m->stunmon)
		return on_stunmon_frame(m, type, payload);
	if (from == m->admin)
		return on_admin_frame(m, type, payload);
	return -EPROTO;		/* tracer has nothing to say */
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct media *m = arg;

	if (peer == m->sigproxy)
		on_sigproxy_state(m, up);
	else if (peer == m->stunmon)
		on_stunmon_state(m, up);
}

static void
fail(const char *what, const struct addr *addr, int err)
{
	log_begin(LOG_ERROR_, what);
	if (addr != NULL)
		log_addr("address", addr);
	log_err("why", err);
	log_end();
	exit(1);
}

/* ---- what the configuration means to the core ---- */

static void
set_dest(struct dest *d, const struct conf *c)
{
	dest_init(d);
	for (unsigned i = 0; i < c->n_internal; i++)
		dest_add_own(d, &c->internal[i]);
	for (unsigned i = 0; i < c->n_external; i++)
		dest_add_own(d, &c->external[i]);
	for (unsigned i = 0; i < c->n_lan; i++)
		dest_add_lan(d, &c->lan[i]);
	dest_add_ports(d, c->ports_first, c->ports_last);
	dest_add_ports(d, c->internal_ports_first, c->internal_ports_last);
	dest_add_ports(d, c->external_udp, c->external_udp);
	dest_add_ports(d, c->internal_udp, c->internal_udp);
}

static void
set_site(struct site *s, const struct conf *c)
{
	static const enum site_mode mode[] = {
		[MEDIA_AUTO] = SITE_AUTO,
		[MEDIA_PUNCH] = SITE_PUNCH,
		[MEDIA_FORWARDED] = SITE_FORWARDED,
	};

	*s = (struct site){ .mode = mode[c->mode] };
	s->how = c->public_how == PUBLIC_STUN ? SITE_STUN :
	    c->public_how == PUBLIC_NONE ? SITE_OWN : SITE_NAMED;
	/* Known without stunmon. */
	s->fixed = c->public_how == PUBLIC_ADDRESS;
	if (s->fixed)
		s->public_ip = c->public_addr;
}

static void
set_ask(struct stun_ask *a, const struct conf *c, struct mono now)
{
	stun_ask_init(a, now);
	for (unsigned i = 0; i < c->n_stun; i++)
		stun_ask_add_server(a, &c->stun[i].addr,
		    conf_stun_port(&c->stun[i]));
}

static void
set_sessions(struct media *m)
{
	struct sessions_conf sc = {
		.ports = &m->ports,
		.dest = &m->dest,
		.site = &m->site,
		.latching = m->conf.latching != LATCH_DEFAULT ?
		    m->conf.latching : LATCH_STRICT,
	};
	int err;

	sc.unasked_from = mono_add_ms(m->started, UNASKED_AFTER_MS);
	secret_random(&sc.ssrc, sizeof(sc.ssrc));
	secret_random(sc.scrub_key, sizeof(sc.scrub_key));
	err = sessions_init(&m->sessions, &sc);
	if (err)
		fail("no-memory", NULL, err);
}

/* ---- start ---- */

static void
take_ports(struct media *m)
{
	struct addr failed = { 0 };
	int err;

	err = priv_socks_allow_files(&m->conf);
	if (err)
		fail("too-few-descriptors-allowed", NULL, err);
	err = priv_drop_user(cage_role_user(ROLE_MEDIA));
	if (err)
		fail("user-not-dropped", NULL, err);
	/* After the drop: nftables knows a socket by who made it. */
	err = socks_plan(&m->conf, m->instance, &m->ports);
	if (err == 0)
		err = priv_socks_bind(&m->socks, &m->ports,
		    m->conf.dscp_audio, &failed);
	if (err)
		fail("port-not-bound", &failed, err);
}

static void
open_doors(struct media *m, const struct sd *sd)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, m };

	m->doors = doors_new(m->loop, ROLE_MEDIA, m->instance, &ops);
	if (m->doors == NULL)
		fail("no-memory", NULL, 0);
	m->sigproxy = role_peer(m->doors, sd, ROLE_MEDIA, m->instance,
	    ROLE_SIG, 0);
	m->stunmon = role_peer(m->doors, sd, ROLE_MEDIA, m->instance,
	    ROLE_STUN, 0);
	m->tracer = role_peer(m->doors, sd, ROLE_MEDIA, m->instance,
	    ROLE_TRACE, 0);
	m->admin = role_admin(m->doors, sd);
	if (m->sigproxy == NULL || m->stunmon == NULL || m->tracer == NULL ||
	    m->admin == NULL)
		exit(1);	/* said why */
}

int
main(int argc, char **argv)
{
	static struct media m;	/* zeroed, and too big for a stack */
	static struct sd sd;
	struct role_args args;
	int err;

	role_begin(argc, argv, "mediaproxy", &args, &m.conf, &sd);
	if (args.instance >= m.conf.processes)
		fail("no-such-instance", NULL, 0);
	m.instance = args.instance;
	m.loop = uv_default_loop();
	m.started = clock_mono();
	take_ports(&m);
	priv_warm_up();
	set_dest(&m.dest, &m.conf);
	set_site(&m.site, &m.conf);
	set_ask(&m.ask, &m.conf, m.started);
	set_sessions(&m);
	err = relay_start(&m);
	if (err)
		fail("relay-not-started", NULL, err);
	open_doors(&m, &sd);
	role_cage(m.loop, ROLE_MEDIA, NULL, socks_files(&m.conf), &sd,
	    m.doors);
	return uv_run(m.loop, UV_RUN_DEFAULT);
}
