/*
 * What a REGISTER costs registrar-db: starts the real, caged program on a
 * fresh store, is its sigproxy, registers at a given rate and prints the CPU
 * time that the program took for each.  Root, for the users.
 *
 *	regdb-load PROGRAM SUBSCRIBERS RATE_PER_S SECONDS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sqlite3.h>
#include <unistd.h>

#include "common/codec/digest.h"
#include "common/io/cage.h"
#include "common/io/clock.h"
#include "common/io/door.h"
#include "common/io/log.h"

#define REALM "SMO-SIP"
#define PASSWORD "correct-horse-77"

static struct {
	char dir[64], db[96], conf[96], key[96], door[96];
	pid_t pid;
	uv_loop_t loop;
	uv_timer_t tick;
	struct doors *doors;
	struct door *reg;
	struct digest *digest;
	unsigned subscribers, rate, seconds;
	char nonces[4096][IPC_NONCE_LEN];
	unsigned n_nonces;
	bool asked_nonces;
	uint64_t sent, right, wrong;
	struct mono began, told;
	double cpu_s;
	uint64_t longest_us;
	uint64_t sent_at[65536];
} load;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the program ---- */

static void
write_conf(void)
{
	FILE *f = fopen(load.conf, "w");

	if (f == NULL)
		die(load.conf);
	fprintf(f, "[site]\ndomain = sip.example.org\nrealm = " REALM "\n"
		   "[address]\ninternal = 127.0.0.1\nexternal = 127.0.0.1\n"
		   "public = none\n[store]\npath = %s\nkey = %s\n",
	    load.db, load.key);
	fclose(f);
}

static void
start(const char *program)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char pid[16];

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", load.door);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 8) != 0 || chmod(load.door, 0666) != 0)
		die("door");
	load.pid = fork();
	if (load.pid == 0) {
		dup2(fd, 3);
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", "door-sigproxy", 1);
		setenv("POSTERN_RUN_DIR", load.dir, 1);
		execl(program, program, "--config", load.conf, NULL);
		_exit(127);
	}
	close(fd);
}

static void
run_sql(const char *sql, const char *want)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	bool done = false;

	for (int i = 0; i < 600 && !done; i++) {
		usleep(100000);
		if (sqlite3_open_v2(load.db, &db, SQLITE_OPEN_READWRITE,
			NULL) == SQLITE_OK &&
		    sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
			int rc = sqlite3_step(q);

			done = rc == SQLITE_DONE || (rc == SQLITE_ROW &&
				strcmp((const char *)sqlite3_column_text(q, 0),
				    want) == 0);
			sqlite3_finalize(q);
		}
		sqlite3_close(db);
	}
	if (!done)
		die(sql);
}

static void
fill(void)
{
	char sql[512], want[16];

	snprintf(sql, sizeof(sql), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
		 "SELECT i + 1 FROM n WHERE i < %u) INSERT INTO "
		 "subscriber(number, name, username, password, internet) SELECT "
		 "100000 + i, 'Phone ' || i, 'u' || (100000 + i), '" PASSWORD
		 "', 1 FROM n", load.subscribers);
	run_sql(sql, "");
	snprintf(want, sizeof(want), "%u", load.subscribers);
	run_sql("SELECT count(*) FROM credential", want);
}

static double
cpu_s(void)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", load.pid);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%llu", &ns) != 1)
		die(path);
	fclose(f);
	return (double)ns / 1e9;
}

/* ---- sigproxy ---- */

static void
ask_nonces(void)
{
	struct ipc_nonce_ask ask = { 1, IPC_NONCES_MAX };
	char mem[64];
	struct buf b;

	if (load.asked_nonces || load.n_nonces > 4096 - IPC_NONCES_MAX)
		return;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, NONCE_ASK, nonce_ask, &ask);
	load.asked_nonces = door_send(load.reg, buf_span(&b)) == 0;
}

static void
send_one(struct buf *b)
{
	unsigned i = (unsigned)((load.sent * 7919) % load.subscribers) + 1;
	char username[32], number[32], uri[64], ha1[64], response[64];
	struct ipc_reg_ask ask = { .id = (uint32_t)load.sent,
		.flow = { ZONE_EXTERNAL, TRANSPORT_UDP, 0, { 0 } },
		.call_id = SPAN_LIT("3848276298220188511@phone"),
		.cseq = (uint32_t)load.sent + 1, .nated = 1,
		.user_agent = SPAN_LIT("baresip v1.0.0 (x86_64/linux)"),
		.n_contacts = 1 };
	struct digest_in in;
	uint8_t ip[4] = { 198, 18, (uint8_t)(i >> 8), (uint8_t)i };

	snprintf(username, sizeof(username), "u%u", 100000 + i);
	snprintf(number, sizeof(number), "%u", 100000 + i);
	snprintf(uri, sizeof(uri), "sip:%s@192.168.1.20:5060;ob", number);
	ask.aor_user = span_str(number);
	ask.flow.remote = addr_from_bytes(ip, 4, 5060);
	ask.contacts[0] = (struct ipc_contact){ .uri = span_str(uri),
		.expires_s = 3600, .q_permille = 1000 };
	ask.digest = (struct ipc_digest){ .method = SPAN_LIT("REGISTER"),
		.username = span_str(username), .realm = SPAN_LIT(REALM),
		.nonce = span_make(load.nonces[--load.n_nonces],
		    IPC_NONCE_LEN),
		.uri = SPAN_LIT("sip:sip.example.org"),
		.cnonce = SPAN_LIT("0a4f113b"), .nc = SPAN_LIT("00000001"),
		.qop = SPAN_LIT("auth"), .algorithm = SPAN_LIT("MD5") };
	in = (struct digest_in){ ask.digest.method, ask.digest.uri,
		ask.digest.nonce, ask.digest.nc, ask.digest.cnonce,
		ask.digest.qop, SPAN_NONE };
	digest_ha1(load.digest, DIGEST_MD5, ask.digest.username,
	    ask.digest.realm, SPAN_LIT(PASSWORD), ha1);
	digest_response(load.digest, DIGEST_MD5, span_make(ha1, 32), &in,
	    response);
	ask.digest.response = span_make(response, 32);
	IPC_FRAME(b, REG_ASK, reg_ask, &ask);
	load.sent_at[load.sent++ % 65536] = clock_mono().us;
}

