/*
 * Between the files of `postern explain`: rules over what the store and the
 * processes say, each of which adds a finding with its evidence and remedy.
 * The rules are pure.
 */
#ifndef POSTERN_EXPLAIN_H
#define POSTERN_EXPLAIN_H

#include "common/base/buf.h"
#include "postern/check.h"

/* All as JSON: objects, or arrays of them; p NULL: nothing is known. */
struct explain {
	const struct conf *conf;
	struct findings *found;
	const char *number;		/* the subscriber's */
	struct span subscriber;		/* its row */
	struct span phones;		/* its registrations */
	struct span before;		/* where it was registered last */
	struct span homes;		/* where they are */
	struct span drops;		/* what is dropped unread */
	struct span call;		/* its last call, or the one asked for */
	struct span tries;		/* trunks that did not take it */
	struct span trunk;		/* the row of the trunk asked for */
	struct span by;			/* that by which the call was to go */
	struct span shut;		/* a trunk or route that is off */
	struct span accounts;		/* its registrations at PBXs */
	struct span called;		/* the row of the called number */
	struct span others;		/* n: heard of other homes alike */
	struct span quality;		/* its figures, a row for each side */
	struct span reports;		/* side, n: other calls in which its
					   number told what it heard */
	struct span sigproxy, registrar;	/* what they say of themselves */
	bool certificates_good;	/* none of ours has ended */
};

/* explain_phone.c: may it register, does it, and if not, why? */
void explain_phone(const struct explain *x);
/* Is any registered now? */
bool explain_has_phones(const struct explain *x);

/* explain_refused.c: refused answers.  Gives whether any seems to be its own
 * phone's. */
bool explain_refusals(const struct explain *x);

/* explain_call.c: what became of x->call, and why? */
void explain_call(const struct explain *x);

/* explain_trunk.c: what did the trunks do that it was sent to?  Gives whether
 * that is why it ended. */
bool explain_trunk(const struct explain *x);
/* Is there x->trunk, and is it in use? */
void explain_trunk_row(const struct explain *x);

/* explain_sound.c: was each side of it heard, and did it sound well? */
void explain_sound(const struct explain *x);
/* "; sound from 168: MOS 4.41 (R 93), ..." for each side that is known. */
void explain_put_sound(const struct explain *x, struct buf *b);
/* The same of what happened to the way of their sound, if it is known. */
void explain_put_evidence(const struct explain *x, struct buf *b);
/* ITU-T G.107 the other way round, to the whole number below. */
unsigned explain_r_of_mos(uint64_t mos_centi);

/* explain_doubt.c: what cannot be seen from here, and what shows it still.
 * Phones that report hearing nothing. */
void explain_deaf(const struct explain *x);
/* "; 168 heard, as its reports say; whether 201 heard is not known ...", of a
 * call that was relayed. */
void explain_put_hearing(const struct explain *x, struct buf *b);
/* This verdict may be the office's fault or the home's: is it the home's?
 * Then the evidence is appended. */
bool explain_at_home(const struct explain *x, struct span verdict,
    struct buf *b);

/* explain_tls.c: handshakes that came to nothing.  Gives whether one of them
 * was the number's own. */
bool explain_tls(const struct explain *x);

#define EXPLAIN_CALL_DIGITS 12	/* an id of a call has more */

/* The text of a member; empty: there is none. */
struct span explain_text(struct span row, const char *key);
/* A whole number; 0: there is none. */
uint64_t explain_number(struct span row, const char *key);

/* For printf's "%.*s". */
#define EXPLAIN_ARG(s) (int)(s).len, (s).p == NULL ? "" : (s).p

#endif
