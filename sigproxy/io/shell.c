#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "sigproxy/io/shell.h"

#define STATUS_MAX 14000

struct shell {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct edge *edge;
	struct steps *steps;
	struct udp *udp;
	struct tcp *tcp;
	struct door *reg, *stun, *key, *trace;
	struct door *relay[STEPS_RELAYS_MAX];
	const struct edge_conf *conf;
	uint64_t untraced;	/* batches that tracer did not take */
};

static void
carry_log(const struct step *st)
{
	static const enum log_level level[] = {
		[STEP_DEBUG] = LOG_DEBUG_,
		[STEP_INFO] = LOG_INFO_,
		[STEP_WARN] = LOG_WARN_,
	};

	log_begin(level[st->level], st->event);
	for (unsigned i = 0; i < st->n_keys; i++) {
		const struct step_key *k = &st->keys[i];

		switch (k->kind) {
		case STEP_TEXT:
			log_span(k->key, k->text);
			break;
		case STEP_NUMBER:
			log_u64(k->key, k->number);
			break;
		case STEP_ADDR:
			log_addr(k->key, &k->addr);
			break;
		}
	}
	log_end();
}

/* Core learns of a lost question by its deadline; here it is only said. */
static void
carry_frames(struct door *to, struct buf *frames)
{
	int err;

	if (frames->len == 0)
		return;
	err = to == NULL ? -ENOTCONN : door_send(to, buf_span(frames));
	if (err && err != -ENOTCONN) {
		log_begin(LOG_WARN_, "peer-not-taking");
		log_str("peer", ipc_role_name(door_role(to)));
		log_err("why", err);
		log_end();
	}
}

static void
hand_trace(struct shell *sh)
{
	struct buf *b = &sh->steps->trace;

	if (b->len > 0 && (sh->trace == NULL ||
	    door_send(sh->trace, buf_span(b)) != 0))
		sh->untraced++;
	b->len = 0;
}

/* What tracer does not take is lost to the trace, never to the phones. */
static void
carry_trace(struct shell *sh)
{
	struct steps *s = sh->steps;

	for (unsigned i = 0; i < s->n; i++) {
		if (s->step[i].kind != STEP_SEND)
			continue;
		edge_sent(sh->edge, clock_mono(), s, &s->step[i].flow,
		    s->step[i].bytes);
		if (s->trace.len > s->trace.cap / 2)
			hand_trace(sh);
	}
	hand_trace(sh);
}

static void
carry_steps(struct shell *sh)
{
	struct steps *s = sh->steps;

	/* Questions and reports leave before the datagrams they cover. */
	carry_frames(sh->reg, &s->reg);
	carry_frames(sh->stun, &s->stun);
	for (size_t i = 0; i < STEPS_RELAYS_MAX; i++)
		carry_frames(sh->relay[i], &s->relay[i]);
	for (unsigned i = 0; i < s->n; i++) {
		struct step *st = &s->step[i];

		if (st->kind == STEP_LOG)
			carry_log(st);
		else if (st->kind == STEP_CLOSE)
			tcp_close(sh->tcp, &st->flow);
		else if (st->flow.transport == TRANSPORT_UDP)
			udp_send(sh->udp, st->flow.listener, &st->flow.remote,
			    st->bytes);
		else
			tcp_send(sh->tcp, &st->flow, st->bytes);
	}
	udp_flush(sh->udp);
	if (edge_is_traced(sh->edge))
		carry_trace(sh);
	steps_clear(s);
}

static void
carry_out(struct shell *sh)
{
	/* What turns out to be closed makes the core say more. */
	do
		carry_steps(sh);
	while (tcp_settle(sh->tcp));
}

static void on_timer(uv_timer_t *timer);
static void on_drained(void *arg);

static void
arm(struct shell *sh)
{
	struct mono due = edge_due(sh->edge);
	struct mono now;

	if (due.us == MONO_NEVER.us) {
		uv_timer_stop(&sh->timer);
		return;
	}
	now = clock_mono();
	uv_update_time(sh->loop);
	/* One more: never wake before it is due. */
	uv_timer_start(&sh->timer, on_timer, mono_ms_between(now, due) + 1, 0);
}

static void
on_timer(uv_timer_t *timer)
{
	struct shell *sh = timer->data;

	edge_tick(sh->edge, clock_mono(), sh->steps);
	on_drained(sh);
}

/* Half full: send what is there before the next event adds more. */
static bool
is_crowded(const struct steps *s)
{
	return s->n > STEPS_MAX / 2 || s->mem_len > STEPS_BYTES / 2 ||
	    s->trace.len > s->trace.cap / 4;
}

static void
on_message(void *arg, uint8_t listener, const struct addr *remote,
    struct span bytes)
{
	struct shell *sh = arg;
	struct flow from = {
		.zone = sh->conf->listeners[listener].zone,
		.transport = sh->conf->listeners[listener].transport,
		.listener = listener,
		.remote = *remote,
	};

	edge_message(sh->edge, clock_mono(), sh->steps, &from, bytes);
	if (is_crowded(sh->steps))
		carry_out(sh);
}

