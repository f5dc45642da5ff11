/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a signed request. It is decoded if it comes in chunks, and compared with every
 * length, hash and checksum that its head or its trailer states, in one pass. */
#pragma once

#include "http/aws_chunked.h"
#include "http/head.h"
#include "http/signature.h"
#include "s3/s3_fault.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Body Body;

/*
 * Begins a body. `length`: length of the request's body, bytes; -1 for `Transfer-Encoding:
 * chunked`. `signature` is right, and was made with `secret`. `is_document`: a checksum in a header
 * of its own is not that of the body. NULL on error, with *ret_fault. Owner: body_free.
 */
Body *body_open(const HttpHead *head, int64_t length, const Signature *signature,
                const char *secret, bool is_document, S3Fault *ret_fault);
void body_free(Body *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Body, body_free)

/* Length of the decoded body, bytes; -1: the head does not state it. */
int64_t body_length(const Body *body);

/* Receives decoded bytes. False: an error, which the receiver keeps. */
typedef bool (*BodyTake)(const void *bytes, size_t len, void *data);

/* Decodes the next `len` bytes, and passes them to `take`. If `take` returns false: S3_INTERNAL, or
 * S3_INCOMPLETE_BODY for a body in aws-chunked. */
S3Fault body_push(Body *body, const void *bytes, size_t len, BodyTake take, void *data);

/* Compares the body with everything that was stated of it. *ret_md5: MD5 of the decoded body, 32
 * digits. Once per body. */
S3Fault body_finish(Body *body, char ret_md5[static 33]);

/* Adds the checksum that was stated, and that the body has, to `kept` as the header
 * x-amz-checksum-NAME. After body_finish. */
void body_copy_checksum(const Body *body, HttpHead *kept);
