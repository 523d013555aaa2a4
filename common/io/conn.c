#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/door_parts.h"
#include "common/io/log.h"

/* ---- end of a connection ---- */

static void
on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct doors *d = c->door->doors;

	free(c);
	doors_handle_closed(d);
}

void
conn_close(struct conn *c)
{
	struct door *p = c->door;
	bool was_used = p->used == c;

	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	for (struct conn **at = &p->conns; *at != NULL; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	if (was_used)
		p->used = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	door_lost(p, was_used);
}

/* The other side broke the rules: say so once, and end the connection. */
static void
fault(struct conn *c, const char *why, uint16_t type, int err)
{
	c->door->faults++;
	log_begin(LOG_WARN_, "door-fault");
	log_str("peer", ipc_role_name(c->door->role));
	log_u64("instance", c->door->instance);
	log_str("why", why);
	if (type != 0)
		log_str("frame", ipc_name(type));
	if (err != 0)
		log_err("error", err);
	log_end();
	conn_close(c);
}

/* ---- frames in ---- */

static void
on_hello(struct conn *c, struct span payload)
{
	struct door *p = c->door;
	struct ipc_hello h;
	int err = get_hello(payload, &h);

	if (err) {
		fault(c, "bad greeting", IPC_HELLO, err);
	} else if (h.version != IPC_VERSION || h.table != ipc_table_mark()) {
		fault(c, "speaks another version; restart all of Postern",
		    IPC_HELLO, 0);
	} else if (h.role != p->role ||
	    (h.role != ROLE_ADMIN && h.instance != p->instance)) {
		fault(c, "not the one this door is for", IPC_HELLO, 0);
	} else {
		/* Later than its knock is a lie that would win against every
		 * restart to come.  Who answers ours may have started since. */
		c->peer_start = mono_min((struct mono){ h.started_us },
		    c->dialled ? clock_mono() : c->made);
		door_greeted(c);
	}
}

static void
on_frame(struct conn *c, uint16_t type, struct span payload)
{
	struct door *p = c->door;
	struct doors *d = p->doors;
	int err = ipc_permit(type, p->role, d->self, payload.len);

	if (err) {
		fault(c, "not allowed", type, err);
		return;
	}
	if (c->state == CONN_NEW) {
		if (type == IPC_HELLO)
			on_hello(c, payload);
		else
			fault(c, "no greeting", type, 0);
		return;
	}
	if (type == IPC_HELLO) {
		fault(c, "greets twice", type, 0);
		return;
	}
	d->handed_over = true;
	p->handling = c;
	err = d->ops.on_frame(d->ops.arg, p, type, payload);
	p->handling = NULL;
	if (err)
		fault(c, "bad content", type, err);
}

static void
on_bytes(struct conn *c, size_t n)
{
	struct span left, payload;
	uint16_t type;
	size_t used;
	int err = 0;

	c->in_len += n;
	left = span_make(c->in, c->in_len);
	while (c->state != CONN_CLOSING) {
		err = ipc_split(left, &type, &payload, &used);
		if (err)
			break;
		left = span_sub(left, used, left.len);
		on_frame(c, type, payload);
	}
	if (c->state == CONN_CLOSING)
		return;
	if (err != -EAGAIN) {
		fault(c, "no frame", 0, err);
		return;
	}
	if (left.len > 0)
		memmove(c->in, left.p, left.len);
	c->in_len = left.len;
}

/*
 * Older connections first: what the peer sent on them before it took a newer
 * one already lies in their sockets, and is to be handled before.
 */
static void
drain_older(struct conn *c)
{
	struct conn *older;

	do {
		for (older = c->next; older != NULL; older = older->next) {
			conn_drain(older);
			if (older->state == CONN_CLOSING ||
			    c->state == CONN_CLOSING)
				break;	/* the list has changed */
		}
	} while (older != NULL && c->state != CONN_CLOSING);
}

void
conn_drain(struct conn *c)
{
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0)
		return;
	while (c->state != CONN_CLOSING) {
		n = read(fd, c->in + c->in_len, CONN_IN_MAX - c->in_len);
		if (n > 0)
			on_bytes(c, (size_t)n);
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			conn_close(c);
		else if (errno == EAGAIN)
			return;
	}
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct conn *c = handle->data;

	*out = uv_buf_init(c->in + c->in_len,
	    (unsigned)(CONN_IN_MAX - c->in_len));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *unused)
{
	struct conn *c = stream->data;

	if (n == 0 || c->state == CONN_CLOSING)
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	drain_older(c);
	if (c->state != CONN_CLOSING)
		on_bytes(c, (size_t)n);
}

