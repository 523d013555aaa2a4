/*
 * What the internet sees instead of our sockets' addresses, and when a change
 * is believed.
 *
 * Each wanted socket has a mapping, asked for in rounds: the preferred server
 * first, the next one too when it keeps silent, and another one at once when
 * an answer tells something new.  New is believed when two servers agree on
 * the address, or, if only one is usable, when it says so twice; for a
 * relay's socket also when the address is the site's, which its SIP socket
 * proved.  A server that others prove wrong is asked last for a while.  When
 * all are silent the last good mapping stays, marked old; after a start that
 * is the one an earlier life kept (mapping_recall).  Every five minutes
 * a SIP socket asks all servers, so that one that went wrong or silent is
 * known before it is needed.  The order of the servers is their precedence.
 *
 * Pure: takes messages and the time, gives steps.
 *
 *	mapping_want(v, owner, &want, now);
 *	mapping_heard(v, owner, &heard, now);
 *	while (mapping_next(v, now, &step)) ...carry out...
 *	...sleep until mapping_due(v)...
 */
#ifndef STUNMON_CORE_MAPPING_H
#define STUNMON_CORE_MAPPING_H

#include "common/codec/stun.h"
#include "common/ipc/msg.h"
#include "stunmon/core/history.h"
#include "stunmon/core/probe.h"

#define MAPPING_SERVERS_MAX 8
#define MAPPING_OWNERS_MAX 9	/* sigproxy and eight relays */
#define MAPPING_SIP 0		/* owner: sigproxy; relays are 1 and up */
#define MAPPING_SITE 65535	/* socket number: the site as a whole */
#define MAPPING_RELAY_MS 25000
/* Unanswered for so long: the next server is asked too. */
#define MAPPING_HEDGE_MS 3500
/* A socket for which somebody asks is not looked at more often: longer than the
 * hedge, so that each round ends with an answer or one server fewer to ask. */
#define MAPPING_LOOK_MS 4000
#define MAPPING_DOWN_MS 60000	/* a silent server is asked last */
#define MAPPING_LIAR_MS 600000	/* and so is one that was proved wrong */
#define MAPPING_VOTE_MS 60000	/* an answer counts for so long */
/* So often all servers are asked, also while the first one answers. */
#define MAPPING_AUDIT_MS 300000
#define MAPPING_ADDRS_MAX 4	/* of one server's name */

/* How a server does, for people. */
enum mapping_server_state {
	SERVER_UNRESOLVED,	/* its name leads nowhere yet */
	SERVER_UNASKED,
	SERVER_ANSWERING,
	SERVER_SILENT,
	SERVER_WRONG,		/* outvoted by others, and not right since */
};

struct mapping_server {
	struct addr addr;	/* in use; ADDR_NONE: its name is not
				 * resolved */
	struct addr list[MAPPING_ADDRS_MAX];	/* all of them */
	unsigned n_list, at;	/* how many; which one is in use */
	unsigned n_tried;	/* addresses found silent since an answer */
	struct mono heard_at;
	struct mono down_until;
	struct mono silent_at;	/* found silent last; 0: never */
	struct addr other;	/* its OTHER-ADDRESS (RFC 5780), or none */
	bool wrong;
	struct addr said;	/* when it was wrong */
	uint64_t n_answers, n_silent, n_wrong;
};

struct mapping_ask {
	bool active;
	struct mono since;
	struct mono hedge_at;	/* then another server is asked as well */
	struct probe probe;
	uint8_t tid[STUN_TID_LEN];
};

struct mapping_vote {
	struct addr addr;
	struct mono at;		/* 0: none */
};

struct mapping {
	bool used, away;	/* away: its owner is; nothing is sent */
	bool tell;		/* its owner must hear of it */
	uint8_t owner;
	uint16_t number;
	enum public_state state;
	struct addr mapped;	/* believed; ADDR_NONE: nothing yet */
	struct mono since, confirmed_at;
	uint8_t server;		/* from which one */
	bool audit;		/* this round asks all servers */
	struct mono audit_at;	/* the next such one */
	bool symmetric;		/* servers see different ports */
	bool compared;		/* servers of different IPs were asked */
	bool disagree;		/* servers see different addresses */
	struct mono round_at, next_at;	/* this round, the next one */
	unsigned n_asks;	/* in this round */
	uint32_t asked;		/* servers asked in this round, bits */
	struct mapping_ask ask[MAPPING_SERVERS_MAX];
	struct mapping_vote vote[MAPPING_SERVERS_MAX];
};