static void
report(void)
{
	double cpu = cpu_s() - load.cpu_s;

	load.cpu_s += cpu;
	printf("sent %llu right %llu wrong %llu longest %.1f ms, CPU %.1f us "
	       "each\n",
	    (unsigned long long)load.sent, (unsigned long long)load.right,
	    (unsigned long long)load.wrong, (double)load.longest_us / 1e3,
	    load.right == 0 ? 0.0 : cpu * 1e6 / (double)load.rate);
	load.longest_us = 0;
	fflush(stdout);
}

static void
on_tick(uv_timer_t *timer)
{
	static char mem[512 * 1024];
	struct mono now = clock_mono();
	uint64_t due = mono_ms_between(load.began, now) * load.rate / 1000;
	struct buf b;

	ask_nonces();
	buf_init(&b, mem, sizeof(mem));
	while (load.sent < due && load.n_nonces > 0 && b.len < 256 * 1024)
		send_one(&b);
	if (b.len > 0 && door_send(load.reg, buf_span(&b)) != 0)
		die("queue");
	if (mono_ms_between(load.told, now) >= 1000) {
		load.told = mono_add_ms(load.told, 1000);
		report();
	}
	if (mono_ms_between(load.began, now) > load.seconds * 1000ULL)
		uv_stop(&load.loop);
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct ipc_nonce_say nonces;
	struct ipc_reg_say say;
	uint64_t took;

	if (type == IPC_NONCE_SAY && get_nonce_say(payload, &nonces) == 0) {
		memcpy(load.nonces[load.n_nonces], nonces.nonces.p,
		    nonces.nonces.len);
		load.n_nonces += (unsigned)(nonces.nonces.len /
		    IPC_NONCE_LEN);
		load.asked_nonces = false;
		ask_nonces();
	} else if (type == IPC_REG_SAY && get_reg_say(payload, &say) == 0) {
		if (say.verdict == VERDICT_OK)
			load.right++;
		else
			load.wrong++;
		took = clock_mono().us - load.sent_at[say.id % 65536];
		if (took > load.longest_us)
			load.longest_us = took;
	}
	return 0;
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	if (!up)
		die("registrar-db went");
	load.began = load.told = clock_mono();
	load.cpu_s = cpu_s();
	uv_timer_start(&load.tick, on_tick, 1, 1);
}

static void
clean(void)
{
	char path[160];
	static const char *const names[] = { "db/postern.db",
		"db/postern.db-wal", "db/postern.db-shm", "conf", "key",
		"door" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", load.dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/db", load.dir);
	rmdir(path);
	rmdir(load.dir);
}

int
main(int argc, char **argv)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };
	double whole;
	pid_t child;
	int status;

	if (argc != 5) {
		fprintf(stderr, "usage: %s PROGRAM SUBSCRIBERS RATE SECONDS\n",
		    argv[0]);
		return 2;
	}
	log_open("load", LOG_ERROR_);
	load.subscribers = (unsigned)strtoul(argv[2], NULL, 10);
	load.rate = (unsigned)strtoul(argv[3], NULL, 10);
	load.seconds = (unsigned)strtoul(argv[4], NULL, 10);
	snprintf(load.dir, sizeof(load.dir), "/tmp/regdb-load-XXXXXX");
	if (mkdtemp(load.dir) == NULL || chmod(load.dir, 0755) != 0)
		die("directory");
	snprintf(load.db, sizeof(load.db), "%s/db/postern.db", load.dir);
	snprintf(load.conf, sizeof(load.conf), "%s/conf", load.dir);
	snprintf(load.key, sizeof(load.key), "%s/key", load.dir);
	snprintf(load.door, sizeof(load.door), "%s/door", load.dir);
	write_conf();
	start(argv[1]);
	fill();
	load.digest = digest_new();
	uv_loop_init(&load.loop);
	uv_timer_init(&load.loop, &load.tick);
	/* The one who cleans up stays root. */
	child = fork();
	if (child > 0) {
		waitpid(child, &status, 0);
		kill(load.pid, SIGTERM);
		waitpid(load.pid, NULL, 0);
		clean();
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	if (geteuid() == 0 && setreuid(cage_role_uid(ROLE_SIG),
		cage_role_uid(ROLE_SIG)) != 0)
		die("user");
	load.doors = doors_new(&load.loop, ROLE_SIG, 0, &ops);
	load.reg = doors_peer(load.doors, ROLE_REG, 0, (uid_t)-1);
	if (door_knock(load.reg, load.door) != 0 ||
	    doors_serve(load.doors) != 0)
		die("knock");
	whole = cpu_s();
	uv_run(&load.loop, UV_RUN_DEFAULT);
	printf("CPU %.1f us for each REGISTER\n",
	    (cpu_s() - whole) * 1e6 / (double)load.right);
	return load.wrong == 0 && load.sent - load.right <= load.rate / 10 + 1 ?
	    0 : 1;
}
