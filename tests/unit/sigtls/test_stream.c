/*
 * Connections over real sockets of the loopback, by TCP and by TLS: the peer
 * goes at each octet (CVE-2018-7286, CVE-2021-32686).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sigproxy/io/tcp.h"
#include "tests/unit/sigtls/lab.h"

#define MESSAGE                                                         \
	"OPTIONS sip:example.org SIP/2.0\r\n"                           \
	"Via: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKa\r\n"                \
	"Max-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=1\r\n"       \
	"To: <sip:example.org>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"    \
	"Content-Length: 4\r\n\r\nbody"
#define ANSWER "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
#define TCP_ROUNDS 10000
#define TLS_ROUNDS 120	/* fewer than may begin in a moment */

static uv_loop_t loop;
static struct tcp *tcp;
static struct edge_conf conf;
static struct lab_key key;
static uint16_t ports[3];		/* TCP, TLS, TLS outside */
static unsigned opened, closed, messages;
static bool is_late;			/* keyd answers when it is told */
static struct lab_asked late;
static unsigned serial;			/* of the client's address */

/* ---- the edge ---- */

static bool
on_opened(void *arg, const struct flow *flow)
{
	opened++;
	return true;
}

static void
on_closed(void *arg, const struct flow *flow)
{
	closed++;
}

static bool
on_carries(void *arg, const struct flow *flow)
{
	return false;
}

static void
on_message(void *arg, const struct flow *from, struct span bytes, bool lost)
{
	messages += !lost;
	tcp_send(tcp, from, SPAN_LIT(ANSWER));
}

static void
on_drained(void *arg)
{
	while (tcp_settle(tcp))
		;
}

static void
on_no_tls(void *arg, const struct flow *flow, enum tls_why why,
    const struct tls_hello *hello)
{
	/* Whatever was cut off. */
}

static void
sign(const struct lab_asked *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char mem[256];
	size_t len = sizeof(mem);

	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
		key.key), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, mem, &len, a->tbs, a->n), 1);
	EVP_MD_CTX_free(ctx);
	tls_signed(tcp_tls(tcp), a->id, span_make(mem, len));
	on_drained(NULL);
}

static void
on_ask_key(void *arg, uint32_t id, uint8_t index, uint16_t scheme,
    struct span tbs)
{
	late = (struct lab_asked){ id, index, scheme, tbs.len, { 0 } };
	memcpy(late.tbs, tbs.p, tbs.len);
	if (!is_late)
		sign(&late);
}

static int
listen_at(uint8_t number, enum zone zone, enum transport transport)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(in);

	conf.listeners[number] = (struct edge_listener){ (uint8_t)zone,
		(uint8_t)transport, { 0 } };
	conf.n_listeners = number + 1u;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	ports[number] = ntohs(in.sin_port);
	return fd;
}

static void
setup(void)
{
	struct tcp_ops ops = { on_opened, on_closed, on_carries, on_message,
		on_drained, on_no_tls, NULL, NULL, NULL,
		on_ask_key, NULL };
	int plain, secure, outside;

	ck_assert_int_eq(tls_init(), 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	plain = listen_at(0, ZONE_INTERNAL, TRANSPORT_TCP);
	secure = listen_at(1, ZONE_INTERNAL, TRANSPORT_TLS);
	outside = listen_at(2, ZONE_EXTERNAL, TRANSPORT_TLS);
	tcp = tcp_new(&loop, &conf, 512, 1, &ops);
	ck_assert_ptr_nonnull(tcp);
	lab_key_new(&key, "EC", "DNS:sip.example.org");
	ck_assert_int_eq(tls_certificate(tcp_tls(tcp), 0, 1,
		span_make(key.der, key.len)), 1);
	ck_assert_int_eq(tcp_add(tcp, 0, plain), 0);
	ck_assert_int_eq(tcp_add(tcp, 1, secure), 0);
	ck_assert_int_eq(tcp_add(tcp, 2, outside), 0);
	tcp_accept(tcp);
}

static void
teardown(void)
{
	lab_key_free(&key);
}

static void
turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* ---- the client ---- */

static int
dial(uint8_t number)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(ports[number]) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* Each from an address of its own: one may not begin so many. */
	serial++;
	from.sin_addr.s_addr = htonl(0x7f010000u + serial);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	turn();
	return fd;
}

