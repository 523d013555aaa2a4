#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/door_parts.h"
#include "common/io/log.h"

#define TICK_MS 250
/* A full backlog empties within milliseconds unless the peer hangs. */
#define KNOCK_TRIES 50
#define KNOCK_PAUSE_MS 5

/* ---- which connection is used ---- */

/* When the process that dialled c started. */
static struct mono
dialler_start(const struct conn *c)
{
	return c->dialled ? c->door->doors->started : c->peer_start;
}

static enum ipc_role
dialler_role(const struct conn *c)
{
	return c->dialled ? c->door->doors->self : c->door->role;
}

/* Both ends come to the same answer, each with its own view. */
static bool
is_better(const struct conn *a, const struct conn *b)
{
	struct mono at = dialler_start(a), bt = dialler_start(b);

	if (at.us != bt.us)
		return at.us > bt.us;
	if (dialler_role(a) != dialler_role(b))
		return dialler_role(a) > dialler_role(b);
	return a->serial > b->serial;
}

static void
tell(struct door *p, bool up)
{
	struct doors *d = p->doors;

	/* Admin commands come and go, and say what they did themselves. */
	log_begin(p->role == ROLE_ADMIN ? LOG_DEBUG_ : LOG_INFO_,
	    up ? "door-up" : "door-down");
	log_str("peer", ipc_role_name(p->role));
	log_u64("instance", p->instance);
	log_end();
	if (!d->freed)
		d->ops.on_state(d->ops.arg, p, up);
}

static void
start_tick(struct doors *d);

static void
replace(struct conn *c)
{
	c->state = CONN_REPLACED;
	c->close_at = mono_add_ms(clock_mono(), CONN_GRACE_MS);
	start_tick(c->door->doors);
}

void
door_greeted(struct conn *c)
{
	struct door *p = c->door;
	struct conn *old = p->used;

	c->close_at = MONO_NEVER;
	if (old != NULL && is_better(old, c)) {
		replace(c);
		return;
	}
	c->state = CONN_USED;
	p->used = c;
	if (old == NULL) {
		tell(p, true);
		return;
	}
	replace(old);
	/* The same process by another connection is no news. */
	if (old->peer_start.us == c->peer_start.us)
		return;
	tell(p, false);
	if (p->used == c)
		tell(p, true);
}

static struct conn *
best_replaced(struct door *p)
{
	struct conn *best = NULL;

	for (struct conn *c = p->conns; c != NULL; c = c->next) {
		if (c->state == CONN_REPLACED &&
		    (best == NULL || is_better(c, best)))
			best = c;
	}
	return best;
}

static void
watch(struct door *p);

void
door_lost(struct door *p, bool was_used)
{
	struct conn *c;

	if (p->doors->freed)
		return;
	watch(p);
	if (!was_used)
		return;
	tell(p, false);
	/* The one that was used may have won by a lie and died: one that
	 * lost to it serves, if somebody still holds its other end. */
	while (p->used == NULL && (c = best_replaced(p)) != NULL) {
		conn_drain(c);
		if (c->state != CONN_REPLACED)
			continue;
		c->state = CONN_USED;
		c->close_at = MONO_NEVER;
		p->used = c;
		tell(p, true);
	}
}

/* ---- accepting ---- */

static unsigned
count(const struct door *p, bool only_new)
{
	unsigned n = 0;

	for (const struct conn *c = p->conns; c != NULL; c = c->next)
		n += !only_new || c->state == CONN_NEW;
	return n;
}

static bool
may_enter(const struct door *p, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return false;
	if (p->uid == (uid_t)-1 || who.uid == p->uid)
		return true;
	return p->role == ROLE_ADMIN && (who.uid == 0 || who.uid == geteuid());
}

static void
make_room(struct door *p)
{
	struct conn *oldest = NULL;

	if (count(p, false) < DOOR_CONNS_MAX)
		return;
	for (struct conn *c = p->conns; c != NULL; c = c->next) {
		if (c->state == CONN_REPLACED)
			oldest = c;
	}
	if (oldest != NULL)
		conn_close(oldest);
}

