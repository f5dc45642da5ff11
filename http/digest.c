/* SPDX-License-Identifier: Apache-2.0 */
#include "http/digest.h"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>
#include <zlib.h>

/* Reflected polynomials. Sources: RFC 3720 (CRC32C), NVM Express base specification (CRC64NVME,
 * 0xad93d23594c93659 as it is written there). */
#define CRC32C_POLYNOMIAL    UINT64_C(0x82f63b78)
#define CRC64NVME_POLYNOMIAL UINT64_C(0x9a6c9329ac4bc9b5)

/* Bytes that one step of a CRC handles. */
#define SLICES 8

typedef struct {
    uint64_t row[SLICES][256];
} CrcTables;

struct HttpDigest {
    HttpDigestKind kind;
    const CrcTables *tables;
    union {
        struct md5_ctx md5;
        struct sha1_ctx sha1;
        struct sha256_ctx sha256;
        uint64_t crc;
    };
};

typedef struct {
    const char *name;
    size_t size;
} DigestRow;

static const DigestRow rows[HTTP_DIGEST_KINDS] = {
    [HTTP_DIGEST_CRC32] = {"crc32", 4}, [HTTP_DIGEST_CRC32C] = {"crc32c", 4},
    [HTTP_DIGEST_SHA1] = {"sha1", 20},  [HTTP_DIGEST_SHA256] = {"sha256", 32},
    [HTTP_DIGEST_MD5] = {"md5", 16},    [HTTP_DIGEST_CRC64NVME] = {"crc64nvme", 8},
};

static void fill_tables(CrcTables *tables, uint64_t polynomial)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        tables->row[0][i] = crc;
    }
    for (unsigned slice = 1; slice < SLICES; slice++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t crc = tables->row[slice - 1][i];
            tables->row[slice][i] = crc >> 8 ^ tables->row[0][crc & 0xff];
        }
    }
}

static const CrcTables *tables_of(HttpDigestKind kind)
{
    static CrcTables crc32c, crc64nvme;
    static gsize is_filled;

    if (g_once_init_enter(&is_filled)) {
        fill_tables(&crc32c, CRC32C_POLYNOMIAL);
        fill_tables(&crc64nvme, CRC64NVME_POLYNOMIAL);
        g_once_init_leave(&is_filled, 1);
    }
    return kind == HTTP_DIGEST_CRC32C ? &crc32c : &crc64nvme;
}

static uint64_t crc_update(const CrcTables *tables, uint64_t crc, const uint8_t *bytes, size_t len)
{
    for (; len >= SLICES; len -= SLICES, bytes += SLICES) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        word = GUINT64_FROM_LE(word) ^ crc;
        crc = 0;
        for (unsigned i = 0; i < SLICES; i++)
            crc ^= tables->row[SLICES - 1 - i][word >> 8 * i & 0xff];
    }
    for (; len > 0; len--, bytes++)
        crc = crc >> 8 ^ tables->row[0][(crc ^ *bytes) & 0xff];
    return crc;
}

static void begin(HttpDigest *digest)
{
    switch (digest->kind) {
    case HTTP_DIGEST_CRC32:
        digest->crc = 0;
        break;
    case HTTP_DIGEST_CRC32C:
        digest->crc = UINT32_MAX;
        break;
    case HTTP_DIGEST_CRC64NVME:
        digest->crc = UINT64_MAX;
        break;
    case HTTP_DIGEST_SHA1:
        sha1_init(&digest->sha1);
        break;
    case HTTP_DIGEST_SHA256:
        sha256_init(&digest->sha256);
        break;
    case HTTP_DIGEST_MD5:
        md5_init(&digest->md5);
        break;
    }
}

HttpDigest *http_digest_new(HttpDigestKind kind)
{
    HttpDigest *digest = g_new0(HttpDigest, 1);

    digest->kind = kind;
    if (kind == HTTP_DIGEST_CRC32C || kind == HTTP_DIGEST_CRC64NVME)
        digest->tables = tables_of(kind);
    begin(digest);
    return digest;
}

void http_digest_free(HttpDigest *digest)
{
    g_free(digest);
}

HttpDigestKind http_digest_kind(const HttpDigest *digest)
{
    return digest->kind;
}

