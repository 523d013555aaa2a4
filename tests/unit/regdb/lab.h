/*
 * A registrar-db without its cage: real file, real doors, and in the same
 * loop a sigproxy that says what the test tells it, and an admin with a
 * connection of his own.
 */
#ifndef TESTS_UNIT_REGDB_LAB_H
#define TESTS_UNIT_REGDB_LAB_H

#include "registrar-db/io/oracle.h"
#include "tests/unit/regdb/suite.h"

#define PASSWORD "correct-horse-77"
#define REALM "SMO-SIP"
#define PHONE "198.51.100.7:4711"

struct lab {
	char dir[64], path[96], door[96];
	const char *realm;	/* of [site], and of the phone's answers */
	uint32_t keep_records_days;
	uv_loop_t loop;
	struct secret key;
	struct store *store;
	struct oracle *oracle;
	struct doors *reg_doors, *sig_doors;
	struct door *sig;	/* sigproxy's end */
	sqlite3 *admin;
	char complaint[512];	/* the admin's last error */
	bool up;
	/* Frames sigproxy got: all counted, the first ones that nobody took
	 * yet kept. */
	unsigned n_seen, n_got;
	struct {
		uint16_t type;
		size_t len;
		char payload[IPC_PAYLOAD_MAX];
	} got[256];
	char nonces[IPC_NONCES_MAX * IPC_NONCE_LEN];
	unsigned n_nonces;
	uint32_t id;
	char response[64];
};

extern struct lab lab;

/* Fixtures: an empty store, sigproxy connected. */
void lab_setup(void);
void lab_teardown(void);
/* End registrar-db at once, as kill -9 does, and start it on the same file. */
void lab_restart(void);
/* sigproxy dies and another one comes. */
void lab_new_sigproxy(void);

/* Is it anywhere in the database or its WAL? */
bool lab_on_disk(const char *text);
/* What the clock says beside the truth. */
void lab_later(uint64_t ms);
/* Somebody sets the wall clock, forward or back. */
void lab_step_clock(int64_t s);

/* The admin types; "" or what he sees. */
const char *lab_sql(const char *sql);
/* First column of the first row, or "none". */
const char *lab_look(const char *sql);
void lab_ok(const char *sql);
/* Subscriber 168, username SIP-168, from the internet; sealed. */
void lab_subscriber(void);
/* Let the loop run until cond holds; a slow disk has thirty seconds. */
#define lab_until(cond)                                              \
	do {                                                         \
		uint64_t end_ = uv_hrtime() + UINT64_C(30000000000); \
		while (!(cond)) {                                    \
			ck_assert_msg(uv_hrtime() < end_, "%s", #cond); \
			lab_turn();                                  \
		}                                                    \
	} while (0)
void lab_turn(void);
/* Is one of that type there? */
bool lab_has(uint16_t type);
/* Wait for the next frame of this type and take it. */
struct span lab_take(uint16_t type);
void lab_send(const struct buf *b);

/* A fresh nonce, fetched in batches. */
struct span lab_nonce(void);
/* A right answer of SIP-168 with nc=1. */
struct ipc_digest lab_digest(const char *method, const char *uri,
    struct span nonce, const char *password);

/* A REGISTER of SIP-168 for 168; fields may be changed before asking. */
struct ipc_reg_ask lab_reg(const char *contact, uint32_t expires_s);
struct ipc_reg_say lab_reg_ask(struct ipc_reg_ask *ask);
enum verdict lab_register(const char *contact, uint32_t expires_s);

struct ipc_auth_say lab_call(const char *number);

#endif
