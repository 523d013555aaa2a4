#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/ipc/msg.h"
#include "postern/ask.h"
#include "postern/json.h"

#define ASK_ID 1

struct in {
	char mem[IPC_HEADER_LEN + IPC_PAYLOAD_MAX];
	size_t len;
};

static int
connect_door(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ASK_TIMEOUT_MS / 1000 };
	int fd, err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* also bounds connect(): the backlog of a hung process is full */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		err = -errno;
		close(fd);
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	return fd;
}

static int
send_question(int fd, struct span frames)
{
	const struct ipc_hello hello = {
		.version = IPC_VERSION,
		.table = ipc_table_mark(),
		.role = ROLE_ADMIN,
		.started_us = clock_mono().us,
	};
	char mem[ASK_FRAMES_MAX + 128];
	struct buf b;
	ssize_t n;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, HELLO, hello, &hello);
	buf_put(&b, frames);
	if (buf_err(&b))
		return buf_err(&b);
	n = send(fd, b.p, b.len, MSG_NOSIGNAL);
	return n == (ssize_t)b.len ? 0 : n < 0 ? -errno : -EIO;
}

/* The first frame in `in`.  -EAGAIN: not the answer yet. */
static int
read_frame(struct in *in, uint16_t want, char *mem, struct span *out)
{
	struct span payload;
	uint16_t type;
	size_t used;
	int err;

	err = ipc_split(span_make(in->mem, in->len), &type, &payload, &used);
	if (err)
		return err;
	if (ipc_permit(type, ROLE_DAEMONS, ROLE_ADMIN, payload.len) != 0)
		return -EBADMSG;
	if (type == want) {
		memcpy(mem, payload.p, payload.len);
		*out = span_make(mem, payload.len);
		return 0;
	}
	in->len -= used;
	memmove(in->mem, in->mem + used, in->len);
	return in->len > 0 ? read_frame(in, want, mem, out) : -EAGAIN;
}

static int
read_answer(int fd, struct in *in, uint16_t want, char *mem, struct span *out)
{
	struct mono begin = clock_mono();
	int err = -EAGAIN;
	ssize_t n;

	in->len = 0;
	while (err == -EAGAIN) {
		if (in->len == sizeof(in->mem) ||
		    mono_ms_between(begin, clock_mono()) > ASK_TIMEOUT_MS)
			return -ETIMEDOUT;
		n = recv(fd, in->mem + in->len, sizeof(in->mem) - in->len, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		in->len += (size_t)n;
		err = read_frame(in, want, mem, out);
	}
	return err;
}

int
ask_frames(const char *door, struct span frames, uint16_t want, char *mem,
    struct span *out)
{
	struct in in;
	int fd, err;

	fd = connect_door(door);
	if (fd < 0)
		return fd;
	err = send_question(fd, frames);
	if (err == 0)
		err = read_answer(fd, &in, want, mem, out);
	close(fd);
	return err;
}

int
ask_status(const char *door, char *mem, struct span *out)
{
	const struct ipc_status_ask ask = { .id = ASK_ID };
	char frame[64], answer[IPC_PAYLOAD_MAX];
	struct ipc_status_say say;
	struct span payload;
	struct buf b;
	int err;

	buf_init(&b, frame, sizeof(frame));
	IPC_FRAME(&b, STATUS_ASK, status_ask, &ask);
	err = ask_frames(door, buf_span(&b), IPC_STATUS_SAY, answer, &payload);
	if (err)
		return err;
	if (get_status_say(payload, &say) != 0 || say.id != ASK_ID ||
	    say.json.len > ASK_MAX || !json_is_object(say.json))
		return -EBADMSG;
	memcpy(mem, say.json.p, say.json.len);
	*out = span_make(mem, say.json.len);
	return 0;
}
