#include <check.h>
#include <stdio.h>

#include "tests/unit/sigcore/bench.h"

static struct bench *
of(struct edge *e)
{
	return (struct bench *)(void *)e;
}

static void
told(struct bench *b, struct mono now, unsigned *what)
{
	++*what;
	b->told_ms = now.us / 1000;
}

static void
on_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *m)
{
	of(e)->last_status = m->status;
	told(of(e), now, &of(e)->responses);
}

static void
on_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	told(of(e), now, &of(e)->timeouts);
}

static void
on_client_ended(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c)
{
	told(of(e), now, &of(e)->ended);
}

static void
on_cancelled(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *m)
{
	told(of(e), now, &of(e)->cancelled);
}

static void
on_no_ack(struct edge *e, struct mono now, struct steps *st, struct stxn *s)
{
	told(of(e), now, &of(e)->no_ack);
}

static void
on_server_ended(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s)
{
	told(of(e), now, &of(e)->ended);
}

const struct stxn_ops bench_server_ops = { on_cancelled, on_no_ack,
	on_server_ended };
const struct ctxn_ops bench_client_ops = { on_response, on_timeout,
	on_client_ended };

void
bench_init(struct bench *b, uint32_t n, uint8_t transport)
{
	static const uint8_t key[32] = "one key for all these tests....";
	static const uint8_t home[] = { 198, 51, 100, 7 };

	memset(b, 0, sizeof(*b));
	ck_assert_int_eq(timerq_init(&b->timers, txns_timers(n)), 0);
	ck_assert_int_eq(txns_init(&b->txns, (struct edge *)(void *)b,
			     &b->timers, n, key), 0);
	b->steps = steps_new();
	b->phone = (struct flow){ ZONE_EXTERNAL, transport, 0,
		addr_from_bytes(home, 4, 40001), 0 };
}

void
bench_clear(struct bench *b)
{
	steps_free(b->steps);
	txns_clear(&b->txns);
	timerq_clear(&b->timers);
}

void
bench_collect(struct bench *b)
{
	for (unsigned i = 0; i < b->steps->n; i++) {
		struct step *s = &b->steps->step[i];

		b->n_lines += s->kind == STEP_LOG;
		if (s->kind != STEP_SEND || b->n_sent == BENCH_SENT)
			continue;
		b->sent[b->n_sent].ms = b->now.us / 1000;
		memcpy(b->sent[b->n_sent].text, s->bytes.p, s->bytes.len);
		b->sent[b->n_sent++].text[s->bytes.len] = '\0';
	}
	steps_clear(b->steps);
}

void
bench_until(struct bench *b, uint64_t ms)
{
	struct mono end = { ms * 1000 };
	struct timer *t;

	bench_collect(b);
	while (mono_due(timerq_next(&b->timers), end)) {
		if (mono_before(b->now, timerq_next(&b->timers)))
			b->now = timerq_next(&b->timers);
		t = timerq_pop(&b->timers, b->now);
		if (t->kind < TIMER_CTXN_RESEND)
			stxn_due(&b->txns, b->now, b->steps, t);
		else
			ctxn_due(&b->txns, b->now, b->steps, t);
		bench_collect(b);
	}
	b->now = end;
}

void
bench_sent_is(struct bench *b, const char *list)
{
	char got[4096] = "";
	size_t at = 0;

	bench_collect(b);
	for (unsigned i = 0; i < b->n_sent; i++) {
		const char *t = b->sent[i].text;

		if (strncmp(t, "SIP/2.0 ", 8) == 0)
			t += 8;
		at += (size_t)snprintf(got + at, sizeof(got) - at,
		    "%s%llu %.*s", i == 0 ? "" : ", ",
		    (unsigned long long)b->sent[i].ms,
		    (int)strcspn(t, " "), t);
	}
	ck_assert_str_eq(got, list);
	b->n_sent = 0;
}

const struct sip_msg *
bench_request(struct bench *b, const char *method, const char *branch,
    const char *extra)
{
	int n = snprintf(b->in_text, sizeof(b->in_text),
	    "%s sip:11@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=%s;rport\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:168@sip.example.org>;tag=f1\r\n"
	    "To: <sip:11@sip.example.org>\r\n"
	    "Call-ID: call\r\n"
	    "CSeq: 7 %s\r\n"
	    "Route: <sip:a;lr>\r\n"
	    "%sContent-Length: 0\r\n\r\n", method, branch, method, extra);

	ck_assert_int_eq(sip_parse(span_make(b->in_text, (size_t)n),
			     SIP_DATAGRAM, &b->in, NULL), 0);
	return &b->in;
}

struct stxn *
bench_server(struct bench *b, const char *method)
{
	const struct sip_msg *m = bench_request(b, method, "z9hG4bKphone", "");
	struct stxn *s = NULL;

	ck_assert_ptr_null(stxn_find(&b->txns, m, &b->phone));
	ck_assert_int_eq(stxn_new(&b->txns, b->now, m, m->bytes, &b->phone,
			     &bench_server_ops, b, &s), 0);
	return s;
}

struct ctxn *
bench_client(struct bench *b, const char *method)
{
	const struct sip_msg *m = bench_request(b, method, "z9hG4bKours", "");
	struct ctxn *c = NULL;

	ck_assert_int_eq(ctxn_send(&b->txns, b->now, b->steps, &b->phone,
			     m->bytes, &bench_client_ops, b, &c), 0);
	return c;
}

bool
bench_response(struct bench *b, const char *method, unsigned status,
    const char *tag)
{
	int n = snprintf(b->in_text, sizeof(b->in_text),
	    "SIP/2.0 %u Whatever\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKours;rport\r\n"
	    "From: <sip:168@sip.example.org>;tag=f1\r\n"
	    "To: <sip:11@sip.example.org>;tag=%s\r\n"
	    "Call-ID: call\r\n"
	    "CSeq: 7 %s\r\n"
	    "Content-Length: 0\r\n\r\n", status, tag, method);

	ck_assert_int_eq(sip_parse(span_make(b->in_text, (size_t)n),
			     SIP_DATAGRAM, &b->in, NULL), 0);
	return ctxn_response(&b->txns, b->now, b->steps, &b->in, &b->phone);
}
