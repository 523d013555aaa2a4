/*
 * A world for stunmon's core: a NAT, STUN servers of every character, and a
 * clock that jumps.  An hour passes in milliseconds.
 */
#ifndef TESTS_SCENARIO_STUN_WORLD_H
#define TESTS_SCENARIO_STUN_WORLD_H

#include <check.h>

#include "stunmon/core/alarm.h"

#define SIP_SOCKET 0
#define RTT_MS 20

enum character {
	HONEST,
	DEAD,
	LIAR,		/* always says another public address */
	FICKLE,		/* another one each time */
	PRIVATE,	/* says an address nobody can reach */
	REFUSING,	/* answers with an error */
	STRANGE,	/* an attribute that must be understood is not */
	SLOW,		/* honest, after two seconds */
	FROZEN,		/* always says the address of the start */
};

struct told {
	bool heard;
	enum public_state state;
	struct addr mapped;
	uint64_t at_ms;
	unsigned times;
};

struct world {
	struct mappings *maps;
	uint64_t now_ms;
	enum character server[MAPPING_SERVERS_MAX];
	unsigned n_servers;
	unsigned dead[MAPPING_SERVERS_MAX];	/* addresses, bits */
	void (*look)(struct mono now);	/* once in each round */
	const char *nat;	/* its public address */
	bool symmetric;		/* another port for each server */
	bool other;		/* servers tell an OTHER-ADDRESS */
	bool sip_deaf;		/* no answer reaches the SIP socket */
	bool relay_deaf;	/* nor the relays' */
	unsigned asked[MAPPING_SERVERS_MAX];
	uint64_t asked_at[MAPPING_SERVERS_MAX];
	uint64_t shortest_ms, longest_ms;	/* between asks of server 0 */
	struct told sip, site, relay;	/* what owners heard last */
	unsigned news;
	struct alarms alarms;
	unsigned raised[ALARM_COUNT], cleared[ALARM_COUNT];
	uint64_t raised_at[ALARM_COUNT];
	struct {
		uint64_t at_ms;
		unsigned owner, server;
		struct ipc_stun_send ask;
	} answer[256];
	unsigned n_answers;
	uint32_t random;
};

extern struct world w;

/* STUN mode with these servers; sigproxy is up and wants its socket. */
void world_begin(unsigned n_servers);
/* The same before anybody is up, and then: between them a start recalls. */
void world_begin_quietly(unsigned n_servers);
void world_up(void);
/* The address is given. */
void world_given(const char *addr);
void world_end(void);
void world_run(uint64_t ms);
struct mono world_now(void);
void world_want(unsigned owner, uint16_t first, unsigned n);
/* A forged answer for the SIP socket. */
void world_forge(const char *from, const uint8_t *tid, const char *mapped);

/* Server s has these addresses: its own, and with a last octet higher by 60
 * each (dead: a bit for each of them). */
void world_addresses(unsigned s, unsigned n, unsigned dead);

void add_alarm_tests(Suite *s);
void add_dynname_tests(Suite *s);
void add_nat_tests(Suite *s);
void add_recall_tests(Suite *s);

/* An answer of up to 64 octets; gives its length. */
size_t world_put_answer(uint8_t *p, enum character who, const uint8_t *tid,
    const struct addr *mapped);

struct addr world_addr(const char *text);
void assert_told(const struct told *t, enum public_state state,
    const char *mapped);

#endif
