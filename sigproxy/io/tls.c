#include <errno.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "sigproxy/io/tls.h"
#include "sigproxy/io/tls_cert.h"
#include "sigproxy/io/tls_key.h"

#define TICKETS_MS (60 * 60 * 1000)	/* a key's life; then a new one */

enum question {
	QUESTION_NONE,
	QUESTION_ASKED,
	QUESTION_SIGNED,
	QUESTION_REFUSED,
};

/* What a connection needs only until it is up. */
struct shake {
	struct tls_conn *conn;	/* NULL: free */
	struct tls_set *set;	/* chosen from; NULL: no ClientHello yet */
	enum question question;
	bool is_put_off;
	uint32_t id;
	uint8_t index;
	uint16_t scheme;
	uint16_t n_tbs, n_signature;
	unsigned char tbs[TLS_TBS_MAX], signature[TLS_SIGNATURE_MAX];
	struct tls_hello hello;
};

struct tls_conn {
	struct tls *tls;
	void *conn;
	SSL *ssl;
	struct shake *shake;	/* NULL: up */
	bool is_broken;		/* OpenSSL must not be called any more */
	bool has_begun;		/* octets were read */
	bool is_resumed;
	enum tls_why why;
	unsigned long err;	/* OpenSSL's, of the end */
	struct tls_peer *peer;	/* NULL: it dialled us */
};

struct tls {
	struct tls_ops ops;
	/* Those of clients of ours come last: nobody can use them up. */
	struct shake shakes[TLS_SHAKING_MAX + TLS_DIALS_MAX];
	struct tls_client *client;
	struct span ca;
	uint32_t n_shakes;
	uint32_t next_id;
	struct tls_set *set;	/* in use; NULL: none yet */
	struct tls_set *coming;	/* not whole yet */
	struct tls_set *old;	/* some handshake still uses them */
	BIO_METHOD *beneath;
	unsigned char tickets[TLS_TICKET_KEYS];
	struct mono tickets_until;
};

/* Whose tls_shake() runs; the signer is called from inside OpenSSL. */
static struct shake *shaking;

/* ---- beneath ---- */

static int
beneath_read(BIO *b, char *mem, int room)
{
	struct tls_conn *c = BIO_get_data(b);
	ssize_t n = c->tls->ops.recv(c->conn, mem, (size_t)room);

	BIO_clear_retry_flags(b);
	c->has_begun |= n > 0;
	if (n == -EAGAIN)
		BIO_set_retry_read(b);
	return n < 0 ? -1 : (int)n;
}

static int
beneath_write(BIO *b, const char *p, int len)
{
	struct tls_conn *c = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (!c->tls->ops.send(c->conn, span_make(p, (size_t)len)))
		return -1;
	return len;
}