static void
on_drained(void *arg)
{
	struct shell *sh = arg;

	carry_out(sh);
	arm(sh);
	/* Until then what phones say waits in the kernel. */
	if (edge_is_ready(sh->edge)) {
		udp_receive(sh->udp);
		tcp_accept(sh->tcp);
	}
}

/* ---- connections ---- */

static bool
on_opened(void *arg, const struct flow *flow)
{
	struct shell *sh = arg;

	return edge_hears(sh->edge, clock_mono(), flow) &&
	    edge_conn_up(sh->edge, flow);
}

static void
on_closed(void *arg, const struct flow *flow)
{
	struct shell *sh = arg;

	edge_conn_down(sh->edge, clock_mono(), sh->steps, flow);
}

static bool
on_carries(void *arg, const struct flow *flow)
{
	struct shell *sh = arg;

	return edge_conn_carries(sh->edge, flow);
}

static void
on_stream_message(void *arg, const struct flow *from, struct span bytes,
    bool lost)
{
	struct shell *sh = arg;

	if (lost)
		edge_conn_lost(sh->edge, clock_mono(), sh->steps, from, bytes);
	else
		edge_message(sh->edge, clock_mono(), sh->steps, from, bytes);
	if (is_crowded(sh->steps))
		carry_steps(sh);	/* settled after the stream's turn */
}

/* ---- connections to trunks ---- */

static void
on_adopted(void *arg, const struct edge_dialled *d, const struct flow *flow)
{
	struct shell *sh = arg;

	edge_trunk_adopted(sh->edge, clock_mono(), sh->steps, d, flow);
}

static void
on_ready(void *arg, const struct flow *flow)
{
	struct shell *sh = arg;

	edge_trunk_up(sh->edge, clock_mono(), sh->steps, flow);
}

static void
on_not_ready(void *arg, const struct flow *flow, struct span why)
{
	struct shell *sh = arg;

	edge_trunk_refused(sh->edge, clock_mono(), sh->steps, flow, why);
}

static int
on_trunk_conn(struct shell *sh, struct door *from, struct span payload)
{
	struct ipc_trunk_conn m;
	struct edge_dialled d;
	/* A refusal before it may have been read together with it. */
	int fd = get_trunk_conn(payload, &m) == 0 && m.refusal == DIAL_OK ?
	    door_take_fd(from) : -1;
	int got = edge_trunk_dialled(sh->edge, clock_mono(), sh->steps,
	    payload, fd >= 0, &d);

	if (got == 1 && tcp_adopt(sh->tcp, fd, &d) == 0)
		return 0;
	if (got == 1)
		edge_trunk_adopted(sh->edge, clock_mono(), sh->steps, &d,
		    NULL);
	if (fd >= 0)
		close(fd);
	return got < 0 ? got : 0;
}

/* ---- TLS ---- */

static void
on_no_tls(void *arg, const struct flow *flow, enum tls_why why,
    const struct tls_hello *hello)
{
	char versions[64], ciphers[256];
	struct shell *sh = arg;
	struct edge_tls_refusal r = {
		.event = tls_why_event(why),
		.advice = tls_why_advice(why),
		.n_ciphers = hello->n_ciphers,
	};
	struct buf b;

	if (hello->is_seen) {
		buf_init(&b, versions, sizeof(versions));
		tls_hello_versions(hello, &b);
		r.versions = buf_span(&b);
		buf_init(&b, ciphers, sizeof(ciphers));
		tls_hello_ciphers(hello, &b);
		r.ciphers = buf_span(&b);
	}
	edge_tls_refused(sh->edge, clock_mono(), sh->steps, flow, &r);
}

static void
on_ask_key(void *arg, uint32_t id, uint8_t index, uint16_t scheme,
    struct span tbs)
{
	struct shell *sh = arg;
	struct ipc_sign_ask ask = { id, index, scheme, tbs };
	char mem[IPC_TBS_MAX + 64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SIGN_ASK, sign_ask, &ask);
	/* Not there: it is asked when it comes. */
	if (buf_err(&b) == 0 && sh->key != NULL &&
	    door_send(sh->key, buf_span(&b)) == -ENOBUFS)
		tls_put_off(tcp_tls(sh->tcp), id);
}

static int
on_key_cert(struct shell *sh, struct span payload)
{
	struct ipc_key_cert m;
	int err = get_key_cert(payload, &m);

	if (err)
		return err;
	err = tls_certificate(tcp_tls(sh->tcp), m.index, m.total, m.chain);
	if (err == 0)
		return 0;
	log_begin(err > 0 ? LOG_INFO_ : LOG_ERROR_, err > 0 ?
		"tls-certificates-in-use" : "tls-certificate-unusable");
	log_u64(err > 0 ? "certificates" : "number", err > 0 ?
		m.total : m.index + 1u);
	if (err < 0)
		log_err("why", err);
	log_end();
	tcp_has_certificate(sh->tcp);
	return err == -EPROTO ? err : 0;
}

