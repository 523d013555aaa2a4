#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/clock.h"
#include "postern/cmd.h"
#include "postern/service.h"
#include "postern/watchdog.h"

#define SCRIPT_MAX 2048
/* svlogd(8): files of 1 MB, 20 of them kept. */
#define LOG_CONFIG "s1000000\nn20\n"

void
service_quote(struct buf *b, const char *text)
{
	buf_putc(b, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *text);
	}
	buf_putc(b, '\'');
}

const char *
service_path(const struct state *s, const char *name, char *mem)
{
	char part[64];

	snprintf(part, sizeof(part), "service/%s", name);
	return state_path(s, part, mem);
}

static int
write_file(const char *path, struct span text, mode_t mode)
{
	int fd, err = 0;
	ssize_t n;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	n = write(fd, text.p, text.len);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != text.len)
		err = -ENOSPC;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	return err;
}

static int
make_dir(const char *path, mode_t mode, uid_t owner)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return -errno;
	if (owner != (uid_t)-1 && chown(path, owner, (gid_t)-1) != 0)
		return -errno;
	return 0;
}

static int
write_script(const char *path, const char *self, const char *name,
    const char *config, const struct state *s, bool log)
{
	char mem[SCRIPT_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "#!/bin/sh\n");
	if (!log)
		buf_puts(&b, "exec 2>&1\n");
	buf_puts(&b, "exec ");
	service_quote(&b, self);
	buf_puts(&b, " exec --config ");
	service_quote(&b, config);
	buf_puts(&b, " --state ");
	service_quote(&b, s->dir);
	buf_puts(&b, log ? " --log " : " ");
	buf_puts(&b, name);
	buf_putc(&b, '\n');
	return buf_err(&b) ? buf_err(&b) : write_file(path, buf_span(&b), 0755);
}

static int
write_log(const struct state *s, const struct plan_member *m, const char *self,
    const char *config, uid_t owner)
{
	char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + 16], part[64];
	int err;

	/* who calls whom is nobody else's business: 0750 */
	snprintf(part, sizeof(part), "log/%s", m->name);
	err = make_dir(state_path(s, part, dir), 0750, owner);
	if (err == 0) {
		snprintf(path, sizeof(path), "%s/config", dir);
		err = write_file(path, SPAN_LIT(LOG_CONFIG), 0644);
	}
	if (err == 0) {
		snprintf(part, sizeof(part), "service/%s/log", m->name);
		err = make_dir(state_path(s, part, dir), 0755, (uid_t)-1);
	}
	if (err == 0) {
		snprintf(path, sizeof(path), "%s/run", dir);
		err = write_script(path, self, m->name, config, s, true);
	}
	return err;
}

/* What it says goes where `postern up` speaks. */
static int
write_watchdog(const struct state *s, const char *self)
{
	char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + 16], mem[SCRIPT_MAX];
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "#!/bin/sh\nexec ");
	service_quote(&b, self);
	buf_puts(&b, " watchdog --state ");
	service_quote(&b, s->dir);
	buf_putc(&b, '\n');
	err = make_dir(service_path(s, WATCHDOG_NAME, dir), 0755, (uid_t)-1);
	snprintf(path, sizeof(path), "%s/run", dir);
	if (err == 0)
		err = buf_err(&b);
	return err ? err : write_file(path, buf_span(&b), 0755);
}

/* runsvdir(8) waits a second when the directory changed within this one: it
 * could change again unseen. It will not. */
static void
look_old(const struct state *s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW } };
	char path[STATE_PATH_MAX];

	times[1].tv_sec = clock_wall_s() - 2;
	utimensat(AT_FDCWD, state_path(s, "service", path), times, 0);
}

int
service_write(const struct plan *p, const struct state *s, const char *self,
    const char *config, bool as_root)
{
	char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + 16];
	int err = 0;

	for (unsigned i = 0; i < p->n_members && err == 0; i++) {
		const struct plan_member *m = &p->member[i];
		uid_t owner = as_root ? cage_role_uid(m->role) : (uid_t)-1;

		err = make_dir(service_path(s, m->name, dir), 0755, (uid_t)-1);
		if (err == 0)
			err = write_log(s, m, self, config, owner);
		/* last: a service without run is not started */
		snprintf(path, sizeof(path), "%s/run", dir);
		if (err == 0)
			err =
			    write_script(path, self, m->name, config, s, false);
		if (err)
			cmd_fail("%s: %s", path, strerror(-err));
	}
	if (err == 0 && (err = write_watchdog(s, self)) != 0)
		cmd_fail("the service " WATCHDOG_NAME ": %s", strerror(-err));
	look_old(s);
	return err;
}
