/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/body.h"

#include <string.h>

#define CHECKSUM      "x-amz-checksum-"
#define UNSIGNED      "UNSIGNED-PAYLOAD"
#define STREAMING     "STREAMING-"
#define SIGNED_CHUNKS "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define TRAILER       "-TRAILER"

struct Body {
    AwsChunked *chunked;
    int64_t length, taken;
    HttpDigest *md5, *sha256, *checksum;
    uint8_t stated_md5[16], stated_sha256[HTTP_SHA256_BYTES];
    bool has_md5, has_sha256;
    uint8_t stated_checksum[HTTP_DIGEST_BYTES_MAX];
    /* The trailer has the checksum. */
    bool is_in_trailer;
    BodyTake take;
    void *data;
};

void body_free(Body *body)
{
    if (!body)
        return;
    aws_chunked_free(body->chunked);
    http_digest_free(body->md5);
    http_digest_free(body->sha256);
    http_digest_free(body->checksum);
    g_free(body);
}

/* Prepares for the encoding or the hash that x-amz-content-sha256 states. */
static S3Fault open_payload(Body *body, const char *payload, const Signature *signature,
                            const char *secret, int64_t decoded)
{
    SigningKey key;

    if (!payload || strcmp(payload, UNSIGNED) == 0)
        return S3_OK;
    if (!g_str_has_prefix(payload, STREAMING)) {
        body->has_sha256 = http_parse_hex(payload, body->stated_sha256, HTTP_SHA256_BYTES);
        if (body->has_sha256)
            body->sha256 = http_digest_new(HTTP_DIGEST_SHA256);
        return body->has_sha256 ? S3_OK : S3_INVALID_ARGUMENT;
    }
    bool has_trailer = g_str_has_suffix(payload, TRAILER);
    bool is_signed = g_str_has_prefix(payload, SIGNED_CHUNKS);
    if (strcmp(payload, "STREAMING-UNSIGNED-PAYLOAD-TRAILER") != 0 &&
        strcmp(payload, SIGNED_CHUNKS) != 0 && strcmp(payload, SIGNED_CHUNKS TRAILER) != 0)
        return S3_NOT_IMPLEMENTED;
    if (is_signed && signature->kind != SIGNATURE_V4_HEADER)
        return S3_INVALID_ARGUMENT;
    if (decoded < 0)
        return S3_MISSING_LENGTH;
    signature_derive_key(secret, signature->date, signature->region, signature->service, &key);
    const AwsChunkedSigner signer = {signature, &key};
    body->chunked = aws_chunked_new(is_signed ? &signer : NULL, has_trailer, decoded);
    body->length = decoded;
    return S3_OK;
}

static S3Fault open_md5(Body *body, const HttpHead *head)
{
    const char *md5 = http_head_get(head, "Content-MD5");

    body->md5 = http_digest_new(HTTP_DIGEST_MD5);
    body->has_md5 = md5 != NULL;
    return !md5 || http_parse_base64(md5, body->stated_md5, 16) ? S3_OK : S3_INVALID_DIGEST;
}

/*
 * Prepares for x-amz-checksum-NAME, or for the trailer that x-amz-trailer announces. A checksum in
 * the query is not used: clients sign URLs with the checksum of some other body, before they know
 * what they will send.
 */
static S3Fault open_checksum(Body *body, const HttpHead *head)
{
    const char *trailer = http_head_get(head, "x-amz-trailer");
    HttpDigestKind kind;

    for (size_t i = 0; i < head->n_headers; i++) {
        const char *name = head->headers[i].name;
        if (g_ascii_strncasecmp(name, CHECKSUM, strlen(CHECKSUM)) != 0 ||
            !http_digest_from_name(name + strlen(CHECKSUM), &kind))
            continue;
        if (body->checksum)
            return S3_INVALID_ARGUMENT;
        if (!http_parse_base64(head->headers[i].value, body->stated_checksum,
                               http_digest_size(kind)))
            return S3_BAD_DIGEST;
        body->checksum = http_digest_new(kind);
    }
    if (!trailer || g_ascii_strncasecmp(trailer, CHECKSUM, strlen(CHECKSUM)) != 0)
        return S3_OK;
    if (body->checksum || !http_digest_from_name(trailer + strlen(CHECKSUM), &kind) ||
        !body->chunked)
        return S3_INVALID_ARGUMENT;
    body->checksum = http_digest_new(kind);
    body->is_in_trailer = true;
    return S3_OK;
}

