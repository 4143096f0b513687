/* X25519 public keys by Project Everest's code, for PSA too.
 *
 * A TLS 1.3 client makes its key share with PSA, whose driver multiplies by way of the general
 * mbedtls_ecp_mul: some six million instructions, where Everest's verified X25519, which the same
 * handshake uses for the shared secret, takes a tenth of that. psa_crypto_ecp.c is compiled with
 * the function's name replaced by the one below.
 */
#include "common.h"

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#if !(defined(__SIZEOF_INT128__) && (__SIZEOF_INT128__ == 16))
#define KRML_VERIFIED_UINT128
#endif
#include <Hacl_Curve25519.h>

#define X25519_SIZE 32 /* octets of a key and of a point: RFC 7748 5 */

/* Declared as the library declares mbedtls_ecp_mul, so that a signature that changes upstream does
 * not go unnoticed. */
int smtpseal_ecp_mul(mbedtls_ecp_group *group, mbedtls_ecp_point *product, const mbedtls_mpi *scalar,
                     const mbedtls_ecp_point *point, mbedtls_f_rng_t *random, void *random_state);

int smtpseal_ecp_mul(mbedtls_ecp_group *group, mbedtls_ecp_point *product, const mbedtls_mpi *scalar,
                     const mbedtls_ecp_point *point, mbedtls_f_rng_t *random, void *random_state)
{
    unsigned char secret[X25519_SIZE];
    unsigned char base[X25519_SIZE];
    unsigned char shared[X25519_SIZE];
    size_t length = 0;
    int result;

    if (group->id != MBEDTLS_ECP_DP_CURVE25519) {
        return mbedtls_ecp_mul(group, product, scalar, point, random, random_state);
    }
    result = mbedtls_ecp_check_privkey(group, scalar);
    if (result == 0) {
        result = mbedtls_mpi_write_binary_le(scalar, secret, sizeof(secret));
    }
    if (result == 0) {
        result = mbedtls_ecp_point_write_binary(group, point, MBEDTLS_ECP_PF_UNCOMPRESSED, &length,
                                                base, sizeof(base));
    }
    if (result == 0) {
        Hacl_Curve25519_crypto_scalarmult(shared, secret, base);
        result = mbedtls_ecp_point_read_binary(group, product, shared, sizeof(shared));
    }
    mbedtls_platform_zeroize(secret, sizeof(secret));
    return result;
}
