#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "tracer/io/tracer.h"

#define MB (1024ull * 1024)
#define DAY_S 86400
#define IDLE_MS 120000		/* then a file is closed */
#define SAY_EACH_MS 10000
#define LABEL_MAX 24
#define TRIES 9			/* names that one second may need */
/* Files there may be. */
#define LISTED_MAX 1024

/* ---- failures ---- */

static void
fail(struct files *f, const char *what, int err)
{
	struct mono now = clock_mono();

	f->failed++;
	if (f->said.us != 0 && mono_ms_between(f->said, now) < SAY_EACH_MS)
		return;
	f->said = now;
	log_begin(LOG_WARN_, "trace-not-written");
	log_str("what", what);
	log_err("why", err);
	log_u64("so_far", f->failed);
	log_end();
}

/* ---- names ---- */

static void
put_label(struct buf *b, struct span label)
{
	label = span_sub(label, 0, LABEL_MAX);
	for (size_t i = 0; i < label.len; i++) {
		char c = label.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z'))
			buf_putc(b, c);
	}
	if (label.len > 0)
		buf_putc(b, '-');
}

/* 20261127-184200-call-168-0123456789abcdef.pcapng */
static void
make_name(struct trace_file *file, struct span label, int try)
{
	char mem[TRACER_NAME_MAX];
	time_t now = (time_t)clock_wall_s();
	struct buf b;
	struct tm tm;

	gmtime_r(&now, &tm);
	buf_init(&b, mem, sizeof(mem) - 1);
	buf_fmt(&b, "%04d%02d%02d-%02d%02d%02d-", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	buf_puts(&b, file->call != 0 ? "call-" : "trace-");
	put_label(&b, label);
	if (file->call != 0)
		buf_fmt(&b, "%016llx", (unsigned long long)file->call);
	else
		buf_fmt(&b, "%u", file->rule);
	if (try > 0)
		buf_fmt(&b, "-%d", try);
	buf_puts(&b, ".pcapng");
	memcpy(file->name, mem, b.len);
	file->name[b.len] = '\0';
}

/* ---- one file ---- */

static void
close_file(struct trace_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static void
append(struct files *f, struct trace_file *file, struct span bytes)
{
	ssize_t n = write(file->fd, bytes.p, bytes.len);

	if (n > 0) {
		file->bytes += (uint64_t)n;
		f->all += (uint64_t)n;
		f->written += (uint64_t)n;
	}
	if (n == (ssize_t)bytes.len)
		return;
	/* Half a block makes the rest unreadable: this file ends here. */
	fail(f, file->name, n < 0 ? -errno : -ENOSPC);
	if (n > 0 && ftruncate(file->fd,
		(off_t)(file->bytes - (uint64_t)n)) == 0)
		file->bytes -= (uint64_t)n;
	close_file(file);
}

static int
begin(struct files *f, struct trace_file *file, struct span label)
{
	char mem[PCAPNG_HEAD_MAX];
	struct buf b;
	int err = 0;

	for (int try = 0; try < TRIES; try++) {
		make_name(file, label, try);
		file->fd = openat(f->dir, file->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
		err = file->fd < 0 ? -errno : 0;
		if (err != -EEXIST)
			break;
	}
	if (err) {
		fail(f, file->name, err);
		return err;
	}
	f->begun++;
	f->n++;
	file->bytes = 0;
	buf_init(&b, mem, sizeof(mem));
	pcapng_head(&b);
	append(f, file, buf_span(&b));
	return file->fd < 0 ? -EIO : 0;
}

static struct trace_file *
place(struct files *f)
{
	struct trace_file *best = &f->file[0];

	for (unsigned i = 0; i < TRACER_FILES_MAX; i++) {
		if (f->file[i].fd < 0)
			return &f->file[i];
		if (f->file[i].used.us < best->used.us)
			best = &f->file[i];
	}
	close_file(best);
	return best;
}

static bool
is_full(const struct files *f)
{
	return f->all >= f->all_max || f->n >= LISTED_MAX;
}

struct trace_file *
files_get(struct files *f, uint64_t call, uint32_t rule, struct span label)
{
	struct trace_file *file;

	for (unsigned i = 0; i < TRACER_FILES_MAX; i++) {
		file = &f->file[i];
		if (file->fd >= 0 && file->call == call &&
		    (call != 0 || file->rule == rule)) {
			file->used = clock_mono();
			return file;
		}
	}
	if (is_full(f))
		files_sweep(f);
	if (is_full(f)) {
		fail(f, "all that may be kept is being written to", -ENOSPC);
		return NULL;
	}
	file = place(f);
	file->call = call;
	file->rule = rule;
	file->used = clock_mono();
	return begin(f, file, label) == 0 ? file : NULL;
}

void
files_write(struct files *f, struct trace_file *file, struct span blocks)
{
	append(f, file, blocks);
	if (file->bytes >= f->file_max || f->all >= f->all_max)
		close_file(file);	/* the next packet begins another */
}

unsigned
files_in_use(const struct files *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TRACER_FILES_MAX; i++)
		n += f->file[i].fd >= 0;
	return n;
}

/* ---- what is kept ---- */

struct listed {
	char name[TRACER_NAME_MAX];
	int64_t changed_s;
	uint64_t bytes;
};

static bool
is_trace(const char *name)
{
	size_t len = strlen(name);

	return len > 7 && len < TRACER_NAME_MAX &&
	    strcmp(name + len - 7, ".pcapng") == 0;
}

static bool
is_open(const struct files *f, const char *name)
{
	for (unsigned i = 0; i < TRACER_FILES_MAX; i++) {
		if (f->file[i].fd >= 0 && strcmp(f->file[i].name, name) == 0)
			return true;
	}
	return false;
}

/* All of them are counted; so many are listed. */
static unsigned
list(struct files *f, struct listed *out)
{
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;
	unsigned n = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	f->all = 0;
	f->n = 0;
	while ((e = readdir(dir)) != NULL) {
		if (!is_trace(e->d_name) || fstatat(f->dir, e->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		f->all += (uint64_t)st.st_size;
		f->n++;
		if (n == LISTED_MAX || is_open(f, e->d_name))
			continue;
		memcpy(out[n].name, e->d_name, strlen(e->d_name) + 1);
		out[n].changed_s = st.st_mtim.tv_sec;
		out[n++].bytes = (uint64_t)st.st_size;
	}
	closedir(dir);
	return n;
}

static void
drop(struct files *f, struct listed *one)
{
	if (unlinkat(f->dir, one->name, 0) != 0)
		return;
	f->all -= one->bytes < f->all ? one->bytes : f->all;
	f->n -= f->n > 0;
	f->removed++;
	one->name[0] = '\0';
}

static struct listed *
oldest(struct listed *l, unsigned n)
{
	struct listed *best = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (l[i].name[0] != '\0' &&
		    (best == NULL || l[i].changed_s < best->changed_s))
			best = &l[i];
	}
	return best;
}

void
files_sweep(struct files *f)
{
	static struct listed l[LISTED_MAX];
	int64_t now_s = clock_wall_s();
	struct mono now = clock_mono();
	struct listed *one;
	unsigned n;

	for (unsigned i = 0; i < TRACER_FILES_MAX; i++) {
		if (f->file[i].fd >= 0 &&
		    mono_ms_between(f->file[i].used, now) > IDLE_MS)
			close_file(&f->file[i]);
	}
	n = list(f, l);
	for (unsigned i = 0; i < n; i++) {
		if (now_s - l[i].changed_s > f->keep_s)
			drop(f, &l[i]);
	}
	/* Room for what comes until the next sweep. */
	while ((f->all > f->all_max / 8 * 7 || f->n > LISTED_MAX / 8 * 7) &&
	    (one = oldest(l, n)) != NULL) {
		drop(f, one);
		one->name[0] = '\0';
	}
}

int
files_open(struct files *f, const char *dir, const struct conf *c)
{
	for (unsigned i = 0; i < TRACER_FILES_MAX; i++)
		f->file[i].fd = -1;
	f->file_max = c->trace_file_mb * MB;
	f->all_max = c->trace_keep_mb * MB;
	f->keep_s = (int64_t)c->trace_keep_days * DAY_S;
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return -errno;
	files_sweep(f);
	return 0;
}
