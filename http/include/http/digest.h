/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums of bodies, for signatures and for the checksums that S3 clients send. All
 * functions are pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_SHA256_BYTES 32
#define HTTP_SHA1_BYTES   20

/* Kinds of digests. The header x-amz-checksum-NAME has the value in base64, big-endian. */
typedef enum {
    HTTP_DIGEST_CRC32,
    HTTP_DIGEST_CRC32C,
    HTTP_DIGEST_SHA1,
    HTTP_DIGEST_SHA256,
    HTTP_DIGEST_CRC64NVME,
    /* For Content-MD5 and ETag. MD5 is not a checksum of S3. */
    HTTP_DIGEST_MD5,
} HttpDigestKind;
#define HTTP_DIGEST_KINDS     6
#define HTTP_DIGEST_BYTES_MAX 32

typedef struct HttpDigest HttpDigest;

/* Begins a digest. Owner: http_digest_free. */
HttpDigest *http_digest_new(HttpDigestKind kind);
void http_digest_free(HttpDigest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpDigest, http_digest_free)

HttpDigestKind http_digest_kind(const HttpDigest *digest);
void http_digest_update(HttpDigest *digest, const void *bytes, size_t len);

/* Writes the value of the digest, and starts the digest anew. Returns the length of the value,
 * bytes. */
size_t http_digest_finish(HttpDigest *digest, uint8_t ret_value[static HTTP_DIGEST_BYTES_MAX]);

/* Name of a kind: "crc32", "crc64nvme", "md5", ... Static. */
const char *http_digest_name(HttpDigestKind kind);
/* Length of a value of this kind, bytes. */
size_t http_digest_size(HttpDigestKind kind);

/* Finds a checksum of S3 by its name, in any case. False: S3 has no checksum of that name. */
bool http_digest_from_name(const char *name, HttpDigestKind *ret_kind);

/* Bytes of a SHA-256 as text: 64 digits in small letters and the final NUL. */
#define HTTP_HEX_SHA256_MAX 65
/* Writes the SHA-256 of `len` bytes as text. */
void http_sha256_hex(const void *bytes, size_t len, char ret_hex[static HTTP_HEX_SHA256_MAX]);
/* Writes `len` bytes as 2 * `len` hexadecimal digits in small letters, and a final NUL. */
void http_hex(const uint8_t *bytes, size_t len, char *ret_hex);

/* Parses exactly `len` bytes of hexadecimal digits in small letters. False: `text` is anything
 * else. */
bool http_parse_hex(const char *text, uint8_t *ret_bytes, size_t len);

/* Parses the base64 of exactly `len` bytes. False: `text` is anything else. */
bool http_parse_base64(const char *text, uint8_t *ret_bytes, size_t len);

/* Write the HMAC of `len` bytes with SHA-256 and with SHA-1. */
void http_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_mac[static HTTP_SHA256_BYTES]);
void http_hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
                    uint8_t ret_mac[static HTTP_SHA1_BYTES]);

/* Compares in a time that does not depend on the place of a difference. */
bool http_equal_secret(const void *a, const void *b, size_t len);
