/*
 * The ciphers of SRTP on bytes: session keys from a master key, and one
 * packet's encryption and tag.  Knows no packets; srtp.c does.
 *
 * OpenSSL's contexts are made once and shared by all streams: each packet
 * gives its key anew, which costs 0.3 us with AES instructions and leaves the
 * keys in memory of ours alone.  Nothing is allocated after start.
 */
#ifndef MEDIAPROXY_CORE_SRTP_CIPHER_H
#define MEDIAPROXY_CORE_SRTP_CIPHER_H

#include "common/codec/srtp_suite.h"

#define SRTP_SHA1_WORDS 5
#define SRTP_TAG_MAX 16
#define SRTP_SALT_LEN 14

struct srtp_engine;

/* Errors: NULL: no memory, or OpenSSL has no such cipher. */
struct srtp_engine *srtp_engine_new(void);
void srtp_engine_free(struct srtp_engine *e);

/* Session keys of SRTP or of SRTCP. */
struct srtp_keys {
	uint8_t cipher[32];
	uint8_t salt[SRTP_SALT_LEN];	/* AEAD: 12 bytes of it */
	uint32_t inner[SRTP_SHA1_WORDS];	/* HMAC-SHA1 after its pads */
	uint32_t outer[SRTP_SHA1_WORDS];
};

/* The label of the first of three keys (RFC 3711 4.3.1, 4.3.2). */
enum srtp_label { SRTP_LABEL_RTP = 0, SRTP_LABEL_RTCP = 3 };

/*
 * Derive the three session keys.
 *
 * Spec:    RFC 3711 4.3 (rate 0), 6188 3.1, 7714 11 (a salt of 12 bytes
 *          stands before two zeros).
 * Takes:   master  key and salt, srtp_key_len(suite) bytes.
 * Errors:  -EIO OpenSSL failed.
 */
int srtp_derive(struct srtp_engine *e, enum srtp_suite suite,
    const uint8_t *master, enum srtp_label label, struct srtp_keys *out);

/*
 * Encrypt or decrypt in place, counter mode.
 *
 * Spec:    RFC 3711 4.1.1: index is of 48 bits, SRTCP's of 31.
 * Errors:  -EIO.
 */
int srtp_counter(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t *data,
    size_t len);

/* The first tag_len bytes of HMAC-SHA1 over data and four bytes more. */
void srtp_hmac(const struct srtp_keys *k, const uint8_t *data, size_t len,
    uint32_t more, uint8_t *tag, size_t tag_len);

/* One packet in AEAD (RFC 7714 8, 9): two parts are authenticated only. */
struct srtp_aead {
	const struct srtp_keys *keys;
	uint32_t ssrc;
	uint64_t index;		/* 48 bits; SRTCP: 31 */
	const uint8_t *head, *word;	/* word: NULL, or 4 bytes of SRTCP */
	size_t head_len;
	uint8_t *data;		/* changed in place */
	size_t len;		/* without tag */
};

/* Errors: -EIO. */
int srtp_aead_seal(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_aead *a, uint8_t tag[SRTP_TAG_MAX]);
/* Errors: -EACCES wrong tag: data is spoilt; -EIO. */
int srtp_aead_open(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_aead *a, const uint8_t tag[SRTP_TAG_MAX]);

#endif
