/* RFC 7616, RFC 2617, RFC 8760 by their own examples. */
#include <errno.h>

#include "common/codec/digest.h"
#include "tests/unit/regdb/suite.h"

static const struct {
	const char *name, *algorithm, *username, *realm, *password, *method;
	const char *uri, *nonce, *nc, *cnonce, *qop, *ha1, *response;
} vectors[] = {
#include "digest_vectors.h"
};

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

START_TEST(every_vector_gives_its_ha1_and_response)
{
	struct digest *d = digest_new();

	ck_assert_ptr_nonnull(d);
	ck_assert_uint_ge(N_VECTORS, 7);
	/* Twice: the contexts are used again. */
	for (size_t n = 0; n < 2 * N_VECTORS; n++) {
		size_t i = n % N_VECTORS;
		char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
		const struct digest_in in = { span_str(vectors[i].method),
			span_str(vectors[i].uri), span_str(vectors[i].nonce),
			span_str(vectors[i].nc), span_str(vectors[i].cnonce),
			span_str(vectors[i].qop), SPAN_NONE };
		enum digest_alg alg;
		size_t len;

		ck_assert_int_eq(digest_alg(span_str(vectors[i].algorithm),
				     &alg), 0);
		len = digest_hex_len(alg);
		ck_assert_int_eq(digest_ha1(d, alg,
				     span_str(vectors[i].username),
				     span_str(vectors[i].realm),
				     span_str(vectors[i].password), ha1), 0);
		assert_span(span_make(ha1, len), vectors[i].ha1);
		ck_assert_int_eq(digest_response(d, alg, span_make(ha1, len),
				     &in, response), 0);
		assert_span(span_make(response, len), vectors[i].response);
	}
	digest_free(d);
}
END_TEST

START_TEST(without_qop_it_is_rfc_2069)
{
	/* RFC 2069 2.4 with the response of its erratum 749. */
	struct digest *d = digest_new();
	const struct digest_in in = { S("GET"), S("/dir/index.html"),
		S("dcd98b7102dd2f0e8b11d0f600bfb0c093"), SPAN_NONE, SPAN_NONE,
		SPAN_NONE, SPAN_NONE };
	char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];

	digest_ha1(d, DIGEST_MD5, S("Mufasa"), S("testrealm@host.com"),
	    S("CircleOfLife"), ha1);
	digest_response(d, DIGEST_MD5, span_make(ha1, 32), &in, response);
	assert_span(span_make(response, 32),
	    "1949323746fe6a43ef61f9606e7febea");
	digest_free(d);
}
END_TEST

START_TEST(auth_int_hashes_the_body_into_a2)
{
	/* Worked out with another program. */
	static const struct { enum digest_alg alg; const char *body, *want; }
	rows[] = {
		{ DIGEST_MD5, "b0d75ee0fad0609be9c67fb60aaf290a",
		    "b73b10c97f8386522d5c47f666cb726e" },
		{ DIGEST_SHA256, "4cf57627095fbc4886de378fcb3407917caca20bf078"
		    "ca3f0fac3e5ca9b192d8", "a647f44f8a60d8e895bb8303c2515ddfd"
		    "ecc2f23abd6e9b99c1fbc270bb0ff5b" },
	};
	struct digest *d = digest_new();

	for (size_t i = 0; i < 2; i++) {
		size_t len = digest_hex_len(rows[i].alg);
		char ha1[DIGEST_HEX_MAX], body[DIGEST_HEX_MAX];
		char response[DIGEST_HEX_MAX];
		const struct digest_in in = { S("INVITE"),
			S("sip:169@sip.example.org"),
			S("dcd98b7102dd2f0e8b11d0f600bfb0c0"), S("00000001"),
			S("0a4f113b"), S("auth-int"), span_make(body, len) };

		digest_body(d, rows[i].alg, S("v=0\r\n"), body);
		assert_span(span_make(body, len), rows[i].body);
		digest_ha1(d, rows[i].alg, S("SIP-168"), S("SMO-SIP"),
		    S("correct-horse-77"), ha1);
		digest_response(d, rows[i].alg, span_make(ha1, len), &in,
		    response);
		assert_span(span_make(response, len), rows[i].want);
	}
	digest_free(d);
}
END_TEST

START_TEST(algorithms_have_names_in_any_case)
{
	enum digest_alg alg;

	ck_assert_int_eq(digest_alg(SPAN_NONE, &alg), 0);
	ck_assert_int_eq(alg, DIGEST_MD5);
	ck_assert_int_eq(digest_alg(S("sha-512-256"), &alg), 0);
	ck_assert_int_eq(alg, DIGEST_SHA512_256);
	ck_assert_int_eq(digest_alg(S("MD5-sess"), &alg), -ENOTSUP);
	ck_assert_str_eq(digest_alg_name(DIGEST_SHA256), "SHA-256");
}
END_TEST

void
add_digest_tests(Suite *s)
{
	TCase *t = tcase_create("digest");

	tcase_add_test(t, every_vector_gives_its_ha1_and_response);
	tcase_add_test(t, without_qop_it_is_rfc_2069);
	tcase_add_test(t, auth_int_hashes_the_body_into_a2);
	tcase_add_test(t, algorithms_have_names_in_any_case);
	suite_add_tcase(s, t);
}
