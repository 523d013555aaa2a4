/*
 * postern.conf: each row is a change to a small right file, and what the
 * reader says about it, word for word up to the remedy.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/codec/digest.h"
#include "common/io/conf.h"

/* Lines 1 to 6; what a row adds begins at line 7, in [address]. */
#define BASE "[site]\n"							\
	"domain = sip.example.org\n"					\
	"[address]\n"							\
	"internal = 192.168.10.2\n"					\
	"external = 192.168.10.2\n"					\
	"public = none\n"

static char path[64], said[16384];

static void
setup(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/conf-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	unlink(path);
}

static int
read_text(const char *text, size_t len, struct conf *out)
{
	FILE *f = fopen(path, "w"), *complaints;
	int err;

	fwrite(text, 1, len, f);
	fclose(f);
	memset(said, 0, sizeof(said));
	complaints = fmemopen(said, sizeof(said), "w");
	err = conf_read(path, complaints, out);
	fclose(complaints);
	return err;
}

static const struct {
	const char *name, *text, *want;	/* want after "FILE" */
} wrong[] = {
	/* the file */
	{ "unknown key", BASE "stunn = a.example:3478\n",
	    ":7: stunn: unknown key" },
	{ "unknown section", BASE "[sites]\nrealm = x\n",
	    ":8: realm: stands in no known section" },
	{ "a key of another section", BASE "channels = 5\n",
	    ":7: channels: unknown key in this section" },
	{ "no section", "domain = x.example\n",
	    ":1: domain: stands in no known section" },
	{ "a key twice", BASE "internal = 192.168.10.3\n",
	    ":7: internal: stands already in line 4" },
	{ "a section again, a key twice", BASE "[site]\ndomain = b.example\n",
	    ":8: domain: stands already in line 2" },
	{ "no value", BASE "stun =\n", ":7: stun: has no value" },
	{ "no equals sign", BASE "stun\n",
	    ":7: line: neither [section] nor key = value" },
	{ "an open section", BASE "[media\nchannels = 2\n",
	    ":7: line: not closed" },
	{ "a continuation line is none", BASE "stun = a.example\n  b.example\n",
	    ":8: line: neither [section] nor key = value" },
	/* required */
	{ "no domain", "[address]\ninternal=10.0.0.1\nexternal=10.0.0.1\n"
	    "public=none\n", ": domain: missing; set" },
	{ "no internal", "[site]\ndomain=a.example\n[address]\n"
	    "external=10.0.0.1\npublic=none\n",
	    ": internal: missing; set this host's address" },
	{ "no external", "[site]\ndomain=a.example\n[address]\n"
	    "internal=10.0.0.1\npublic=none\n",
	    ": external: missing; set this host's address" },
	{ "no way to learn the public address", "[site]\ndomain=a.example\n"
	    "[address]\ninternal=10.0.0.1\nexternal=10.0.0.1\n",
	    ": public = stun: no STUN server is named; set stun" },
	{ "public stun said, no server", "[site]\ndomain=a.example\n"
	    "[address]\ninternal=10.0.0.1\nexternal=10.0.0.1\npublic=stun\n",
	    ":6: public = stun: no STUN server is named; set stun" },
	/* values */
	{ "domain with port", "[site]\ndomain = a.example:5070\n",
	    ":2: domain = a.example:5070: not a host name" },
	{ "realm with quote", BASE "[site]\nrealm = a\"b\n",
	    ":8: realm = a\"b: holds a quote" },
	{ "digest", BASE "[site]\ndigest = md5, sha1\n",
	    ":8: digest = md5, sha1: not a list of digests; write md5, "
	    "sha256 or sha512-256" },
	{ "digest with the RFC's name", BASE "[site]\ndigest = SHA-256\n",
	    ":8: digest = SHA-256: not a list of digests" },
	{ "auth_int", BASE "[site]\nauth_int = both\n",
	    ":8: auth_int = both: neither yes nor no" },
	{ "accept_ip", BASE "[site]\naccept_ip = maybe\n",
	    ":8: accept_ip = maybe: neither yes nor no" },
	{ "aliases", BASE "[site]\naliases = a.example, b c\n",
	    ":8: aliases = a.example, b c: not a list of host names" },
	{ "nine aliases", BASE "[site]\naliases = a,b,c,d,e,f,g,h,i\n",
	    ":8: aliases = a,b,c,d,e,f,g,h,i: more than 8 entries" },
	{ "internal with port", "[address]\ninternal = 10.0.0.1:5060\n",
	    ":2: internal = 10.0.0.1:5060: not a list of IP addresses" },
	{ "any address", "[address]\nexternal = 0.0.0.0\n",
	    ":2: external = 0.0.0.0: no address of an interface" },
	{ "an address twice", "[address]\nexternal = 10.0.0.1, 10.0.0.1\n",
	    ":2: external = 10.0.0.1, 10.0.0.1: holds an address twice" },
	{ "mapped is the same address",
	    "[address]\nexternal = 10.0.0.1, ::ffff:10.0.0.1\n",
	    ":2: external = 10.0.0.1, ::ffff:10.0.0.1: holds an address "
	    "twice" },
	{ "lan", BASE "lan = 10.0.0.0/40\n",
	    ":7: lan = 10.0.0.0/40: not a list of networks" },
	{ "lan is everything", BASE "lan = 0.0.0.0/0\n",
	    ":7: lan = 0.0.0.0/0: would call the whole internet" },
	{ "public with port", "[address]\npublic = 198.51.100.1:5070\n",
	    ":2: public = 198.51.100.1:5070: neither stun, none" },
	{ "public multicast", "[address]\npublic = 224.0.0.1\n",
	    ":2: public = 224.0.0.1: no address phones can send to" },
	{ "public is no name", "[address]\npublic = sometimes\n",
	    ":2: public = sometimes: neither stun, none" },
	{ "public is a broken address", "[address]\npublic = 300.1.1.1\n",
	    ":2: public = 300.1.1.1: neither stun, none" },
	{ "stun port", BASE "stun = stun.example.org:0\n",
	    ":7: stun = stun.example.org:0: not a list of servers" },
	{ "stun name", BASE "stun = stun_server\n",
	    ":7: stun = stun_server: not a list of servers" },
	{ "interval too short", BASE "stun_interval_s = 4\n",
	    ":7: stun_interval_s = 4: not a number from 5 to 3600" },
	{ "interval too long", BASE "stun_interval_s = 3601\n",
	    ":7: stun_interval_s = 3601: not a number from 5 to 3600" },
	{ "port too high", BASE "[listen]\nexternal_udp = 65536\n",
	    ":8: external_udp = 65536: not a number from 0 to 65535" },
	{ "name is an address", BASE "name = 198.51.100.7\n",
	    ":7: name = 198.51.100.7: an address; write the DNS name" },
	{ "R41: advertised 0", BASE "[listen]\nexternal_tls_advertised = 0\n",
	    ":8: external_tls_advertised = 0: not a number from 1" },
	{ "R41: nobody listens", BASE "[listen]\nexternal_tcp = 0\n"
	    "external_tcp_advertised = 443\n",
	    ":9: external_tcp_advertised = 443: nobody listens: external_tcp "
	    "is 0" },
	{ "R41: one port for two", BASE "[listen]\n"
	    "external_tcp_advertised = 443\nexternal_tls_advertised = 443\n",
	    ":9: external_tls_advertised = 443: external_tcp_advertised is" },
	{ "channels 0", BASE "[media]\nchannels = 0\n",
	    ":8: channels = 0: not a number from 1 to 5000" },
	{ "channels 5001", BASE "[media]\nchannels = 5001\n",
	    ":8: channels = 5001: not a number from 1 to 5000" },
	{ "processes 9", BASE "[media]\nprocesses = 9\n",
	    ":8: processes = 9: not a number from 1 to 8" },
	{ "mode", BASE "[media]\nmode = relay\n",
	    ":8: mode = relay: unknown; use auto, punch or forwarded" },
	{ "latching", BASE "[media]\nlatching = none\n",
	    ":8: latching = none: unknown; use strict, signalled or open" },
	{ "hold", BASE "[media]\nhold = inactive\n",
	    ":8: hold = inactive: unknown; use transparent or sendrecv" },
	{ "relative path", BASE "[store]\npath = postern.db\n",
	    ":8: path = postern.db: not an absolute path" },
	{ "certificate alone", BASE "[tls]\ncertificate = /a.pem\n",
	    ":8: certificate = /a.pem: stands without a key" },
	{ "key alone", BASE "[tls]\nkey = /a.key\n",
	    ":8: key = /a.key: stands without a certificate" },
	{ "two certificates, one key", BASE "[tls]\n"
	    "certificate = /a.pem, /b.pem\nkey = /a.key\n",
	    ":9: key = /a.key: 1 keys for 2 certificates" },
	{ "a key for a .p12", BASE "[tls]\ncertificate = /a.p12\n"
	    "key = /a.key\n",
	    ":9: key = /a.key: 1 keys for 0 certificates" },
	{ "a certificate twice", BASE "[tls]\ncertificate = /a.pem, /a.pem\n"
	    "key = /a.key, /b.key\n",
	    ":8: certificate = /a.pem, /a.pem: holds a file twice" },
	{ "nine certificates", BASE "[tls]\ncertificate = /1.p12, /2.p12, "
	    "/3.p12, /4.p12, /5.p12, /6.p12, /7.p12, /8.p12, /9.p12\n",
	    ":8: certificate = /1.p12, /2.p12, /3.p12, /4.p12, /5.p12, /6.p12, "
	    "/7.p12, /8.p12, /9.p12: more than 8 entries" },
	{ "a relative certificate", BASE "[tls]\ncertificate = 1.p12, /b.p12\n",
	    ":8: certificate = 1.p12, /b.p12: not an absolute path" },
	{ "a relative folder", BASE "[tls]\ncertificate = /1.p12, a/b.p12\n",
	    ":8: certificate = /1.p12, a/b.p12: not an absolute path" },
	/* SIP ports */
	{ "R38: 5060 outside", BASE "[listen]\nexternal_udp = 5060\n"
	    "internal_udp = 5064\n",
	    ":8: external_udp = 5060: a legacy port" },
	{ "R38: 5062 outside", BASE "[listen]\nexternal_tls = 5062\n"
	    "internal_tls = 5065\n",
	    ":8: external_tls = 5062: a legacy port" },
	{ "both zones on one port", BASE "[listen]\nexternal_udp = 5080\n"
	    "internal_udp = 5080\n",
	    ":9: internal_udp = 5080: external_udp already listens" },
	{ "TCP and TLS on one port", BASE "[listen]\nexternal_tls = 5070\n",
	    ":8: external_tls = 5070: external_tcp already listens" },
	{ "no UDP outside", BASE "[listen]\nexternal_udp = 0\n",
	    ":8: external_udp = 0: off; our public address" },
	{ "no UDP inside", BASE "[listen]\ninternal_udp = 0\n",
	    ":8: internal_udp = 0: off; it cannot be yet" },
	/* traces */
	{ "HEP to a name", BASE "[trace]\nhep = tls:homer.example:9061\n",
	    ":8: hep = tls:homer.example:9061: not ADDRESS:PORT, tcp:ADDRESS"
	    ":PORT or tls:ADDRESS:PORT; a name cannot be looked up" },
	{ "HEP without port", BASE "[trace]\nhep = tcp:10.0.0.9\n",
	    ":8: hep = tcp:10.0.0.9: not ADDRESS:PORT" },
	{ "HEP by another way", BASE "[trace]\nhep = sctp:10.0.0.9:9060\n",
	    ":8: hep = sctp:10.0.0.9:9060: not ADDRESS:PORT" },
	{ "a name for TCP", BASE "[trace]\nhep = tcp:10.0.0.9:9060\n"
	    "hep_tls_name = homer.example\n",
	    ":9: hep_tls_name = homer.example: HEP does not go by TLS; set "
	    "hep = tls:ADDRESS:PORT" },
	{ "a CA for nobody", BASE "[trace]\nhep_tls_ca = /etc/ca.pem\n",
	    ":8: hep_tls_ca = /etc/ca.pem: HEP does not go by TLS" },
	/* RTP ports */
	{ "no range", BASE "[media]\nports = 16384\n",
	    ":8: ports = 16384: not a range; write FIRST-LAST" },
	{ "odd first", BASE "[media]\nports = 16385-16984\n",
	    ":8: ports = 16385-16984: RTP takes pairs" },
	{ "even last", BASE "[media]\nports = 16384-16982\n",
	    ":8: ports = 16384-16982: RTP takes pairs" },
	{ "backwards", BASE "[media]\nports = 16984-16385\n",
	    ":8: ports = 16984-16385: RTP takes pairs" },
	{ "privileged", BASE "[media]\nports = 1000-2001\n",
	    ":8: ports = 1000-2001: not two ports from 1024 to 65535" },
	{ "too few outside", BASE "[media]\nports = 20000-20117\n",
	    ":8: ports = 20000-20117: 118 ports are too few for 60 channels "
	    "in 1 process; make it 120 ports or more" },
	{ "too few inside", BASE "[media]\nchannels = 700\n"
	    "ports = 20000-29999\n",
	    ": internal_ports = 17000-17599: 600 ports are too few for 700 "
	    "channels in 1 process; make it 1400 ports or more" },
	{ "too few when shared out", BASE "[media]\nprocesses = 7\n"
	    "ports = 20000-20119\n",
	    ":9: ports = 20000-20119: 120 ports are too few for 60 channels "
	    "in 7 processes; make it 126 ports or more" },
	{ "too few with what is reserved", BASE "[media]\nreserved = 3\n"
	    "ports = 20000-20119\n",
	    ":9: ports = 20000-20119: 120 ports are too few for 63 channels "
	    "in 1 process; make it 126 ports or more" },
	{ "an emergency name", BASE "[site]\nemergency = 112, police\n",
	    ":8: emergency = 112, police: not a list of numbers of 1 to 15" },
	{ "a long emergency number", BASE "[site]\n"
	    "emergency = 1234567890123456\n",
	    ":8: emergency = 1234567890123456: not a list of numbers" },
	{ "ranges overlap", BASE "[media]\nports = 17400-18001\n",
	    ": internal_ports = 17000-17599: overlaps ports = 17400-18001" },
	{ "SIP port inside a range", BASE "[media]\nports = 5000-5599\n",
	    ":8: ports = 5000-5599: holds the SIP port 5070 of external_udp" },
};

