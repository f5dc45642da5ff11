/* SPDX-License-Identifier: Apache-2.0 */
#include "http/digest.h"

#include <string.h>

/* Check values of "123456789". Sources: Greg Cook's catalogue of CRC algorithms; FIPS 180; RFC
 * 1321. */
static void test_values(void)
{
    static const struct {
        HttpDigestKind kind;
        const char *hex;
    } cases[] = {
        {HTTP_DIGEST_CRC32, "cbf43926"},
        {HTTP_DIGEST_CRC32C, "e3069283"},
        {HTTP_DIGEST_CRC64NVME, "ae8b14860a799888"},
        {HTTP_DIGEST_SHA1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
        {HTTP_DIGEST_SHA256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
        {HTTP_DIGEST_MD5, "25f9e794323b453885f5181f1b624d0b"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t value[HTTP_DIGEST_BYTES_MAX];
        char hex[2 * HTTP_DIGEST_BYTES_MAX + 1];
        g_autoptr(HttpDigest) digest = http_digest_new(cases[i].kind);
        g_test_message("%s", http_digest_name(cases[i].kind));
        g_assert_cmpint(http_digest_kind(digest), ==, cases[i].kind);
        /* A finished digest begins anew. */
        for (int round = 0; round < 2; round++) {
            http_digest_update(digest, "123456789", 9);
            size_t len = http_digest_finish(digest, value);
            g_assert_cmpuint(len, ==, http_digest_size(cases[i].kind));
            http_hex(value, len, hex);
            g_assert_cmpstr(hex, ==, cases[i].hex);
        }
    }
}

/* The way in which the bytes are split must not matter: the tables take eight at a time. */
static void test_parts(void)
{
    uint8_t bytes[1000], whole[HTTP_DIGEST_BYTES_MAX], parts[HTTP_DIGEST_BYTES_MAX];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 7);
    for (int kind = 0; kind < HTTP_DIGEST_KINDS; kind++) {
        g_autoptr(HttpDigest) digest = http_digest_new((HttpDigestKind)kind);
        http_digest_update(digest, bytes, sizeof bytes);
        size_t len = http_digest_finish(digest, whole);
        for (size_t step = 1; step < 20; step++) {
            for (size_t at = 0; at < sizeof bytes; at += step)
                http_digest_update(digest, bytes + at, MIN(step, sizeof bytes - at));
            (void)http_digest_finish(digest, parts);
            g_assert_cmpmem(whole, len, parts, len);
        }
    }
}

static void test_names(void)
{
    HttpDigestKind kind;

    g_assert_true(http_digest_from_name("CRC64NVME", &kind));
    g_assert_cmpint(kind, ==, HTTP_DIGEST_CRC64NVME);
    g_assert_true(http_digest_from_name("sha1", &kind));
    g_assert_cmpint(kind, ==, HTTP_DIGEST_SHA1);
    g_assert_false(http_digest_from_name("md5", &kind));
    g_assert_false(http_digest_from_name("", &kind));
}

static void test_texts(void)
{
    uint8_t bytes[4];

    g_assert_true(http_parse_hex("00ff7a01", bytes, 4));
    g_assert_cmpmem(bytes, 4, "\0\377z\1", 4);
    g_assert_false(http_parse_hex("00ff7a0", bytes, 4));
    g_assert_false(http_parse_hex("00FF7A01", bytes, 4));
    g_assert_false(http_parse_hex("00ff7a0101", bytes, 4));
    g_assert_false(http_parse_hex("00ff7a0g", bytes, 4));
    g_assert_true(http_parse_base64("AP96AQ==", bytes, 4));
    g_assert_cmpmem(bytes, 4, "\0\377z\1", 4);
    g_assert_false(http_parse_base64("AP96AQ=", bytes, 4));
    /* No encoder writes these bits. */
    g_assert_false(http_parse_base64("AP96AR==", bytes, 4));
    g_assert_false(http_parse_base64("AP96\nA==", bytes, 4));
    g_assert_false(http_parse_base64("AP96AQEB", bytes, 4));
    g_assert_true(http_equal_secret("abcd", "abcd", 4));
    g_assert_false(http_equal_secret("abcd", "abce", 4));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/digest/values", test_values);
    g_test_add_func("/digest/parts", test_parts);
    g_test_add_func("/digest/names", test_names);
    g_test_add_func("/digest/texts", test_texts);
    return g_test_run();
}
