/* AES-GCM eight blocks at a time, for x86-64.
 *
 * Why smtpseal carries this: mbedTLS encrypts and hashes one block after the other, each through
 * three function calls, and leaves the AES unit idle most of the time: some 400 MB/s where the
 * processor does ten times that. Large messages spend their time there.
 *
 * What it replaces: mbedtls_gcm_crypt_and_tag and mbedtls_gcm_auth_decrypt, the two functions that
 * protect a whole record (or a session ticket) in one call. gcm.c is compiled with other names for
 * its own, see meson.build, and those are called for all that is not AES with a nonce of 96 bits
 * and a message of ordinary size, on a processor with AES and carry-less multiplication. Keys and
 * their schedules, nonces, the limits of a key and everything else of TLS stay mbedTLS's; so do
 * results, error codes, and the zeroed output of a forged message. Contexts are only read.
 *
 * How it works: counter mode for eight blocks, whose rounds do not wait for each other, and between
 * the rounds the hash of eight blocks of ciphertext, as one polynomial in powers of the hash key
 * that is reduced once. The hash is computed as POLYVAL, which is GHASH with the octets of each
 * block reversed and a key times x (RFC 8452, appendix A). Nothing branches on a secret, no memory
 * is looked up by one.
 *
 * How it is tested: tests/tls/aes_gcm_test.cc, against published vectors and mbedTLS's own code;
 * tests/peers, against other TLS libraries. tests/tls/gcm_bench.cc measures it.
 */
#include <string.h>

#include <immintrin.h>

#include "common.h"

#include <mbedtls/aes.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "aesni.h"

#if !defined(MBEDTLS_AESNI_HAVE_CODE) || defined(MBEDTLS_BLOCK_CIPHER_C) || \
    defined(MBEDTLS_AES_ALT) || defined(MBEDTLS_GCM_ALT)
#error "the key schedule is not where this file looks for it"
#endif

/* Declared by mbedTLS's own types, so a signature that changes upstream does not go unnoticed. */
extern __typeof__(mbedtls_gcm_crypt_and_tag) smtpseal_generic_gcm_crypt_and_tag;
extern __typeof__(mbedtls_gcm_auth_decrypt) smtpseal_generic_gcm_auth_decrypt;

enum {
    BLOCK = 16,
    LANES = 8, /* blocks at once */
    BATCH = LANES * BLOCK,
    NONCE = 12,
    MIN_TAG = 4, /* as mbedtls_gcm_finish has it */
    MAX_TAG = BLOCK,
    MAX_ROUNDS = 14,
    /* Far above any record, and so far below 2^32 blocks that the counter cannot wrap. */
    MAX_LENGTH = 1 << 24
};

_Static_assert(sizeof(((mbedtls_aes_context *) 0)->buf) >= (MAX_ROUNDS + 1) * BLOCK &&
                   sizeof(((mbedtls_aes_context *) 0)->buf[0]) == 4,
               "round keys are 32-bit words in one array");

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Written out: the blocks have to stay in registers whatever the compiler makes of loops. */
#define EACH_LANE(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

/* What one message needs. It is wiped in the end. */
struct pass {
    const unsigned char *keys; /* of the rounds, 16 octets each */
    int rounds;
    __m128i counter;            /* octets reversed, so that its low 32 bits count */
    __m128i sum;                /* of the hash, octets reversed */
    __m128i powers[LANES];      /* of the hash key, from the first on */
    unsigned char block[BATCH]; /* of the last, incomplete batch */
};

/* A product of 256 bits, and any sum of such. */
struct product {
    __m128i low;
    __m128i middle;
    __m128i high;
};

ALWAYS_INLINE __m128i load(const unsigned char *octets)
{
    return _mm_loadu_si128((const __m128i *) octets);
}

ALWAYS_INLINE void store(unsigned char *octets, __m128i block)
{
    _mm_storeu_si128((__m128i *) octets, block);
}

