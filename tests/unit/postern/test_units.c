/* The drop-ins that `postern units` writes, as text. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/units.h"
#include "tests/unit/postern/suite.h"

static char dir[64], text[2048];

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static void
setup(struct conf *c)
{
	*c = (struct conf){ .external_udp = 5070, .internal_udp = 5060,
		.external_tcp = 5070,
		.processes = 1, .store_path = "/var/lib/postern/postern.db",
		.store_key = "/etc/postern/store.key" };
	c->n_external = 2;
	c->n_internal = 1;
	addr_parse_ip(SPAN_LIT("192.0.2.2"), &c->external[0]);
	addr_parse_ip(SPAN_LIT("2001:db8::2"), &c->external[1]);
	addr_parse_ip(SPAN_LIT("192.168.10.2"), &c->internal[0]);
	snprintf(dir, sizeof(dir), "/tmp/postern-units-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *
drop_in(const char *unit)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.d/50-postern-conf.conf", dir,
	    unit);
	fd = open(path, O_RDONLY);
	ck_assert_msg(fd >= 0, "%s", path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

START_TEST(listeners_get_every_address_in_order)
{
	struct conf c;

	setup(&c);
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-sip-external.socket"),
	    "# Made by `postern units`.\n[Socket]\nListenDatagram=\n"
	    "ListenDatagram=192.0.2.2:5070\n"
	    "ListenDatagram=[2001:db8::2]:5070\n");
	ck_assert_str_eq(drop_in("postern-sip-internal.socket"),
	    "# Made by `postern units`.\n[Socket]\nListenDatagram=\n"
	    "ListenDatagram=192.168.10.2:5060\n");
	ck_assert_str_eq(drop_in("postern-sip-external-tcp.socket"),
	    "# Made by `postern units`.\n[Socket]\nListenStream=\n"
	    "ListenStream=192.0.2.2:5070\n"
	    "ListenStream=[2001:db8::2]:5070\n");
	/* internal_tcp is off */
	ck_assert_str_eq(drop_in("postern-sip-internal-tcp.socket"),
	    "# Made by `postern units`.\n[Socket]\nListenStream=\n");
	teardown();
}
END_TEST

START_TEST(a_listener_that_is_off_is_masked_until_it_is_on)
{
	char path[128], to[16];
	struct conf c;

	setup(&c);
	snprintf(path, sizeof(path), "%s/postern-sip-internal.socket", dir);
	c.internal_udp = 0;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(units_write(&c, dir), 0);
		ck_assert_int_eq(readlink(path, to, sizeof(to)), 9);
		ck_assert_mem_eq(to, "/dev/null", 9);
	}
	c.internal_udp = 5060;
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_int_lt(readlink(path, to, sizeof(to)), 0);
	teardown();
}
END_TEST

START_TEST(further_relays_are_wanted_and_their_doors_handed_over)
{
	struct conf c;

	setup(&c);
	c.processes = 3;
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern.target"),
	    "# Made by `postern units`.\n[Unit]\n"
	    "Wants=postern-mediaproxy@1.service\n"
	    "Wants=postern-mediaproxy@2.service\n");
	ck_assert_str_eq(drop_in("postern-sigproxy.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "Sockets=postern-door-sigproxy.mediaproxy@1.socket\n"
	    "Sockets=postern-door-sigproxy.mediaproxy@2.socket\n");
	ck_assert_ptr_nonnull(strstr(drop_in("postern-stunmon.service"),
	    "Sockets=postern-door-stunmon.mediaproxy@2.socket\n"));
	/* and gone again */
	c.processes = 1;
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern.target"),
	    "# Made by `postern units`.\n[Unit]\n");
	teardown();
}
END_TEST

START_TEST(tracer_reaches_its_receiver_and_nobody_else)
{
	struct conf c;

	setup(&c);
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-tracer.service"),
	    "# Made by `postern units`.\n[Service]\n");
	c.processes = 2;
	ck_assert_int_eq(addr_parse(SPAN_LIT("192.168.10.9:9060"), 0, &c.hep),
	    0);
	c.hep_transport = TRANSPORT_UDP;
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-tracer.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "Sockets=postern-door-tracer.mediaproxy@1.socket\n"
	    "PrivateNetwork=no\n"
	    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
	    "IPAddressAllow=192.168.10.9\n");
	/* by TLS it reads whom to believe */
	c.processes = 1;
	c.hep_transport = TRANSPORT_TLS;
	snprintf(c.hep_tls_ca, sizeof(c.hep_tls_ca), "/etc/ca.pem");
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-tracer.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "PrivateNetwork=no\n"
	    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
	    "IPAddressAllow=192.168.10.9\n"
	    "BindReadOnlyPaths=-/etc/ca.pem\n");
	teardown();
}
END_TEST

