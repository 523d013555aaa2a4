/*
 * `postern trace show`: which files there are, and one of them as a ladder.
 * They come from tracer, which may be captured: no link is followed, and
 * nothing of them reaches a terminal that is not plain text.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/json.h"
#include "postern/trace.h"
#include "postern/table.h"
#include "postern/trace_file.h"

#define FILES_MAX 2048
#define FILE_BYTES_MAX (64u * 1024 * 1024)
#define NAME_MAX_ 96
#define SIDES_MAX 4		/* columns beside ours */
#define COLUMN 26
#define MEDIA 6			/* its interface, in tracer's files */

/* ---- files ---- */

struct names {
	char name[FILES_MAX][NAME_MAX_];
	unsigned n;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
read_names(const char *dir, struct names *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	out->n = 0;
	if (d == NULL)
		return cmd_fail("%s: %s%s", dir, strerror(errno), errno ==
			EACCES ? " (run this as root)" : "");
	while (out->n < FILES_MAX && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len > 7 && len < NAME_MAX_ &&
		    strspn(e->d_name, "0123456789abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ-.") == len &&
		    strcmp(e->d_name + len - 7, ".pcapng") == 0)
			memcpy(out->name[out->n++], e->d_name, len + 1);
	}
	closedir(d);
	/* They begin with the time. */
	qsort(out->name, out->n, sizeof(out->name[0]), by_name);
	return 0;
}

/* The whole file in memory, to be freed; NULL: it cannot be read. */
static char *
read_file(const char *path, size_t *len_out)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *mem = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		size_t size = (uint64_t)st.st_size < FILE_BYTES_MAX ?
		    (size_t)st.st_size : FILE_BYTES_MAX;

		mem = malloc(size);
		n = mem == NULL ? -1 : read(fd, mem, size);
	}
	close(fd);
	if (n <= 0) {
		free(mem);
		return NULL;
	}
	*len_out = (size_t)n;
	return mem;
}

/* The newest whose name has the word (a number), or that holds it (a
 * Call-ID). */
static bool
find_file(const char *dir, const char *word, char *path, size_t size)
{
	static struct names names;
	char label[NAME_MAX_];

	if (strchr(word, '/') != NULL) {
		snprintf(path, size, "%s", word);
		return true;
	}
	if (read_names(dir, &names) != 0)
		return false;
	for (unsigned i = names.n; i-- > 0;) {
		snprintf(path, size, "%s/%s", dir, names.name[i]);
		if (strcmp(names.name[i], word) == 0)
			return true;
	}
	for (unsigned k = 0; k < 2; k++) {	/* its last call first */
		snprintf(label, sizeof(label), "-%s-%s-",
		    k == 0 ? "call" : "trace", word);
		for (unsigned i = names.n; i-- > 0;) {
			snprintf(path, size, "%s/%s", dir, names.name[i]);
			if (strstr(names.name[i], label) != NULL)
				return true;
		}
	}
	for (unsigned i = names.n; i-- > 0;) {
		size_t len;
		char *mem;
		bool has;

		snprintf(path, size, "%s/%s", dir, names.name[i]);
		mem = read_file(path, &len);
		has = mem != NULL &&
		    memmem(mem, len, word, strlen(word)) != NULL;
		free(mem);
		if (has)
			return true;
	}
	cmd_fail("no file in %s is about %s", dir, word);
	return false;
}

static void
put_file(const char *path, const struct stat *st, bool json, bool first)
{
	if (!json) {
		printf("%8lld %s\n", (long long)st->st_size, path);
		return;
	}
	printf("%s{\"bytes\":%lld,\"file\":", first ? "" : ",\n",
	    (long long)st->st_size);
	json_put(stdout, path);
	putchar('}');
}

static int
list_files(const char *dir, bool json)
{
	static struct names names;
	char path[STATE_PATH_MAX + NAME_MAX_];
	bool first = true;
	struct stat st;

	if (read_names(dir, &names) != 0)
		return 1;
	fputs(json ? "[" : "", stdout);
	for (unsigned i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.name[i]);
		if (lstat(path, &st) != 0)
			continue;
		put_file(path, &st, json, first);
		first = false;
	}
	if (json)
		puts("]");
	else if (names.n == 0)
		printf("%s has no traces yet\n", dir);
	return 0;
}

/* ---- the ladder ---- */

struct ladder {
	struct addr side[SIDES_MAX];
	unsigned n;
	uint64_t media[2];	/* packets in, out */
};

static const struct addr *
remote_of(const struct trace_packet *p)
{
	return p->out ? &p->to : &p->from;
}

