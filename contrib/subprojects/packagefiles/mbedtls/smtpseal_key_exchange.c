/* Which group the key exchange of a handshake uses. mbedTLS has no call for it and forgets it when
 * the handshake is over, so this is asked in the callback that exports keys, which comes once they
 * are agreed on. Returns the number of the IANA registry, or 0 when there is none: a session of TLS
 * 1.2 that is resumed makes its keys from the old ones.
 */
#include "ssl_misc.h"

unsigned int smtpseal_key_exchange_group(const mbedtls_ssl_context *ssl);

unsigned int smtpseal_key_exchange_group(const mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_handshake_params *handshake = ssl->handshake;

    if (handshake == NULL) {
        return 0;
    }
    if (ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3) {
        return handshake->offered_group_id;
    }
#if defined(MBEDTLS_ECDH_LEGACY_CONTEXT)
    return mbedtls_ssl_get_tls_id_from_ecp_group_id(handshake->ecdh_ctx.grp.id);
#else
    return mbedtls_ssl_get_tls_id_from_ecp_group_id(handshake->ecdh_ctx.grp_id);
#endif
}
