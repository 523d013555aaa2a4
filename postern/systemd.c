#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/systemd.h"

static bool
strip(struct span *s, const char *prefix, const char *suffix)
{
	size_t p = strlen(prefix), q = strlen(suffix);

	if (s->len <= p + q || memcmp(s->p, prefix, p) != 0 ||
	    memcmp(s->p + s->len - q, suffix, q) != 0)
		return false;
	*s = span_sub(*s, p, s->len - p - q);
	return true;
}

bool
systemd_unit_name(struct span line, char *mem)
{
	static const enum ipc_role roles[] = { ROLE_SIG, ROLE_STUN, ROLE_REG,
		ROLE_KEY, ROLE_TRACE };
	uint32_t n;

	while (span_find(line, '/') >= 0)
		line = span_sub(line, (size_t)span_find(line, '/') + 1,
		    line.len);
	if (!strip(&line, "postern-", ".service"))
		return false;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const char *name = ipc_role_name(roles[i]);

		if (span_eq(line, span_str(name))) {
			role_name(roles[i], 0, mem);
			return true;
		}
	}
	if (!strip(&line, "mediaproxy@", "") || span_to_u32(line, 31, &n) != 0)
		return false;
	role_name(ROLE_MEDIA, (uint8_t)n, mem);
	return true;
}

/* The service's one process; what it becomes before it is one of ours does
 * not count. */
static bool
is_ours(const char *pid)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(comm, sizeof(comm), f) == NULL)
		comm[0] = '\0';
	fclose(f);
	return strncmp(comm, "postern-", 8) == 0;
}

static bool
read_unit(const char *pid, char *mem)
{
	char path[64], line[512];
	bool got = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/cgroup", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (!got && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		got = systemd_unit_name(span_str(line), mem);
	}
	fclose(f);
	return got;
}

/* Field 22 of stat, ticks since the machine started. */
static int64_t
read_start(const char *pid)
{
	long long ticks, hz = sysconf(_SC_CLK_TCK);
	char path[64];
	double up = 0;
	bool got;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	got = fscanf(f,
		  "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
		  "%*u %*u %*d %*d %*d %*d %*d %*d %lld",
		  &ticks) == 1;
	fclose(f);
	f = fopen("/proc/uptime", "re");
	if (f == NULL)
		return 0;
	got = fscanf(f, "%lf", &up) == 1 && got;
	fclose(f);
	return got ? clock_wall_s() - (int64_t)up + ticks / hz : 0;
}

unsigned
systemd_find(struct systemd_process *out, unsigned max)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;
	uint32_t pid;

	if (dir == NULL)
		return 0;
	while (n < max && (e = readdir(dir)) != NULL) {
		if (span_to_u32(span_str(e->d_name), INT32_MAX, &pid) != 0 ||
		    !is_ours(e->d_name) || !read_unit(e->d_name, out[n].name))
			continue;
		out[n].pid = (pid_t)pid;
		out[n++].since_s = read_start(e->d_name);
	}
	closedir(dir);
	return n;
}