START_TEST(what_is_wrong_is_said_with_file_and_line)
{
	char want[400];
	struct conf c = { .channels = 4711 };

	ck_assert_msg(read_text(wrong[_i].text, strlen(wrong[_i].text), &c) ==
	    -EINVAL, "%s: accepted", wrong[_i].name);
	ck_assert_uint_eq(c.channels, 4711);	/* untouched */
	snprintf(want, sizeof(want), "%s%s", path, wrong[_i].want);
	ck_assert_msg(strstr(said, want) != NULL, "%s: said:\n%swanted:\n%s",
	    wrong[_i].name, said, want);
	/* every complaint carries a remedy */
	for (char *l = strtok(said, "\n"); l != NULL; l = strtok(NULL, "\n"))
		ck_assert_msg(strchr(l, ';') != NULL, "no remedy: %s", l);
}
END_TEST

static const struct {
	const char *name, *text;
} right[] = {
	{ "the least", BASE },
	{ "comments, CRLF, tabs, no spaces", "# a\n; b\n[site]\r\n"
	    "\tdomain=sip.example.org\r\n\n[address]\r\n"
	    "internal=10.0.0.1\nexternal=10.0.0.1 ; inline\npublic=none\r\n" },
	{ "no newline at the end", BASE "lan = 10.0.0.0/8" },
	{ "a byte order mark", "\xef\xbb\xbf" BASE },
	{ "5061 is free while no trunk listens there",
	    BASE "[listen]\nexternal_tls = 5061\n" },
	{ "one port on two addresses", "[site]\ndomain=a.example\n[address]\n"
	    "internal=10.0.0.1\nexternal=10.0.1.1\npublic=none\n"
	    "[listen]\nexternal_udp=5080\ninternal_udp=5080\n" },
	{ "all channels of eight processes", BASE "[media]\nprocesses = 8\n"
	    "channels = 5000\nports = 20000-29999\n"
	    "internal_ports = 30000-39999\n" },
	{ "a range that fits channels exactly",
	    BASE "[media]\nports = 20000-20119\n" },
	{ "no emergency numbers", BASE "[media]\nreserved = 0\n" },
	{ "a dynamic name", "[site]\ndomain=a.example\n[address]\n"
	    "internal=10.0.0.1\nexternal=10.0.0.1\n"
	    "public = home.dyn.example\n" },
	{ "TCP and TLS off", BASE "[listen]\nexternal_tcp=0\nexternal_tls=0\n"
	    "internal_tcp=0\ninternal_tls=0\n" },
};

