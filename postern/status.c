/* `postern status`: which processes run, as whom, and what they say. */
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

static void
look_at(const struct state *s, struct process *p)
{
	char path[STATE_PATH_MAX], part[64];
	struct runit_status st;
	const char *dash = strrchr(p->name, '-');

	snprintf(p->role, sizeof(p->role), "%s", p->name);
	if (strncmp(p->name, "mediaproxy-", 11) == 0) {
		if (span_to_u32(span_str(dash + 1), 31, &p->instance) != 0)
			return;
		p->role[dash - p->name] = '\0';
	}
	p->asked = -ENOENT;
	if (runit_read(service_path(s, p->name, path), &st) != 0 || st.pid == 0)
		return;
	p->pid = st.pid;
	p->up_s = clock_wall_s() - st.since_s;
	read_user(p);
	snprintf(part, sizeof(part), "run/%s.admin.sock", p->name);
	p->asked = ask_status(state_path(s, part, path), p->mem, &p->said);
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
		if (e->d_name[0] == '.' || strlen(e->d_name) >= ROLE_NAME_MAX)
			continue;
		memcpy(list[n++].name, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(dir);
	qsort(list, n, sizeof(*list), by_name);
	for (unsigned i = 0; i < n; i++)
		look_at(s, &list[i]);
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

static void
print_plain(const struct state *s, const struct process *p)
{
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
	struct process *list = calloc(PLAN_MEMBERS_MAX, sizeof(*list));
	struct cmd_opts o;
	struct state s;
	unsigned n, well = 0;

	if (list == NULL)
		return cmd_fail("no memory");
	if (cmd_opts(argc, argv, "csj", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern status [--json] [--state DIR]");
		return 2;
	}
	if (state_open(o.state ? o.state : CMD_STATE, false, &s) != 0)
		return 1;
	n = gather(&s, list);
	for (unsigned i = 0; i < n; i++)
		well += list[i].pid > 0 && list[i].asked == 0;
	if (o.json) {
		print_json(list, n);
	} else if (n == 0) {
		cmd_fail("nothing runs in %s", s.dir);
	} else {
		for (unsigned i = 0; i < n; i++)
			print_plain(&s, &list[i]);
	}
	free(list);
	/* the JSON tells; plain words tell by the exit status too */
	return o.json || (n > 0 && well == n) ? 0 : 1;
}