static void
hang_up(int fd, bool reset)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* Nothing of it is left. */
static void
all_closed(void)
{
	for (int i = 0; i < 1000 && closed < opened; i++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(closed, opened);
	ck_assert_uint_eq(tls_shaking(tcp_tls(tcp)), 0);
}

START_TEST(torn_at_each_octet_by_tcp)
{
	const size_t len = sizeof(MESSAGE) - 1;
	unsigned whole = 0;

	for (unsigned i = 0; i < TCP_ROUNDS; i++) {
		size_t at = i % (len + 1);
		int fd = dial(0);

		whole += at == len;
		ck_assert_int_eq(send(fd, MESSAGE, at, MSG_NOSIGNAL),
		    (ssize_t)at);
		turn();
		hang_up(fd, i % 3 != 0);
		turn();
		if (i % 16 == 0)
			all_closed();
	}
	all_closed();
	ck_assert_uint_eq(opened, TCP_ROUNDS);
	ck_assert_uint_le(messages, whole);
	ck_assert_uint_gt(messages, 0);
}
END_TEST

/* What may still be sent of what OpenSSL has written. */
static size_t
push(SSL *ssl, int fd, size_t let)
{
	char mem[4096];
	int n = let == 0 ? 0 : BIO_read(SSL_get_wbio(ssl), mem,
	    (int)(let < sizeof(mem) ? let : sizeof(mem)));

	if (n <= 0)
		return 0;
	return send(fd, mem, (size_t)n, MSG_NOSIGNAL) == n ? (size_t)n : 0;
}

static void
pull(SSL *ssl, int fd)
{
	char mem[4096];
	ssize_t n = recv(fd, mem, sizeof(mem), MSG_DONTWAIT);

	if (n > 0)
		BIO_write(SSL_get_rbio(ssl), mem, (int)n);
}

/* Shake hands, say the message, hear the answer, as far as `at` octets go.
 * Gives: those sent. */
static size_t
talk(SSL *ssl, int fd, size_t at)
{
	bool said = false;
	size_t sent = 0;
	char mem[256];

	for (int i = 0; i < 12; i++) {
		if (!SSL_is_init_finished(ssl))
			SSL_do_handshake(ssl);
		else if (!said)
			said = SSL_write(ssl, MESSAGE, sizeof(MESSAGE) - 1) > 0;
		else
			SSL_read(ssl, mem, sizeof(mem));
		sent += push(ssl, fd, at - sent);
		turn();
		pull(ssl, fd);
	}
	ERR_clear_error();
	return sent;
}

static SSL *
client(SSL_CTX *ctx)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);

	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	return ssl;
}

static size_t
one(int version, size_t at, bool reset)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	size_t sent;
	int fd;

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	ssl = client(ctx);
	late.id = 0;
	late.n = 0;
	fd = dial(1);
	sent = talk(ssl, fd, at);
	hang_up(fd, reset);
	turn();
	if (is_late && late.n > 0)
		sign(&late);	/* for somebody who is gone */
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	all_closed();
	return sent;
}

START_TEST(torn_at_many_octets_by_tls)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	size_t len = one(versions[_i], SIZE_MAX, false);

	ck_assert_uint_eq(messages, 1);
	for (size_t i = 1; i < TLS_ROUNDS; i++) {
		is_late = i % 4 == 3;
		one(versions[_i], i * len / TLS_ROUNDS, i % 3 != 0);
	}
	is_late = false;
	ck_assert_uint_eq(opened, TLS_ROUNDS);
	ck_assert_uint_eq(messages, 1);
}
END_TEST

/* Many addresses, each with a connection that says nothing. */
START_TEST(the_office_shakes_hands_while_the_internet_floods)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = client(ctx);
	int flood[200], fd;

	for (size_t i = 0; i < 200; i++)
		flood[i] = dial(2);
	fd = dial(1);
	talk(ssl, fd, SIZE_MAX);
	ck_assert_uint_eq(messages, 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	hang_up(fd, false);
	for (size_t i = 0; i < 200; i++)
		hang_up(flood[i], true);
	turn();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("streams");
	TCase *tc = tcase_create("torn");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, torn_at_each_octet_by_tcp);
	tcase_add_loop_test(tc, torn_at_many_octets_by_tls, 0, 2);
	tcase_add_test(tc, the_office_shakes_hands_while_the_internet_floods);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_FORK);	/* the table is for a process */
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