START_TEST(right_files_are_read_without_a_word)
{
	struct conf c;

	ck_assert_msg(read_text(right[_i].text, strlen(right[_i].text), &c) ==
	    0, "%s: %s", right[_i].name, said);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(defaults_are_those_of_the_design)
{
	struct conf c;

	ck_assert_int_eq(read_text(BASE, strlen(BASE), &c), 0);
	ck_assert_str_eq(c.domain, "sip.example.org");
	ck_assert_str_eq(c.realm, "sip.example.org");
	ck_assert_uint_eq(c.digests, 1u << DIGEST_MD5);
	ck_assert(!c.auth_int);
	ck_assert(c.accept_ip);
	ck_assert_uint_eq(c.n_aliases, 0);
	ck_assert_uint_eq(c.stun_interval_s, 15);
	ck_assert_uint_eq(c.external_udp, 5070);
	ck_assert_uint_eq(c.external_tcp, 5070);
	ck_assert_uint_eq(c.external_tls, 5071);
	ck_assert_uint_eq(c.internal_udp, 5060);
	ck_assert_uint_eq(c.internal_tcp, 5060);
	ck_assert_uint_eq(c.internal_tls, 5062);
	ck_assert_uint_eq(c.ports_first, 16384);
	ck_assert_uint_eq(c.ports_last, 16983);
	ck_assert_uint_eq(c.internal_ports_first, 17000);
	ck_assert_uint_eq(c.internal_ports_last, 17599);
	ck_assert_uint_eq(c.channels, 60);
	ck_assert_uint_eq(c.processes, 1);
	ck_assert_uint_eq(c.reserved, 2);
	ck_assert_uint_eq(c.n_emergency, 2);
	ck_assert_str_eq(c.emergency[0], "112");
	ck_assert_int_eq(c.mode, MEDIA_AUTO);
	ck_assert_int_eq(c.latching, LATCH_STRICT);
	ck_assert_int_eq(c.hold, HOLD_TRANSPARENT);
	ck_assert_str_eq(c.store_path, "/var/lib/postern/postern.db");
	ck_assert_str_eq(c.store_key, "/etc/postern/store.key");
}
END_TEST

START_TEST(every_key_arrives)
{
	static const char text[] = "[site]\ndomain = sip.example.org\n"
	    "realm = SMO-SIP\naliases = a.example, b.example\n"
	    "emergency = 110, +49112, *9#\n"
	    "accept_ip = no\ndigest = sha512-256, MD5\nauth_int = yes\n"
	    "[address]\ninternal = 192.168.10.2, fd00::2\n"
	    "external = 192.168.20.2, 2001:db8::2\n"
	    "lan = 192.168.10.0/24, fd00::/64\npublic = 198.51.100.9\n"
	    "stun = stun.example.org:3479, 198.51.100.3, [2001:db8::3]:99, "
	    "b.example\nstun_interval_s = 30\n"
	    "[media]\nports = 20000-20399\ninternal_ports = 21000-21399\n"
	    "channels = 90\nreserved = 10\nprocesses = 2\nmode = forwarded\n"
	    "latching = open\nhold = sendrecv\n"
	    "[tls]\ncertificate = /a/c.pem, /d.p12, e.pem\n"
	    "key = /k.pem, /f.pem\npassphrase_file = /p\n"
	    "[store]\npath = /a/b.db\nkey = /a/k\n";
	char mem[ADDR_TEXT_MAX + 1];
	struct conf c;

	ck_assert_msg(read_text(text, sizeof(text) - 1, &c) == 0, "%s", said);
	ck_assert_str_eq(c.realm, "SMO-SIP");
	ck_assert_uint_eq(c.digests, 1u << DIGEST_SHA512_256 | 1u << DIGEST_MD5);
	ck_assert(c.auth_int);
	ck_assert_uint_eq(c.n_aliases, 2);
	ck_assert_str_eq(c.aliases[1], "b.example");
	ck_assert(!c.accept_ip);
	ck_assert_uint_eq(c.n_internal, 2);
	ck_assert_str_eq(addr_text(&c.internal[1], mem), "[fd00::2]:0");
	ck_assert_uint_eq(c.n_external, 2);
	ck_assert_uint_eq(c.n_lan, 2);
	ck_assert_uint_eq(c.lan[0].bits, 24);
	ck_assert_int_eq(c.public_how, PUBLIC_ADDRESS);
	ck_assert_str_eq(addr_text(&c.public_addr, mem), "198.51.100.9:0");
	ck_assert_uint_eq(c.n_stun, 4);
	ck_assert_str_eq(c.stun[0].host, "stun.example.org");
	ck_assert_uint_eq(c.stun[0].port, 3479);
	ck_assert_uint_eq(c.stun[0].addr.family, ADDR_NONE);
	ck_assert_str_eq(c.stun[1].host, "198.51.100.3");
	ck_assert_str_eq(addr_text(&c.stun[1].addr, mem),
	    "198.51.100.3:3478");
	ck_assert_str_eq(addr_text(&c.stun[2].addr, mem), "[2001:db8::3]:99");
	ck_assert_str_eq(c.stun[3].host, "b.example");
	ck_assert(c.stun[0].port_given && !c.stun[3].port_given);
	ck_assert_uint_eq(conf_stun_port(&c.stun[0]), 3479);
	ck_assert_uint_eq(conf_stun_port(&c.stun[1]), 3478);
	ck_assert_uint_eq(conf_stun_port(&c.stun[3]), 0);
	ck_assert_uint_eq(c.stun[3].port, 3478);
	ck_assert_uint_eq(c.stun_interval_s, 30);
	ck_assert_uint_eq(c.n_emergency, 3);
	ck_assert_str_eq(c.emergency[1], "+49112");
	ck_assert_uint_eq(c.channels, 90);
	ck_assert_uint_eq(c.reserved, 10);
	ck_assert_uint_eq(c.processes, 2);
	ck_assert_int_eq(c.mode, MEDIA_FORWARDED);
	ck_assert_int_eq(c.latching, LATCH_OPEN);
	ck_assert_int_eq(c.hold, HOLD_SENDRECV);
	ck_assert_uint_eq(c.n_tls_certificates, 3);
	ck_assert_str_eq(c.tls_certificate[0], "/a/c.pem");
	ck_assert(conf_is_p12(c.tls_certificate[1]));
	ck_assert_str_eq(c.tls_certificate[2], "/a/e.pem");
	ck_assert_uint_eq(c.n_tls_keys, 2);
	ck_assert_str_eq(c.tls_key[1], "/f.pem");
	ck_assert_str_eq(c.tls_passphrase_file, "/p");
	ck_assert(conf_has_tls(&c));
	ck_assert_str_eq(c.store_path, "/a/b.db");
	ck_assert_str_eq(c.store_key, "/a/k");
}
END_TEST

static const struct {
	const char *text, *to;
	uint8_t transport;
	bool dials;
} receivers[] = {
	{ "", NULL, 0, false },
	{ "hep = 10.0.0.9:9060\n", "10.0.0.9:9060", TRANSPORT_UDP, false },
	{ "hep = udp:10.0.0.9:9060\n", "10.0.0.9:9060", TRANSPORT_UDP,
	    false },
	{ "hep = tcp:10.0.0.9:9060\n", "10.0.0.9:9060", TRANSPORT_TCP,
	    true },
	{ "hep = TLS: [2001:db8::9]:9061\nhep_tls_name = homer.example\n"
	    "hep_tls_ca = /etc/ca.pem\n", "[2001:db8::9]:9061",
	    TRANSPORT_TLS, true },
};

START_TEST(hep_goes_by_three_ways)
{
	char text[512], mem[ADDR_TEXT_MAX + 1];
	struct conf c;
	int n = snprintf(text, sizeof(text), BASE "[trace]\n%s",
	    receivers[_i].text);

	ck_assert_msg(read_text(text, (size_t)n, &c) == 0, "%s", said);
	ck_assert(conf_hep_dials(&c) == receivers[_i].dials);
	if (receivers[_i].to == NULL) {
		ck_assert_int_eq(c.hep.family, ADDR_NONE);
		ck_assert_str_eq(c.hep_tls_ca,
		    "/etc/ssl/certs/ca-certificates.crt");
		return;
	}
	ck_assert_str_eq(addr_text(&c.hep, mem), receivers[_i].to);
	ck_assert_uint_eq(c.hep_transport, receivers[_i].transport);
	if (receivers[_i].transport == TRANSPORT_TLS) {
		ck_assert_str_eq(c.hep_tls_name, "homer.example");
		ck_assert_str_eq(c.hep_tls_ca, "/etc/ca.pem");
	}
}
END_TEST

START_TEST(all_complaints_come_in_one_run)
{
	static const char text[] = "[site]\ndomain = a b\nfoo = 1\n"
	    "[media]\nports = 1\nchannels = many\n[listen]\n"
	    "external_udp = 5062\n";
	static const char *const want[] = { ":2: domain", ":3: foo",
		":5: ports", ":6: channels", ":8: external_udp",
		": internal", ": external", ": public" };
	struct conf c;
	unsigned lines = 0;

	ck_assert_int_eq(read_text(text, sizeof(text) - 1, &c), -EINVAL);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_msg(strstr(said, want[i]) != NULL, "%s in\n%s",
		    want[i], said);
	for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, sizeof(want) / sizeof(want[0]));
}
END_TEST

