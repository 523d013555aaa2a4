#include <errno.h>
#include <string.h>
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
	bool on;		/* this line's level is wanted */
	bool cut;
	struct buf line;
	char mem[LINE_MAX_BYTES];
} log_now = { .program = "postern" };

static const char *const level_name[] = {
	[LOG_DEBUG_] = "debug",
	[LOG_INFO_] = "info",
	[LOG_WARN_] = "warn",
	[LOG_ERROR_] = "error",
};

void
log_open(const char *program, enum log_level least)
{
	log_now.program = program;
	log_now.least = least;
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

void
log_end(void)
{
	ssize_t n;

	if (!log_now.on)
		return;
	log_now.on = false;
	if (log_now.cut)
		buf_puts(&log_now.line, CUT);
	else
		buf_putc(&log_now.line, '\n');
	/* A log that cannot be written must not stop the service. */
	do {
		n = write(STDERR_FILENO, log_now.line.p, log_now.line.len);
	} while (n < 0 && errno == EINTR);
}