/* Its column, from 1; the last one is also of all that have none. */
static unsigned
column_of(struct ladder *l, const struct addr *a)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (addr_eq(&l->side[i], a))
			return i + 1;
	}
	if (l->n < SIDES_MAX)
		l->side[l->n++] = *a;
	return l->n;
}

/* "INVITE", "200 OK": printable ASCII only.  Gives its length. */
static size_t
read_label(struct span bytes, char *mem, size_t size)
{
	size_t n = 0, from = 0;
	char end = ' ';

	if (span_starts(bytes, SPAN_LIT("SIP/2.0 "))) {
		from = 8;
		end = '\r';
	}
	for (size_t i = from; i < bytes.len && n < size; i++) {
		char c = bytes.p[i];

		if (c == end || c == '\r' || c == '\n')
			break;
		mem[n++] = c >= ' ' && c < 127 ? c : '?';
	}
	return n;
}

static void
print_time(uint64_t at_us)
{
	time_t s = (time_t)(at_us / 1000000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	printf("%02d:%02d:%02d.%03u ", tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (unsigned)(at_us % 1000000 / 1000));
}

/* A comment may say that it was not understood, and why. */
static void
print_why(struct span comment)
{
	static const char word[] = "not understood";
	const char *at = comment.len == 0 ? NULL :
	    memmem(comment.p, comment.len, word, sizeof(word) - 1);

	if (at == NULL)
		return;
	fputs("  ", stdout);
	table_text(stdout, span_sub(comment, (size_t)(at - comment.p),
	    comment.len));
}

static void
print_step(struct ladder *l, const struct trace_packet *p)
{
	char line[COLUMN * (SIDES_MAX + 1) + 2], label[COLUMN - 7];
	size_t n = read_label(p->bytes, label, sizeof(label));
	unsigned to = column_of(l, remote_of(p)) * COLUMN;
	unsigned at;

	memset(line, ' ', sizeof(line));
	for (unsigned i = 0; i <= l->n; i++)
		line[i * COLUMN] = '|';
	memset(line + 1, '-', to - 1);
	line[p->out ? to - 1 : 1] = p->out ? '>' : '<';
	at = to - COLUMN + 4;
	line[at - 1] = line[at + n] = ' ';
	memcpy(line + at, label, n);
	print_time(p->at_us);
	printf("%.*s", (int)(l->n * COLUMN + 1), line);
	print_why(p->comment);
	putchar('\n');
}

static void
print_head(const struct ladder *l)
{
	char text[ADDR_TEXT_MAX + 1];

	printf("%13s%-*s", "", COLUMN, "Postern");
	for (unsigned i = 0; i < l->n; i++)
		printf("%-*s", COLUMN, addr_text(&l->side[i], text));
	putchar('\n');
}

static int
each_packet(struct ladder *l, struct span file, bool print)
{
	struct trace_file f = { file };
	struct trace_packet p;
	int err;

	while ((err = trace_file_next(&f, &p)) == 0) {
		if (p.interface >= MEDIA)
			l->media[p.out] += !print;
		else if (print)
			print_step(l, &p);
		else
			column_of(l, remote_of(&p));
	}
	return err == -ENOENT ? 0 : err;
}

int
trace_show(const struct trace_place *place, const char *word, bool json)
{
	char path[STATE_PATH_MAX + NAME_MAX_];
	struct ladder l = { 0 };
	size_t len;
	char *mem;
	int err;

	if (word == NULL)
		return list_files(place->dir, json);
	if (json)
		return cmd_fail("a ladder is no JSON: tshark -r FILE -T json; "
				"`postern trace show --json` lists the files");
	if (!find_file(place->dir, word, path, sizeof(path)))
		return 1;
	errno = 0;
	mem = read_file(path, &len);
	if (mem == NULL)
		return cmd_fail("%s: %s", path, errno != 0 ? strerror(errno) :
			"empty, or no file");
	err = each_packet(&l, span_make(mem, len), false);
	if (err && l.n == 0) {
		free(mem);
		return cmd_fail("%s is no trace of ours (pcapng)", path);
	}
	printf("%s\n", path);
	print_head(&l);
	each_packet(&l, span_make(mem, len), true);
	if (l.media[0] + l.media[1] > 0)
		printf("%13sRTP and RTCP: %llu packets came, %llu went\n", "",
		    (unsigned long long)l.media[0],
		    (unsigned long long)l.media[1]);
	if (err)
		cmd_fail("the rest of the file is unreadable");
	free(mem);
	return err ? 1 : 0;
}
