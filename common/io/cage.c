#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/secret.h"
#include "common/io/cage_parts.h"
#include "common/io/clock.h"
#include "common/io/log.h"

/* Newer than Debian 12's headers (Linux 6.3). */
#define SET_MDWE 65
#define MDWE_REFUSE_EXEC_GAIN 1UL

/* ---- users ---- */

const char *
cage_role_user(enum ipc_role role)
{
	switch (role) {
	case ROLE_SIG:
		return "postern-sig";
	case ROLE_MEDIA:
		return "postern-media";
	case ROLE_STUN:
		return "postern-stun";
	case ROLE_REG:
		return "postern-db";
	case ROLE_KEY:
		return "postern-key";
	case ROLE_TRACE:
		return "postern-trace";
	default:
		return "root";
	}
}

static uid_t
user_id(enum ipc_role role)
{
	const struct passwd *pw = getpwnam(cage_role_user(role));

	return pw == NULL ? (uid_t)-1 : pw->pw_uid;
}

unsigned
cage_role_uid(enum ipc_role role)
{
	static const enum ipc_role all[] = { ROLE_SIG, ROLE_MEDIA, ROLE_STUN,
		ROLE_REG, ROLE_KEY, ROLE_TRACE };
	bool separate = geteuid() == 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		separate = separate || user_id(all[i]) == geteuid();
	return separate ? user_id(role) : (uid_t)-1;
}

/* Root's last act: nobody who comes after can regain one of these. */
static void
drop_bounding_set(void)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int
priv_drop_user(const char *user)
{
	const struct passwd *pw;
	uid_t r, e, s;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL || pw->pw_uid == 0)
		return -ENOENT;
	drop_bounding_set();
	if (setgroups(0, NULL) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return -EPERM;
	if (getresuid(&r, &e, &s) < 0 || r != pw->pw_uid || e != r || s != r)
		return -EPERM;
	return setuid(0) == 0 || setgid(0) == 0 ? -EPERM : 0;
}

/* ---- late loads ---- */

static void
warm_digests(void)
{
	static const char *const names[] = { "MD5", "SHA1", "SHA256",
		"SHA512-256", "SHA512" };
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		EVP_MD *md = EVP_MD_fetch(NULL, names[i], NULL);

		if (md == NULL)
			continue;
		EVP_Digest("", 0, out, &len, md, NULL);
		HMAC(md, "k", 1, (const unsigned char *)"", 0, out, &len);
		EVP_MD_free(md);
	}
	RAND_bytes(out, 16);
	RAND_priv_bytes(out, 16);
}

/* libuv asks the kernel for recvmmsg at its first use, with a socket(). */
static void
warm_libuv(void)
{
	uv_loop_t loop;
	uv_udp_t udp;

	if (uv_loop_init(&loop) != 0)
		return;
	if (uv_udp_init_ex(&loop, &udp, AF_INET | UV_UDP_RECVMMSG) == 0) {
		uv_udp_using_recvmmsg(&udp);
		uv_close((uv_handle_t *)&udp, NULL);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	uv_hrtime();
}

void
priv_warm_up(void)
{
	unsigned char random[16];
	time_t now = clock_wall_s();
	struct tm tm;

	if (sodium_init() >= 0)
		secret_random(random, sizeof(random));
	tzset();
	localtime_r(&now, &tm);
	clock_mono();
	warm_digests();
	warm_libuv();
}

/* ---- the walls ---- */

static int
limit(int what, rlim_t most)
{
	struct rlimit l = { most, most }, old;

	if (getrlimit(what, &old) < 0)
		return -errno;
	if (old.rlim_max < most)
		l.rlim_cur = l.rlim_max = old.rlim_max;
	return setrlimit(what, &l) < 0 ? -errno : 0;
}

/*
 * RLIMIT_FSIZE is not among them: 0 would end us with SIGXFSZ when stderr is
 * a regular file, and files are closed by Landlock and the filter already.
 */
static int
limits(const struct cage *c)
{
	int err = limit(RLIMIT_CORE, 0);

#ifndef POSTERN_SANITIZE
	if (err == 0)
		err = limit(RLIMIT_NPROC, 0);
#endif
	return err == 0 ? limit(RLIMIT_NOFILE, c->n_files) : err;
}

static int
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 }, have[2];

	drop_bounding_set();	/* does nothing without CAP_SETPCAP */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	/* A supervisor that gave us none may also have barred capset. */
	if (syscall(SYS_capget, &head, have) == 0 &&
	    memcmp(have, none, sizeof(none)) == 0)
		return 0;
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

int
cage_close(const struct cage *c, int *landlock_abi_out)
{
	int err, abi = 0;

	err = limits(c);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
#ifndef POSTERN_SANITIZE
	/* LSan traces its own process at exit, and ASan reads its maps. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	abi = cage_landlock(c);
	if (abi < 0)
		return abi;
#endif
	err = drop_capabilities();
	if (err)
		return err;
	/* An old kernel says EINVAL; the filter refuses PROT_EXEC anyway. */
	prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
	err = cage_filter(c);
	if (err)
		return err;
	log_begin(abi == 0 ? LOG_WARN_ : LOG_INFO_, "caged");
	log_u64("uid", geteuid());
	log_u64("landlock_abi", (uint64_t)abi);
	log_end();
	*landlock_abi_out = abi;
	return 0;
}
