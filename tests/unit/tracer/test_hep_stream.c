/* A receiver of HEP that asks without end and reads nothing (TLS 1.3's
 * KeyUpdate): what waits for it has a bound. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/conf.h"
#include "tracer/io/hep_stream.h"

#define NAME "homer.office.example"
#define BOUND ((size_t)HEP_FRAME_MAX * 4)
#define SLACK ((size_t)64 * 1024)	/* answers to one read of questions */
#define SMALL 4096			/* what our own socket holds */

static char ca_path[] = "/tmp/postern-hep-ca-XXXXXX";
static struct hep_stream stream;
static struct conf conf;
static SSL *receiver;
static int listener, accepted = -1;
static size_t most_waiting;
static unsigned updates;
static uv_loop_t loop;

/* ---- the receiver ---- */

static X509 *
certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL,
	    NID_subject_alt_name, "DNS:" NAME);

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)NAME, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509_add_ext(x, names, -1);
	X509_EXTENSION_free(names);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

static void
save(X509 *x)
{
	int fd = mkstemp(ca_path);
	FILE *file = fdopen(fd, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(PEM_write_X509(file, x), 1);
	fclose(file);
}

static void
listen_there(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listener, (void *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (void *)&at, &len), 0);
	conf.hep = addr_from_bytes(&at.sin_addr, 4, ntohs(at.sin_port));
}

static void
setup(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate(key);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	save(x);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, x), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
	receiver = SSL_new(ctx);
	SSL_set_accept_state(receiver);
	SSL_CTX_free(ctx);
	X509_free(x);
	EVP_PKEY_free(key);
	listen_there();
	conf.hep_transport = TRANSPORT_TLS;
	strcpy(conf.hep_tls_name, NAME);
	strcpy(conf.hep_tls_ca, ca_path);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(hep_stream_init(&stream, &conf, &loop), 0);
}

/* Shake hands as one does; then only ask. */
static void
receive(void)
{
	if (accepted < 0) {
		accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (accepted >= 0)
			SSL_set_fd(receiver, accepted);
	} else if (!SSL_is_init_finished(receiver)) {
		SSL_do_handshake(receiver);
	}
	for (int i = 0; i < 500 && accepted >= 0 &&
	    SSL_is_init_finished(receiver); i++) {
		if (SSL_get_key_update_type(receiver) ==
		    SSL_KEY_UPDATE_NONE && SSL_key_update(receiver,
			SSL_KEY_UPDATE_REQUESTED) != 1)
			return;
		if (SSL_do_handshake(receiver) != 1)
			return;
		updates++;
	}
}

static size_t
waiting(void)
{
	return stream.tls.ssl == NULL ? 0 : hep_tls_out(&stream.tls).len;
}

START_TEST(who_asks_and_does_not_read_is_left)
{
	int small = SMALL;
	bool was_up = false;

	/* Some hundred thousand questions, if nobody ends it. */
	for (unsigned turn = 0; turn < 2000 &&
	    !(was_up && stream.state == HEP_AWAY); turn++) {
		receive();
		uv_run(&loop, UV_RUN_NOWAIT);
		if (!was_up && stream.state == HEP_UP)
			setsockopt(stream.fd, SOL_SOCKET, SO_SNDBUF, &small,
			    sizeof(small));
		was_up |= stream.state == HEP_UP;
		if (waiting() > most_waiting)
			most_waiting = waiting();
	}
	ck_assert(was_up);
	ck_assert_msg(stream.state == HEP_AWAY, "%u asked, %zu wait", updates,
	    most_waiting);
	ck_assert_str_eq(stream.why,
	    "the connection broke: No buffer space available");
	ck_assert_uint_gt(most_waiting, BOUND / 2);
	ck_assert_uint_lt(most_waiting, BOUND + SLACK);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

static void
teardown(void)
{
	unlink(ca_path);
	SSL_free(receiver);
	SSL_CTX_free(stream.tls.ctx);
}

int
main(void)
{
	Suite *s = suite_create("hep stream");
	TCase *tc = tcase_create("bound");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_asks_and_does_not_read_is_left);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
