/* SPDX-License-Identifier: Apache-2.0 */
/* CopyObject and UploadPartCopy: the gateway reads an object, and writes it under another key, or
 * as a part of another object. */
#include "base/clock.h"
#include "base/file.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/conditions.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCE    "x-amz-copy-source"
#define CONDITION SOURCE "-"
/* Most bytes that one request copies. */
#define COPIED_MAX ((int64_t)5 * 1024 * 1024 * 1024)

/* Parses "/bucket/key": encoded, with or without the first '/', and perhaps with a version. */
static S3Fault parse_source(S3Request *request, char **ret_bucket, char **ret_key)
{
    const char *text = http_head_get(http_exchange_head(request->exchange), SOURCE);
    const char *version = strstr(text, "?versionId=");
    size_t len = version ? (size_t)(version - text) : strlen(text);
    g_autofree char *path = http_percent_decode(text, len, false);
    const char *at = path && path[0] == '/' ? path + 1 : path;
    const char *slash = at ? strchr(at, '/') : NULL;

    if (!slash || slash == at || !slash[1] || (version && strcmp(version + 11, "null") != 0))
        return S3_INVALID_ARGUMENT;
    *ret_bucket = g_strndup(at, (size_t)(slash - at));
    *ret_key = g_strdup(slash + 1);
    return bucket_check_key(*ret_key);
}

/* Opens the source, which the key of the request must have the right to read. -1 with *ret_fault.
 * Owner: the caller closes. */
static int open_source(S3Request *request, S3Fault *ret_fault)
{
    g_autofree char *name = NULL, *object = NULL;
    const Key *key = keys_find(request->s3->keys, request->key_id);
    struct stat st;

    *ret_fault = parse_source(request, &name, &object);
    if (*ret_fault != S3_OK)
        return -1;
    *ret_fault = S3_ACCESS_DENIED;
    if (!key || !key_may(key, RIGHT_READ, name, object, "") || bucket_is_private(object))
        return -1;
    g_autoptr(S3Bucket) bucket = buckets_find(request->s3->buckets, name, false, ret_fault);
    if (!bucket)
        return -1;
    autofd fd = bucket_open_object(bucket, object, &st);
    *ret_fault = fd < 0 ? s3_fault_of_open(errno) : S3_NO_SUCH_KEY;
    if (fd < 0 || !S_ISREG(st.st_mode))
        return -1;
    *ret_fault = S3_OK;
    return fd_steal(&fd);
}

/* Checks the conditions of a copy like those of a read. */
static S3Fault check_conditions(const HttpHead *head, const Meta *meta, const struct stat *st)
{
    g_auto(HttpHead) as_read = {0};

    for (size_t i = 0; i < head->n_headers; i++) {
        if (g_ascii_strncasecmp(head->headers[i].name, CONDITION, strlen(CONDITION)) == 0)
            http_head_add(&as_read, head->headers[i].name + strlen(CONDITION),
                          head->headers[i].value);
    }
    Condition condition = conditions_check(&as_read, meta->etag, st->st_mtim.tv_sec);
    return condition == CONDITION_HOLDS ? S3_OK : S3_PRECONDITION_FAILED;
}

/* True if the source is the object that the request writes. */
static bool is_same_object(S3Request *request)
{
    g_autofree char *bucket = NULL, *key = NULL;

    return parse_source(request, &bucket, &key) == S3_OK &&
           strcmp(bucket, request->bucket_name) == 0 && strcmp(key, request->key) == 0;
}

static S3Fault copy_meta(S3Request *request, const Meta *source)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    const char *directive = http_head_get(head, "x-amz-metadata-directive");
    Meta *meta = upload_meta(request->upload);
    bool is_new = directive && g_ascii_strcasecmp(directive, "REPLACE") == 0;

    if (directive && !is_new && g_ascii_strcasecmp(directive, "COPY") != 0)
        return S3_INVALID_ARGUMENT;
    if (!is_new && is_same_object(request))
        return S3_COPY_TO_ITSELF;
    meta->key_id = g_strdup(request->key_id);
    if (!meta_set_headers(meta, is_new ? head : &source->kept))
        return S3_INVALID_ARGUMENT;
    /* The bytes are the same; the copy has no parts. */
    for (size_t i = 0; i < source->kept.n_headers; i++) {
        if (meta_is_checksum(source->kept.headers[i].name) &&
            strcmp(s3_checksum_type(source->kept.headers[i].value), "FULL_OBJECT") == 0)
            http_head_add(&meta->kept, source->kept.headers[i].name, source->kept.headers[i].value);
    }
    write_condition_read(head, &request->condition);
    upload_set_condition(request->upload, &request->condition);
    return S3_OK;
}