void http_digest_update(HttpDigest *digest, const void *bytes, size_t len)
{
    switch (digest->kind) {
    case HTTP_DIGEST_CRC32:
        digest->crc = crc32_z((uLong)digest->crc, bytes, len);
        break;
    case HTTP_DIGEST_CRC32C:
    case HTTP_DIGEST_CRC64NVME:
        digest->crc = crc_update(digest->tables, digest->crc, bytes, len);
        break;
    case HTTP_DIGEST_SHA1:
        sha1_update(&digest->sha1, len, bytes);
        break;
    case HTTP_DIGEST_SHA256:
        sha256_update(&digest->sha256, len, bytes);
        break;
    case HTTP_DIGEST_MD5:
        md5_update(&digest->md5, len, bytes);
        break;
    }
}

size_t http_digest_finish(HttpDigest *digest, uint8_t ret_value[static HTTP_DIGEST_BYTES_MAX])
{
    const size_t size = rows[digest->kind].size;
    uint64_t crc = digest->kind == HTTP_DIGEST_CRC32 ? digest->crc : ~digest->crc;

    switch (digest->kind) {
    case HTTP_DIGEST_CRC32:
    case HTTP_DIGEST_CRC32C:
    case HTTP_DIGEST_CRC64NVME:
        for (size_t i = 0; i < size; i++)
            ret_value[i] = (uint8_t)(crc >> 8 * (size - 1 - i));
        begin(digest);
        break;
    case HTTP_DIGEST_SHA1:
        sha1_digest(&digest->sha1, size, ret_value);
        break;
    case HTTP_DIGEST_SHA256:
        sha256_digest(&digest->sha256, size, ret_value);
        break;
    case HTTP_DIGEST_MD5:
        md5_digest(&digest->md5, size, ret_value);
        break;
    }
    return size;
}

const char *http_digest_name(HttpDigestKind kind)
{
    return rows[kind].name;
}

size_t http_digest_size(HttpDigestKind kind)
{
    return rows[kind].size;
}

bool http_digest_from_name(const char *name, HttpDigestKind *ret_kind)
{
    for (int i = 0; i < HTTP_DIGEST_KINDS; i++) {
        if (i == HTTP_DIGEST_MD5 || g_ascii_strcasecmp(rows[i].name, name) != 0)
            continue;
        *ret_kind = (HttpDigestKind)i;
        return true;
    }
    return false;
}

void http_hex(const uint8_t *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * len] = '\0';
}

void http_sha256_hex(const void *bytes, size_t len, char ret_hex[static HTTP_HEX_SHA256_MAX])
{
    struct sha256_ctx context;
    uint8_t value[HTTP_SHA256_BYTES];

    sha256_init(&context);
    sha256_update(&context, len, bytes);
    sha256_digest(&context, sizeof value, value);
    http_hex(value, sizeof value, ret_hex);
}

bool http_parse_hex(const char *text, uint8_t *ret_bytes, size_t len)
{
    if (strlen(text) != 2 * len || strspn(text, "0123456789abcdef") != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                                 g_ascii_xdigit_value(text[2 * i + 1]));
    return true;
}

bool http_parse_base64(const char *text, uint8_t *ret_bytes, size_t len)
{
    size_t n = 0;

    if (strlen(text) != (len + 2) / 3 * 4)
        return false;
    g_autofree guchar *bytes = g_base64_decode(text, &n);
    g_autofree char *again = g_base64_encode(bytes, n);
    /* The decoder skips characters outside of base64. Only a text that the encoder would write is
     * accepted. */
    if (n != len || strcmp(again, text) != 0)
        return false;
    memcpy(ret_bytes, bytes, len);
    return true;
}

void http_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_mac[static HTTP_SHA256_BYTES])
{
    struct hmac_sha256_ctx context;

    hmac_sha256_set_key(&context, key_len, key);
    hmac_sha256_update(&context, len, bytes);
    hmac_sha256_digest(&context, HTTP_SHA256_BYTES, ret_mac);
}

void http_hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
                    uint8_t ret_mac[static HTTP_SHA1_BYTES])
{
    struct hmac_sha1_ctx context;

    hmac_sha1_set_key(&context, key_len, key);
    hmac_sha1_update(&context, len, bytes);
    hmac_sha1_digest(&context, HTTP_SHA1_BYTES, ret_mac);
}

bool http_equal_secret(const void *a, const void *b, size_t len)
{
    return memeql_sec(a, b, len) == 1;
}
