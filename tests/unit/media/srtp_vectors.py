#!/usr/bin/env python3
"""The vectors of RFC 3711, 6188 and 7714 as rows of C: srtp_vectors.py 3711.json 6188.json 7714.json OUT.h"""
import json
import sys


def read(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def row(suite, *fields):
    return "{ %s, %s },\n" % (", ".join('"%s"' % f for f in fields), suite)


cm, cm256, gcm = (read(path) for path in sys.argv[1:4])
with open(sys.argv[4], "w", encoding="ascii") as out:
    out.write("static const struct { const char *name, *key, *iv, *at, *block;\n"
              "enum srtp_suite suite; } keystream[] = {\n")
    for name, suite, v in (("RFC 3711 B.2", "SRTP_AES_CM_128_80", cm["b2_aes_cm"]),
                           ("RFC 6188 7.1", "SRTP_AES_256_CM_80", cm256["s7_1_aes_256_cm"])):
        for at, block in v["keystream_blocks"].items():
            out.write(row(suite, name, v["session_key"], v["iv_counter0"], at, block))
    out.write("};\nstatic const struct { const char *name, *master, *salt, *cipher,\n"
              "*cipher_salt, *auth; enum srtp_suite suite; } derived[] = {\n")
    for name, suite, v in (("RFC 3711 B.3", "SRTP_AES_CM_128_80", cm["b3_key_derivation"]),
                           ("RFC 6188 7.3", "SRTP_AES_256_CM_80", cm256["s7_3_aes_256_kdf"])):
        out.write(row(suite, name, v["master_key"], v["master_salt"], v["cipher_key"], v["cipher_salt"],
                      v.get("auth_key") or v["auth_key_used_hmac_sha1"]))
    out.write("};\nstatic const struct { const char *name, *key, *salt, *plain, *sealed;\n"
              "enum srtp_suite suite; } aead[] = {\n")
    for bits in ("128", "256"):
        v = gcm["s16_srtp_aead_aes_%s_gcm" % bits]
        out.write(row("SRTP_AEAD_" + bits, "RFC 7714 16, AES-" + bits, v["key"], v["salt"], v["plain_packet"],
                      v["encrypted_packet"]))
    out.write("};\n")
