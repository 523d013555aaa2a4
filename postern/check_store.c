/*
 * `postern check`: what the store says of subscribers, asked as `postern sql`
 * asks: by sqlite3 in safe mode, as the store's own user, and read-only.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/capture.h"
#include "postern/check.h"
#include "postern/store.h"

#define SQLITE_WAIT_MS 4000
#define SQL_MAX 1024

struct counts {
	uint32_t subscribers, internet, foreign_realm, unsealed, keys_read;
};

/* Errors: as store_quote(). */
static int
put_question(struct buf *b, const char *realm)
{
	int err;

	buf_puts(b, "SELECT 'n', count(*), total(internet AND enabled), "
		    "total(enabled AND realm IS NOT NULL AND realm <> ");
	err = store_quote(b, realm);
	buf_puts(b, "), total(password IS NOT NULL AND julianday('now') - "
		    "julianday(changed_at) > 0.001), (SELECT count(DISTINCT "
		    "r.number) FROM registration r JOIN subscriber s ON "
		    "s.number = r.number WHERE s.srtp = 'required' AND "
		    "r.zone = 'external' AND r.transport <> 'tls') FROM "
		    "subscriber;");
	buf_putc(b, '\0');
	return err ? err : buf_err(b);
}

static bool
read_counts(const char *said, struct counts *out)
{
	double internet, realm, unsealed;

	if (sscanf(said, "n|%u|%lf|%lf|%lf|%u", &out->subscribers, &internet,
		&realm, &unsealed, &out->keys_read) != 5 ||
	    internet < 0 || internet > 1e6 || realm < 0 || realm > 1e6 ||
	    unsealed < 0 || unsealed > 1e6)
		return false;
	out->internet = (uint32_t)internet;
	out->foreign_realm = (uint32_t)realm;
	out->unsealed = (uint32_t)unsealed;
	return true;
}

static void
unreadable(struct check *k, const char *said)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "store-unreadable");

	finding_what(f, "the store cannot be read");
	finding_seen(f, "sqlite3 %s: %.*s", k->conf->store_path,
	    (int)strcspn(said, "\n"), said);
	finding_do(f, "docs/store.md says what each message means, and how a "
		      "backup is put back");
}

static void
wrong_realm(struct check *k, uint32_t n)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "realm-changed");

	finding_what(f, "%u subscribers cannot register: their passwords were "
			"set for another realm", n);
	finding_seen(f, "subscriber.realm is not %s, as [site] realm says",
	    k->conf->realm);
	finding_do(f, "set realm back, or give each a new password: UPDATE "
		      "subscriber SET password = '...' WHERE number = "
		      "'...'");
}

static void
not_sealed(struct check *k, uint32_t n)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "password-unsealed");

	finding_what(f, "%u passwords lie in the store in clear", n);
	finding_seen(f, "subscriber.password is not NULL a minute after it "
			"was set");
	finding_do(f, "registrar-db seals them within two seconds while it "
		      "runs: start it, or look at its log");
}

static void
keys_read(struct check *k, uint32_t n)
{
	struct finding *f = finding_new(k->found, FINDING_WARNING,
	    "srtp-keys-in-clear");

	finding_what(f, "%u phones on the internet must have SRTP, but whoever "
			"reads their signalling reads the keys", n);
	finding_seen(f, "srtp = 'required' in subscriber, and transport in "
			"registration is not tls");
	finding_do(f, "let them register by TLS: docs/tls.md, docs/phones.md");
}

static void
judge(struct check *k, const struct counts *n)
{
	if (n->foreign_realm > 0)
		wrong_realm(k, n->foreign_realm);
	if (n->unsealed > 0)
		not_sealed(k, n->unsealed);
	if (n->keys_read > 0)
		keys_read(k, n->keys_read);
	if (n->subscribers == 0)
		finding_note(k->found, "no-subscribers", "there is no "
		    "subscriber yet: INSERT INTO subscriber, as the README "
		    "shows");
	else if (n->internet == 0)
		finding_note(k->found, "none-outside", "no subscriber may "
		    "register from the internet: UPDATE subscriber SET "
		    "internet = 1 WHERE number = '...'");
	else
		finding_ok(k->found, "subscribers", "%u subscribers, %u of "
		    "them may register from the internet", n->subscribers,
		    n->internet);
}

void
check_store(struct check *k)
{
	char sql[SQL_MAX], said[512];
	const char *argv[] = { "sqlite3", "-safe", "-readonly", "-init",
		"/dev/null", "-list", "-cmd", ".timeout 2000",
		k->conf->store_path, sql, NULL };
	struct counts n;
	struct buf b;

	if (geteuid() != 0 || access(k->conf->store_path, F_OK) != 0)
		return;
	buf_init(&b, sql, sizeof(sql));
	if (put_question(&b, k->conf->realm) != 0)
		return;
	if (capture(argv, cage_role_user(ROLE_REG), SQLITE_WAIT_MS, said,
		sizeof(said)) == 127)
		return;	/* not installed; said elsewhere */
	if (read_counts(said, &n))
		judge(k, &n);
	else
		unreadable(k, said);
}
