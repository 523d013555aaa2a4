/*
 * Private keys that are not here: an OpenSSL provider for references to keys
 * of keyd.
 *
 * A key of ours is its certificate's public key and its number at keyd.
 * OpenSSL's handshake signs with it as with any other; the provider is given
 * the whole to-be-signed octets, not a digest, and asks the signer, who
 * pauses the handshake until keyd answers.  EC, RSA and Ed25519; nothing but
 * signatures for a handshake: no decryption, no export of what is not here.
 */
#ifndef SIGPROXY_IO_TLS_KEY_H
#define SIGPROXY_IO_TLS_KEY_H

#include <openssl/evp.h>

#include "common/base/span.h"

#define TLS_TBS_MAX 512		/* octets of what is signed */
#define TLS_SIGNATURE_MAX 512

/*
 * Have this signed.
 *
 * Takes:   index   the key's number at keyd.
 *          scheme  TLS SignatureScheme (RFC 8446 4.2.3).
 *          tbs     lent.
 *          mem     TLS_SIGNATURE_MAX octets for the signature.
 * Gives:   length of the signature; 0: there is none.
 */
typedef size_t tls_signer(uint8_t index, uint16_t scheme, struct span tbs,
    unsigned char *mem);

/* Once, before the cage.  Errors: -EIO. */
int tls_key_init(tls_signer *signer);

/* A reference to keyd's key of this number; pub is copied.  Free it with
 * EVP_PKEY_free().  NULL: no memory, or a kind of key that is not served. */
EVP_PKEY *tls_key_new(EVP_PKEY *pub, uint8_t index);

#endif
