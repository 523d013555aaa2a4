/*
 * `postern status`: which processes run, as whom, and what they say.  Without
 * --state it looks at the units of systemd where their doors exist.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/role.h"
#include "postern/ask.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/plan.h"
#include "postern/runit.h"
#include "postern/service.h"
#include "postern/systemd.h"
#include "postern/watchdog.h"

struct process {
	char name[ROLE_NAME_MAX]; /* "mediaproxy-0" */
	char role[ROLE_NAME_MAX]; /* "mediaproxy" */
	uint32_t instance;
	pid_t pid; /* 0: not running */
	int64_t up_s;
	char user[64];
	int asked; /* 0, or why it did not answer */
	struct span said;
	char mem[ASK_MAX];
};

/* The real uid; not from who owns /proc/PID, which is root for a process
 * that is not dumpable. */
static void
read_user(struct process *p)
{
	char path[64], line[256];
	const struct passwd *pw;
	unsigned uid = 0;
	bool got = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (!got && fgets(line, sizeof(line), f) != NULL)
		got = sscanf(line, "Uid: %u", &uid) == 1;
	fclose(f);
	pw = got ? getpwuid(uid) : NULL;
	if (pw != NULL)
		snprintf(p->user, sizeof(p->user), "%s", pw->pw_name);
	else if (got)
		snprintf(p->user, sizeof(p->user), "%u", uid);
}

/* "mediaproxy-1": the role, and which of several. */
static void
split_name(struct process *p)
{
	const char *dash = strrchr(p->name, '-');

	snprintf(p->role, sizeof(p->role), "%s", p->name);
	if (strncmp(p->name, "mediaproxy-", 11) == 0 &&
	    span_to_u32(span_str(dash + 1), 31, &p->instance) == 0)
		p->role[dash - p->name] = '\0';
}

/* What a process that runs says of itself. */
static void
ask(struct process *p, const char *run_dir)
{
	char door[STATE_PATH_MAX + ROLE_NAME_MAX + 16];

	read_user(p);
	snprintf(door, sizeof(door), "%s/%s.admin.sock", run_dir, p->name);
	p->asked = ask_status(door, p->mem, &p->said);
}

static void
look_at(const struct state *s, struct process *p)
{
	char path[STATE_PATH_MAX];
	struct runit_status st;

	split_name(p);
	p->asked = -ENOENT;
	if (runit_read(service_path(s, p->name, path), &st) != 0 || st.pid == 0)
		return;
	p->pid = st.pid;
	p->up_s = clock_wall_s() - st.since_s;
	ask(p, state_path(s, "run", path));
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct process *)a)->name,
	    ((const struct process *)b)->name);
}

static unsigned
gather(const struct state *s, struct process *list)
{
	char path[STATE_PATH_MAX];
	struct dirent *e;
	unsigned n = 0;
	DIR *dir = opendir(state_path(s, "service", path));

	if (dir == NULL)
		return 0;
	while (n < PLAN_MEMBERS_MAX && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= ROLE_NAME_MAX ||
		    strcmp(e->d_name, WATCHDOG_NAME) == 0)
			continue;
		memcpy(list[n++].name, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(dir);
	qsort(list, n, sizeof(*list), by_name);
	for (unsigned i = 0; i < n; i++)
		look_at(s, &list[i]);
	return n;
}

/* Every door for the admin is a process that should run. */
static unsigned
gather_systemd(struct process *list)
{
	static struct systemd_process found[PLAN_MEMBERS_MAX];
	unsigned n = 0, n_found = systemd_find(found, PLAN_MEMBERS_MAX);
	DIR *dir = opendir(SYSTEMD_RUN_DIR);
	struct dirent *e;

	while (dir != NULL && n < PLAN_MEMBERS_MAX &&
	       (e = readdir(dir)) != NULL) {
		const char *end = strstr(e->d_name, ".admin.sock");

		if (end != NULL && end - e->d_name < ROLE_NAME_MAX)
			memcpy(list[n++].name, e->d_name,
			    (size_t)(end - e->d_name));
	}
	if (dir != NULL)
		closedir(dir);
	qsort(list, n, sizeof(*list), by_name);
	for (unsigned i = 0; i < n; i++) {
		split_name(&list[i]);
		list[i].asked = -ENOENT;
		for (unsigned k = 0; k < n_found; k++) {
			if (strcmp(found[k].name, list[i].name) != 0)
				continue;
			list[i].pid = found[k].pid;
			list[i].up_s = clock_wall_s() - found[k].since_s;
			ask(&list[i], SYSTEMD_RUN_DIR);
		}
	}
	return n;
}

static void
print_json(const struct process *list, unsigned n)
{
	printf("{\"processes\":[");
	for (unsigned i = 0; i < n; i++) {
		const struct process *p = &list[i];

		printf("%s\n{\"role\":\"%s\",\"instance\":%u,\"name\":\"%s\","
		       "\"pid\":",
		    i > 0 ? "," : "", p->role, p->instance, p->name);
		if (p->pid > 0)
			printf("%d,\"user\":\"%s\",\"up_s\":%lld", p->pid,
			    p->user, (long long)p->up_s);
		else
			printf("null,\"user\":null,\"up_s\":0");
		printf(",\"answers\":%s,\"status\":",
		    p->asked == 0 ? "true" : "false");
		if (p->asked == 0)
			printf("%.*s}", (int)p->said.len, p->said.p);
		else
			printf("null}");
	}
	puts("\n]}");
}

static void
print_age(int64_t s)
{
	if (s < 120)
		printf("%lld s", (long long)s);
	else if (s < 7200)
		printf("%lld min", (long long)(s / 60));
	else if (s < 172800)
		printf("%lld h", (long long)(s / 3600));
	else
		printf("%lld days", (long long)(s / 86400));
}

/* s: NULL under systemd. */
static void
print_plain(const struct state *s, const struct process *p)
{
	if (p->pid == 0 && s == NULL) {
		printf("%s does not run; journalctl -u 'postern-%s*' says "
		       "why\n",
		    p->name, p->role);
		return;
	}
	if (p->pid == 0) {
		printf("%s does not run; %s/log/%s/current says why\n", p->name,
		    s->dir, p->name);
		return;
	}
	printf("%s runs as %s, process %d, for ", p->name, p->user, p->pid);
	print_age(p->up_s);
	if (p->asked == 0)
		json_print(stdout, p->said, 4);
	else if (p->asked == -EACCES)
		puts("\n    only root may ask it how it is");
	else
		printf("\n    does not answer: %s\n", strerror(-p->asked));
}

int
cmd_status(int argc, char **argv)
{
	static struct process list[PLAN_MEMBERS_MAX];
	struct cmd_opts o;
	struct state s;
	unsigned n, well = 0;
	bool systemd;

	if (cmd_opts(argc, argv, "csj", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern status [--json] [--state DIR]");
		return 2;
	}
	systemd = o.state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0;
	if (!systemd &&
	    state_open(o.state ? o.state : CMD_STATE, false, &s) != 0)
		return 1;
	n = systemd ? gather_systemd(list) : gather(&s, list);
	for (unsigned i = 0; i < n; i++)
		well += list[i].pid > 0 && list[i].asked == 0;
	if (o.json) {
		print_json(list, n);
	} else if (n == 0) {
		cmd_fail("nothing runs in %s",
		    systemd ? SYSTEMD_RUN_DIR : s.dir);
	} else {
		for (unsigned i = 0; i < n; i++)
			print_plain(systemd ? NULL : &s, &list[i]);
	}
	/* the JSON tells; plain words tell by the exit status too */
	return o.json || (n > 0 && well == n) ? 0 : 1;
}