static void
admit(struct door *p, int fd)
{
	if (!may_enter(p, fd)) {
		p->faults++;
		log_begin(LOG_WARN_, "door-refused");
		log_str("peer", ipc_role_name(p->role));
		log_u64("instance", p->instance);
		log_str("why", "another user knocked");
		log_end();
		close(fd);
		return;
	}
	make_room(p);
	if (conn_new(p, fd, false) != NULL)
		start_tick(p->doors);
}

static void
on_knock(uv_poll_t *poll, int status, int events)
{
	struct door *p = poll->data;
	int fd;

	while (count(p, true) < DOOR_NEW_MAX) {
		fd = accept4(p->listen_fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			admit(p, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		break;		/* out of descriptors: the tick tries again */
	}
	uv_poll_stop(&p->poll);
	p->accepting = false;
	start_tick(p->doors);
}

/* Listen again once there is room. */
static void
watch(struct door *p)
{
	if (!p->poll_open || p->accepting || count(p, true) >= DOOR_NEW_MAX)
		return;
	p->accepting = uv_poll_start(&p->poll, UV_READABLE, on_knock) == 0;
}

/* ---- deadlines ---- */

/* Close one that is over its time; false when there is none. */
static bool
close_one(struct door *p, struct mono now)
{
	for (struct conn *c = p->conns; c != NULL; c = c->next) {
		if (mono_due(c->close_at, now)) {
			conn_close(c);
			return true;
		}
	}
	return false;
}

static bool
has_deadline(const struct door *p)
{
	for (const struct conn *c = p->conns; c != NULL; c = c->next) {
		if (c->close_at.us != MONO_NEVER.us)
			return true;
	}
	return p->poll_open && !p->accepting;
}

static void
on_tick(uv_timer_t *timer)
{
	struct doors *d = timer->data;
	struct mono now = clock_mono();
	bool more = false;

	for (struct door *p = d->list; p != NULL; p = p->next) {
		while (close_one(p, now))
			;
		watch(p);
		more = has_deadline(p) || more;
	}
	if (!more)
		uv_timer_stop(&d->timer);
}

static void
start_tick(struct doors *d)
{
	if (!d->freed && !uv_is_active((uv_handle_t *)&d->timer))
		uv_timer_start(&d->timer, on_tick, TICK_MS, TICK_MS);
}

static void
on_check(uv_check_t *check)
{
	struct doors *d = check->data;

	if (!d->handed_over)
		return;
	d->handed_over = false;
	if (d->ops.on_drained != NULL)
		d->ops.on_drained(d->ops.arg);
}

/* ---- making and ending ---- */

struct doors *
doors_new(uv_loop_t *loop, enum ipc_role self, uint8_t instance,
    const struct doors_ops *ops)
{
	struct doors *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	/* A peer that ends while we write to it must not end us. */
	signal(SIGPIPE, SIG_IGN);
	d->loop = loop;
	d->self = self;
	d->instance = instance;
	d->ops = *ops;
	d->started = clock_mono();
	d->handles = 2;
	uv_check_init(loop, &d->check);
	uv_timer_init(loop, &d->timer);
	d->check.data = d->timer.data = d;
	uv_check_start(&d->check, on_check);
	uv_unref((uv_handle_t *)&d->check);
	return d;
}

void
doors_handle_closed(struct doors *d)
{
	struct door *p;

	if (--d->handles > 0 || !d->freed)
		return;
	while ((p = d->list) != NULL) {
		d->list = p->next;
		free(p);
	}
	free(d);
}

static void
on_doors_closed(uv_handle_t *handle)
{
	doors_handle_closed(handle->data);
}

static void
on_poll_closed(uv_handle_t *handle)
{
	struct door *p = handle->data;

	close(p->listen_fd);
	doors_handle_closed(p->doors);
}

static void
door_end(struct door *p)
{
	while (p->conns != NULL)
		conn_close(p->conns);
	if (p->knock_fd >= 0)
		close(p->knock_fd);
	if (p->poll_open)
		uv_close((uv_handle_t *)&p->poll, on_poll_closed);
	else if (p->listen_fd >= 0)
		close(p->listen_fd);
}

void
doors_free(struct doors *d)
{
	if (d == NULL)
		return;
	d->freed = true;
	for (struct door *p = d->list; p != NULL; p = p->next)
		door_end(p);
	uv_close((uv_handle_t *)&d->check, on_doors_closed);
	uv_close((uv_handle_t *)&d->timer, on_doors_closed);
}

struct door *
doors_peer(struct doors *d, enum ipc_role role, uint8_t instance, uid_t uid)
{
	struct door *p = calloc(1, sizeof(*p));
	struct door **at = &d->list;

	if (p == NULL)
		return NULL;
	p->doors = d;
	p->role = role;
	p->instance = instance;
	p->uid = uid;
	p->knock_fd = p->listen_fd = -1;
	while (*at != NULL)
		at = &(*at)->next;
	*at = p;
	return p;
}

int
door_inherit(struct door *p, int listen_fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	if (getsockopt(listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0)
		return -errno;
	/* The cage has no listen(). */
	if (!on && listen(listen_fd, SOMAXCONN) < 0)
		return -errno;
	if (fcntl(listen_fd, F_SETFL,
		fcntl(listen_fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	p->listen_fd = listen_fd;
	return 0;
}

static int
dial(int fd, const struct sockaddr_un *to)
{
	const struct timespec pause = { 0, KNOCK_PAUSE_MS * 1000000 };

	for (int i = 0; i < KNOCK_TRIES; i++) {
		if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}

int
door_knock(struct door *p, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char mem[64];
	struct buf hello;
	int fd, err;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	buf_init(&hello, mem, sizeof(mem));
	conn_put_hello(p->doors, &hello);
	err = dial(fd, &to);
	if (err == 0 && send(fd, mem, hello.len, MSG_NOSIGNAL) !=
		(ssize_t)hello.len)
		err = -EPIPE;
	if (err) {
		close(fd);
		return err;
	}
	if (p->knock_fd >= 0)
		close(p->knock_fd);
	p->knock_fd = fd;
	return 0;
}

static int
serve(struct door *p)
{
	int fd = p->knock_fd, err;

	p->knock_fd = -1;
	if (fd >= 0)
		conn_new(p, fd, true);
	if (p->listen_fd < 0)
		return 0;
	err = uv_poll_init(p->doors->loop, &p->poll, p->listen_fd);
	if (err)
		return err;
	p->poll.data = p;
	p->poll_open = true;
	p->doors->handles++;
	watch(p);
	return p->accepting ? 0 : -EIO;
}

int
doors_serve(struct doors *d)
{
	int err = 0;

	for (struct door *p = d->list; p != NULL && err == 0; p = p->next)
		err = serve(p);
	return err;
}

/* ---- use ---- */

int
door_send(struct door *p, struct span frames)
{
	struct conn *c = p->used;

	/* An admin that came meanwhile does not get another one's answer. */
	if (p->role == ROLE_ADMIN && p->handling != NULL)
		c = p->handling;
	if (c == NULL || c->state == CONN_CLOSING)
		return -ENOTCONN;
	return conn_send(c, frames);
}

bool
door_is_up(const struct door *p)
{
	return p->used != NULL;
}

enum ipc_role
door_role(const struct door *p)
{
	return p->role;
}

uint8_t
door_instance(const struct door *p)
{
	return p->instance;
}

bool
door_may_answer(const struct door *p)
{
	/* The same process by the connection that lost is still there to be
	 * answered: at a common start it asks before both have seen both. */
	return p->handling == NULL || p->handling == p->used ||
	    (p->used != NULL &&
		p->handling->peer_start.us == p->used->peer_start.us);
}

struct mono
door_peer_start(const struct door *p)
{
	struct mono none = { 0 };

	return p->used == NULL ? none : p->used->peer_start;
}

uint64_t
door_connection(const struct door *p)
{
	return p->used == NULL ? 0 : p->used->serial;
}

uint64_t
door_faults(const struct door *p)
{
	return p->faults;
}