START_TEST(lines_that_would_be_misread_are_told)
{
	char text[1024];
	struct conf c;
	int n;

	/* inih would cut here and read the rest as another line */
	n = snprintf(text, sizeof(text), BASE "stun = %0195d\nlan = 1\n", 0);
	ck_assert_int_eq(read_text(text, (size_t)n, &c), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, ":7: line: longer than 198"));
	ck_assert_ptr_nonnull(strstr(said, ":8: lan = 1: not a list"));
	n = snprintf(text, sizeof(text), BASE "lan = 10.0.0.0/8%cx\n", 0);
	ck_assert_int_eq(read_text(text, (size_t)n, &c), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, ":7: line: holds a NUL byte"));
	/* terminal escapes are not repeated */
	n = snprintf(text, sizeof(text), BASE "stun = \033[2Jx\n");
	ck_assert_int_eq(read_text(text, (size_t)n, &c), -EINVAL);
	ck_assert_ptr_null(strchr(said, '\033'));
}
END_TEST

START_TEST(a_missing_file_is_said_by_its_errno)
{
	struct conf c;

	ck_assert_int_eq(conf_read("/nonexistent", stderr, &c), -ENOENT);
	ck_assert_int_eq(conf_read("/tmp", stderr, &c), -EISDIR);
}
END_TEST

