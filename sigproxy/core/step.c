#include <errno.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "sigproxy/core/step.h"

#define FRAMES_BYTES (256 * 1024)

bool
flow_eq(const struct flow *a, const struct flow *b)
{
	return a->zone == b->zone && a->transport == b->transport &&
	    a->listener == b->listener && addr_eq(&a->remote, &b->remote) &&
	    a->conn == b->conn;
}

struct ipc_flow
flow_to_ipc(const struct flow *f)
{
	return (struct ipc_flow){ f->zone, f->transport, f->listener,
		f->remote, f->conn };
}

struct flow
flow_from_ipc(const struct ipc_flow *f)
{
	return (struct flow){ f->zone, f->transport, f->listener, f->remote,
		f->conn };
}

static void
frames_new(struct buf *b)
{
	char *mem = malloc(FRAMES_BYTES);

	buf_init(b, mem, mem == NULL ? 0 : FRAMES_BYTES);
}

struct steps *
steps_new(void)
{
	struct steps *s = calloc(1, sizeof(*s));
	bool ok;

	if (s == NULL)
		return NULL;
	s->mem = malloc(STEPS_BYTES);
	frames_new(&s->reg);
	frames_new(&s->stun);
	frames_new(&s->trace);
	ok = s->mem != NULL && s->reg.p != NULL && s->stun.p != NULL &&
	    s->trace.p != NULL;
	for (size_t i = 0; i < STEPS_RELAYS_MAX; i++) {
		frames_new(&s->relay[i]);
		ok = ok && s->relay[i].p != NULL;
	}
	if (!ok) {
		steps_free(s);
		return NULL;
	}
	return s;
}

void
steps_free(struct steps *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < STEPS_RELAYS_MAX; i++)
		free(s->relay[i].p);
	free(s->trace.p);
	free(s->stun.p);
	free(s->reg.p);
	free(s->mem);
	free(s);
}

static void
frames_clear(struct buf *b)
{
	secret_wipe(b->p, b->len);
	b->len = 0;
	b->err = 0;
}

void
steps_clear(struct steps *s)
{
	s->n = 0;
	secret_wipe(s->mem, s->mem_len); /* keys of sound, digests */
	s->mem_len = 0;
	s->line = NULL;
	frames_clear(&s->reg);
	frames_clear(&s->stun);
	frames_clear(&s->trace);
	for (size_t i = 0; i < STEPS_RELAYS_MAX; i++)
		frames_clear(&s->relay[i]);
}

void
steps_send_begin(struct steps *s, const struct flow *to, struct buf *b,
    size_t max)
{
	size_t room = STEPS_BYTES - s->mem_len;

	if (s->n == STEPS_MAX || room == 0) {
		buf_init(b, NULL, 0);
		b->err = -ENOBUFS;
		return;
	}
	buf_init(b, s->mem + s->mem_len, max < room ? max : room);
}

void
steps_send_end(struct steps *s, const struct flow *to, struct buf *b)
{
	struct step *step;

	if (buf_err(b)) {
		s->dropped++;
		return;
	}
	step = &s->step[s->n++];
	step->kind = STEP_SEND;
	step->flow = *to;
	step->bytes = buf_span(b);
	s->mem_len += b->len;
}

void
steps_send(struct steps *s, const struct flow *to, struct span bytes)
{
	struct buf b;

	steps_send_begin(s, to, &b, bytes.len);
	buf_put(&b, bytes);
	steps_send_end(s, to, &b);
}

void
steps_close(struct steps *s, const struct flow *flow)
{
	struct step *step;

	if (s->n == STEPS_MAX) {
		s->dropped++;
		return;
	}
	step = &s->step[s->n++];
	step->kind = STEP_CLOSE;
	step->flow = *flow;
}

void
steps_log(struct steps *s, enum step_level level, const char *event)
{
	struct step *step;

	s->line = NULL;
	if (s->n == STEPS_MAX) {
		s->dropped++;
		return;
	}
	step = s->line = &s->step[s->n++];
	step->kind = STEP_LOG;
	step->level = level;
	step->event = event;
	step->n_keys = 0;
}

/* The next key of the line begun last, or NULL when it did not fit. */
static struct step_key *
next_key(struct steps *s, const char *key)
{
	struct step_key *k;

	if (s->line == NULL || s->line->n_keys == STEP_KEYS_MAX)
		return NULL;
	k = &s->line->keys[s->line->n_keys++];
	k->key = key;
	return k;
}

void
steps_key_text(struct steps *s, const char *key, struct span text)
{
	size_t room = STEPS_BYTES - s->mem_len;
	struct step_key *k = next_key(s, key);

	if (k == NULL)
		return;
	k->kind = STEP_TEXT;
	text = span_sub(text, 0, room < 256 ? room : 256);
	k->text = span_make(s->mem + s->mem_len, text.len);
	if (text.len > 0)
		memcpy(s->mem + s->mem_len, text.p, text.len);
	s->mem_len += text.len;
}

void
steps_key_number(struct steps *s, const char *key, uint64_t number)
{
	struct step_key *k = next_key(s, key);

	if (k == NULL)
		return;
	k->kind = STEP_NUMBER;
	k->number = number;
}

void
steps_key_addr(struct steps *s, const char *key, const struct addr *a)
{
	struct step_key *k = next_key(s, key);

	if (k == NULL)
		return;
	k->kind = STEP_ADDR;
	k->addr = *a;
}
