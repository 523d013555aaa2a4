#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/log.h"
#include "tests/unit/regdb/lab.h"

struct lab lab;

/* ---- time ---- */

static uint64_t ahead_ms;
static int64_t stepped_ms;

struct mono __real_clock_mono(void);
struct mono __wrap_clock_mono(void);

/* Linked in place of the real one (meson.build). */
struct mono
__wrap_clock_mono(void)
{
	return mono_add_ms(__real_clock_mono(), ahead_ms);
}

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

int64_t
__wrap_clock_wall_ms(void)
{
	return __real_clock_wall_ms() + (int64_t)ahead_ms + stepped_ms;
}

void
lab_step_clock(int64_t s)
{
	stepped_ms += s * 1000;
}

void
lab_later(uint64_t ms)
{
	ahead_ms += ms;
	lab.n_nonces = 0;	/* they may be too old */
}

/* ---- sigproxy's end ---- */

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	unsigned n;

	lab.n_seen++;
	if (lab.n_got == 256)
		return 0;
	n = lab.n_got++;
	lab.got[n].type = type;
	lab.got[n].len = payload.len;
	memcpy(lab.got[n].payload, payload.p, payload.len);
	return 0;
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	lab.up = up;
}

static void
start_sigproxy(void)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };

	lab.n_got = lab.n_nonces = 0;
	lab.sig_doors = doors_new(&lab.loop, ROLE_SIG, 0, &ops);
	ck_assert_ptr_nonnull(lab.sig_doors);
	lab.sig = doors_peer(lab.sig_doors, ROLE_REG, 0, (uid_t)-1);
	ck_assert_int_eq(door_knock(lab.sig, lab.door), 0);
	ck_assert_int_eq(doors_serve(lab.sig_doors), 0);
	lab_until(lab.up && door_is_up(lab.oracle->sig));
}

/* ---- registrar-db's end ---- */

