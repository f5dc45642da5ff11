/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/s3_fault.h"

#include "http/xml.h"

#include <errno.h>

typedef struct {
    unsigned status;
    const char *code, *text;
} FaultRow;

static const FaultRow rows[] = {
    [S3_OK] = {200, "", ""},
    [S3_ACCESS_DENIED] = {403, "AccessDenied", "Access denied."},
    [S3_AUTHORIZATION_MALFORMED] = {400, "AuthorizationHeaderMalformed",
                                    "The signature of the request cannot be read."},
    [S3_BAD_DIGEST] = {400, "BadDigest",
                       "The Content-MD5 or checksum you specified did not match what we received."},
    [S3_BAD_REQUEST] = {400, "BadRequest",
                        "A preflight has the headers Origin and Access-Control-Request-Method."},
    [S3_BUCKET_AWAY] = {503, "ServiceUnavailable", "The folder of the bucket is not there."},
    [S3_BUCKET_EXISTS] = {409, "BucketAlreadyExists", "There is a file or folder of this name."},
    [S3_BUCKET_NOT_EMPTY] = {409, "BucketNotEmpty",
                             "The bucket has objects, or files that are no objects."},
    [S3_BUCKET_OF_OTHERS] = {403, "AccessDenied",
                             "The gateway has not made the folder of the bucket, so it stays."},
    [S3_CHECKSUM_MISMATCH] = {400, "XAmzContentSHA256Mismatch",
                              "The hash or checksum you specified did not match what we received."},
    [S3_COPY_TO_ITSELF] = {400, "InvalidRequest",
                           "A copy to itself must change the metadata: "
                           "x-amz-metadata-directive: REPLACE."},
    [S3_COPY_TOO_LARGE] =
        {400, "InvalidRequest",
         "The specified copy source is larger than the maximum allowable size for "
         "a copy source: 5368709120."},
    [S3_CORS_FORBIDDEN] = {403, "AccessForbidden",
                           "CORSResponse: This CORS request is not allowed: its origin, its method "
                           "or a header."},
    [S3_CORS_OFF] = {403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."},
    [S3_ENTITY_TOO_LARGE] = {400, "EntityTooLarge", "The object is larger than it may be."},
    [S3_ENTITY_TOO_SMALL] = {400, "EntityTooSmall",
                             "A part but the last is smaller than it may be."},
    [S3_EXPIRED] = {403, "AccessDenied", "Request has expired, or its validity is out of range."},
    [S3_INCOMPLETE_BODY] = {400, "IncompleteBody", "The body is not what its headers say."},
    [S3_INTERNAL] = {500, "InternalError", "Reading or writing failed."},
    [S3_INVALID_ACCESS_KEY] = {403, "InvalidAccessKeyId", "There is no such key."},
    [S3_INVALID_ARGUMENT] = {400, "InvalidArgument", "Invalid argument."},
    [S3_INVALID_BUCKET_NAME] = {400, "InvalidBucketName",
                                "A bucket has a name of 3 to 63 of a-z 0-9 . - ."},
    [S3_INVALID_DIGEST] = {400, "InvalidDigest", "The digest you specified is none."},
    [S3_INVALID_PART] = {400, "InvalidPart", "A part is not there, or has another ETag."},
    [S3_INVALID_PART_ORDER] = {400, "InvalidPartOrder", "The parts are not in order."},
    [S3_INVALID_RANGE] = {416, "InvalidRange", "The requested range is not satisfiable."},
    [S3_INVALID_REQUEST] = {400, "InvalidRequest",
                            "A header or parameter is not allowed in this request."},
    [S3_INVALID_URI] = {400, "InvalidURI",
                        "A key has no empty component and none that is . or .. ."},
    [S3_KEY_CONFLICT] =
        {409, "KeyConflict",
         "A folder has the name of the object, or a file that of one of its folders."},
    [S3_KEY_TOO_LONG] = {400, "KeyTooLongError",
                         "A key has 1024 bytes at the most, and each component 255."},
    [S3_MALFORMED_XML] = {400, "MalformedXML", "The XML you provided was not well-formed."},
    [S3_METHOD_NOT_ALLOWED] = {405, "MethodNotAllowed",
                               "The method is not allowed against this resource."},
    [S3_MISSING_LENGTH] = {411, "MissingContentLength",
                           "You must provide the Content-Length HTTP header."},
    [S3_NO_SPACE] = {507, "InsufficientStorage", "There is no space left."},
    [S3_NO_SUCH_BUCKET] = {404, "NoSuchBucket", "The specified bucket does not exist."},
    [S3_NO_SUCH_BUCKET_POLICY] = {404, "NoSuchBucketPolicy", "There is no bucket policy."},
    [S3_NO_SUCH_CORS] = {404, "NoSuchCORSConfiguration", "There is no CORS configuration."},
    [S3_NO_SUCH_ENCRYPTION] = {404, "ServerSideEncryptionConfigurationNotFoundError",
                               "There is no encryption."},
    [S3_NO_SUCH_KEY] = {404, "NoSuchKey", "The specified key does not exist."},
    [S3_NO_SUCH_LIFECYCLE] = {404, "NoSuchLifecycleConfiguration",
                              "There is no lifecycle configuration."},
    [S3_NO_SUCH_OBJECT_LOCK] = {404, "ObjectLockConfigurationNotFoundError",
                                "There is no object lock."},
    [S3_NO_SUCH_TAGS] = {404, "NoSuchTagSet", "There are no tags."},
    [S3_NO_SUCH_UPLOAD] = {404, "NoSuchUpload", "The specified upload does not exist."},
    [S3_NO_SUCH_WEBSITE] = {404, "NoSuchWebsiteConfiguration", "There is no website."},
    [S3_NOT_IMPLEMENTED] = {501, "NotImplemented", "This is not implemented."},
    [S3_PRECONDITION_FAILED] = {412, "PreconditionFailed", "A condition does not hold."},
    [S3_RESERVED] = {403, "AccessDenied", "This name belongs to thumbq."},
    [S3_SIGNATURE_MISMATCH] = {403, "SignatureDoesNotMatch",
                               "The signature is not the one that we calculate."},
    [S3_SKEWED] = {403, "RequestTimeTooSkewed",
                   "The time of the request and of the server differ by more than 15 minutes."},
    [S3_THROTTLED] = {429, "SlowDown", "Please reduce your request rate."},
    [S3_SLOW_DOWN] = {503, "SlowDown",
                      "The server has no descriptors or no memory left. Try again later."},
    [S3_TOO_MANY_BUCKETS] = {400, "TooManyBuckets", "There are as many buckets as there may be."},
};

unsigned s3_fault_status(S3Fault fault)
{
    return rows[fault].status;
}

const char *s3_fault_code(S3Fault fault)
{
    return rows[fault].code;
}

const char *s3_fault_text(S3Fault fault)
{
    return rows[fault].text;
}

char *s3_fault_format(S3Fault fault, const char *detail, const char *resource, const char *id)
{
    GString *out = g_string_new(NULL);

    http_xml_begin(out, "Error", NULL);
    http_xml_add(out, "Code", rows[fault].code);
    http_xml_add(out, "Message", detail ? detail : rows[fault].text);
    http_xml_add(out, "Resource", resource);
    http_xml_add(out, "RequestId", id);
    http_xml_close(out, "Error");
    return g_string_free(out, FALSE);
}

S3Fault s3_fault_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return S3_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return S3_ACCESS_DENIED;
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
    case ENOTEMPTY:
    case ELOOP:
        return S3_KEY_CONFLICT;
    case EXDEV:
        return S3_NOT_IMPLEMENTED;
    case ENAMETOOLONG:
        return S3_KEY_TOO_LONG;
    case ENOENT:
        return S3_NO_SUCH_KEY;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return S3_SLOW_DOWN;
    default:
        return S3_INTERNAL;
    }
}

S3Fault s3_fault_of_open(int errnum)
{
    switch (errnum) {
    case EISDIR:
    case ELOOP:
    case ENODEV:
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case EXDEV:
        return S3_NO_SUCH_KEY;
    default:
        return s3_fault_from_errno(errnum);
    }
}