/* Where the site's address comes from. */
enum site_source {
	SOURCE_NONE,
	SOURCE_GIVEN,		/* configured, or by public = NAME */
	SOURCE_STUN,
	SOURCE_KEPT,		/* an earlier life believed it */
	SOURCE_DNS,		/* STUN is silent; our name leads there */
};

/* A SIP socket's mapping that an earlier life believed. */
struct mapping_recall {
	uint16_t number;
	struct addr mapped;
};

struct mapping_owner {
	bool up;
	bool tell_site;
};

struct mapping_conf {
	bool stun;		/* false: the address is given */
	unsigned n_servers;
	uint32_t interval_ms;	/* of SIP sockets */
	unsigned n_owners;
	void (*random)(void *p, size_t len);
};

struct mappings {
	struct mapping_conf conf;
	struct mapping_server server[MAPPING_SERVERS_MAX];
	unsigned first;		/* the server that is asked first */
	struct mapping_owner owner[MAPPING_OWNERS_MAX];
	struct mapping *map;
	unsigned n_maps, cursor;
	struct addr site;	/* port 0 */
	enum public_state site_state;
	enum site_source site_source;
	struct mono site_since;
	struct mono silent_since;	/* a SIP socket is wanted and no server
					 * has told yet; 0: not so */
	bool was_known;		/* in this life */
	struct mapping_recall recall[IPC_SOCKETS_MAX];
	unsigned n_recall;
	struct history history;
	bool news;		/* the site's address or state changed */
	struct addr before;	/* the news: it was this one; or none */
	uint64_t n_ignored;	/* answers nobody had asked for */
	uint64_t n_looks;	/* rounds before their turn, asked for */
};

/* NULL: no memory. */
struct mappings *mapping_new(const struct mapping_conf *conf);
void mapping_free(struct mappings *v);

/* A server's address, from the configuration or its name. */
void mapping_set_server(struct mappings *v, unsigned i,
    const struct addr *addr, struct mono now);
/*
 * All addresses of a server, best first.  The one in use stays if it is
 * among them; a silent one gives way to the next.
 *
 * Limits: those after the fourth are left out; n 0: unresolved.
 */
void mapping_set_addresses(struct mappings *v, unsigned i,
    const struct addr *list, unsigned n, struct mono now);
/* This server is asked before all others: a trunk's. */
void mapping_prefer(struct mappings *v, unsigned i);
enum mapping_server_state mapping_server_state(const struct mappings *v,
    unsigned i, struct mono now);
/*
 * The site's address is given: fixed, by name, or (ADDR_NONE) each socket's
 * own.  Never called in stun mode.
 */
void mapping_set_site(struct mappings *v, const struct addr *addr,
    struct mono now);

/*
 * What an earlier life believed: old until a server answers, or, where the
 * address is given, until it is.  Before any owner is up; unless it is known.
 *
 * Limits:  list  the first IPC_SOCKETS_MAX.
 */
void mapping_recall(struct mappings *v, const struct addr *site,
    const struct mapping_recall *list, unsigned n, struct mono now);
/* No server answers, and something else says that we are here: old. */
void mapping_suppose(struct mappings *v, const struct addr *site,
    struct mono now);

void mapping_owner_up(struct mappings *v, unsigned owner);
/* Its mappings are kept, not refreshed, for when it comes back. */
void mapping_owner_gone(struct mappings *v, unsigned owner);
void mapping_want(struct mappings *v, unsigned owner,
    const struct ipc_map_want *want, struct mono now);
/* MAP_LOOK: the next round begins now, or as soon as it may. */
void mapping_look(struct mappings *v, unsigned owner, uint16_t number,
    struct mono now);
/* An answer came; what nobody asked for is counted and ignored. */
void mapping_heard(struct mappings *v, unsigned owner,
    const struct ipc_stun_heard *heard, struct mono now);

enum mapping_do {
	MAPPING_ASK,		/* send `ask` to the owner */
	MAPPING_TELL,		/* send `told` to the owner */
	MAPPING_NEWS,		/* log: the site's address or state changed */
};

struct mapping_step {
	enum mapping_do what;
	unsigned owner;
	struct ipc_stun_send ask;
	struct ipc_public_addr told;
};

bool mapping_next(struct mappings *v, struct mono now,
    struct mapping_step *out);
/* When mapping_next() has something to do again; MONO_NEVER: after input. */
struct mono mapping_due(const struct mappings *v);

#endif
