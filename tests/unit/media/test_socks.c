/* Who gets a packet at a port of the relay: real sockets, on loopback. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mediaproxy/io/socks.h"
#include "tests/unit/media/suite.h"

/* One pair, at ports that nobody has. */
static struct fixture {
	struct ports ports;
	struct socks socks;
	struct addr own;
	int phone[2];
	struct addr at[2];	/* the phones' own */
} f;

static int
bound(const struct addr *want, int reuse, struct addr *out)
{
	struct sockaddr_storage at;
	socklen_t len = sock_addr_to(want, &at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof(reuse));
	if (bind(fd, (struct sockaddr *)&at, len) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	getsockname(fd, (struct sockaddr *)&at, &len);
	*out = sock_addr_from(&at);
	return fd;
}

static struct addr
any_port(void)
{
	struct addr a = addr_of("127.0.0.1:1");

	a.port = 0;
	return a;
}

static int
bind_at(uint16_t port)
{
	struct conf c = { .external = { any_port() },
		.n_external = 1, .ports_first = port,
		.ports_last = (uint16_t)(port + 1), .processes = 1,
		.channels = 1 };
	struct addr failed;

	ck_assert_int_eq(socks_plan(&c, 0, &f.ports), 0);
	return priv_socks_bind(&f.socks, &f.ports, 0, &failed);
}

static void
setup(void)
{
	const struct addr any = any_port();
	uint16_t port = 40000;

	while (bind_at(port) != 0) {
		ports_clear(&f.ports);
		port += 2;
		ck_assert_uint_lt(port, 60000);
	}
	f.own = port_own(&f.ports.pair[0], PORT_RTP);
	for (int i = 0; i < 2; i++)
		f.phone[i] = bound(&any, 0, &f.at[i]);
}

static void
teardown(void)
{
	for (uint32_t i = 0; i < f.socks.n; i++)
		close(f.socks.sock[i].fd);
	close(f.phone[0]);
	close(f.phone[1]);
	free(f.socks.sock);
	ports_clear(&f.ports);
}

static struct sock *
first(void)
{
	return &f.socks.sock[0];
}

static struct sock *
direct(void)
{
	return &f.socks.sock[socks_direct(&f.socks, 0)];
}

static void
say(int phone, char what)
{
	struct sockaddr_storage to;
	socklen_t len = sock_addr_to(&f.own, &to);

	ck_assert_int_eq(sendto(f.phone[phone], &what, 1, 0,
		(struct sockaddr *)&to, len), 1);
}

/* What lies there; 0: nothing. On loopback it is there when it was sent. */
static char
heard(int fd)
{
	char what = 0;

	return recv(fd, &what, 1, MSG_DONTWAIT) == 1 ? what : 0;
}

START_TEST(nobody_else_can_have_the_port)
{
	struct addr got;

	ck_assert_int_eq(bound(&f.own, 0, &got), -EADDRINUSE);
	ck_assert_int_eq(bound(&f.own, 1, &got), -EADDRINUSE);
}
END_TEST

START_TEST(without_a_phone_all_comes_to_the_first)
{
	say(0, 'a');
	say(1, 'b');
	ck_assert_int_eq(heard(direct()->fd), 0);
	ck_assert_int_eq(heard(first()->fd), 'a');
	ck_assert_int_eq(heard(first()->fd), 'b');
}
END_TEST

START_TEST(the_phones_packets_come_to_the_direct_one)
{
	ck_assert_int_eq(sock_connect(direct(), &f.at[0], &f.own), 0);
	say(0, 'a');
	say(1, 'b');
	ck_assert_int_eq(heard(direct()->fd), 'a');
	ck_assert_int_eq(heard(direct()->fd), 0);
	ck_assert_int_eq(heard(first()->fd), 'b');
}
END_TEST

START_TEST(another_phone_takes_its_place)
{
	ck_assert_int_eq(sock_connect(direct(), &f.at[0], &f.own), 0);
	ck_assert_int_eq(sock_connect(direct(), &f.at[1], &f.own), 0);
	say(0, 'a');
	say(1, 'b');
	ck_assert_int_eq(heard(first()->fd), 'a');
	ck_assert_int_eq(heard(direct()->fd), 'b');
	ck_assert(addr_eq(&direct()->peer, &f.at[1]));
}
END_TEST

START_TEST(when_it_went_all_comes_to_the_first_again)
{
	ck_assert_int_eq(sock_connect(direct(), &f.at[0], &f.own), 0);
	ck_assert_int_eq(sock_connect(direct(), &f.own, &f.own), 0);
	ck_assert_int_eq(direct()->peer.family, ADDR_NONE);
	say(0, 'a');
	ck_assert_int_eq(heard(direct()->fd), 0);
	ck_assert_int_eq(heard(first()->fd), 'a');
}
END_TEST

START_TEST(both_send_from_the_same_port)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct addr source;
	char what;

	ck_assert_int_eq(sock_connect(direct(), &f.at[0], &f.own), 0);
	ck_assert_int_eq(sock_send(direct(), &f.at[0], "d", 1), 0);
	ck_assert_int_eq(sock_send(first(), &f.at[0], "f", 1), 0);
	for (const char *want = "df"; *want != '\0'; want++) {
		ck_assert_int_eq(recvfrom(f.phone[0], &what, 1, MSG_DONTWAIT,
			(struct sockaddr *)&from, &len), 1);
		source = sock_addr_from(&from);
		ck_assert_int_eq(what, *want);
		ck_assert(addr_eq(&source, &f.own));
	}
}
END_TEST

/* The ICMP error of a packet before is told at the next one, which is not
 * sent then. */
START_TEST(an_icmp_error_costs_no_packet)
{
	const struct addr gone = f.at[0];
	struct addr got;

	ck_assert_int_eq(sock_connect(direct(), &gone, &f.own), 0);
	close(f.phone[0]);
	ck_assert_int_eq(sock_send(direct(), &gone, "1", 1), 0);
	f.phone[0] = bound(&gone, 0, &got);
	ck_assert_int_ge(f.phone[0], 0);
	ck_assert_int_eq(sock_send(direct(), &gone, "2", 1), 0);
	ck_assert_int_eq(heard(f.phone[0]), '2');
}
END_TEST

void
add_socks_tests(Suite *s)
{
	TCase *tc = tcase_create("sockets");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nobody_else_can_have_the_port);
	tcase_add_test(tc, without_a_phone_all_comes_to_the_first);
	tcase_add_test(tc, the_phones_packets_come_to_the_direct_one);
	tcase_add_test(tc, another_phone_takes_its_place);
	tcase_add_test(tc, when_it_went_all_comes_to_the_first_again);
	tcase_add_test(tc, both_send_from_the_same_port);
	tcase_add_test(tc, an_icmp_error_costs_no_packet);
	suite_add_tcase(s, tc);
}
