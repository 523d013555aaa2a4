#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/io/clock.h"
#include "common/ipc/msg.h"
#include "postern/cmd.h"
#include "postern/sheet.h"
#include "postern/window.h"

#define OUTER 16	/* ports tried of the external range */
#define INNER 4		/* and of the internal one */
#define LOOK_MS 500
/* After the last external port arrived: would an internal one, too? */
#define GRACE_MS 1500

struct window_run {
	struct check *check;
	struct ipc_window_open open;
	uint16_t outer[OUTER], inner[INNER];
	unsigned n_outer, n_inner;
	struct window_count count;
};

unsigned
window_spread(uint16_t first, uint16_t last, unsigned max, uint16_t *out)
{
	unsigned pairs = ((unsigned)last - first + 1) / 2;
	unsigned n = pairs < max ? pairs : max;

	for (unsigned i = 0; i < n; i++)
		out[i] = (uint16_t)(first +
		    2 * (n > 1 ? i * (pairs - 1) / (n - 1) : 0));
	return n;
}

/* ---- asking the relays ---- */

static int
open_at(const struct window_run *r, const char *door)
{
	const struct ipc_window_ask ask = { .id = 1 };
	char frames[ASK_FRAMES_MAX], mem[IPC_PAYLOAD_MAX];
	struct span payload;
	struct buf b;

	buf_init(&b, frames, sizeof(frames));
	IPC_FRAME(&b, WINDOW_OPEN, window_open, &r->open);
	IPC_FRAME(&b, WINDOW_ASK, window_ask, &ask);
	return buf_err(&b) ? buf_err(&b) : ask_frames(door, buf_span(&b),
	    IPC_WINDOW_SAY, mem, &payload);
}

static int
ask_at(const char *door, struct ipc_window_say *out)
{
	const struct ipc_window_ask ask = { .id = 1 };
	char frames[64], mem[IPC_PAYLOAD_MAX];
	struct span payload;
	struct buf b;
	int err;

	buf_init(&b, frames, sizeof(frames));
	IPC_FRAME(&b, WINDOW_ASK, window_ask, &ask);
	err = ask_frames(door, buf_span(&b), IPC_WINDOW_SAY, mem, &payload);
	return err ? err : get_window_say(payload, out);
}

/* The i-th relay's admin door, in mem of STATE_PATH_MAX; false: none. */
static bool
door_of(const struct check *k, unsigned i, char *mem)
{
	const struct process *p = &k->list[i];

	if (strcmp(p->role, "mediaproxy") != 0 || p->pid == 0)
		return false;
	snprintf(mem, STATE_PATH_MAX, "%s/%s.admin.sock", k->run_dir, p->name);
	return true;
}

/* ---- what came ---- */

static void
add_arrival(struct window_run *r, const struct ipc_arrival *a,
    bool seen[OUTER])
{
	if (a->zone == ZONE_INTERNAL)
		r->count.inside += a->right > 0 || a->wrong > 0;
	else
		r->count.wrong += a->wrong > 0;
	for (unsigned i = 0; i < r->n_outer; i++) {
		if (a->zone == ZONE_EXTERNAL && a->port == r->outer[i] &&
		    a->right > 0)
			seen[i] = true;
	}
}

static void
look(struct window_run *r)
{
	struct ipc_window_say say;
	bool seen[OUTER] = { false };
	char door[STATE_PATH_MAX];
	struct buf b;

	r->count = (struct window_count){ .tried = r->n_outer };
	for (unsigned i = 0; i < r->check->n; i++) {
		if (!door_of(r->check, i, door) || ask_at(door, &say) != 0)
			continue;
		for (unsigned a = 0; a < say.n_arrivals; a++)
			add_arrival(r, &say.arrivals[a], seen);
	}
	buf_init(&b, r->count.missing, sizeof(r->count.missing) - 1);
	for (unsigned i = 0; i < r->n_outer; i++) {
		r->count.arrived += seen[i];
		if (!seen[i])
			buf_fmt(&b, "%s%u", b.len > 0 ? ", " : "",
			    r->outer[i]);
	}
	r->count.missing[b.len] = '\0';
}

static void
judge_inside(struct findings *fs, const struct conf *c, unsigned n)
{
	struct finding *f;

	if (n == 0)
		return;
	f = finding_new(fs, FINDING_ERROR, "outside-rtp-internal");
	finding_what(f, "the office's own RTP ports %u-%u are reached from the "
			"internet, and must never be", c->internal_ports_first,
	    c->internal_ports_last);
	finding_seen(f, "packets of postern probe came to %u of them", n);
	finding_do(f, "take them out of the router's forwarding");
}

static void
judge_none(struct findings *fs, const struct conf *c,
    const struct window_count *n)
{
	enum finding_level level = c->mode == MEDIA_FORWARDED ? FINDING_ERROR :
				   c->mode == MEDIA_PUNCH ? FINDING_NOTE :
							    FINDING_WARNING;
	struct finding *f = finding_new(fs, level, "outside-rtp-blocked");

	finding_what(f, "the RTP range %u-%u is not forwarded to this machine",
	    c->ports_first, c->ports_last);
	finding_seen(f, "0 of %u tried ports arrived (or nobody ran the "
			"probe)", n->tried);
	if (c->mode == MEDIA_FORWARDED)
		finding_do(f, "forward it (`postern check --router`), or set "
			      "`mode = auto`");
	else if (c->mode == MEDIA_AUTO)
		finding_do(f, "phones behind ordinary homes work so; forward "
			      "it for those behind a symmetric NAT");
}