ALWAYS_INLINE __m128i reversed(__m128i block)
{
    return _mm_shuffle_epi8(
        block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* --- the field of POLYVAL: polynomials modulo x^128 + x^127 + x^126 + x^121 + 1 --- */

/* Bits 127, 126 and 121 as the upper half of a block. Bit 0 is in the lower, bit 128 in none. */
#define MODULUS 0xc200000000000000ULL

ALWAYS_INLINE struct product nothing(void)
{
    const struct product zero = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    return zero;
}

ALWAYS_INLINE struct product plus_product(struct product sum, __m128i a, __m128i b)
{
    sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128(a, b, 0x00));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x01));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x10));
    sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128(a, b, 0x11));
    return sum;
}

/* The product times x^-128: twice, a multiple of the modulus is added that clears the lowest 64
 * bits, and what is left moves down by as many. */
ALWAYS_INLINE __m128i reduced(struct product product)
{
    const __m128i modulus = _mm_set_epi64x((long long) MODULUS, 1);
    __m128i low = _mm_xor_si128(product.low, _mm_slli_si128(product.middle, 8));
    const __m128i high = _mm_xor_si128(product.high, _mm_srli_si128(product.middle, 8));
    for (int half = 0; half < 2; ++half) {
        const __m128i folded = _mm_clmulepi64_si128(low, modulus, 0x10);
        low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), folded);
    }
    return _mm_xor_si128(low, high);
}

ALWAYS_INLINE __m128i multiplied(__m128i a, __m128i b)
{
    return reduced(plus_product(nothing(), a, b));
}

/* mulX_POLYVAL of RFC 8452, appendix A. */
static __m128i times_x(__m128i a)
{
    const __m128i modulus = _mm_set_epi64x((long long) MODULUS, 1);
    const __m128i carries = _mm_slli_si128(_mm_srli_epi64(a, 63), 8);
    const __m128i overflow = _mm_srai_epi32(_mm_shuffle_epi32(a, 0xff), 31);
    const __m128i shifted = _mm_or_si128(_mm_slli_epi64(a, 1), carries);
    return _mm_xor_si128(shifted, _mm_and_si128(overflow, modulus));
}

/* Adds `count` blocks to the hash, at most a batch. */
static void hash_blocks(struct pass *pass, const unsigned char *octets, size_t count)
{
    struct product product = nothing();
    for (size_t i = 0; i < count; ++i) {
        __m128i block = reversed(load(octets + i * BLOCK));
        if (i == 0) {
            block = _mm_xor_si128(block, pass->sum);
        }
        product = plus_product(product, block, pass->powers[count - 1 - i]);
    }
    pass->sum = reduced(product);
}

/* Adds octets to the hash, with zeros up to a whole block. */
static void hash(struct pass *pass, const unsigned char *octets, size_t length)
{
    for (; length >= BATCH; octets += BATCH, length -= BATCH) {
        hash_blocks(pass, octets, LANES);
    }
    if (length > 0) {
        memset(pass->block, 0, sizeof(pass->block));
        memcpy(pass->block, octets, length);
        hash_blocks(pass, pass->block, (length + BLOCK - 1) / BLOCK);
    }
}

/* --- AES --- */

static __m128i encrypted(const struct pass *pass, __m128i block)
{
    block = _mm_xor_si128(block, load(pass->keys));
    for (int round = 1; round < pass->rounds; ++round) {
        block = _mm_aesenc_si128(block, load(pass->keys + round * BLOCK));
    }
    return _mm_aesenclast_si128(block, load(pass->keys + pass->rounds * BLOCK));
}

/* Encrypts or decrypts a batch, which may be in place. Where `hashed` is not null, the hash of the
 * batch of ciphertext there goes on meanwhile: one block in each round, of which there are more. */
