#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "postern/members.h"
#include "postern/runit.h"
#include "postern/service.h"
#include "postern/systemd.h"
#include "postern/watchdog.h"

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
	int err;

	split_name(p);
	err = runit_read(service_path(s, p->name, path), &st);
	p->asked = err == -EACCES ? err : -ENOENT;
	if (err || st.pid == 0)
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

unsigned
members_of_state(const struct state *s, struct process *list)
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

unsigned
members_of_systemd(struct process *list)
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
