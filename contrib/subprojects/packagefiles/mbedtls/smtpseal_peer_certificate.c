/* How the handshake reads a certificate of the peer. mbedtls_x509_crt_parse_der, which it would use,
 * refuses certificates with a critical extension that mbedTLS does not know, name constraints among
 * them, and thereby the handshake, verified or not. The files that read the Certificate message
 * (ssl_tls.c, ssl_tls13_generic.c) are compiled to call this instead; see meson.build.
 *
 * Such extensions are thus for the verification callback to judge: whoever verifies peers must refuse
 * what nobody understands there (RFC 5280 4.2). src/tls/mbedtls_client.cc does.
 *
 * It also counts, for each thread, what it read: a handshake in which nothing was read resumed a
 * session, which mbedTLS does not tell otherwise.
 */
#include <mbedtls/build_info.h>
#include <mbedtls/x509_crt.h>

int smtpseal_parse_peer_certificate(mbedtls_x509_crt *chain, const unsigned char *der, size_t size);
unsigned long smtpseal_peer_certificates_read(void);

static _Thread_local unsigned long certificates_read;

unsigned long smtpseal_peer_certificates_read(void)
{
    return certificates_read;
}

static int let_pass(void *context, mbedtls_x509_crt const *certificate, mbedtls_x509_buf const *oid,
                    int is_critical, const unsigned char *value, const unsigned char *end)
{
    (void) context;
    (void) certificate;
    (void) oid;
    (void) is_critical;
    (void) value;
    (void) end;
    return 0;
}

int smtpseal_parse_peer_certificate(mbedtls_x509_crt *chain, const unsigned char *der, size_t size)
{
    ++certificates_read;
    return mbedtls_x509_crt_parse_der_with_ext_cb(chain, der, size, 1, let_pass, NULL);
}
