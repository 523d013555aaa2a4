/* The STUN codec: RFC 5769's vectors, every attribute length, every cut. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/stun/suite.h"

static size_t
load(const char *name, uint8_t *mem, size_t cap)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/rfc5769/%s", VECTORS, name);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(mem, 1, cap, f);
	fclose(f);
	return n;
}

/* MD5("<katakana Matrix>:example.org:TheMatrIX"), RFC 5769 2.4. */
static const uint8_t long_term_key[16] = { 0xe8, 0xca, 0x7a, 0xd5, 0x9d, 0x5e,
	0xb0, 0x51, 0x8e, 0x31, 0x29, 0x11, 0xd2, 0xda, 0xb2, 0xa9 };

static const struct {
	const char *file;
	enum stun_class class;
	const char *mapped;
	bool fingerprint, long_term;
	unsigned unknown;
} vectors[] = {
	{ "sample-request.bin", STUN_REQUEST, NULL, true, false, 0 },
	{ "sample-ipv4-response.bin", STUN_SUCCESS, "192.0.2.1:32853", true,
	    false, 0 },
	{ "sample-ipv6-response.bin", STUN_SUCCESS,
	    "[2001:db8:1234:5678:11:2233:4455:6677]:32853", true, false, 0 },
	{ "sample-request-long-term-auth.bin", STUN_REQUEST, NULL, false,
	    true, 0 },
};

static void
compute_long_term_key(struct span *key, const struct stun_msg *m);

START_TEST(reads_the_vectors_of_rfc5769)
{
	uint8_t packet[256];
	struct addr want = addr_of(vectors[_i].mapped);
	struct span key = SPAN_LIT("VOkJxbRl1RmTxUk/WvJxBt");
	struct stun_msg m;
	size_t n = load(vectors[_i].file, packet, sizeof(packet));

	ck_assert(stun_is(span_make(packet, n)));
	ck_assert_int_eq(stun_parse(span_make(packet, n), &m), 0);
	ck_assert_int_eq(m.class, vectors[_i].class);
	ck_assert_int_eq(m.method, STUN_BINDING);
	ck_assert_uint_eq(m.n_unknown, vectors[_i].unknown);
	ck_assert_int_eq(m.mapped.family, want.family);
	if (want.family != ADDR_NONE)
		ck_assert(addr_eq(&m.mapped, &want));
	ck_assert_int_eq(stun_fingerprint_ok(&m), vectors[_i].fingerprint);
	if (vectors[_i].long_term)
		compute_long_term_key(&key, &m);
	ck_assert(stun_integrity_ok(&m, key));
	/* One bit wrong anywhere before it, and both must say so. */
	packet[m.integrity_at - 1] ^= 1;
	ck_assert(!stun_integrity_ok(&m, key));
	ck_assert(!stun_fingerprint_ok(&m));
	packet[m.integrity_at - 1] ^= 1;
	ck_assert(!stun_integrity_ok(&m, SPAN_LIT("wrong")));
}
END_TEST

static void
compute_long_term_key(struct span *key, const struct stun_msg *m)
{
	ck_assert(span_eq(m->realm, SPAN_LIT("example.org")));
	ck_assert(!span_is_empty(m->nonce));
	*key = span_make(long_term_key, sizeof(long_term_key));
}

START_TEST(writes_a_request_that_reads_back)
{
	static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";
	static const uint8_t head[] = { 0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42 };
	uint8_t mem[64];
	struct stun_msg m;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	stun_put_request(&b, tid);
	ck_assert_uint_eq(b.len, STUN_REQUEST_LEN);
	ck_assert_mem_eq(mem, head, sizeof(head));
	ck_assert_mem_eq(mem + 8, tid, sizeof(tid));
	ck_assert_int_eq(stun_parse(buf_span(&b), &m), 0);
	ck_assert_int_eq(m.class, STUN_REQUEST);
	ck_assert(stun_fingerprint_ok(&m));
	buf_init(&b, mem, STUN_REQUEST_LEN - 1);
	stun_put_request(&b, tid);
	ck_assert_int_eq(buf_err(&b), -EMSGSIZE);
}
END_TEST

/* A success response with one attribute at the end of a page that ends in
 * memory nobody may touch: over-reads do not go unseen. */
static uint8_t *page_end;

static void
make_guarded_page(void)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *mem = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(mem != MAP_FAILED);
	ck_assert_int_eq(mprotect(mem + page, (size_t)page, PROT_NONE), 0);
	page_end = mem + page;
}

static struct span
with_attribute(uint16_t type, uint16_t said, size_t room)
{
	size_t len = STUN_HEADER_LEN + 4 + room;
	uint8_t *p = page_end - len;

	memset(p, 0, len);
	p[0] = 0x01;
	p[1] = 0x01;
	p[2] = (uint8_t)((len - 20) >> 8);
	p[3] = (uint8_t)(len - 20);
	p[4] = 0x21;
	p[5] = 0x12;
	p[6] = 0xa4;
	p[7] = 0x42;
	p[20] = (uint8_t)(type >> 8);
	p[21] = (uint8_t)type;
	p[22] = (uint8_t)(said >> 8);
	p[23] = (uint8_t)said;
	return span_make(p, len);
}