static long
beneath_ctrl(BIO *b, int what, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
beneath_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() |
	    BIO_TYPE_SOURCE_SINK, "connection");

	if (m == NULL || BIO_meth_set_read(m, beneath_read) != 1 ||
	    BIO_meth_set_write(m, beneath_write) != 1 ||
	    BIO_meth_set_ctrl(m, beneath_ctrl) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- keyd signs ---- */

static void
ask_keyd(struct tls *t, const struct shake *s)
{
	t->ops.ask(t->ops.arg, s->id, s->index, s->scheme,
	    span_make(s->tbs, s->n_tbs));
}

static bool
note_question(struct shake *s, uint8_t index, uint16_t scheme, struct span tbs)
{
	struct tls *t = s->conn->tls;

	/* keyd's keys are those of the set in use. */
	if (tbs.len > sizeof(s->tbs) || s->set != t->set)
		return false;
	s->index = index;
	s->scheme = scheme;
	s->n_tbs = (uint16_t)tbs.len;
	memcpy(s->tbs, tbs.p, tbs.len);
	/* Its place must still be in it when the numbers begin anew. */
	_Static_assert((TLS_SHAKING_MAX & (TLS_SHAKING_MAX - 1)) == 0, "");
	s->id = t->next_id++ * TLS_SHAKING_MAX + (uint32_t)(s - t->shakes);
	s->question = QUESTION_ASKED;
	return true;
}

/* Called by OpenSSL in a job of its own, which can be left and taken up. */
static size_t
sign(uint8_t index, uint16_t scheme, struct span tbs, unsigned char *mem)
{
	struct shake *s = shaking;

	if (s == NULL || s->question != QUESTION_NONE ||
	    !note_question(s, index, scheme, tbs))
		return 0;
	ask_keyd(s->conn->tls, s);
	while (s->question == QUESTION_ASKED) {
		if (ASYNC_get_current_job() == NULL || ASYNC_pause_job() != 1)
			break;
	}
	if (s->question != QUESTION_SIGNED) {
		s->question = QUESTION_REFUSED;
		return 0;
	}
	s->question = QUESTION_NONE;
	memcpy(mem, s->signature, s->n_signature);
	return s->n_signature;
}

static void
answered(struct tls *t, struct shake *s, enum question question)
{
	s->question = question;
	if (s != shaking)
		t->ops.go_on(s->conn->conn);
}

static struct shake *
asked(struct tls *t, uint32_t id)
{
	struct shake *s = &t->shakes[id % TLS_SHAKING_MAX];

	return s->conn != NULL && s->question == QUESTION_ASKED &&
	    s->id == id ? s : NULL;
}

void
tls_put_off(struct tls *t, uint32_t id)
{
	struct shake *s = asked(t, id);

	if (s != NULL)
		s->is_put_off = true;
}

void
tls_signed(struct tls *t, uint32_t id, struct span signature)
{
	struct shake *s = asked(t, id);

	if (s == NULL)
		return;
	if (signature.len == 0 || signature.len > sizeof(s->signature)) {
		answered(t, s, QUESTION_REFUSED);
		return;
	}
	memcpy(s->signature, signature.p, signature.len);
	s->n_signature = (uint16_t)signature.len;
	answered(t, s, QUESTION_SIGNED);
}

static void
ask_again(struct tls *t, bool only_put_off)
{
	for (unsigned i = 0; i < TLS_SHAKING_MAX; i++) {
		struct shake *s = &t->shakes[i];

		if (s->conn == NULL || s->question != QUESTION_ASKED ||
		    (only_put_off && !s->is_put_off))
			continue;
		s->is_put_off = false;
		ask_keyd(t, s);
	}
}

void
tls_key_up(struct tls *t)
{
	ask_again(t, false);
}

/* ---- a ClientHello ---- */

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_conn *c = SSL_get_app_data(ssl);

	(void)alert;
	(void)arg;
	if (c->shake != NULL)
		tls_hello_read(ssl, &c->shake->hello);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Called for every ClientHello, with a name or without. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	struct tls_conn *c = SSL_get_app_data(ssl);
	struct tls_set *set = c->tls->set;
	SSL_CTX *ctx;

	(void)alert;
	(void)arg;
	if (c->shake == NULL || c->shake->set != NULL)
		return SSL_TLSEXT_ERR_OK;	/* after HelloRetryRequest */
	ctx = tls_set_choose(set, SSL_get_servername(ssl,
		TLSEXT_NAMETYPE_host_name));
	if (ctx == NULL || SSL_set_SSL_CTX(ssl, ctx) == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	c->shake->set = set;
	set->users++;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- certificates ---- */

static void
set_unuse(struct tls *t, struct tls_set *set)
{
	struct tls_set **at = &t->old;

	if (set == NULL || --set->users > 0 || set == t->set)
		return;
	while (*at != set)
		at = &(*at)->next;
	*at = set->next;
	tls_set_free(set);
}

/* Questions about the set before cannot be answered any more. */
static void
refuse_old(struct tls *t)
{
	for (unsigned i = 0; i < TLS_SHAKING_MAX; i++) {
		struct shake *s = &t->shakes[i];

		if (s->conn != NULL && s->question == QUESTION_ASKED &&
		    s->set != t->set)
			answered(t, s, QUESTION_REFUSED);
	}
}

static void
use_coming(struct tls *t)
{
	struct tls_set *was = t->set;

	t->set = t->coming;
	t->coming = NULL;
	SSL_CTX_set_client_hello_cb(t->set->ctx[0], on_hello, NULL);
	SSL_CTX_set_tlsext_servername_callback(t->set->ctx[0], on_name);
	tls_set_tickets(t->set, t->tickets);
	if (was == NULL)
		return;
	if (was->users == 0) {
		tls_set_free(was);
	} else {
		was->next = t->old;
		t->old = was;
	}
	refuse_old(t);
}

int
tls_certificate(struct tls *t, unsigned index, unsigned total,
    struct span chain)
{
	int err = -EPROTO;

	if (index == 0) {
		tls_set_free(t->coming);
		t->coming = calloc(1, sizeof(*t->coming));
	}
	if (t->coming != NULL && t->coming->n == index && index < total)
		err = tls_set_add(t->coming, chain);
	ERR_clear_error();
	if (err == 0 && t->coming->n < total)
		return 0;
	if (err == 0 && !tls_set_same(t->coming, t->set)) {
		use_coming(t);
		return 1;
	}
	tls_set_free(t->coming);
	t->coming = NULL;
	return err;
}

bool
tls_has_certificate(const struct tls *t)
{
	return t->set != NULL;
}

void
tls_tick(struct tls *t, struct mono now)
{
	if (t->n_shakes > 0)
		ask_again(t, true);
	if (!mono_due(t->tickets_until, now))
		return;
	t->tickets_until = mono_add_ms(now, TICKETS_MS);
	secret_random(t->tickets, sizeof(t->tickets));
	if (t->set != NULL)
		tls_set_tickets(t->set, t->tickets);
}

/* ---- the whole ---- */

int
tls_init(void)
{
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
		OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1 ||
	    ASYNC_init_thread(TLS_SHAKING_MAX + 1, 0) != 1)
		return -EIO;
	return tls_key_init(sign);
}

struct tls *
tls_new(const struct tls_ops *ops)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ops = *ops;
	t->beneath = beneath_new();
	secret_random(t->tickets, sizeof(t->tickets));
	if (t->beneath == NULL) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_set_free(t->coming);
	tls_set_free(t->set);
	tls_client_free(t->client);
	BIO_meth_free(t->beneath);
	secret_wipe(t->tickets, sizeof(t->tickets));
	free(t);
}

