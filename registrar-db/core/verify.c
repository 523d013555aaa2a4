#include "common/base/secret.h"
#include "registrar-db/core/verify.h"

enum digest_alg
verify_alg(const struct ipc_digest *answer)
{
	enum digest_alg alg;

	return digest_alg(answer->algorithm, &alg) == 0 ? alg : DIGEST_MD5;
}

/* nc is exactly 8 hexadecimal digits (RFC 7616 3.4). */
static bool
read_nc(struct span s, uint32_t *out)
{
	uint32_t v = 0;

	if (s.len != 8)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= '0' && c <= '9')
			c = (unsigned char)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			c = (unsigned char)((c | 32) - 'a' + 10);
		else
			return false;
		v = v << 4 | c;
	}
	*out = v;
	return true;
}

static bool
is_qop(const struct ipc_digest *a, enum digest_alg alg)
{
	if (digest_covers_body(a->qop))
		return a->body_hash.len == digest_hex_len(alg);
	return span_caseeq(a->qop, SPAN_LIT("auth"));
}

/* Is it an answer to a challenge of ours at all?  Says nothing of right. */
static bool
is_well_formed(const struct ipc_digest *a, struct nonce_use *use)
{
	enum digest_alg alg;

	*use = (struct nonce_use){ .nonce = a->nonce };
	if (digest_alg(a->algorithm, &alg) != 0)
		return false;
	if (span_is_empty(a->qop))
		return true;
	use->counted = true;
	return is_qop(a, alg) && !span_is_empty(a->cnonce) &&
	    read_nc(a->nc, &use->nc);
}

/* Hash and compare; in constant time for any content. */
static bool
is_right(struct digest *d, const struct ipc_digest *a, struct span ha1)
{
	enum digest_alg alg = verify_alg(a);
	const struct digest_in in = { a->method, a->uri, a->nonce, a->nc,
		a->cnonce, a->qop, a->body_hash };
	size_t len = digest_hex_len(alg);
	char want[DIGEST_HEX_MAX], got[DIGEST_HEX_MAX] = { 0 };

	if (digest_response(d, alg, ha1, &in, want) != 0)
		return false;
	for (size_t i = 0; i < len && i < a->response.len; i++) {
		char c = a->response.p[i];

		got[i] = c >= 'A' && c <= 'F' ? (char)(c | 32) : c;
	}
	return secret_eq(want, got, len) && a->response.len == len;
}

/* A device that is known does not share the budgets of where it is; in need it
 * has them beside its own. */
static bool
may_try(struct verify *v, struct mono now, const struct ipc_flow *flow,
    const struct account *who)
{
	const struct device_sign sign = { flow, who->mark };
	enum device_say say = devices_may_try(v->devices, now, who->id, &sign);
	bool here = flow->zone != ZONE_EXTERNAL ||
	    meter_place_may(v->meter, now, &flow->remote);

	here = meter_may_try(v->meter, now, who->id, &flow->remote,
		   who->urgent) && here;
	return say == DEVICE_MAY ||
	    (here && (say == DEVICE_UNKNOWN || who->urgent));
}

static void
count_wrong(struct verify *v, struct mono now, const struct ipc_flow *flow,
    const struct account *who)
{
	const struct device_sign sign = { flow, who->mark };

	if (!devices_wrong(v->devices, now, who->id, &sign))
		meter_wrong(v->meter, now, who->id, &flow->remote,
		    who->urgent);
}

enum verify_why
verify_answer(struct verify *v, struct mono now,
    const struct ipc_digest *answer, const struct ipc_flow *flow,
    const struct account *who)
{
	struct nonce_use use;
	bool formed = is_well_formed(answer, &use);
	bool weak = verify_alg(answer) < who->least;
	bool is_looked_at, right;

	if (!span_eq(answer->realm, v->realm))
		return VERIFY_OTHER_REALM;
	/* Nobody owns a nonce under a decoy's name. */
	if (nonce_check(v->nonces, now, &use, who->exists ? who->id : -1) !=
	    NONCE_GOOD)
		return VERIFY_STALE;
	is_looked_at = may_try(v, now, flow, who);
	right = is_right(v->digest, answer, who->ha1) && formed;
	if (!who->exists)
		return who->elsewhere ? VERIFY_ELSEWHERE : VERIFY_UNKNOWN_USER;
	if (!is_looked_at)
		return VERIFY_METERED;
	/* Hashed like any other: a right answer in a weak digest must tell
	 * nobody that the password is right, neither by time nor by budget. */
	if (!right || weak) {
		count_wrong(v, now, flow, who);
		return weak ? VERIFY_WEAK : VERIFY_WRONG;
	}
	if (!who->enabled)
		return VERIFY_DISABLED;
	if (flow->zone == ZONE_EXTERNAL && !who->internet)
		return VERIFY_NOT_FROM_INTERNET;
	if (!who->may)
		return VERIFY_NOT_HIS;
	nonce_spend(v->nonces, &use, who->id);
	return VERIFY_RIGHT;
}

bool
verify_is_guess(enum verify_why why)
{
	return why == VERIFY_WRONG || why == VERIFY_WEAK;
}

enum verdict
verify_verdict(enum verify_why why)
{
	switch (why) {
	case VERIFY_RIGHT:
		return VERDICT_OK;
	case VERIFY_STALE:
	case VERIFY_OTHER_REALM:
		return VERDICT_STALE;
	default:
		return VERDICT_FORBIDDEN;
	}
}

const char *
verify_why_name(enum verify_why why)
{
	static const char *const names[] = {
		[VERIFY_RIGHT] = "right",
		[VERIFY_STALE] = "stale nonce",
		[VERIFY_OTHER_REALM] = "answer for another realm",
		[VERIFY_UNKNOWN_USER] = "no such username",
		[VERIFY_ELSEWHERE] = "not from an address in allowed_from",
		[VERIFY_WRONG] = "wrong password",
		[VERIFY_WEAK] = "digest weaker than its min_digest",
		[VERIFY_METERED] = "too many wrong passwords",
		[VERIFY_DISABLED] = "subscriber is disabled",
		[VERIFY_NOT_FROM_INTERNET] = "no internet flag",
		[VERIFY_NOT_HIS] = "another subscriber's number",
	};

	return why < sizeof(names) / sizeof(names[0]) ? names[why] : "?";
}