static void
judge_some(struct findings *fs, const struct conf *c,
    const struct window_count *n)
{
	struct finding *f = finding_new(fs, FINDING_ERROR,
	    "outside-rtp-partial");

	finding_what(f, "only a part of the RTP range %u-%u is forwarded: some "
			"calls have sound and some not", c->ports_first,
	    c->ports_last);
	finding_seen(f, "%u of %u tried ports arrived; missing: %s",
	    n->arrived, n->tried, n->missing);
	finding_do(f, "forward all of it, first to last: `postern check "
		      "--router`");
}

void
window_judge(struct findings *fs, const struct conf *c,
    const struct window_count *n)
{
	struct finding *f;

	judge_inside(fs, c, n->inside);
	if (n->wrong > 0) {
		f = finding_new(fs, FINDING_ERROR, "outside-rtp-shifted");
		finding_what(f, "the router forwards RTP ports to other "
				"numbers");
		finding_seen(f, "%u ports got what was sent to another one",
		    n->wrong);
		finding_do(f, "forward %u-%u to the same ports",
		    c->ports_first, c->ports_last);
	}
	if (n->arrived == n->tried)
		finding_ok(fs, "outside-rtp", "the RTP range %u-%u is "
		    "forwarded: %u of %u tried ports arrived", c->ports_first,
		    c->ports_last, n->arrived, n->tried);
	else if (n->arrived == 0)
		judge_none(fs, c, n);
	else
		judge_some(fs, c, n);
}

/* ---- the whole ---- */

static void
put_ports(const char *option, const uint16_t *port, unsigned n)
{
	fprintf(stderr, " %s ", option);
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, "%s%u", i > 0 ? "," : "", port[i]);
}

static void
say_command(const struct window_run *r, uint32_t seconds)
{
	const struct conf *c = r->check->conf;
	struct addr public = check_public(c, check_said(r->check, "stunmon"));
	char mem[CONF_NAME_MAX + 2 * IPC_WINDOW_CODE];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (c->public_how == PUBLIC_NAME)
		buf_puts(&b, c->public_name);
	else if (public.family != ADDR_NONE)
		addr_put_ip(&b, &public);
	else
		buf_puts(&b, "ADDRESS");
	fprintf(stderr, "Within %u s run this on a machine outside, not behind "
			"the office's router:\n\n  postern-probe %.*s", seconds,
	    (int)b.len, b.p);
	fprintf(stderr, " --udp %u --tcp %u --tls %u",
	    sheet_outside(c->external_udp_advertised, c->external_udp),
	    sheet_outside(c->external_tcp_advertised, c->external_tcp),
	    conf_has_tls(c) ? sheet_outside(c->external_tls_advertised,
		c->external_tls) : 0u);
	put_ports("--rtp", r->outer, r->n_outer);
	put_ports("--rtp-closed", r->inner, r->n_inner);
	buf_init(&b, mem, sizeof(mem));
	buf_put_hex(&b, r->open.code, IPC_WINDOW_CODE);
	fprintf(stderr, " --code %.*s\n\n", (int)b.len, b.p);
}

static void
choose(struct window_run *r, uint32_t seconds)
{
	const struct conf *c = r->check->conf;

	r->n_outer = window_spread(c->ports_first, c->ports_last, OUTER,
	    r->outer);
	r->n_inner = window_spread(c->internal_ports_first,
	    c->internal_ports_last, INNER, r->inner);
	r->open.open_ms = seconds * 1000;
	for (unsigned i = 0; i < r->n_outer; i++)
		r->open.ports[r->open.n_ports++].number = r->outer[i];
	for (unsigned i = 0; i < r->n_inner; i++)
		r->open.ports[r->open.n_ports++].number = r->inner[i];
}

static unsigned
open_all(struct window_run *r)
{
	char door[STATE_PATH_MAX];
	unsigned opened = 0;

	for (unsigned i = 0; i < r->check->n; i++)
		opened += door_of(r->check, i, door) && open_at(r, door) == 0;
	return opened;
}

static void
wait_for_all(struct window_run *r, uint32_t seconds)
{
	struct mono end = mono_add_ms(clock_mono(), (uint64_t)seconds * 1000);
	const struct timespec pause = { 0, LOOK_MS * 1000000L };

	while (!mono_due(end, clock_mono())) {
		nanosleep(&pause, NULL);
		look(r);
		if (r->count.arrived == r->count.tried)
			end = mono_min(end, mono_add_ms(clock_mono(),
			    GRACE_MS));
		if (r->count.arrived == r->count.tried && r->count.inside > 0)
			break;
	}
	look(r);
}

int
window_run(struct check *k, uint32_t seconds)
{
	static struct window_run r;

	r = (struct window_run){ .check = k };
	if (getrandom(r.open.code, sizeof(r.open.code), 0) !=
	    (ssize_t)sizeof(r.open.code))
		return cmd_fail("no randomness"), -EIO;
	choose(&r, seconds);
	if (open_all(&r) == 0) {
		cmd_fail("no relay runs that could open a window; start "
			 "Postern, and run this as root");
		return -ENOENT;
	}
	say_command(&r, seconds);
	wait_for_all(&r, seconds);
	r.open.open_ms = 0;
	open_all(&r);
	window_judge(k->found, k->conf, &r.count);
	return 0;
}