/* Opens the source, and checks its conditions. Owner of *ret_meta: meta_clear. */
static S3Fault begin_source(S3Request *request, Meta *ret_meta)
{
    struct stat st;
    S3Fault fault;

    request->source_fd = open_source(request, &fault);
    if (request->source_fd < 0)
        return fault;
    if (fstat(request->source_fd, &st) != 0)
        return s3_fault_from_errno(errno);
    request->source_len = st.st_size;
    meta_read(request->source_fd, &st, ret_meta);
    return check_conditions(http_exchange_head(request->exchange), ret_meta, &st);
}

static S3Fault begin_copy(S3Request *request)
{
    g_auto(Meta) source = {0};
    S3Fault fault;

    if (bucket_is_reserved(request->bucket, request->key))
        return S3_RESERVED;
    if (body_length(request->body) != 0 || g_str_has_suffix(request->key, "/"))
        return S3_INVALID_ARGUMENT;
    fault = begin_source(request, &source);
    if (fault == S3_OK && request->source_len > COPIED_MAX)
        fault = S3_COPY_TOO_LARGE;
    if (fault != S3_OK)
        return fault;
    request->upload =
        upload_open(request->bucket, request->key, http_exchange_id(request->exchange), &fault);
    return request->upload ? copy_meta(request, &source) : fault;
}

/* Reads the range "bytes=FIRST-LAST" of the source; without a range, all of it is copied. */
static S3Fault parse_range(S3Request *request)
{
    const char *at = http_head_get(http_exchange_head(request->exchange), SOURCE "-range");
    uint64_t first, last;

    if (!at)
        return S3_OK;
    if (!scan_text(&at, "bytes=") || !scan_number(&at, INT64_MAX, &first) || !scan_text(&at, "-") ||
        !scan_number(&at, INT64_MAX, &last) || *at || last < first)
        return S3_INVALID_ARGUMENT;
    if (last >= (uint64_t)request->source_len)
        return S3_INVALID_RANGE;
    request->source_offset = (int64_t)first;
    request->source_len = (int64_t)(last - first) + 1;
    return S3_OK;
}

static S3Fault begin_part_copy(S3Request *request)
{
    g_auto(Meta) source = {0};
    S3Fault fault = body_length(request->body) == 0 ? S3_OK : S3_INVALID_ARGUMENT;

    if (fault == S3_OK)
        fault = begin_source(request, &source);
    if (fault == S3_OK)
        fault = parse_range(request);
    if (fault == S3_OK && request->source_len > COPIED_MAX)
        fault = S3_COPY_TOO_LARGE;
    return fault == S3_OK ? s3_open_part(request) : fault;
}

/* Copies the bytes, and computes their MD5. */
static void copy_bytes(S3Request *request)
{
    g_autoptr(HttpDigest) digest = http_digest_new(HTTP_DIGEST_MD5);
    uint8_t md5[HTTP_DIGEST_BYTES_MAX];

    /* upload_finish returns the reason of a failure. */
    (void)upload_append_file(request->upload, request->source_fd, request->source_offset,
                             request->source_len, digest, NULL, &request->s3->is_stopped);
    http_hex(md5, http_digest_finish(digest, md5), request->md5);
}

static void copy(void *data)
{
    S3Request *request = data;

    copy_bytes(request);
    upload_meta(request->upload)->etag = g_strdup(request->md5);
    request->fault = upload_finish(request->upload);
}

static void copy_part(void *data)
{
    S3Request *request = data;

    copy_bytes(request);
    g_autofree char *name = multipart_part_name(request->part_number, request->md5);
    request->fault = upload_finish_part(request->upload, name);
}

static void copy_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    const bool is_part = request->operation == &s3_upload_part_copy;
    const char *element = is_part ? "CopyPartResult" : "CopyObjectResult";
    char time[CLOCK_TEXT_MAX];

    (void)exchange;
    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    g_autofree char *etag = g_strdup_printf("\"%s\"", request->md5);
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, element, HTTP_XML_S3);
    http_xml_add(xml, "LastModified", clock_format_millis(clock_wall_us(), time));
    http_xml_add(xml, "ETag", etag);
    http_xml_close(xml, element);
    s3_answer_xml(request, xml);
}

static void run_copy(S3Request *request)
{
    http_exchange_work_long(request->exchange, copy, copy_done, request, request->key_id);
}

static void run_part_copy(S3Request *request)
{
    http_exchange_work_long(request->exchange, copy_part, copy_done, request, request->key_id);
}

const S3Operation s3_copy_object = {"CopyObject", RIGHT_WRITE, false, begin_copy, run_copy};
const S3Operation s3_upload_part_copy = {"UploadPartCopy", RIGHT_WRITE, false, begin_part_copy,
                                         run_part_copy};
