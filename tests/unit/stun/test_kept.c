/* The file of what stunmon believes: whole, torn, forged. */
#include <errno.h>

#include "stunmon/core/kept.h"
#include "tests/unit/stun/suite.h"

static char image[KEPT_IMAGE];
static struct kept k, got;
static uint64_t generation;

static void
setup(void)
{
	struct history_row row = { .site = addr_of("198.51.100.1:1"),
		.state = PUBLIC_KNOWN, .wall_s = 1700000000,
		.server = addr_of("203.0.113.10:3478") };

	memset(image, 0, sizeof(image));
	k = (struct kept){ .sure_s = 1700000600 };
	k.site = k.dns = row.site;
	k.site.port = k.dns.port = row.site.port = 0;
	k.local[k.n_local++] = addr_of("192.168.10.2:1");
	k.sip[k.n_sip++] = (struct mapping_recall){ 0,
		addr_of("198.51.100.1:5070") };
	k.nat = (struct nat_result){ NAT_ENDPOINT, NAT_PORT, HAIRPIN_NO, true,
		true, true, 0 };
	for (unsigned i = 0; i < HISTORY_MAX; i++)
		history_add(&k.history, &row);
	generation = 0;
}

static int
get(void)
{
	got = (struct kept){ 0 };
	return kept_get(span_make(image, sizeof(image)), &got, &generation);
}

static void
put(uint64_t n)
{
	kept_put(&k, n, image + n % 2 * KEPT_SLOT);
}

START_TEST(what_is_written_is_read)
{
	put(7);
	ck_assert_int_eq(get(), 0);
	ck_assert_uint_eq(generation, 7);
	ck_assert_mem_eq(&got.site, &k.site, sizeof(k.site));
	ck_assert_mem_eq(&got.dns, &k.dns, sizeof(k.dns));
	ck_assert_int_eq(got.sure_s, k.sure_s);
	ck_assert_uint_eq(got.n_local, 1);
	ck_assert(addr_eq(&got.local[0], &k.local[0]));
	ck_assert_uint_eq(got.n_sip, 1);
	ck_assert(addr_eq(&got.sip[0].mapped, &k.sip[0].mapped));
	ck_assert_mem_eq(&got.nat, &k.nat, sizeof(k.nat));
	ck_assert_uint_eq(got.history.n, HISTORY_MAX);
	ck_assert_int_eq(history_get(&got.history, 15)->wall_s, 1700000000);
	ck_assert_uint_eq(history_get(&got.history, 15)->server.port, 3478);
}
END_TEST

START_TEST(the_fullest_state_fits)
{
	struct addr v6 = addr_of("[2001:db8::1]:65535");
	struct history_row row = { .site = v6, .state = PUBLIC_OLD,
		.wall_s = INT64_MAX / 2, .server = v6 };

	row.site.port = 0;
	k.site = k.dns = row.site;
	k.n_local = KEPT_LOCAL_MAX;
	k.n_sip = KEPT_SIP_MAX;
	for (unsigned i = 0; i < KEPT_SIP_MAX; i++) {
		k.local[i] = v6;
		k.sip[i] = (struct mapping_recall){ (uint16_t)i, v6 };
	}
	for (unsigned i = 0; i < HISTORY_MAX; i++)
		history_add(&k.history, &row);
	put(1);
	ck_assert_int_eq(get(), 0);
	ck_assert_uint_eq(got.n_sip, KEPT_SIP_MAX);
	ck_assert_uint_eq(got.history.n, HISTORY_MAX);
}
END_TEST

START_TEST(the_newer_slot_counts_and_the_older_one_when_it_is_torn)
{
	for (unsigned n = 1; n < 6; n++) {
		k.sure_s = n;
		put(n);
		ck_assert_int_eq(get(), 0);
		ck_assert_int_eq(got.sure_s, n);
	}
	for (size_t i = 0; i < KEPT_SLOT; i++) {
		image[KEPT_SLOT + i] ^= 0x40;
		ck_assert_int_eq(get(), 0);
		ck_assert_int_eq(got.sure_s, 4);
		image[KEPT_SLOT + i] ^= 0x40;
	}
	memset(image, 0, KEPT_SLOT);
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(got.sure_s, 5);
}
END_TEST

START_TEST(nothing_and_another_size_are_nothing)
{
	put(1);
	ck_assert_int_eq(kept_get(span_make(image, KEPT_SLOT), &got,
	    &generation), -ENOENT);
	memset(image, 0, sizeof(image));
	ck_assert_int_eq(get(), -ENOENT);
	memset(image, 0xff, sizeof(image));
	ck_assert_int_eq(get(), -ENOENT);
}
END_TEST

/* A captured stunmon wrote it, with a right sum. */
static const struct {
	const char *name;
	const char *site, *dns, *mapped, *row;
	unsigned filtering;
} forged[] = {
	{ "an office address", "192.168.10.9:1", NULL, NULL, NULL, 0 },
	{ "loopback", "127.0.0.1:1", NULL, NULL, NULL, 0 },
	{ "a carrier's", NULL, "100.64.0.1:1", NULL, NULL, 0 },
	{ "a mapping inside", NULL, NULL, "10.0.0.1:5070", NULL, 0 },
	{ "no mapping", NULL, NULL, "", NULL, 0 },
	{ "multicast in the history", NULL, NULL, NULL, "224.0.0.1:1", 0 },
	{ "a kind of NAT that is none", NULL, NULL, NULL, NULL, 9 },
};

START_TEST(what_cannot_be_is_not_read)
{
	struct history_row row = { .state = PUBLIC_KNOWN, .wall_s = 1 };

	if (forged[_i].site != NULL)
		k.site = addr_of(forged[_i].site);
	if (forged[_i].dns != NULL)
		k.dns = addr_of(forged[_i].dns);
	k.site.port = k.dns.port = 0;
	if (forged[_i].mapped != NULL)
		k.sip[0].mapped = forged[_i].mapped[0] == '\0' ?
		    (struct addr){ 0 } : addr_of(forged[_i].mapped);
	if (forged[_i].row != NULL) {
		row.site = addr_of(forged[_i].row);
		row.site.port = 0;
		history_add(&k.history, &row);
	}
	if (forged[_i].filtering != 0)
		k.nat.filtering = (enum nat_kind)forged[_i].filtering;
	put(1);
	ck_assert_msg(get() == -ENOENT, "%s", forged[_i].name);
}
END_TEST

void
add_kept_tests(Suite *s)
{
	TCase *tc = tcase_create("kept");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, the_fullest_state_fits);
	tcase_add_test(tc,
	    the_newer_slot_counts_and_the_older_one_when_it_is_torn);
	tcase_add_test(tc, nothing_and_another_size_are_nothing);
	tcase_add_loop_test(tc, what_cannot_be_is_not_read, 0,
	    sizeof(forged) / sizeof(forged[0]));
	suite_add_tcase(s, tc);
}
