#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/io/log.h"

/* One line; what does not fit is cut, and the line says so. */
#define LINE_MAX_BYTES 1024
#define VALUE_MAX 200
#define CUT " cut=1\n"

/* A program has one log, and one thread writes it. */
static struct {
	const char *program;
	enum log_level least;
	int room;		/* epoll that tells it, -1: there always is */
	uint64_t lost;		/* lines, since it was last said */
	bool on;		/* this line's level is wanted */
	bool cut;
	struct buf line;
	char mem[LINE_MAX_BYTES];
} log_now = { .program = "postern", .room = -1 };

static const char *const level_name[] = {
	[LOG_DEBUG_] = "debug",
	[LOG_INFO_] = "info",
	[LOG_WARN_] = "warn",
	[LOG_ERROR_] = "error",
};

/*
 * A logger that stands still must not stop us with its full pipe.  The pipe is
 * shared with others, so O_NONBLOCK is not ours to set on it.  An epoll is
 * asked instead, since the cage allows that anyhow; it takes pipes, sockets
 * and terminals.  A regular file it does not, and needs not.
 */
static void
watch_room(void)
{
	struct epoll_event want = { .events = EPOLLOUT };

	if (log_now.room >= 0)
		close(log_now.room);
	log_now.room = epoll_create1(EPOLL_CLOEXEC);
	if (log_now.room >= 0 &&
	    epoll_ctl(log_now.room, EPOLL_CTL_ADD, STDERR_FILENO, &want) != 0) {
		close(log_now.room);
		log_now.room = -1;
	}
}

void
log_open(const char *program, enum log_level least)
{
	log_now.program = program;
	log_now.least = least;
	watch_room();
}

/* For one line: what is writable takes PIPE_BUF octets, at least. */
static bool
has_room(void)
{
	struct epoll_event event;
	int n;

	if (log_now.room < 0)
		return true;
	do {
		n = epoll_wait(log_now.room, &event, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n != 0;
}

static bool
is_plain(char c)
{
	return c > ' ' && c < 127 && c != '"' && c != '\\' && c != '=';
}

void
log_escape(struct buf *b, struct span s, size_t max)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (i == max) {
			buf_puts(b, "...");
			return;
		}
		if (c == ' ' || c == '=' || is_plain(c)) {
			buf_putc(b, c);
			continue;
		}
		buf_puts(b, "\\x");
		buf_put_hex(b, &c, 1);
	}
}

static bool
needs_quotes(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_plain(s.p[i]))
			return true;
	}
	return s.len == 0;
}

/* A pair goes in whole or not at all. */
static void
add(const char *key, struct span text, bool quoted)
{
	char mem[64 + 4 * VALUE_MAX + 8];
	struct buf pair;

	if (!log_now.on || log_now.cut)
		return;
	buf_init(&pair, mem, sizeof(mem));
	buf_putc(&pair, ' ');
	buf_puts(&pair, key);
	buf_putc(&pair, '=');
	if (quoted)
		buf_putc(&pair, '"');
	log_escape(&pair, text, VALUE_MAX);
	if (quoted)
		buf_putc(&pair, '"');
	if (buf_err(&pair) ||
	    log_now.line.len + pair.len + sizeof(CUT) > LINE_MAX_BYTES) {
		log_now.cut = true;
		return;
	}
	buf_put(&log_now.line, buf_span(&pair));
}

void
log_begin(enum log_level level, const char *event)
{
	log_now.on = level >= log_now.least;
	log_now.cut = false;
	buf_init(&log_now.line, log_now.mem, sizeof(log_now.mem));
	buf_puts(&log_now.line, log_now.program);
	buf_putc(&log_now.line, ' ');
	buf_puts(&log_now.line, level_name[level]);
	buf_putc(&log_now.line, ' ');
	buf_puts(&log_now.line, event);
}

void
log_span(const char *key, struct span hostile)
{
	add(key, hostile, needs_quotes(hostile));
}

void
log_str(const char *key, const char *ours)
{
	log_span(key, span_str(ours == NULL ? "" : ours));
}

void
log_addr(const char *key, const struct addr *a)
{
	char mem[ADDR_TEXT_MAX + 1];

	add(key, span_str(addr_text(a, mem)), false);
}

void
log_u64(const char *key, uint64_t v)
{
	char mem[24];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_put_u64(&b, v);
	add(key, buf_span(&b), false);
}

void
log_err(const char *key, int err)
{
	char mem[160];
	const char *name = strerrorname_np(-err);
	const char *text = strerrordesc_np(-err);
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, name == NULL ? "?" : name);
	buf_puts(&b, ": ");
	buf_puts(&b, text == NULL ? "unknown" : text);
	add(key, buf_span(&b), true);
}

/* How many lines are missing before this one. */
static void
put_lost(struct buf *b)
{
	buf_puts(b, log_now.program);
	buf_puts(b, " warn log-lost lines=");
	buf_put_u64(b, log_now.lost);
	buf_putc(b, '\n');
	log_now.lost = 0;
}

void
log_end(void)
{
	char mem[LINE_MAX_BYTES + 128];
	struct buf b;
	ssize_t n;

	if (!log_now.on)
		return;
	log_now.on = false;
	if (log_now.cut)
		buf_puts(&log_now.line, CUT);
	else
		buf_putc(&log_now.line, '\n');
	if (!has_room()) {
		log_now.lost++;
		return;
	}
	/* Both at once: there may be room for one write only. */
	buf_init(&b, mem, sizeof(mem));
	if (log_now.lost > 0)
		put_lost(&b);
	buf_put(&b, buf_span(&log_now.line));
	/* A log that cannot be written must not stop the service. */
	do {
		n = write(STDERR_FILENO, b.p, b.len);
	} while (n < 0 && errno == EINTR);
}
