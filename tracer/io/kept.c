#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "tracer/io/tracer.h"

#define FILE_NAME "rules"
#define FILE_NEW "rules.new"

void
kept_read(struct tracer *t)
{
	static char mem[RULES_TEXT_MAX];
	int fd = openat(t->files.dir, FILE_NAME, O_RDONLY | O_CLOEXEC |
		O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return;		/* nothing was traced */
	n = read(fd, mem, sizeof(mem));
	close(fd);
	if (n > 0)
		rules_read(&t->rules, span_make(mem, (size_t)n),
		    clock_wall_s());
}

static int
write_new(struct tracer *t, struct span text)
{
	int fd = openat(t->files.dir, FILE_NEW,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text.p, text.len);
	close(fd);
	return n == (ssize_t)text.len ? 0 : -ENOSPC;
}

int
kept_write(struct tracer *t)
{
	static char mem[RULES_TEXT_MAX];
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	rules_put(&t->rules, &b);
	err = write_new(t, buf_span(&b));
	if (err == 0 && renameat(t->files.dir, FILE_NEW, t->files.dir,
		FILE_NAME) != 0)
		err = -errno;
	if (err) {
		log_begin(LOG_WARN_, "traces-not-kept");
		log_err("why", err);
		log_end();
	}
	return err;
}
