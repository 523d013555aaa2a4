/*
 * dialog-info (RFC 4235): what a watcher sees of a number's calls.
 *
 * Always the full state.  The names of our own calls stay here: a dialog's id
 * is of this subscription alone, no Call-ID, tag or address is told, and the
 * other party only as number@domain and only to whom that is allowed.
 */
#include "sigproxy/core/subs_priv.h"

/* After so much no further one: the longest takes 1000 bytes. */
#define DIALOGS_BYTES (SUB_BODY_MAX - 1200)

enum seen_state { SEEN_TRYING, SEEN_EARLY, SEEN_CONFIRMED };

struct seen {
	uint64_t ticket;
	bool initiator;
	enum seen_state state;
	const struct party *other;
};

struct snapshot {
	struct seen dialog[SUBS_DIALOGS_MAX];
	unsigned n;
};

static enum seen_state
state_of(const struct call *call)
{
	if (call->phase == CALL_TALKING)
		return SEEN_CONFIRMED;
	for (unsigned i = 1; i < call->n_legs; i++)
		if (call->leg[i] != NULL && call->leg[i]->state == LEG_EARLY)
			return SEEN_EARLY;
	return SEEN_TRYING;
}

static void
see(struct snapshot *s, const struct call *call, bool initiator)
{
	if (s->n == SUBS_DIALOGS_MAX)
		return;
	s->dialog[s->n++] = (struct seen){ call->ticket, initiator,
		state_of(call), initiator ? &call->called : &call->caller };
}

static void
look(const struct calls *c, struct span number, struct snapshot *out)
{
	out->n = 0;
	for (uint32_t i = 0; i < c->pool.n && c->pool.used > 0; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket == 0 || (call->phase != CALL_INVITING &&
		    call->phase != CALL_TALKING))
			continue;
		if (span_eq(TEXT_SPAN(call->caller.number), number))
			see(out, call, true);
		if (span_eq(TEXT_SPAN(call->called.number), number))
			see(out, call, false);
	}
}

/* Text and attribute values alike. */
static void
put_xml(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		switch (s.p[i]) {
		case '<':
			buf_puts(b, "&lt;");
			break;
		case '>':
			buf_puts(b, "&gt;");
			break;
		case '&':
			buf_puts(b, "&amp;");
			break;
		case '"':
			buf_puts(b, "&quot;");
			break;
		default:
			buf_putc(b, s.p[i]);
		}
	}
}

static void
put_aor(const struct edge *e, struct buf *b, struct span number)
{
	buf_puts(b, "sip:");
	put_xml(b, number);
	buf_putc(b, '@');
	put_xml(b, e->conf->domain);
}

static void
put_party(const struct edge *e, struct buf *b, const char *element,
    struct span number)
{
	buf_putc(b, '<');
	buf_puts(b, element);
	buf_puts(b, "><identity>");
	put_aor(e, b, number);
	buf_puts(b, "</identity><target uri=\"");
	put_aor(e, b, number);
	buf_puts(b, "\"/></");
	buf_puts(b, element);
	buf_puts(b, ">\n");
}

/* The same dialog has the same id as long as this process lives; the next
 * one tells the full state anew. */
static void
put_id(const struct edge *e, struct buf *b, const struct sub *sub,
    const struct seen *seen)
{
	char key[LEG_TOKEN_LEN + sizeof(seen->ticket) + 1];
	uint64_t id;

	memcpy(key, sub->leg.token, LEG_TOKEN_LEN);
	memcpy(key + LEG_TOKEN_LEN, &seen->ticket, sizeof(seen->ticket));
	key[sizeof(key) - 1] = seen->initiator;
	id = htab_hash(&e->subs->by_token, key, sizeof(key));
	buf_put_hex(b, &id, sizeof(id));
}

static void
put_dialog(const struct edge *e, struct buf *b, const struct sub *sub,
    const struct seen *seen)
{
	static const char *const states[] = { "trying", "early", "confirmed" };

	buf_puts(b, "<dialog id=\"");
	put_id(e, b, sub, seen);
	buf_puts(b, seen->initiator ? "\" direction=\"initiator\">\n" :
				      "\" direction=\"recipient\">\n");
	buf_puts(b, "<state>");
	buf_puts(b, states[seen->state]);
	buf_puts(b, "</state>\n");
	if (sub->show == WATCH_NUMBER) {
		put_party(e, b, "local", TEXT_SPAN(sub->number));
		if (!seen->other->withheld || !leg_is_external(&sub->leg))
			put_party(e, b, "remote",
			    TEXT_SPAN(seen->other->number));
	}
	buf_puts(b, "</dialog>\n");
}

void
sub_put_dialogs(const struct edge *e, struct buf *b, const struct sub *sub,
    uint32_t version)
{
	struct snapshot s;

	look(e->calls, TEXT_SPAN(sub->number), &s);
	buf_puts(b, "<?xml version=\"1.0\"?>\n<dialog-info "
		    "xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"");
	buf_put_u64(b, version);
	buf_puts(b, "\" state=\"full\" entity=\"");
	put_aor(e, b, TEXT_SPAN(sub->number));
	buf_puts(b, "\">\n");
	for (unsigned i = 0; i < s.n && b->len < DIALOGS_BYTES; i++)
		put_dialog(e, b, sub, &s.dialog[i]);
	/* Many phones put a lamp out only when they are told so. */
	if (s.n == 0)
		buf_puts(b, "<dialog id=\"idle\">\n"
			    "<state>terminated</state>\n</dialog>\n");
	buf_puts(b, "</dialog-info>\n");
}
