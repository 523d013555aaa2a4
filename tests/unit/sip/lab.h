/*
 * Shared by the SIP tests and fuzz targets: vector files, memory that ends at
 * a guard page, and the path parse -> build as forwarded.
 */
#ifndef TESTS_UNIT_SIP_LAB_H
#define TESTS_UNIT_SIP_LAB_H

#include "sigproxy/sip/build.h"

/* The file's bytes, lent until the next call. Aborts when it is not there. */
struct span lab_file(const char *set, const char *name);

/* s copied so that its end is the end of readable memory. Lent until the
 * next call. */
struct span lab_guarded(struct span s);

/*
 * Write an accepted message as one that is relayed: start line, then every
 * header from the parse with From, To, Contact, Via and CSeq written from
 * their readers, then the body.
 *
 * Errors: buf_err(b).
 */
int lab_forward(struct buf *b, const struct sip_msg *m);

/* Call every reader on every header of the message, whatever it answers. */
void lab_read_all(const struct sip_msg *m);

#endif
