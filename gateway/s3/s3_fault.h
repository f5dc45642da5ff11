/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The errors that S3 clients know: their status, code and text, and the document that states them.
 */
#pragma once

#include <glib.h>

typedef enum {
    S3_OK,
    S3_ACCESS_DENIED,
    S3_AUTHORIZATION_MALFORMED,
    S3_BAD_DIGEST,
    S3_BAD_REQUEST,
    S3_BUCKET_AWAY,
    S3_BUCKET_EXISTS,
    S3_BUCKET_NOT_EMPTY,
    S3_BUCKET_OF_OTHERS,
    S3_CHECKSUM_MISMATCH,
    S3_COPY_TO_ITSELF,
    S3_COPY_TOO_LARGE,
    S3_CORS_FORBIDDEN,
    S3_CORS_OFF,
    S3_ENTITY_TOO_LARGE,
    S3_ENTITY_TOO_SMALL,
    S3_EXPIRED,
    S3_INCOMPLETE_BODY,
    S3_INTERNAL,
    S3_INVALID_ACCESS_KEY,
    S3_INVALID_ARGUMENT,
    S3_INVALID_BUCKET_NAME,
    S3_INVALID_DIGEST,
    S3_INVALID_PART,
    S3_INVALID_PART_ORDER,
    S3_INVALID_RANGE,
    S3_INVALID_REQUEST,
    S3_INVALID_URI,
    S3_KEY_CONFLICT,
    S3_KEY_TOO_LONG,
    S3_MALFORMED_XML,
    S3_METHOD_NOT_ALLOWED,
    S3_MISSING_LENGTH,
    S3_NO_SPACE,
    S3_NO_SUCH_BUCKET,
    S3_NO_SUCH_BUCKET_POLICY,
    S3_NO_SUCH_CORS,
    S3_NO_SUCH_ENCRYPTION,
    S3_NO_SUCH_KEY,
    S3_NO_SUCH_LIFECYCLE,
    S3_NO_SUCH_OBJECT_LOCK,
    S3_NO_SUCH_TAGS,
    S3_NO_SUCH_UPLOAD,
    S3_NO_SUCH_WEBSITE,
    S3_NOT_IMPLEMENTED,
    S3_PRECONDITION_FAILED,
    S3_RESERVED,
    S3_SIGNATURE_MISMATCH,
    S3_SKEWED,
    S3_SLOW_DOWN,
    S3_TOO_MANY_BUCKETS,
    /* A usage plan refuses the request. */
    S3_THROTTLED,
} S3Fault;

/* HTTP status of the error. */
unsigned s3_fault_status(S3Fault fault);
/* Code of the error, "NoSuchKey". Static. */
const char *s3_fault_code(S3Fault fault);
/* Text of the error. Static. */
const char *s3_fault_text(S3Fault fault);

/*
 * Formats the document of an error. `detail` NULL: the text of the fault. Owner: the caller frees.
 */
char *s3_fault_format(S3Fault fault, const char *detail, const char *resource, const char *id);

/* The fault for the errno of a failed operation on a file. */
S3Fault s3_fault_from_errno(int errnum);

/* As s3_fault_from_errno, for an object that could not be opened: where a link, a device or another
 * file system is in the way, there is no such object (S3_NO_SUCH_KEY). */
S3Fault s3_fault_of_open(int errnum);
