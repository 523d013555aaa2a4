/*
 * Trunks in the oracle: which there are, told to sigproxy without secrets;
 * where a call goes that is for no subscriber; for whom one is that a trunk
 * sends; and digests, for calls that it has itself allowed.
 */
#ifndef REGDB_IO_TRUNKS_H
#define REGDB_IO_TRUNKS_H

#include "registrar-db/core/dial.h"
#include "registrar-db/io/policy.h"

struct oracle;
struct trunks;
struct job;

/* site's spans are kept. */
struct trunks *trunks_new(struct oracle *o, const struct plan *site);
void trunks_free(struct trunks *t);

/* An admin changed something: read and tell them anew. */
void trunks_changed(struct oracle *o);
/* sigproxy came: tell it all; or stunmon. */
void trunks_tell(struct oracle *o);
void trunks_tell_stunmon(struct oracle *o);

/*
 * Where a call goes that was allowed: into say->ways, whose text is lent until
 * the next question.
 *
 * Takes:   by  who asks for it, and whose rights count.
 *          d   its decision; trunk, route and sent are filled in.
 * Gives:   VERDICT_OK, or VERDICT_NOT_FOUND: no way; VERDICT_DENIED with d's
 *          words: what a route would make of it is not allowed.
 */
enum verdict trunks_route(struct oracle *o, struct span by,
    struct decision *d, struct ipc_auth_say *say);
/* The same for whoever is registered at a PBX: all his calls go there.
 * VERDICT_NOT_FOUND: he is not. */
enum verdict trunks_mirrored(struct oracle *o, struct span by,
    struct decision *d, struct ipc_auth_say *say);

/* TRUNK_CALL_ASK.  Errors: of the frame. */
int trunks_call_ask(struct oracle *o, struct span payload);

/* TRUNK_AUTH_ASK.  Errors: of the frame. */
int trunks_auth_ask(struct oracle *o, struct span payload);
int trunks_auth_run(struct oracle *o, const struct job *job, struct buf *out);
void trunks_auth_refuse(const struct job *job, struct buf *out);
/* CALL_WAY. */
int trunks_way(struct oracle *o, struct span payload);
int trunks_way_run(struct oracle *o, const struct job *job);
/* tried.c: CALL_TRIED. */
int trunks_tried(struct oracle *o, struct span payload);
int trunks_tried_run(struct oracle *o, const struct job *job);

/*
 * Seal one password that an admin typed.  Inside a transaction.
 *
 * Gives:   1 it did, 0 there is none.  Errors: as store_run().
 */
int trunks_seal_one(struct oracle *o);

/* ---- trunk_rows.c: what trunks.c and trunk_digests.c share ---- */

struct trunk_row {
	uint32_t id;
	bool outbound;
	struct ipc_trunk told;		/* looks at text */
	struct dial dial;		/* the same */
	struct span prefix, caller_number;
	char text[1400];
	size_t used;
};

struct did_row {
	uint32_t trunk;
	struct pattern pattern;
	char target[PLAN_NUMBER_MAX];
	uint8_t target_len;
};

#define ROUTES_MAX 512
#define DIDS_MAX 4096

struct trunk_rows {
	unsigned n, n_routes, n_dids;
	struct trunk_row trunk[IPC_TRUNKS_MAX];
	struct dial_route route[ROUTES_MAX];
	struct did_row did[DIDS_MAX];
};

/* Read all that are enabled; what makes no sense is logged and left out. */
void trunk_rows_read(struct store *s, const struct plan *site,
    struct trunk_rows *out);
/* Is it a PBX of the office, not a provider? */
bool trunk_is_ours(const struct trunk_row *t);
/* How `rule` begins in the record of a call from another one: who calls is
 * its word alone. */
#define TRUNK_CLAIM "caller: "
const struct trunk_row *trunk_row(const struct trunk_rows *rows, uint32_t id);
/* The DID that fits, or NULL. */
const struct did_row *did_find(const struct trunk_rows *rows, uint32_t trunk,
    struct span number);

const struct trunk_rows *trunks_rows(const struct oracle *o);

#endif