static bool
length_is_right(uint16_t type, uint16_t said)
{
	switch (type) {
	case 0x0008:
		return said == 20;
	case 0x8028:
		return said == 4;
	case 0x0001:
	case 0x0020:
		return false;	/* family 0, or XORed to nonsense */
	case 0x0009:
		return false;	/* class 0 */
	default:
		return true;
	}
}

START_TEST(takes_no_attribute_longer_than_the_message)
{
	static const uint16_t types[] = { 0x0001, 0x0006, 0x0008, 0x0009,
		0x0014, 0x0015, 0x0020, 0x8022, 0x8028, 0x7fff };
	struct stun_msg m;

	make_guarded_page();
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (size_t room = 0; room <= 32; room += 4) {
			for (unsigned said = 0; said <= 65535; said++) {
				bool fits = said <= room &&
				    ((said + 3u) & ~3u) == room;
				int err;

				/* Shorter ones leave room for a second one. */
				if (said + 4 <= room)
					continue;
				err = stun_parse(with_attribute(types[t],
				    (uint16_t)said, room), &m);
				/* An assertion each would take seconds. */
				if ((err == 0) != (fits && length_is_right(
					types[t], (uint16_t)said)))
					ck_abort_msg("type %u length %u in %zu",
					    types[t], said, room);
			}
		}
	}
}
END_TEST

START_TEST(takes_no_part_of_a_message_for_a_message)
{
	uint8_t packet[256];
	struct stun_msg m;
	size_t n = load("sample-ipv4-response.bin", packet, sizeof(packet));

	make_guarded_page();
	for (size_t cut = 0; cut < n; cut++) {
		memcpy(page_end - cut, packet, cut);
		ck_assert_int_eq(stun_parse(span_make(page_end - cut, cut),
			&m), -EBADMSG);
	}
	/* The same, with a header that says it is whole. */
	for (size_t cut = 20; cut < n; cut += 4) {
		memcpy(page_end - cut, packet, cut);
		(page_end - cut)[3] = (uint8_t)(cut - 20);
		stun_parse(span_make(page_end - cut, cut), &m);
	}
}
END_TEST

START_TEST(every_bit_flipped_is_seen_or_harmless)
{
	uint8_t packet[256];
	struct span key = SPAN_LIT("VOkJxbRl1RmTxUk/WvJxBt");
	struct stun_msg m;
	size_t n = load("sample-ipv4-response.bin", packet, sizeof(packet));

	for (size_t bit = 0; bit < 8 * n; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (stun_parse(span_make(packet, n), &m) == 0)
			ck_assert(!stun_fingerprint_ok(&m) ||
			    !stun_integrity_ok(&m, key));
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(counts_attributes_that_must_be_understood)
{
	struct stun_msg m;

	make_guarded_page();
	ck_assert_int_eq(stun_parse(with_attribute(0x7f00, 4, 4), &m), 0);
	ck_assert_uint_eq(m.n_unknown, 1);
	ck_assert_int_eq(stun_parse(with_attribute(0x8f00, 4, 4), &m), 0);
	ck_assert_uint_eq(m.n_unknown, 0);
}
END_TEST

START_TEST(reads_the_old_mapped_address_and_prefers_the_xored)
{
	uint8_t p[] = { 1, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0x20, 0, 8, 0, 1, 0x33, 0x26, 0xe1, 0xba, 0xa6, 0x45,
		0, 1, 0, 8, 0, 1, 0x12, 0x34, 198, 51, 100, 9 };
	struct addr xored = addr_of("192.168.2.7:4660");
	struct addr plain = addr_of("198.51.100.9:4660");
	struct stun_msg m;

	ck_assert_int_eq(stun_parse(span_make(p, sizeof(p)), &m), 0);
	ck_assert(addr_eq(&m.mapped, &xored));
	p[21] = 0x22;	/* some other attribute that may be unknown */
	p[20] = 0x80;
	ck_assert_int_eq(stun_parse(span_make(p, sizeof(p)), &m), 0);
	ck_assert(addr_eq(&m.mapped, &plain));
}
END_TEST

void
add_stun_tests(Suite *s)
{
	TCase *tc = tcase_create("stun");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, reads_the_vectors_of_rfc5769, 0,
	    sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tc, writes_a_request_that_reads_back);
	tcase_add_test(tc, takes_no_attribute_longer_than_the_message);
	tcase_add_test(tc, takes_no_part_of_a_message_for_a_message);
	tcase_add_test(tc, every_bit_flipped_is_seen_or_harmless);
	tcase_add_test(tc, counts_attributes_that_must_be_understood);
	tcase_add_test(tc,
	    reads_the_old_mapped_address_and_prefers_the_xored);
	suite_add_tcase(s, tc);
}
