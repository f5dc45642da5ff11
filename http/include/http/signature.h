/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of requests: AWS Signature Version 4 in a header or in the query, and Version 2 in the
 * query. Pure functions; the time is an argument. Signatures are compared in constant time.
 *
 * Sources: AWS General Reference, "Signing AWS API requests"; Amazon S3 API Reference,
 * "Authenticating Requests"; Amazon S3 Developer Guide, "Signing and Authenticating REST Requests".
 */
#pragma once

#include "http/digest.h"
#include "http/head.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of a key id, with the final NUL. */
#define SIGNATURE_KEY_ID_MAX 64
/* Bytes of a region and of a service, with the final NUL. */
#define SIGNATURE_SCOPE_MAX 64
/* Bytes of a time like "20261128T180000Z", with the final NUL. */
#define SIGNATURE_TIME_MAX 17
/* Largest difference between the clocks of client and server. */
#define SIGNATURE_SKEW_US (INT64_C(15) * 60 * 1000 * 1000)
/* Longest validity of a signed URL: seven days. */
#define SIGNATURE_EXPIRES_MAX_S 604800

typedef enum {
    SIGNATURE_OK,
    /* The request is not signed. */
    SIGNATURE_NONE,
    /* The signature cannot be read, leaves out a header that has to be signed, or is one of
     * several. */
    SIGNATURE_MALFORMED,
    SIGNATURE_MISMATCH,
    /* The time of the signature is too far from now. */
    SIGNATURE_SKEWED,
    /* The time of a signed URL has passed. */
    SIGNATURE_EXPIRED,
} SignatureFault;

typedef enum { SIGNATURE_V4_HEADER, SIGNATURE_V4_QUERY, SIGNATURE_V2_QUERY } SignatureKind;

/* A signature as the request states it. */
typedef struct {
    SignatureKind kind;
    char key_id[SIGNATURE_KEY_ID_MAX];
    /* Time of signing as text. Version 4 only. */
    char time[SIGNATURE_TIME_MAX];
    /* Day of the scope, which is the day of `time`. Version 4 only. */
    char date[9];
    char region[SIGNATURE_SCOPE_MAX], service[SIGNATURE_SCOPE_MAX];
    /* Time of signing; Version 2: 0. */
    int64_t time_us;
    /* Time of expiry; 0: a signature in a header has none. */
    int64_t expires_us;
    /* Names of the signed headers: in small letters, sorted. */
    GStrv signed_headers;
    /* The signature itself. Version 2 has HTTP_SHA1_BYTES of it. */
    uint8_t value[HTTP_SHA256_BYTES];
} Signature;

void signature_clear(Signature *signature);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Signature, signature_clear)

/*
 * Reads the signature of a request, without checking it. Returns SIGNATURE_OK, SIGNATURE_NONE or
 * SIGNATURE_MALFORMED. Version 4: `host` and all x-amz-* headers of the request have to be signed.
 * *ret_signature is written only with SIGNATURE_OK; owner: signature_clear.
 */
SignatureFault signature_read(const HttpHead *head, Signature *ret_signature);

/* The key that makes signatures of Version 4. It is valid for one day, region and service, and may
 * be kept for that day. */
typedef struct {
    uint8_t bytes[HTTP_SHA256_BYTES];
} SigningKey;

/* Derives the signing key from a secret. `date` is the day of the scope, YYYYMMDD. */
void signature_derive_key(const char *secret, const char *date, const char *region,
                          const char *service, SigningKey *ret_key);

/*
 * Checks that the request was signed with `secret`, and that the signature is valid at `now_us`
 * (wall clock). Returns SIGNATURE_OK, SIGNATURE_MISMATCH, SIGNATURE_SKEWED or SIGNATURE_EXPIRED.
 * `payload_hash` stands for the body in a signature in a header: x-amz-content-sha256, or the hash
 * of the body for services without that header. A signature in the query does not use it. Path and
 * query are taken as they were sent.
 */
SignatureFault signature_check(const Signature *signature, const HttpHead *head, const char *secret,
                               const char *payload_hash, int64_t now_us);

/* As signature_check, for a signature of Version 4 whose signing key has been derived. */
SignatureFault signature_check_with_key(const Signature *signature, const HttpHead *head,
                                        const SigningKey *key, const char *payload_hash,
                                        int64_t now_us);

/*
 * Makes the query (without '?') of a URL that is signed with Version 4 for `host` and `path`
 * (decoded). The URL expires `expires_s` seconds after `now_us` (wall clock). Owner: the caller
 * frees.
 */
char *signature_presign(const char *method, const char *host, const char *path, const char *key_id,
                        const char *secret, const char *region, int64_t now_us, int64_t expires_s);