Body *body_open(const HttpHead *head, int64_t length, const Signature *signature,
                const char *secret, bool is_document, S3Fault *ret_fault)
{
    g_autoptr(Body) body = g_new0(Body, 1);
    const char *decoded_text = http_head_get(head, "x-amz-decoded-content-length");
    int64_t decoded = -1;

    body->length = length;
    *ret_fault = S3_INVALID_ARGUMENT;
    if (decoded_text && !http_parse_length(decoded_text, &decoded))
        return NULL;
    *ret_fault =
        open_payload(body, http_head_get(head, "x-amz-content-sha256"), signature, secret, decoded);
    if (*ret_fault == S3_OK)
        *ret_fault = open_md5(body, head);
    if (*ret_fault == S3_OK && !is_document)
        *ret_fault = open_checksum(body, head);
    return *ret_fault == S3_OK ? g_steal_pointer(&body) : NULL;
}

int64_t body_length(const Body *body)
{
    return body->length;
}

static bool pass(const void *bytes, size_t len, void *data)
{
    Body *body = data;

    body->taken += (int64_t)len;
    http_digest_update(body->md5, bytes, len);
    if (body->sha256)
        http_digest_update(body->sha256, bytes, len);
    if (body->checksum)
        http_digest_update(body->checksum, bytes, len);
    return body->take(bytes, len, body->data);
}

static S3Fault fault_of_chunks(AwsChunkedFault fault)
{
    switch (fault) {
    case AWS_CHUNKED_OK:
        return S3_OK;
    case AWS_CHUNKED_MISMATCH:
        return S3_SIGNATURE_MISMATCH;
    case AWS_CHUNKED_MALFORMED:
    case AWS_CHUNKED_LENGTH:
        break;
    }
    return S3_INCOMPLETE_BODY;
}

S3Fault body_push(Body *body, const void *bytes, size_t len, BodyTake take, void *data)
{
    body->take = take;
    body->data = data;
    if (body->chunked)
        return fault_of_chunks(aws_chunked_push(body->chunked, bytes, len, pass, body));
    return pass(bytes, len, body) ? S3_OK : S3_INTERNAL;
}

static bool is_stated(HttpDigest *digest, const uint8_t *stated)
{
    uint8_t value[HTTP_DIGEST_BYTES_MAX];
    size_t len = http_digest_finish(digest, value);

    return memcmp(value, stated, len) == 0;
}

void body_copy_checksum(const Body *body, HttpHead *kept)
{
    if (!body->checksum)
        return;
    HttpDigestKind kind = http_digest_kind(body->checksum);
    g_autofree char *name = g_strconcat(CHECKSUM, http_digest_name(kind), NULL);
    g_autofree char *value = g_base64_encode(body->stated_checksum, http_digest_size(kind));

    http_head_add(kept, name, value);
}

S3Fault body_finish(Body *body, char ret_md5[static 33])
{
    uint8_t md5[HTTP_DIGEST_BYTES_MAX];
    S3Fault fault = body->chunked ? fault_of_chunks(aws_chunked_finish(body->chunked)) : S3_OK;

    if (fault == S3_OK && body->length >= 0 && body->taken != body->length)
        fault = S3_INCOMPLETE_BODY;
    if (fault != S3_OK)
        return fault;
    http_hex(md5, http_digest_finish(body->md5, md5), ret_md5);
    if (body->has_md5 && memcmp(md5, body->stated_md5, sizeof body->stated_md5) != 0)
        return S3_BAD_DIGEST;
    if (body->has_sha256 && !is_stated(body->sha256, body->stated_sha256))
        return S3_CHECKSUM_MISMATCH;
    if (!body->checksum)
        return S3_OK;
    if (body->is_in_trailer) {
        HttpDigestKind kind = http_digest_kind(body->checksum);
        g_autofree char *name = g_strconcat(CHECKSUM, http_digest_name(kind), NULL);
        const char *value = aws_chunked_trailer(body->chunked, name);
        if (!value || !http_parse_base64(value, body->stated_checksum, http_digest_size(kind)))
            return S3_INVALID_ARGUMENT;
    }
    return is_stated(body->checksum, body->stated_checksum) ? S3_OK : S3_CHECKSUM_MISMATCH;
}
