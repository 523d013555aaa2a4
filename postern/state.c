#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "postern/cmd.h"
#include "postern/state.h"

#define LONGEST_DOOR "/run/mediaproxy-31.registrar-db.sock"

const char *
state_path(const struct state *s, const char *name, char *mem)
{
	snprintf(mem, STATE_PATH_MAX, "%s/%s", s->dir, name);
	return mem;
}

static int
make_dir(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) == 0 ? 0 : -errno;
	return errno == EEXIST ? 0 : -errno;
}

int
state_open(const char *dir, bool create, struct state *out)
{
	static const char *const parts[] = { "run", "service", "log" };
	char real[PATH_MAX], path[STATE_PATH_MAX];
	size_t fits =
	    sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof(LONGEST_DOOR);
	int err = create ? make_dir(dir) : 0;

	if (err == 0 && realpath(dir, real) == NULL)
		err = -errno;
	if (err) {
		cmd_fail("state directory %s: %s%s", dir, strerror(-err),
		    err != -ENOENT || create ? "" : "; name that of `postern "
			"up` by --state DIR. Nothing was started here yet? "
			"postern up --config FILE --state DIR");
		return err;
	}
	if (strlen(real) > fits) {
		cmd_fail("state directory %s is too long: the kernel allows "
			 "%zu characters here, this has %zu",
		    real, fits, strlen(real));
		return -ENAMETOOLONG;
	}
	snprintf(out->dir, sizeof(out->dir), "%s", real);
	for (size_t i = 0; create && i < 3; i++) {
		err = make_dir(state_path(out, parts[i], path));
		if (err) {
			cmd_fail("%s: %s", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

int
state_lock(const struct state *s)
{
	char path[STATE_PATH_MAX];
	int fd;

	/* Not close-on-exec: the supervisor must keep it. */
	fd = open(state_path(s, "run/up.lock", path), O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Alive, and still the program it was: numbers are used again. */
static bool
is_program(pid_t pid, const char *name)
{
	char path[64], comm[32] = "", state = 'Z';
	FILE *f;

	if (pid <= 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fscanf(f, "%*d (%31[^)]) %c", comm, &state) != 2)
		state = 'Z';
	fclose(f);
	return state != 'Z' && strcmp(comm, name) == 0;
}

void
state_pids(const struct state *s, pid_t *up_out, pid_t *runsvdir_out)
{
	char path[STATE_PATH_MAX];
	int up = 0, runsvdir = 0;
	FILE *f = fopen(state_path(s, "run/up.pids", path), "re");

	if (f != NULL) {
		if (fscanf(f, "%d %d", &up, &runsvdir) < 1)
			up = 0;
		fclose(f);
	}
	*up_out = is_program(up, "postern") ? up : 0;
	*runsvdir_out = is_program(runsvdir, "runsvdir") ? runsvdir : 0;
}

static int
write_line(const struct state *s, const char *name, const char *line)
{
	char path[STATE_PATH_MAX];
	FILE *f = fopen(state_path(s, name, path), "we");
	bool bad;

	if (f == NULL)
		return -errno;
	bad = fprintf(f, "%s\n", line) < 0;
	bad |= fclose(f) != 0;
	return bad ? -EIO : 0;
}

int
state_write_pids(const struct state *s, pid_t up, pid_t runsvdir)
{
	char line[64];

	snprintf(line, sizeof(line), "%d %d", up, runsvdir);
	return write_line(s, "run/up.pids", line);
}

int
state_write_config(const struct state *s, const char *config)
{
	return write_line(s, "run/config", config);
}

bool
state_config(const struct state *s, char *mem, size_t size)
{
	char path[STATE_PATH_MAX];
	FILE *f = fopen(state_path(s, "run/config", path), "re");
	bool got;

	if (f == NULL)
		return false;
	got = fgets(mem, (int)size, f) != NULL;
	fclose(f);
	if (got)
		mem[strcspn(mem, "\n")] = '\0';
	return got;
}

const char *
state_find_config(const char *config, const char *state, char *mem, size_t size)
{
	struct state s;

	if (state != NULL && state_open(state, false, &s) != 0)
		return NULL;
	if (config != NULL)
		return config;
	if (state != NULL) {
		if (state_config(&s, mem, size))
			return mem;
		cmd_fail("nothing runs in %s, so its configuration is not "
			 "known; name it: --config FILE, or start it: postern "
			 "up",
		    s.dir);
		return NULL;
	}
	if (access(CMD_STATE, F_OK) == 0 &&
	    state_open(CMD_STATE, false, &s) == 0 &&
	    state_config(&s, mem, size))
		return mem;
	return CMD_CONFIG;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (at->level > 0)
		remove(path);
	return 0;
}

void
state_sweep(const struct state *s)
{
	char path[STATE_PATH_MAX];
	DIR *dir;
	struct dirent *e;

	nftw(state_path(s, "service", path), remove_one, 8,
	    FTW_DEPTH | FTW_PHYS);
	dir = opendir(state_path(s, "run", path));
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		/* The lock's file stays: who waits for it has it open. */
		if (e->d_name[0] != '.' && strcmp(e->d_name, "up.lock") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
}

static bool
may_pass(const struct stat *st, uid_t uid, gid_t gid)
{
	if (st->st_uid == uid)
		return st->st_mode & S_IXUSR;
	if (st->st_gid == gid)
		return st->st_mode & S_IXGRP;
	return st->st_mode & S_IXOTH;
}

const char *
state_barrier(const char *path, uid_t uid, gid_t gid, char *mem, size_t size)
{
	struct stat st;

	for (size_t i = 1; path[i] != '\0' && i + 1 < size; i++) {
		if (path[i] != '/')
			continue;
		memcpy(mem, path, i);
		mem[i] = '\0';
		if (stat(mem, &st) == 0 && !may_pass(&st, uid, gid))
			return mem;
	}
	return NULL;
}