/* ---- frames out ---- */

/*
 * Writing failed.  When that is because the peer is gone, what it said before
 * still lies in the socket: the reader takes it and meets the end behind it.
 */
static void
write_failed(struct conn *c, int err)
{
	if (err != UV_EPIPE && err != UV_ECONNRESET)
		conn_close(c);
}

struct waiting {
	uv_write_t req;
	char bytes[];
};

static void
on_written(uv_write_t *req, int status)
{
	struct conn *c = req->handle->data;

	free(req);
	if (status != 0)
		write_failed(c, status);
}

static int
queue(struct conn *c, struct span rest)
{
	struct waiting *w = malloc(sizeof(*w) + rest.len);
	uv_buf_t bytes;
	int err;

	if (w == NULL)
		return -ENOMEM;
	memcpy(w->bytes, rest.p, rest.len);
	bytes = uv_buf_init(w->bytes, (unsigned)rest.len);
	err = uv_write(&w->req, (uv_stream_t *)&c->pipe, &bytes, 1,
	    on_written);
	if (err)
		free(w);
	return err;
}

int
conn_send(struct conn *c, struct span bytes)
{
	uv_stream_t *stream = (uv_stream_t *)&c->pipe;
	uv_buf_t first = uv_buf_init((char *)(uintptr_t)bytes.p,
	    (unsigned)bytes.len);
	int n, err;

	if (bytes.len == 0)
		return 0;
	if (bytes.len > DOOR_QUEUE_MAX ||
	    uv_stream_get_write_queue_size(stream) >
		DOOR_QUEUE_MAX - bytes.len)
		return -ENOBUFS;
	n = uv_try_write(stream, &first, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0) {
		write_failed(c, n);
		return -ENOTCONN;
	}
	if ((size_t)n == bytes.len)
		return 0;
	err = queue(c, span_sub(bytes, (size_t)n, bytes.len));
	if (err && n > 0) {
		/* Half a frame is out: this connection is spoilt. */
		conn_close(c);
		return -ENOTCONN;
	}
	return err ? -ENOBUFS : 0;
}

/* ---- beginning ---- */

void
conn_put_hello(const struct doors *d, struct buf *b)
{
	struct ipc_hello h = {
		.version = IPC_VERSION,
		.table = ipc_table_mark(),
		.role = (uint8_t)d->self,
		.instance = d->instance,
		.started_us = d->started.us,
	};

	IPC_FRAME(b, HELLO, hello, &h);
}

static int
greet(struct conn *c)
{
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	conn_put_hello(c->door->doors, &b);
	return conn_send(c, buf_span(&b));
}

struct conn *
conn_new(struct door *p, int fd, bool dialled)
{
	struct conn *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->door = p;
	c->dialled = dialled;
	c->serial = ++p->doors->serial;
	c->made = clock_mono();
	c->close_at = dialled ? MONO_NEVER :
	    mono_add_ms(c->made, CONN_GRACE_MS);
	uv_pipe_init(p->doors->loop, &c->pipe, 0);
	p->doors->handles++;
	c->pipe.data = c;
	c->next = p->conns;
	p->conns = c;
	err = uv_pipe_open(&c->pipe, fd);
	if (err)
		close(fd);
	else
		err = uv_read_start((uv_stream_t *)&c->pipe, on_alloc,
		    on_read);
	/* Who knocks has greeted already (door_knock). */
	if (err == 0 && !dialled)
		err = greet(c);
	if (err == -ENOTCONN && c->state != CONN_CLOSING)
		err = 0;	/* gone already; what did it say? */
	if (err) {
		conn_close(c);
		return NULL;
	}
	return c;
}
