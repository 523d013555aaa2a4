/* Registrations of our own: see accounts.c. */
#ifndef REGDB_IO_ACCOUNTS_H
#define REGDB_IO_ACCOUNTS_H

#include "registrar-db/io/oracle.h"

/* The id of a mirrored registration is this and the subscriber's. */
#define ACCOUNT_MIRROR_BASE 4294967296ull

struct accounts;

/* Errors: NULL for no memory. */
struct accounts *accounts_new(struct oracle *o);
void accounts_free(struct accounts *a);

/* Bindings or tables may have changed. */
void accounts_stir(struct accounts *a);
/* From time to time: tell sigproxy what changed. */
void accounts_look(struct accounts *a);
/* sigproxy came: all of them. */
void accounts_came(struct accounts *a);
/* ACCOUNT_ASK, ACCOUNT_NOTE.  Errors: of the frame. */
int accounts_frame(struct oracle *o, uint16_t type, struct span payload);
int accounts_run(struct oracle *o, const struct job *job);
/* Members of a JSON object without braces. */
void accounts_status(const struct accounts *a, struct buf *json);

#endif