static int
on_key_frame(struct shell *sh, uint16_t type, struct span payload)
{
	struct ipc_sign_say say;
	int err;

	if (tcp_tls(sh->tcp) == NULL)
		return -EPROTO;
	if (type == IPC_KEY_CERT)
		return on_key_cert(sh, payload);
	err = get_sign_say(payload, &say);
	if (err)
		return err;
	if (say.refusal == SIGN_BUSY)
		tls_put_off(tcp_tls(sh->tcp), say.id);
	else
		tls_signed(tcp_tls(sh->tcp), say.id,
		    say.refusal == SIGN_OK ? say.signature : SPAN_NONE);
	return 0;
}

static int
answer_status(struct shell *sh, struct door *from, struct span payload)
{
	static char json[STATUS_MAX], mem[STATUS_MAX + 64];
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	struct buf b;
	int err;

	err = get_status_ask(payload, &ask);
	if (err)
		return err;
	buf_init(&b, json, sizeof(json));
	edge_status(sh->edge, clock_mono(), &b);
	b.len--;
	buf_putc(&b, ',');
	tcp_status(sh->tcp, &b);
	buf_putc(&b, ',');
	edge_status_tls(sh->edge, clock_mono(), &b);
	buf_fmt(&b, ",\"trace_not_taken\":%llu",
	    (unsigned long long)sh->untraced);
	buf_putc(&b, '}');
	say.id = ask.id;
	say.json = buf_err(&b) ? SPAN_LIT("{}") : buf_span(&b);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	door_send(from, buf_span(&b));
	return 0;
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct shell *sh = arg;
	int err;

	if (type == IPC_STATUS_ASK)
		return answer_status(sh, from, payload);
	if (type == IPC_TRUNK_CONN)
		return on_trunk_conn(sh, from, payload);
	if (door_role(from) == ROLE_KEY)
		return on_key_frame(sh, type, payload);
	err = edge_frame(sh->edge, clock_mono(), sh->steps, door_role(from),
	    door_instance(from), type, payload);
	if (is_crowded(sh->steps))
		carry_out(sh);
	return err;
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct shell *sh = arg;

	if (door_role(peer) == ROLE_ADMIN)
		return;
	if (door_role(peer) == ROLE_KEY) {
		if (up && tcp_tls(sh->tcp) != NULL)
			tls_key_up(tcp_tls(sh->tcp));
		return;
	}
	edge_peer(sh->edge, clock_mono(), sh->steps, door_role(peer),
	    door_instance(peer), up);
	on_drained(sh);
}

static struct tcp *
new_tcp(struct shell *sh, uv_loop_t *loop)
{
	struct tcp_ops ops = { on_opened, on_closed, on_carries,
		on_stream_message, on_drained, on_no_tls, on_adopted, on_ready,
		on_not_ready, on_ask_key, sh };
	uint64_t first;

	/* Nobody had this range before us: 2^62 are many. */
	secret_random(&first, sizeof(first));
	return tcp_new(loop, sh->conf,
	    sh->conf->max_conns > 0 ? sh->conf->max_conns : 1, first >> 2, &ops);
}

struct shell *
shell_new(uv_loop_t *loop, struct edge *edge, const struct edge_conf *conf)
{
	struct shell *sh = calloc(1, sizeof(*sh));

	if (sh == NULL)
		return NULL;
	sh->loop = loop;
	sh->edge = edge;
	sh->conf = conf;
	sh->steps = steps_new();
	sh->udp = udp_new(loop, on_message, on_drained, sh);
	sh->tcp = new_tcp(sh, loop);
	if (sh->steps == NULL || sh->udp == NULL || sh->tcp == NULL ||
	    uv_timer_init(loop, &sh->timer) != 0)
		return NULL;	/* only at start: the process ends */
	sh->timer.data = sh;
	return sh;
}

struct doors_ops
shell_doors_ops(struct shell *sh)
{
	return (struct doors_ops){ on_frame, on_state, on_drained, sh };
}

void
shell_peer(struct shell *sh, struct door *peer)
{
	switch (door_role(peer)) {
	case ROLE_REG:
		sh->reg = peer;
		break;
	case ROLE_STUN:
		sh->stun = peer;
		/* Connections to trunks. */
		door_takes_fds(peer);
		break;
	case ROLE_KEY:
		sh->key = peer;
		break;
	case ROLE_TRACE:
		sh->trace = peer;
		break;
	case ROLE_MEDIA:
		if (door_instance(peer) < STEPS_RELAYS_MAX)
			sh->relay[door_instance(peer)] = peer;
		break;
	default:
		break;
	}
}

int
shell_listen(struct shell *sh, uint8_t listener, int fd)
{
	if (sh->conf->listeners[listener].transport == TRANSPORT_UDP)
		return udp_add(sh->udp, listener, fd);
	return tcp_add(sh->tcp, listener, fd);
}

void
shell_trust(struct shell *sh, struct span ca)
{
	tls_trust(tcp_tls(sh->tcp), ca);
}

void
shell_start(struct shell *sh)
{
	on_drained(sh);
}