START_TEST(a_store_elsewhere_is_let_into_the_root)
{
	struct conf c;

	setup(&c);
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-registrar-db.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "LoadCredential=store.key:/etc/postern/store.key\n");
	snprintf(c.store_path, sizeof(c.store_path), "/srv/sip/p.db");
	snprintf(c.store_key, sizeof(c.store_key), "/srv/key");
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_str_eq(drop_in("postern-registrar-db.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "LoadCredential=store.key:/srv/key\nBindPaths=/srv/sip\n");
	ck_assert_ptr_nonnull(strstr(drop_in("postern-key.service"),
	    "of=/srv/key bs=32"));
	teardown();
}
END_TEST

START_TEST(keyd_is_wanted_with_its_credentials_where_tls_is_served)
{
	char path[128], to[16];
	struct conf c;

	setup(&c);
	snprintf(path, sizeof(path), "%s/postern-sip-external-tls.socket",
	    dir);
	c.external_tls = 5071;
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_int_eq(readlink(path, to, sizeof(to)), 9);	/* masked */
	ck_assert_ptr_null(strstr(drop_in("postern.target"), "keyd"));
	c.n_tls_certificates = 2;
	c.n_tls_keys = 1;
	snprintf(c.tls_certificate[0], CONF_PATH_MAX, "/etc/tls/a.p12");
	snprintf(c.tls_certificate[1], CONF_PATH_MAX, "/etc/tls/b.pem");
	snprintf(c.tls_key[0], CONF_PATH_MAX, "/etc/tls/b.key");
	snprintf(c.tls_passphrase_file, CONF_PATH_MAX, "/etc/tls/pass");
	ck_assert_int_eq(units_write(&c, dir), 0);
	ck_assert_int_lt(readlink(path, to, sizeof(to)), 0);
	ck_assert_str_eq(drop_in("postern-keyd.service"),
	    "# Made by `postern units`.\n[Service]\n"
	    "LoadCredential=certificate-0:/etc/tls/a.p12\n"
	    "LoadCredential=certificate-1:/etc/tls/b.pem\n"
	    "LoadCredential=key-1:/etc/tls/b.key\n"
	    "LoadCredential=passphrase:/etc/tls/pass\n");
	ck_assert_ptr_nonnull(strstr(drop_in("postern.target"),
	    "Wants=postern-keyd.service postern-sip-external-tls.socket"));
	ck_assert_ptr_nonnull(strstr(drop_in("postern-sigproxy.service"),
	    "Sockets=postern-door-sigproxy.keyd.socket\n"));
	ck_assert_ptr_nonnull(strstr(drop_in(
	    "postern-sip-external-tls.socket"), "ListenStream=192.0.2.2:5071"));
	snprintf(c.tls_key[0], CONF_PATH_MAX, "/etc/tls/%%h.key");
	ck_assert_int_eq(units_write(&c, dir), -EINVAL);
	teardown();
}
END_TEST

START_TEST(a_path_that_a_unit_would_read_otherwise_is_refused)
{
	static const char *const bad[] = { "/srv/a b/p.db", "/srv/%h/p.db",
		"/srv/\"x/p.db", "/srv/a:b/p.db", "/srv/\\x/p.db",
		"/srv/p.db\nExecStart=/bin/sh", "p.db", "/p.db" };
	struct conf c;

	setup(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(c.store_path, sizeof(c.store_path), "%s", bad[i]);
		ck_assert_int_eq(units_write(&c, dir), -EINVAL);
	}
	teardown();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { listeners_get_every_address_in_order,
		keyd_is_wanted_with_its_credentials_where_tls_is_served,
		a_listener_that_is_off_is_masked_until_it_is_on,
		further_relays_are_wanted_and_their_doors_handed_over,
		tracer_reaches_its_receiver_and_nobody_else,
		a_store_elsewhere_is_let_into_the_root,
		a_path_that_a_unit_would_read_otherwise_is_refused };

	return run_suite("units", tests, sizeof(tests) / sizeof(tests[0]));
}
