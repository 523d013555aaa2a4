#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/log.h"
#include "common/io/role.h"

static void
usage(FILE *to, const char *program)
{
	fprintf(to,
	    "usage: postern-%s --config FILE [--check] [--instance N]\n"
	    "It is started by its supervisor; see `postern up`.\n", program);
}

int
role_args(int argc, char **argv, const char *program, struct role_args *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "instance", required_argument, NULL, 'i' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct role_args a = { "/etc/postern/postern.conf", false, 0 };
	uint32_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a.config = optarg;
			break;
		case 'k':
			a.check = true;
			break;
		case 'i':
			if (span_to_u32(span_str(optarg), 31, &n) != 0) {
				fprintf(stderr,
				    "--instance takes 0 to 31, not %s\n",
				    optarg);
				return -EINVAL;
			}
			a.instance = (uint8_t)n;
			break;
		case 'v':
			printf("postern-%s %s\n", program, POSTERN_VERSION);
			exit(0);
		case 'h':
			usage(stdout, program);
			exit(0);
		default:
			usage(stderr, program);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		usage(stderr, program);
		return -EINVAL;
	}
	*out = a;
	return 0;
}

static void
fail(const char *what, const char *value, int err)
{
	log_begin(LOG_ERROR_, what);
	if (value != NULL)
		log_str("value", value);
	log_err("why", err);
	log_end();
	exit(1);
}

static bool ready;

/*
 * The units of systemd restart at once, for the sake of calls.  Whoever
 * cannot even start (a wrong configuration, a missing key) must not do that
 * a hundred times a second.
 */
static void
slow_down(void)
{
	if (!ready)
		sleep(1);
}

void
role_read(int argc, char **argv, const char *program, struct role_args *args,
    struct conf *conf)
{
	int err;

	log_open(program, LOG_INFO_);
	/* runit waits by itself. */
	if (getenv("NOTIFY_SOCKET") != NULL &&
	    getenv("POSTERN_RUN_DIR") == NULL)
		atexit(slow_down);
	if (role_args(argc, argv, program, args) != 0)
		exit(2);
	err = conf_read(args->config, stderr, conf);
	if (err == -EINVAL)
		exit(1);	/* every complaint was printed */
	if (err)
		fail("cannot-read-configuration", args->config, err);
	if (args->check)
		printf("%s: the configuration is right\n", args->config);
	/* What is said on stderr from here on comes behind it. */
	fflush(stdout);
}

void
role_take(struct sd *sd)
{
	int err = sd_take(sd);

	if (err)
		fail("inherited-sockets", "LISTEN_FDS", err);
}

void
role_begin(int argc, char **argv, const char *program, struct role_args *args,
    struct conf *conf, struct sd *sd)
{
	role_read(argc, argv, program, args, conf);
	if (args->check)
		exit(0);
	role_take(sd);
}

const char *
role_name(enum ipc_role role, uint8_t instance, char *mem)
{
	if (role == ROLE_MEDIA)
		snprintf(mem, ROLE_NAME_MAX, "mediaproxy-%u", instance);
	else
		snprintf(mem, ROLE_NAME_MAX, "%s", ipc_role_name(role));
	return mem;
}

static struct door *
declare(struct doors *d, const struct sd *sd, enum ipc_role peer,
    uint8_t instance, const char *name)
{
	char fd_name[SD_NAME_MAX];
	struct door *p;
	int err, fd;

	p = doors_peer(d, peer, instance, cage_role_uid(peer));
	if (p == NULL)
		return NULL;
	snprintf(fd_name, sizeof(fd_name), "door-%s", name);
	fd = sd_fd(sd, fd_name, 0);
	if (fd < 0)
		return p;
	err = door_inherit(p, fd);
	if (err == 0)
		return p;
	log_begin(LOG_ERROR_, "door-not-usable");
	log_str("door", fd_name);
	log_err("why", err);
	log_end();
	return NULL;
}

struct door *
role_peer(struct doors *d, const struct sd *sd, enum ipc_role self,
    uint8_t self_instance, enum ipc_role peer, uint8_t peer_instance)
{
	const char *dir = getenv("POSTERN_RUN_DIR");
	char name[ROLE_NAME_MAX], self_name[ROLE_NAME_MAX], path[108];
	struct door *p;
	int err;

	role_name(peer, peer_instance, name);
	role_name(self, self_instance, self_name);
	p = declare(d, sd, peer, peer_instance, name);
	if (p == NULL)
		return NULL;
	if (dir == NULL)
		dir = "/run/postern";
	if ((size_t)snprintf(path, sizeof(path), "%s/%s.%s.sock", dir, name,
		self_name) >= sizeof(path))
		err = -ENAMETOOLONG;
	else
		err = door_knock(p, path);
	if (err) {
		/* Not there yet: it will knock at ours when it comes. */
		log_begin(LOG_INFO_, "peer-not-there");
		log_str("peer", name);
		log_err("why", err);
		log_end();
	}
	return p;
}

struct door *
role_admin(struct doors *d, const struct sd *sd)
{
	return declare(d, sd, ROLE_ADMIN, 0, "admin");
}

static const struct sd *watched;

static void
on_watchdog(uv_timer_t *timer)
{
	sd_note(watched, "WATCHDOG=1");
}

static void
start_watchdog(uv_loop_t *loop, const struct sd *sd)
{
	static uv_timer_t timer;
	uint64_t every_ms = sd->watchdog_us / 2000;

	if (every_ms == 0)
		return;
	watched = sd;
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, on_watchdog, every_ms, every_ms);
}

void
role_cage(uv_loop_t *loop, enum ipc_role role, const char *data_dir,
    unsigned n_files, const struct sd *sd, struct doors *d)
{
	const struct cage cage = { role, data_dir, n_files, NULL };

	role_cage_of(loop, &cage, sd, d);
}

void
role_cage_of(uv_loop_t *loop, const struct cage *cage, const struct sd *sd,
    struct doors *d)
{
	int abi = 0, err;

	start_watchdog(loop, sd);
	err = cage_close(cage, &abi);
	if (err)
		fail("cage-not-closed", NULL, err);
	err = doors_serve(d);
	if (err)
		fail("doors-not-open", NULL, err);
	log_begin(LOG_INFO_, "ready");
	log_u64("landlock_abi", (uint64_t)abi);
	log_end();
	sd_note(sd, "READY=1");
	ready = true;
}