static int
listener(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", lab.door);
	unlink(lab.door);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

static void
start_registrar(void)
{
	struct doors_ops ops = oracle_ops;
	struct oracle_conf conf = {
		.plan = { SPAN_LIT("49"), SPAN_LIT("30"), SPAN_LIT("00"),
		    SPAN_LIT("0") },
		.keep_records_days = lab.keep_records_days,
	};

	ck_assert_int_eq(store_open(lab.path, false, &lab.store), 0);
	conf.realm = span_str(lab.realm);
	lab.oracle = oracle_new(&lab.loop, lab.store, &lab.key, &conf);
	ck_assert_ptr_nonnull(lab.oracle);
	ops.arg = lab.oracle;
	lab.reg_doors = doors_new(&lab.loop, ROLE_REG, 0, &ops);
	lab.oracle->sig = doors_peer(lab.reg_doors, ROLE_SIG, 0, (uid_t)-1);
	ck_assert_int_eq(door_inherit(lab.oracle->sig, listener()), 0);
	ck_assert_int_eq(doors_serve(lab.reg_doors), 0);
}

static void
stop_registrar(void)
{
	doors_free(lab.reg_doors);
	oracle_free(lab.oracle);
	for (int i = 0; i < 10; i++)
		uv_run(&lab.loop, UV_RUN_NOWAIT);
	store_close(lab.store);
}

void
lab_setup(void)
{
	memset(&lab, 0, sizeof(lab));
	lab.realm = REALM;
	ahead_ms = 0;
	stepped_ms = 0;
	log_open("test", LOG_ERROR_ + 1);
	snprintf(lab.dir, sizeof(lab.dir), "/tmp/postern-regdb-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(lab.dir));
	snprintf(lab.path, sizeof(lab.path), "%s/postern.db", lab.dir);
	snprintf(lab.door, sizeof(lab.door), "%s/door", lab.dir);
	ck_assert_int_eq(secret_new(&lab.key, SEAL_KEY_LEN), 0);
	secret_random(lab.key.p, lab.key.len);
	ck_assert_int_eq(uv_loop_init(&lab.loop), 0);
	start_registrar();
	start_sigproxy();
	ck_assert_int_eq(sqlite3_open(lab.path, &lab.admin), SQLITE_OK);
	sqlite3_busy_timeout(lab.admin, 1000);
}

void
lab_teardown(void)
{
	char path[128];

	sqlite3_close(lab.admin);
	doors_free(lab.sig_doors);
	stop_registrar();
	ck_assert_int_eq(uv_run(&lab.loop, UV_RUN_NOWAIT), 0);
	ck_assert_int_eq(uv_loop_close(&lab.loop), 0);
	secret_free(&lab.key);
	unlink(lab.door);
	unlink(lab.path);
	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = { "-wal", "-shm", "-reserve" };

		snprintf(path, sizeof(path), "%s%s", lab.path, ends[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(lab.dir), 0);
}

void
lab_restart(void)
{
	doors_free(lab.sig_doors);
	stop_registrar();
	start_registrar();
	start_sigproxy();
}

void
lab_new_sigproxy(void)
{
	doors_free(lab.sig_doors);
	lab_until(!door_is_up(lab.oracle->sig));
	lab.up = false;
	start_sigproxy();
}

static bool
file_has(const char *path, const char *text)
{
	static char bytes[8 * 1024 * 1024];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	ck_assert_uint_lt(n, sizeof(bytes));
	return memmem(bytes, n, text, strlen(text)) != NULL;
}

bool
lab_on_disk(const char *text)
{
	char wal[128];

	snprintf(wal, sizeof(wal), "%s-wal", lab.path);
	return file_has(lab.path, text) || file_has(wal, text);
}

/* ---- the admin ---- */

const char *
lab_sql(const char *sql)
{
	sqlite3_exec(lab.admin, sql, NULL, NULL, NULL);
	snprintf(lab.complaint, sizeof(lab.complaint), "%s",
	    sqlite3_errcode(lab.admin) == SQLITE_OK ? "" :
						     sqlite3_errmsg(lab.admin));
	return lab.complaint;
}

void
lab_ok(const char *sql)
{
	ck_assert_msg(lab_sql(sql)[0] == '\0', "%s: %s", sql, lab.complaint);
}

const char *
lab_look(const char *sql)
{
	static char mem[512];
	sqlite3_stmt *q;

	ck_assert_msg(sqlite3_prepare_v2(lab.admin, sql, -1, &q, NULL) ==
		SQLITE_OK, "%s", sqlite3_errmsg(lab.admin));
	if (sqlite3_step(q) != SQLITE_ROW)
		snprintf(mem, sizeof(mem), "none");
	else if (sqlite3_column_type(q, 0) == SQLITE_NULL)
		snprintf(mem, sizeof(mem), "NULL");
	else
		snprintf(mem, sizeof(mem), "%s",
		    (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return mem;
}

void
lab_subscriber(void)
{
	lab_ok("INSERT INTO subscriber(number, name, username, password, "
	       "internet) VALUES ('168','SIP-168','SIP-168','" PASSWORD
	       "',1);");
	lab_until(strcmp(lab_look("SELECT realm FROM subscriber WHERE "
				  "number = '168'"), REALM) == 0);
}

/* ---- talking ---- */

void
lab_turn(void)
{
	uv_run(&lab.loop, UV_RUN_ONCE);
}

bool
lab_has(uint16_t type)
{
	for (unsigned i = 0; i < lab.n_got; i++) {
		if (lab.got[i].type == type)
			return true;
	}
	return false;
}

struct span
lab_take(uint16_t type)
{
	static char mem[IPC_PAYLOAD_MAX];

	lab_until(lab_has(type));
	for (unsigned i = 0; i < lab.n_got; i++) {
		size_t len = lab.got[i].len;

		if (lab.got[i].type != type)
			continue;
		memcpy(mem, lab.got[i].payload, len);
		memmove(&lab.got[i], &lab.got[i + 1],
		    (--lab.n_got - i) * sizeof(lab.got[0]));
		return span_make(mem, len);
	}
	return SPAN_NONE;
}

void
lab_send(const struct buf *b)
{
	ck_assert_int_eq(buf_err(b), 0);
	ck_assert_int_eq(door_send(lab.sig, buf_span(b)), 0);
}

struct span
lab_nonce(void)
{
	static char taken[IPC_NONCE_LEN];
	struct ipc_nonce_ask ask = { 1, 64 };
	struct ipc_nonce_say say;
	char mem[64];
	struct buf b;

	if (lab.n_nonces == 0) {
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, NONCE_ASK, nonce_ask, &ask);
		lab_send(&b);
		ck_assert_int_eq(get_nonce_say(lab_take(IPC_NONCE_SAY), &say),
		    0);
		ck_assert_uint_eq(say.nonces.len, 64 * IPC_NONCE_LEN);
		memcpy(lab.nonces, say.nonces.p, say.nonces.len);
		lab.n_nonces = 64;
	}
	memcpy(taken, lab.nonces + --lab.n_nonces * (size_t)IPC_NONCE_LEN,
	    IPC_NONCE_LEN);
	return span_make(taken, IPC_NONCE_LEN);
}

struct ipc_digest
lab_digest(const char *method, const char *uri, struct span nonce,
    const char *password)
{
	struct digest *d = lab.oracle->verify.digest;
	struct ipc_digest a = { .method = span_str(method),
		.username = S("SIP-168"), .realm = span_str(lab.realm), .nonce = nonce,
		.uri = span_str(uri), .cnonce = S("0a4f"), .nc = S("00000001"),
		.qop = S("auth"), .algorithm = S("MD5") };
	const struct digest_in in = { a.method, a.uri, a.nonce, a.nc, a.cnonce,
		a.qop, SPAN_NONE };
	char ha1[64];

	digest_ha1(d, DIGEST_MD5, a.username, a.realm, span_str(password),
	    ha1);
	digest_response(d, DIGEST_MD5, span_make(ha1, 32), &in, lab.response);
	a.response = span_make(lab.response, 32);
	return a;
}

struct ipc_reg_ask
lab_reg(const char *contact, uint32_t expires_s)
{
	struct ipc_reg_ask ask = { .flow = flow_of(ZONE_EXTERNAL, PHONE),
		.aor_user = S("168"), .call_id = S("call-1@phone"),
		.cseq = ++lab.id, .nated = 1, .user_agent = S("test/1.0"),
		.n_contacts = contact == NULL ? 0 : 1 };

	if (contact != NULL)
		ask.contacts[0] = (struct ipc_contact){
			.uri = span_str(contact), .expires_s = expires_s,
			.q_permille = 1000 };
	ask.digest = lab_digest("REGISTER", "sip:sip.example.org", lab_nonce(),
	    PASSWORD);
	return ask;
}

struct ipc_reg_say
lab_reg_ask(struct ipc_reg_ask *ask)
{
	struct ipc_reg_say say;
	char mem[8192];
	struct buf b;

	ask->id = ++lab.id;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, REG_ASK, reg_ask, ask);
	lab_send(&b);
	ck_assert_int_eq(get_reg_say(lab_take(IPC_REG_SAY), &say), 0);
	ck_assert_uint_eq(say.id, ask->id);
	return say;
}

enum verdict
lab_register(const char *contact, uint32_t expires_s)
{
	struct ipc_reg_ask ask = lab_reg(contact, expires_s);

	return lab_reg_ask(&ask).verdict;
}

struct ipc_auth_say
lab_call(const char *number)
{
	struct ipc_auth_ask ask = { .id = ++lab.id, .want = 1,
		.flow = flow_of(ZONE_EXTERNAL, PHONE), .from_user = S("168"),
		.call_id = S("call-2@phone") };
	struct ipc_auth_say say;
	char uri[128], mem[4096];
	struct buf b;

	snprintf(uri, sizeof(uri),
	    strchr(number, ':') ? "%s" : "sip:%s@sip.example.org", number);
	ask.digest = lab_digest("INVITE", uri, lab_nonce(), PASSWORD);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_ASK, auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	return say;
}