START_TEST(the_sample_is_a_right_file)
{
	static char text[16384];
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct conf c;

	conf_sample(f);
	fclose(f);
	ck_assert_msg(read_text(text, strlen(text), &c) == 0, "%s", said);
	/* its comments state the defaults: uncommented they change nothing */
	for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++) {
		/* a key without a default */
		if (p[2] != ' ' && strchr(p + 1, '\n')[-1] != ' ')
			p[1] = ' ';
	}
	ck_assert_msg(read_text(text, strlen(text), &c) == 0, "%s", said);
}
END_TEST

static const struct {
	const char *ip;
	bool lan;
} who[] = {
	{ "192.168.1.1", true }, { "10.9.8.7", true },
	{ "172.31.0.1", true }, { "127.0.0.1", true },
	{ "169.254.1.1", true }, { "fd12::1", true }, { "fe80::1", true },
	{ "::1", true }, { "::ffff:192.168.1.1", true },
	{ "100.64.0.1", false }, { "198.51.100.1", false },
	{ "2001:db8::1", false }, { "172.32.0.1", false },
	{ "198.18.0.2", true },		/* our own internal address */
};

START_TEST(the_office_is_private_by_default)
{
	static const char text[] = "[site]\ndomain=a.example\n[address]\n"
	    "internal=198.18.0.2\nexternal=198.18.1.2\npublic=none\n";
	struct addr a;
	struct conf c;

	ck_assert_int_eq(read_text(text, sizeof(text) - 1, &c), 0);
	ck_assert_int_eq(addr_parse_ip(span_str(who[_i].ip), &a), 0);
	ck_assert_msg(conf_is_lan(&c, &a) == who[_i].lan, "%s", who[_i].ip);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_is_wrong_is_said_with_file_and_line, 0,
	    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_loop_test(t, right_files_are_read_without_a_word, 0,
	    sizeof(right) / sizeof(right[0]));
	tcase_add_test(t, defaults_are_those_of_the_design);
	tcase_add_test(t, every_key_arrives);
	tcase_add_loop_test(t, hep_goes_by_three_ways, 0,
	    (int)(sizeof(receivers) / sizeof(receivers[0])));
	tcase_add_test(t, all_complaints_come_in_one_run);
	tcase_add_test(t, lines_that_would_be_misread_are_told);
	tcase_add_test(t, a_missing_file_is_said_by_its_errno);
	tcase_add_test(t, the_sample_is_a_right_file);
	tcase_add_loop_test(t, the_office_is_private_by_default, 0,
	    sizeof(who) / sizeof(who[0]));
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
