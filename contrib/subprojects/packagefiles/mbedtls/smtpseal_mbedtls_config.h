/* mbedTLS 3.6 as smtpseal builds it: changes to upstream's include/mbedtls/mbedtls_config.h, which
 * is read before this file (MBEDTLS_USER_CONFIG_FILE). The library and every user of its headers
 * must see the same file, so the definition travels with the Meson dependency.
 *
 * What stays is what a mail relay needs on both of its sides: TLS 1.3 and 1.2, forward secrecy and
 * authenticated encryption always, RSA and ECDSA certificates, session tickets, and the making of
 * keys and certificates (the demonstration and the tests have an authority of their own).
 */
#ifndef SMTPSEAL_MBEDTLS_CONFIG_H
#define SMTPSEAL_MBEDTLS_CONFIG_H

/* Threads: the PSA key store, which TLS 1.3 uses, is one for the whole process. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

/* X25519 by Project Everest: verified code, and a full handshake costs about half. */
#define MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED

/* TLS records. A peer may send 16 KiB whatever we ask for; ours are as large as TLS allows. */
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384

/* TLS over datagrams, renegotiation, and extensions with no use in SMTP. */
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_SSL_DTLS_ANTI_REPLAY
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#undef MBEDTLS_SSL_DTLS_HELLO_VERIFY
#undef MBEDTLS_SSL_COOKIE_C
#undef MBEDTLS_SSL_RENEGOTIATION
#undef MBEDTLS_SSL_ALPN
#undef MBEDTLS_SSL_CACHE_C
#undef MBEDTLS_SSL_CONTEXT_SERIALIZATION
#undef MBEDTLS_SSL_KEYING_MATERIAL_EXPORT
#undef MBEDTLS_SSL_MAX_FRAGMENT_LENGTH

/* Key exchange: ephemeral elliptic curves only. A TLS 1.3 ticket is used with a fresh key share. */
#undef MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED
#undef MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED
#undef MBEDTLS_DHM_C
#undef MBEDTLS_ECJPAKE_C

/* Ciphers: AES-GCM and ChaCha20-Poly1305, nothing that is encrypted and authenticated apart. CBC
 * stays for the files of encrypted keys (RFC 8018, RFC 1421); which suites TLS has is a list in
 * src/tls/mbedtls_library.cc, and it has none of them. */
#undef MBEDTLS_CIPHER_MODE_CFB
#undef MBEDTLS_CIPHER_MODE_CTR
#undef MBEDTLS_CIPHER_MODE_OFB
#undef MBEDTLS_CIPHER_MODE_XTS
#undef MBEDTLS_CIPHER_PADDING_ONE_AND_ZEROS
#undef MBEDTLS_CIPHER_PADDING_ZEROS_AND_LEN
#undef MBEDTLS_CIPHER_PADDING_ZEROS
#undef MBEDTLS_SSL_ENCRYPT_THEN_MAC
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CAMELLIA_C
#undef MBEDTLS_CCM_C
#undef MBEDTLS_CMAC_C
#undef MBEDTLS_DES_C
#undef MBEDTLS_NIST_KW_C
#undef MBEDTLS_PADLOCK_C

/* Hashes: SHA-1 stays for key identifiers in certificates, and MD5 for the old way of encrypting
 * key files, which makes its key with it; they sign nothing that is accepted. */
#undef MBEDTLS_RIPEMD160_C
#undef MBEDTLS_SHA3_C

/* Curves: X25519, P-256, P-384, and P-521 for certificates that carry it. */
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP256K1_ENABLED
#undef MBEDTLS_ECP_DP_BP256R1_ENABLED
#undef MBEDTLS_ECP_DP_BP384R1_ENABLED
#undef MBEDTLS_ECP_DP_BP512R1_ENABLED
#undef MBEDTLS_ECP_DP_CURVE448_ENABLED

/* Files: certificates and keys are PEM or DER, keys perhaps encrypted by a passphrase; revocation
 * lists are not read. */
#undef MBEDTLS_PKCS7_C
#undef MBEDTLS_PKCS12_C
#undef MBEDTLS_PK_RSA_ALT_SUPPORT
#undef MBEDTLS_X509_CRL_PARSE_C
#undef MBEDTLS_X509_CSR_PARSE_C
#undef MBEDTLS_X509_CSR_WRITE_C
#undef MBEDTLS_LMS_C

/* PSA keys live in memory only; sockets and timers are libuv's; no self tests, no debug hooks. */
#undef MBEDTLS_PSA_CRYPTO_STORAGE_C
#undef MBEDTLS_PSA_ITS_FILE_C
#undef MBEDTLS_NET_C
#undef MBEDTLS_TIMING_C
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_SELF_TEST
#undef MBEDTLS_VERSION_FEATURES

/* Upstream's psa_util.h forgets to say that its functions are C; the first declaration decides. */
#ifdef __cplusplus
#include <stddef.h>
extern "C" int mbedtls_psa_get_random(void *p_rng, unsigned char *output, size_t output_size);
#endif

#endif /* SMTPSEAL_MBEDTLS_CONFIG_H */
