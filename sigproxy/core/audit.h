/*
 * Calls whose phones are gone without a word, and that have no session timer
 * which would tell (RFC 4028): each leg without one is asked by OPTIONS inside
 * its dialog, half an hour after the answer and every half an hour, unless
 * sound of its phone is heard just then.
 *
 * 481 and no answer say that the dialog is gone (RFC 5057 5.1); what else is
 * answered says that it is there.  Three in a row, a minute apart, end the
 * call.  Silence alone never does: a held or mute phone only has to answer.
 */
#ifndef SIGPROXY_CORE_AUDIT_H
#define SIGPROXY_CORE_AUDIT_H

struct ctx;
struct leg;

enum {
	AUDIT_EVERY_MS = 1800000,
	AUDIT_AGAIN_MS = 60000, /* after one without an answer */
	AUDIT_MISSES = 3,
};

/* It has no session timer, or none any more: its timer is free for this. */
void audit_start(const struct ctx *x, struct leg *leg);
/* That timer fired. */
void audit_due(const struct ctx *x, struct leg *leg);

#endif