void
tls_trust(struct tls *t, struct span ca)
{
	t->ca = ca;
}

uint32_t
tls_shaking(const struct tls *t)
{
	return t->n_shakes;
}

/* ---- a connection ---- */

static struct shake *
shake_new(struct tls *t, unsigned i, unsigned end)
{
	for (; i < end; i++) {
		if (t->shakes[i].conn == NULL)
			return &t->shakes[i];
	}
	return NULL;
}

static void
shake_end(struct tls_conn *c)
{
	struct shake *s = c->shake;

	if (s == NULL)
		return;
	c->shake = NULL;
	set_unuse(c->tls, s->set);
	secret_wipe(s, sizeof(*s));	/* all zero: free */
	c->tls->n_shakes -= c->peer == NULL;
}

/* Takes ssl, which may be NULL. */
static SSL *
put_on_top(struct tls *t, struct tls_conn *c, SSL *ssl)
{
	BIO *bio = ssl == NULL ? NULL : BIO_new(t->beneath);

	if (bio == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, c);
	return ssl;
}

/* Takes c. */
static struct tls_conn *
give_shake(struct tls *t, struct tls_conn *c, struct shake *s)
{
	if (c->ssl == NULL) {
		ERR_clear_error();
		free(c->peer);
		free(c);
		return NULL;
	}
	c->shake = s;
	s->conn = c;
	t->n_shakes += c->peer == NULL;
	return c;
}

struct tls_conn *
tls_open(struct tls *t, void *conn)
{
	struct shake *s = t->set == NULL ? NULL :
	    shake_new(t, 0, TLS_SHAKING_MAX);
	struct tls_conn *c = s == NULL ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->tls = t;
	c->conn = conn;
	c->ssl = put_on_top(t, c, SSL_new(t->set->ctx[0]));
	if (c->ssl != NULL)
		SSL_set_accept_state(c->ssl);
	return give_shake(t, c, s);
}