ALWAYS_INLINE void crypt_batch(struct pass *pass, const unsigned char *hashed,
                               const unsigned char *input, unsigned char *output)
{
    const __m128i one = _mm_set_epi32(0, 0, 0, 1);
    __m128i key = load(pass->keys);
    __m128i lanes[LANES];
    __m128i counter = pass->counter;
    struct product product = nothing();

#define COUNT(i) \
    counter = _mm_add_epi32(counter, one); \
    lanes[i] = _mm_xor_si128(reversed(counter), key);
#define ENCRYPT(i) lanes[i] = _mm_aesenc_si128(lanes[i], key);
#define ENCRYPT_LAST(i) lanes[i] = _mm_aesenclast_si128(lanes[i], key);
#define ROUND_AND_HASH(i) \
    key = load(pass->keys + ((i) + 1) * BLOCK); \
    EACH_LANE(ENCRYPT) \
    if (hashed != NULL) { \
        const __m128i block = reversed(load(hashed + (i) * BLOCK)); \
        product = plus_product(product, (i) == 0 ? _mm_xor_si128(block, pass->sum) : block, \
                               pass->powers[LANES - 1 - (i)]); \
    }
#define APPLY(i) \
    store(output + (i) * BLOCK, _mm_xor_si128(lanes[i], load(input + (i) * BLOCK)));

    EACH_LANE(COUNT)
    pass->counter = counter;
    ROUND_AND_HASH(0)
    ROUND_AND_HASH(1)
    ROUND_AND_HASH(2)
    ROUND_AND_HASH(3)
    ROUND_AND_HASH(4)
    ROUND_AND_HASH(5)
    ROUND_AND_HASH(6)
    ROUND_AND_HASH(7)
    for (int round = LANES + 1; round < pass->rounds; ++round) {
        key = load(pass->keys + round * BLOCK);
        EACH_LANE(ENCRYPT)
    }
    key = load(pass->keys + pass->rounds * BLOCK);
    EACH_LANE(ENCRYPT_LAST)
    if (hashed != NULL) {
        pass->sum = reduced(product);
    }
    EACH_LANE(APPLY)
}

/* Counter mode over the whole message, and the hash of its ciphertext; when encrypting, the hash is
 * one batch behind. */
static void crypt_message(struct pass *pass, int mode, size_t length, const unsigned char *input,
                          unsigned char *output)
{
    const int encrypts = mode == MBEDTLS_GCM_ENCRYPT;
    const size_t batches = length / BATCH;
    const size_t rest = length % BATCH;

    if (encrypts && batches > 0) {
        crypt_batch(pass, NULL, input, output);
        for (size_t i = 1; i < batches; ++i) {
            crypt_batch(pass, output + (i - 1) * BATCH, input + i * BATCH, output + i * BATCH);
        }
        hash_blocks(pass, output + (batches - 1) * BATCH, LANES);
    } else {
        for (size_t i = 0; i < batches; ++i) {
            crypt_batch(pass, input + i * BATCH, input + i * BATCH, output + i * BATCH);
        }
    }
    if (rest == 0) {
        return;
    }
    input += batches * BATCH;
    output += batches * BATCH;
    if (!encrypts) {
        hash(pass, input, rest);
    }
    memcpy(pass->block, input, rest);
    crypt_batch(pass, NULL, pass->block, pass->block);
    memcpy(output, pass->block, rest);
    if (encrypts) {
        hash(pass, output, rest);
    }
}

static const mbedtls_aes_context *aes_of(const mbedtls_gcm_context *ctx)
{
    const mbedtls_cipher_info_t *const info = ctx->cipher_ctx.cipher_info;
    if (info == NULL || ctx->cipher_ctx.operation != MBEDTLS_ENCRYPT) {
        return NULL;
    }
    switch (mbedtls_cipher_info_get_type(info)) {
        case MBEDTLS_CIPHER_AES_128_ECB:
        case MBEDTLS_CIPHER_AES_192_ECB:
        case MBEDTLS_CIPHER_AES_256_ECB:
            return ctx->cipher_ctx.cipher_ctx;
        default:
            return NULL;
    }
}

