#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "sigproxy/io/shell.h"

#define STATUS_MAX 12000

struct shell {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct edge *edge;
	struct steps *steps;
	struct udp *udp;
	struct door *reg, *stun;
	struct door *relay[STEPS_RELAYS_MAX];
	const struct edge_conf *conf;
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
carry_out(struct shell *sh)
{
	struct steps *s = sh->steps;

	/* Questions and reports leave before the datagrams they cover. */
	carry_frames(sh->reg, &s->reg);
	carry_frames(sh->stun, &s->stun);
	for (size_t i = 0; i < STEPS_RELAYS_MAX; i++)
		carry_frames(sh->relay[i], &s->relay[i]);
	for (unsigned i = 0; i < s->n; i++) {
		struct step *st = &s->step[i];

		if (st->kind == STEP_SEND)
			udp_send(sh->udp, st->flow.listener, &st->flow.remote,
			    st->bytes);
		else
			carry_log(st);
	}
	udp_flush(sh->udp);
	steps_clear(s);
}

static void on_timer(uv_timer_t *timer);

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
	carry_out(sh);
	arm(sh);
}

/* Half full: send what is there before the next event adds more. */
static bool
is_crowded(const struct steps *s)
{
	return s->n > STEPS_MAX / 2 || s->mem_len > STEPS_BYTES / 2;
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
	edge_peer(sh->edge, clock_mono(), sh->steps, door_role(peer),
	    door_instance(peer), up);
	on_drained(sh);
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
	if (sh->steps == NULL || sh->udp == NULL ||
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
	return udp_add(sh->udp, listener, fd);
}

void
shell_start(struct shell *sh)
{
	arm(sh);
}
