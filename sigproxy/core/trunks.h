/*
 * Trunks as sigproxy knows them: peers that are not subscribers.
 *
 * registrar-db says which there are (TRUNK, TRUNKS) and never a secret.
 * Where each is reached is a list of flows, best first: a literal address by
 * UDP is one at once; what a name resolves to, and connections that stunmon
 * dialled (trunk_conn.h), are given by trunk_set_flows().
 *
 * A request is a trunk's when it comes from there: nobody asks it for a
 * password (RFC 3261 26.3.2.1 leaves that to who configures both sides).
 */
#ifndef SIGPROXY_CORE_TRUNKS_H
#define SIGPROXY_CORE_TRUNKS_H

#include "sigproxy/core/leg.h"

#define TRUNK_FLOWS_MAX 8
#define TRUNK_SOURCES_MAX 8
/* One that failed is only taken when there is no other. */
#define TRUNK_AVOID_MS 30000

struct trunk_flow {
	struct flow flow;
	struct mono avoid_until;	/* 0: it did not fail */
};

struct trunk {
	uint32_t id;		/* 0: not in use */
	uint32_t set;		/* of TRUNK */
	TEXT(64) name;
	TEXT(255) host;		/* to be resolved, or an address */
	uint16_t port;		/* 0: as DNS says, or the usual one */
	uint8_t transport, zone;
	TEXT(255) domain;
	TEXT(64) user;
	bool registers, has_secret, outbound, trust, mirror, verify;
	uint32_t expires_s;
	uint16_t ping_s;
	uint16_t channels;	/* at the same time; 0: no limit */
	uint32_t wait_ms;	/* for a first answer */
	uint8_t latching, srtp;	/* as in struct party */
	TEXT(255) stun;
	struct addr_prefix source[TRUNK_SOURCES_MAX];
	unsigned n_sources;
	/* By TCP and TLS: where connections are wanted to, and why the last
	 * one was not made or ended; empty: nothing is wrong. */
	struct addr place[TRUNK_FLOWS_MAX];
	unsigned n_places;
	TEXT(120) why;
	struct trunk_flow flow[TRUNK_FLOWS_MAX];
	unsigned n_flows;
	/* For status. */
	uint64_t calls_in, calls_out, refused, failed;
};

/* What stunmon said of a name: by its door, perhaps before registrar-db said
 * by its own whose name that is. */
struct trunk_told {
	uint32_t trunk;		/* 0: nothing */
	TEXT(255) host;
	struct addr at[IPC_PLACES_MAX];
	unsigned n;
};

struct trunks {
	struct trunk trunk[IPC_TRUNKS_MAX];
	struct trunk_told told[IPC_TRUNKS_MAX];
	unsigned next_told;
};

/* NULL for no memory. */
struct trunks *trunks_new(void);
void trunks_free(struct trunks *t);

/* TRUNK and TRUNKS.  Errors: -EBADMSG, -ERANGE: close that door. */
int trunks_frame(struct edge *e, struct steps *st, uint16_t type,
    struct span payload);

/* NULL: there is none any more. */
struct trunk *trunk_find(struct trunks *t, uint32_t id);
/* Whose request this is: whose connection it came by, when we made that one;
 * by UDP the very address and port of one of its flows, by a connection that
 * was accepted its address, or any of its sources. */
struct trunk *trunk_of(struct trunks *t, const struct flow *from);
/* Is it reached by connections?  False for one that is not there. */
bool trunk_is_stream(const struct edge *e, uint32_t id);
/* Its number, 0 for nobody's. */
uint32_t trunk_id_of(const struct edge *e, const struct flow *from);
/* May this trunk's requests come from there? */
bool trunk_comes_from(const struct trunk *t, const struct flow *from);

/* Where connections to it are wanted, best first; replaces what was. */
void trunk_set_places(struct trunk *t, const struct addr *at, unsigned n);
/* Where it is reached, best first; replaces what was. */
void trunk_set_flows(struct trunk *t, const struct flow *flows, unsigned n);
/* The flow to an address by UDP, on this trunk's side.
 * Errors: -ENOENT no listener of ours goes there. */
int trunk_udp_flow(const struct edge_conf *conf, const struct trunk *t,
    const struct addr *to, struct flow *out);

/* "sip:number@domain" as this trunk has it. */
void trunk_put_uri(struct buf *b, const struct trunk *t, struct span number);

/* As members of a JSON object without braces: "trunks":[...] */
void trunks_status(const struct edge *e, struct mono now, struct buf *json);

#endif