struct tls_conn *
tls_dial(struct tls *t, void *conn, struct span name, bool verify)
{
	struct shake *s = shake_new(t, TLS_SHAKING_MAX,
	    TLS_SHAKING_MAX + TLS_DIALS_MAX);
	struct tls_peer *peer;
	struct tls_conn *c;

	if (t->client == NULL)
		t->client = tls_client_new(t->ca);
	if (t->client == NULL || s == NULL || name.len >= sizeof(peer->name))
		return NULL;
	c = calloc(1, sizeof(*c));
	peer = calloc(1, sizeof(*peer));
	if (c == NULL || peer == NULL) {
		free(c);
		free(peer);
		return NULL;
	}
	memcpy(peer->name, name.p, name.len);
	c->tls = t;
	c->conn = conn;
	c->peer = peer;
	c->ssl = put_on_top(t, c, tls_client_ssl(t->client, peer, verify));
	return give_shake(t, c, s);
}

void
tls_dial_words(const struct tls_conn *c, struct buf *out)
{
	tls_client_words(c->peer, c->err, out);
}

static void
note_failure(struct tls_conn *c)
{
	c->is_broken = true;
	c->err = ERR_peek_last_error();
	if (c->shake != NULL && c->shake->question == QUESTION_REFUSED)
		c->why = TLS_WHY_KEY;
	else
		c->why = tls_why_of_error(c->err);
}

static int
step(struct tls_conn *c)
{
	int ret;

	ERR_clear_error();
	shaking = c->shake;
	ret = SSL_do_handshake(c->ssl);
	shaking = NULL;
	return ret == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, ret);
}

enum tls_state
tls_shake(struct tls_conn *c)
{
	if (c->is_broken)
		return TLS_FAILED;
	if (c->shake == NULL)
		return TLS_UP;
	switch (step(c)) {
	case SSL_ERROR_NONE:
		SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
		c->is_resumed = SSL_session_reused(c->ssl) == 1;
		shake_end(c);
		return TLS_UP;
	case SSL_ERROR_WANT_READ:
		return TLS_READS;
	case SSL_ERROR_WANT_ASYNC:
		return TLS_ASKS;
	default:
		note_failure(c);
		ERR_clear_error();
		return TLS_FAILED;
	}
}

bool
tls_is_up(const struct tls_conn *c)
{
	return c->shake == NULL;
}

bool
tls_has_begun(const struct tls_conn *c)
{
	return c->has_begun;
}

bool
tls_is_resumed(const struct tls_conn *c)
{
	return c->is_resumed;
}

bool
tls_is_1_3(const struct tls_conn *c)
{
	return SSL_version(c->ssl) == TLS1_3_VERSION;
}

enum tls_why
tls_failure(const struct tls_conn *c, struct tls_hello *hello)
{
	if (c->shake != NULL)
		*hello = c->shake->hello;
	else
		*hello = (struct tls_hello){ 0 };
	return c->why;
}

ssize_t
tls_read(struct tls_conn *c, void *mem, size_t room)
{
	size_t n = 0;
	int ret;

	if (c->is_broken || c->shake != NULL)
		return -EPIPE;
	ERR_clear_error();
	ret = SSL_read_ex(c->ssl, mem, room, &n);
	if (ret == 1)
		return (ssize_t)n;
	if (SSL_get_error(c->ssl, ret) == SSL_ERROR_WANT_READ)
		return 0;
	/* After close_notify one may still be said. */
	if (SSL_get_error(c->ssl, ret) != SSL_ERROR_ZERO_RETURN)
		note_failure(c);
	ERR_clear_error();
	return -EPIPE;
}

bool
tls_has_part(const struct tls_conn *c)
{
	return c->shake == NULL && SSL_has_pending(c->ssl) == 1;
}

bool
tls_write(struct tls_conn *c, struct span bytes)
{
	size_t n;

	if (c->is_broken || c->shake != NULL)
		return false;
	ERR_clear_error();
	if (bytes.len == 0 ||
	    SSL_write_ex(c->ssl, bytes.p, bytes.len, &n) == 1)
		return true;
	c->is_broken = true;
	ERR_clear_error();
	return false;
}

/* A job that waits holds a stack of its own, which only its end gives back. */
static void
end_job(struct tls_conn *c)
{
	if (c->shake == NULL || SSL_waiting_for_async(c->ssl) != 1)
		return;
	c->shake->question = QUESTION_REFUSED;
	step(c);
	c->is_broken = true;
}

void
tls_close(struct tls_conn *c, bool polite)
{
	if (c == NULL)
		return;
	end_job(c);
	if (polite && !c->is_broken && c->shake == NULL)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	ERR_clear_error();
	shake_end(c);
	free(c->peer);
	free(c);
}
