/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes bodies with `Content-Encoding: aws-chunked`. Each chunk states its length. Chunks may be
 * signed, and headers (trailers) may follow the last chunk. The decoder takes the bytes in pieces
 * of any size. It is a pure state machine.
 *
 * Source: Amazon S3 API Reference, "Signature calculations for the Authorization header:
 * transferring a payload in multiple chunks", and the same "including trailing headers".
 */
#pragma once

#include "http/signature.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest line (the head of a chunk, or a trailer), bytes. */
#define AWS_CHUNKED_LINE_MAX 4096
/* Most trailers of a body. */
#define AWS_CHUNKED_TRAILERS 8
/* Largest chunk, bytes. */
#define AWS_CHUNKED_CHUNK_MAX ((uint64_t)1024 * 1024 * 1024)

typedef struct AwsChunked AwsChunked;

typedef enum {
    AWS_CHUNKED_OK,
    AWS_CHUNKED_MALFORMED,
    /* The signature of a chunk or of the trailers is wrong or missing. */
    AWS_CHUNKED_MISMATCH,
    /* The length of the body differs from x-amz-decoded-content-length, or the receiver of the
     * bytes has refused them. */
    AWS_CHUNKED_LENGTH,
} AwsChunkedFault;

/* The signature and the key that the chunks are signed with. Borrowed during aws_chunked_new. */
typedef struct {
    /* Signature of the request: Version 4, in a header. */
    const Signature *signature;
    const SigningKey *key;
} AwsChunkedSigner;

/* Begins a body. `signer` NULL: the chunks are not signed. `has_trailer`: headers follow the last
 * chunk. `decoded_len`: length of the decoded body, bytes. Owner: aws_chunked_free. */
AwsChunked *aws_chunked_new(const AwsChunkedSigner *signer, bool has_trailer, int64_t decoded_len);
void aws_chunked_free(AwsChunked *chunked);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AwsChunked, aws_chunked_free)

/* Receives decoded bytes. False ends the decoding with AWS_CHUNKED_LENGTH. */
typedef bool (*AwsChunkedTake)(const void *bytes, size_t len, void *data);

/*
 * Decodes the next `len` bytes. `take` gets the bytes of a chunk before the signature of the chunk
 * is checked: the caller must not rely on them before aws_chunked_finish returns AWS_CHUNKED_OK.
 * Returns the first fault, also in all later calls.
 */
AwsChunkedFault aws_chunked_push(AwsChunked *chunked, const void *bytes, size_t len,
                                 AwsChunkedTake take, void *data);

/* Returns AWS_CHUNKED_OK if the body is complete and its signatures are right; else the fault. */
AwsChunkedFault aws_chunked_finish(const AwsChunked *chunked);

/* Value of a trailer; NULL: there is none. Borrowed. */
const char *aws_chunked_trailer(const AwsChunked *chunked, const char *name);
