/*
 * The stunmon process: what its parts share.  main.c makes it.
 */
#ifndef STUNMON_IO_MONITOR_H
#define STUNMON_IO_MONITOR_H

#include "common/io/conf.h"
#include "common/io/door.h"
#include "stunmon/core/alarm.h"
#include "stunmon/core/dynname.h"
#include "stunmon/core/recall.h"
#include "stunmon/io/dns.h"
#include "stunmon/io/keeper.h"

/* A trunk (docs/trunks.md) as registrar-db tells it. */
struct trunk_host {
	uint32_t id;
	char host[256];
	uint16_t port;		/* 0: none was written */
	uint8_t transport;	/* enum transport */
	char stun[256];		/* HOST or HOST:PORT; or empty */
	bool is_name;		/* else there is nothing to find out */
	bool is_failed;		/* said */
	struct addr addr[DNS_ADDRS_MAX];
	struct mono dialled[DNS_ADDRS_MAX];	/* when each was */
	unsigned n;		/* 0: not known yet */
	uint64_t n_answers, n_failures;
};

struct trunk_hosts {
	struct trunk_host list[IPC_TRUNKS_MAX];
	uint32_t set;		/* the one being told */
	struct trunk_host next[IPC_TRUNKS_MAX];
	unsigned n_next;
	char stun_said[256];	/* the STUN server that a line was about */
};

struct dials;

struct monitor {
	struct conf conf;
	uv_loop_t *loop;
	uv_timer_t timer;
	struct doors *doors;
	struct door *owner[MAPPING_OWNERS_MAX];	/* sigproxy, then relays */
	unsigned n_owners;
	struct door *admin, *registrar;
	struct mappings *mappings;
	struct dns *dns;	/* NULL: no resolver is known */
	struct trunk_hosts trunks;
	struct dials *dials;
	unsigned failed;	/* names whose failure was said, bits */
	struct addr refused;	/* what our public name led to last */
	struct dynname dynname;
	const char *dyn_name;	/* which phones use, perhaps */
	struct alarms alarms;
	struct nat nat;
	struct second second;
	struct recall recall;
	struct keeper keeper;
	bool port_open_told;	/* what sigproxy knows of nat.port_open */
	struct mono started;
};

/* Carry out the mappings' steps and sleep until the next one. */
void monitor_run(struct monitor *m);
/* Errors: libuv's. */
int monitor_start(struct monitor *m);

/* What an earlier life kept; before the cage closes, with the mappings and the
 * names there. */
void monitor_recall(struct monitor *m);

/* ---- names.c ---- */

/* IPv4, unless we have no such address: STUN is asked from these sockets. */
uint8_t names_stun_family(const struct conf *c);
/* Before the cage closes.  Errors: -ENOMEM; also when no resolver is told. */
int names_watch(struct monitor *m);
/* Compare our name with our address, as it is now. */
void names_compare(struct monitor *m, struct mono now);

/* When to ask again after an answer. */
uint32_t names_by_ttl(const struct dns_answer *a);

/* ---- trunks.c: where trunks are (RFC 3263) ---- */

/* Numbers of their names in dns.h, from here on. */
#define TRUNK_NAMES 64

/* TRUNK and TRUNKS.  Errors: of the frame. */
int trunks_frame(struct monitor *m, uint16_t type, struct span payload);
/* sigproxy came: all that is known. */
void trunks_tell_all(struct monitor *m);
uint32_t trunks_answer(struct monitor *m, unsigned number,
    const struct dns_answer *a);
void trunks_status(const struct monitor *m, struct buf *b);

/* ---- dial.c: connections to trunks by TCP and TLS ---- */

#define DIAL_EACH_MS 500	/* between two to one address of a trunk */
#define DIAL_DEADLINE_MS 5000
#define DIALS_MAX 16		/* under way at once */

/* Before the cage closes.  Errors: -ENOMEM, libuv's. */
int dials_new(struct monitor *m);
/* TRUNK_DIAL.  Errors: of the frame. */
int dials_frame(struct monitor *m, struct span payload);
/* Who asked for them went. */
void dials_stop(struct monitor *m);
/* Members of a JSON object without braces. */
void dials_status(const struct monitor *m, struct buf *b);

/* ---- news.c: log lines ---- */

const char *news_state(enum public_state state);
const char *news_source(enum site_source source);
void news_site(const struct monitor *m);
void news_nat(const struct monitor *m);
void news_alarm(const struct monitor *m, enum alarm_id id, struct mono now);

/* ---- status.c ---- */

/* How it is, as one JSON object. */
void status_put(struct buf *b, const struct monitor *m, struct mono now);

/* ---- peer_owner.c: sigproxy and the relays, whose sockets we use ---- */

int on_owner_frame(struct monitor *m, unsigned owner, uint16_t type,
    struct span payload);
void on_owner_state(struct monitor *m, unsigned owner, bool up);

/* ---- peer_admin.c ---- */

int on_admin_frame(struct monitor *m, uint16_t type, struct span payload);

#endif
