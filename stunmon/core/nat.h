/*
 * What kind of NAT is before us (RFC 5780 4, RFC 4787): how it maps, whom it
 * lets in, and whether it turns packets to our own mapping back.
 *
 * Tested by the first SIP socket against a server that told its
 * OTHER-ADDRESS, some seconds after our address is known or changed, then
 * hourly.  Whom it lets in is tested first, for asking the server's other
 * address opens the way for its answers.  Where no server has another
 * address, two configured servers show how it maps, and nothing shows whom
 * it lets in.  A relay's socket tests hairpinning.
 *
 * Pure: as mapping.h.
 */
#ifndef STUNMON_CORE_NAT_H
#define STUNMON_CORE_NAT_H

#include "stunmon/core/mapping.h"

#define NAT_SETTLE_MS 5000	/* after the address is known */
#define NAT_AGAIN_MS 3600000
#define NAT_RETRY_MS 60000	/* the server kept silent */
/* Between two tests: what the first one opened must have closed. */
#define NAT_PAUSE_MS 200000
#define NAT_TRIES 3		/* after 0, 500 and 1500 ms; lost at 3500 */

enum nat_kind {
	NAT_UNKNOWN,
	NAT_NONE,		/* no NAT at all */
	NAT_ENDPOINT,		/* endpoint-independent */
	NAT_ADDRESS,		/* address-dependent */
	NAT_PORT,		/* address-and-port-dependent */
};

enum nat_hairpin { HAIRPIN_UNKNOWN, HAIRPIN_YES, HAIRPIN_NO };

enum nat_phase {
	NAT_IDLE,
	NAT_PLAIN,		/* what does this server see? */
	NAT_FILTER_BOTH,	/* answer from another IP and port */
	NAT_FILTER_PORT,	/* from another port */
	NAT_MAP_IP,		/* what does the other IP see? */
	NAT_MAP_BOTH,		/* and its other port? */
	NAT_TURN,		/* hairpin */
};

struct nat_conf {
	const struct addr *external;	/* what SIP sockets are bound to, in
					 * the order of their numbers */
	unsigned n_external;
	uint16_t port;			/* all of them */
	void (*random)(void *p, size_t len);
};

/* What was found out. */
struct nat_result {
	enum nat_kind mapping, filtering;
	enum nat_hairpin hairpin;
	bool tested;		/* port_preserving is known */
	bool port_preserving;
	bool port_open;		/* strangers come in by the mapping; never by
				 * the first test of a life alone: the one
				 * before may have opened the way a moment
				 * ago */
	uint16_t socket;	/* whose mapping that is */
};

struct nat {
	struct nat_conf conf;
	enum nat_phase phase;
	unsigned sent;
	struct mono due;	/* of this phase; idle: of the next test */
	struct mono ended_at;	/* 0: never */
	bool sure;		/* this is not the first test of this life */
	uint8_t tid[STUN_TID_LEN];
	struct addr site;	/* that is tested */
	struct addr server, other;
	unsigned at;		/* which one that is */
	uint8_t deaf[MAPPING_SERVERS_MAX];	/* tests it kept silent to */
	uint16_t socket, relay_socket;
	unsigned relay;
	struct addr local, first, second, mapped;
	bool news;
	/* results, as above */
	enum nat_kind mapping, filtering;
	enum nat_hairpin hairpin;
	bool tested, port_preserving, port_open;
};

void nat_init(struct nat *n, const struct nat_conf *conf);
struct nat_result nat_result(const struct nat *n);
/* What an earlier life found out about this site; tested anew some seconds
 * from now, if the address is known then. */
void nat_recall(struct nat *n, const struct addr *site,
    const struct nat_result *r, struct mono now);
/* "endpoint-independent" and so on. */
const char *nat_word(enum nat_kind kind);

enum nat_do { NAT_DO_TEST, NAT_DO_HAIRPIN, NAT_DO_NEWS };

struct nat_step {
	enum nat_do what;
	unsigned owner;
	struct ipc_stun_test test;
	struct ipc_stun_hairpin hairpin;
};

bool nat_next(struct nat *n, const struct mappings *v, struct mono now,
    struct nat_step *out);
/* MONO_NEVER: after input. */
struct mono nat_due(const struct nat *n, struct mono now);
/* An answer; false: it is none of these tests'. */
bool nat_heard(struct nat *n, const struct mappings *v, unsigned owner,
    const struct ipc_stun_heard *heard, struct mono now);

#endif