/* Whether this file does it. The generic functions refuse what is wrong, too. */
static int is_ours(const mbedtls_gcm_context *ctx, size_t length, size_t iv_len, size_t add_len,
                   const unsigned char *input, const unsigned char *output, size_t tag_len)
{
    /* Whoever has these two has the shuffle of SSSE3, which is older than both. */
    if (!mbedtls_aesni_has_support(MBEDTLS_AESNI_AES) ||
        !mbedtls_aesni_has_support(MBEDTLS_AESNI_CLMUL)) {
        return 0;
    }
    if (iv_len != NONCE || tag_len < MIN_TAG || tag_len > MAX_TAG || length > MAX_LENGTH ||
        add_len > MAX_LENGTH) {
        return 0;
    }
    /* Output ahead of input in the same buffer is an error. */
    if ((uintptr_t) output > (uintptr_t) input &&
        (uintptr_t) output - (uintptr_t) input < length) {
        return 0;
    }
    const mbedtls_aes_context *const aes = aes_of(ctx);
    return aes != NULL && (aes->nr == 10 || aes->nr == 12 || aes->nr == MAX_ROUNDS) &&
           aes->rk_offset * sizeof(aes->buf[0]) + ((size_t) aes->nr + 1) * BLOCK <=
               sizeof(aes->buf);
}

static void crypt_and_tag(const mbedtls_gcm_context *ctx, int mode, size_t length,
                          const unsigned char *iv, const unsigned char *add, size_t add_len,
                          const unsigned char *input, unsigned char *output,
                          unsigned char tag[MAX_TAG])
{
    const mbedtls_aes_context *const aes = aes_of(ctx);
    struct pass pass;
    pass.keys = (const unsigned char *) (aes->buf + aes->rk_offset);
    pass.rounds = aes->nr;
    pass.sum = _mm_setzero_si128();

    unsigned char first[BLOCK] = {0};
    memcpy(first, iv, NONCE);
    first[BLOCK - 1] = 1;
    pass.counter = reversed(load(first));
    const __m128i mask = encrypted(&pass, load(first));

    pass.powers[0] = times_x(reversed(encrypted(&pass, _mm_setzero_si128())));
    for (int i = 1; i < LANES; ++i) { /* from the middle, so that few have to wait for others */
        pass.powers[i] = multiplied(pass.powers[i / 2], pass.powers[(i - 1) / 2]);
    }

    hash(&pass, add, add_len);
    crypt_message(&pass, mode, length, input, output);
    const __m128i bits = _mm_set_epi64x((long long) add_len * 8, (long long) length * 8);
    const __m128i sum = multiplied(_mm_xor_si128(pass.sum, bits), pass.powers[0]);
    store(tag, _mm_xor_si128(reversed(sum), mask));
    mbedtls_platform_zeroize(&pass, sizeof(pass));
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                              const unsigned char *iv, size_t iv_len, const unsigned char *add,
                              size_t add_len, const unsigned char *input, unsigned char *output,
                              size_t tag_len, unsigned char *tag)
{
    if ((mode != MBEDTLS_GCM_ENCRYPT && mode != MBEDTLS_GCM_DECRYPT) ||
        !is_ours(ctx, length, iv_len, add_len, input, output, tag_len)) {
        return smtpseal_generic_gcm_crypt_and_tag(ctx, mode, length, iv, iv_len, add, add_len,
                                                  input, output, tag_len, tag);
    }
    unsigned char whole_tag[MAX_TAG];
    crypt_and_tag(ctx, mode, length, iv, add, add_len, input, output, whole_tag);
    memcpy(tag, whole_tag, tag_len);
    return 0;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv,
                             size_t iv_len, const unsigned char *add, size_t add_len,
                             const unsigned char *tag, size_t tag_len, const unsigned char *input,
                             unsigned char *output)
{
    if (!is_ours(ctx, length, iv_len, add_len, input, output, tag_len)) {
        return smtpseal_generic_gcm_auth_decrypt(ctx, length, iv, iv_len, add, add_len, tag,
                                                 tag_len, input, output);
    }
    unsigned char right_tag[MAX_TAG];
    crypt_and_tag(ctx, MBEDTLS_GCM_DECRYPT, length, iv, add, add_len, input, output, right_tag);
    const int differs = mbedtls_ct_memcmp(tag, right_tag, tag_len);
    /* The right tag of a forged message is what a forger wants. */
    mbedtls_platform_zeroize(right_tag, sizeof(right_tag));
    if (differs != 0) {
        mbedtls_platform_zeroize(output, length);
        return MBEDTLS_ERR_GCM_AUTH_FAILED;
    }
    return 0;
}
