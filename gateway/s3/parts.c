/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart uploads: begins and aborts them, and takes their parts. */
#include "base/clock.h"
#include "base/file.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/multipart.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static void create(void *data)
{
    S3Request *request = data;
    uint8_t random[MULTIPART_ID_LEN / 2];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        request->fault = S3_INTERNAL;
        return;
    }
    request->upload_id = g_malloc(MULTIPART_ID_LEN + 1);
    http_hex(random, sizeof random, request->upload_id);
    request->fault = multipart_create(request->bucket, request->key, &request->multipart.meta,
                                      request->upload_id);
}

static void create_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;

    (void)exchange;
    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, "InitiateMultipartUploadResult", HTTP_XML_S3);
    http_xml_add(xml, "Bucket", request->bucket_name);
    http_xml_add(xml, "Key", request->key);
    http_xml_add(xml, "UploadId", request->upload_id);
    http_xml_close(xml, "InitiateMultipartUploadResult");
    s3_answer_xml(request, xml);
}

/* Keeps the kind and type of the checksum that the object shall have, and adds them to the answer.
 * A checksum of the whole object (FULL_OBJECT) can be a CRC only, and CRC64NVME is always one. */
static S3Fault read_checksum_kind(S3Request *request)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    const char *algorithm = http_head_get(head, "x-amz-checksum-algorithm");
    const char *type = http_head_get(head, "x-amz-checksum-type");
    HttpDigestKind kind;

    if (!algorithm)
        return type ? S3_INVALID_REQUEST : S3_OK;
    if (!http_digest_from_name(algorithm, &kind))
        return S3_INVALID_REQUEST;
    if (!type)
        type = kind == HTTP_DIGEST_CRC64NVME ? "FULL_OBJECT" : "COMPOSITE";
    const bool is_whole = strcmp(type, "FULL_OBJECT") == 0;
    if ((!is_whole && strcmp(type, "COMPOSITE") != 0) ||
        (is_whole ? kind == HTTP_DIGEST_SHA1 || kind == HTTP_DIGEST_SHA256
                  : kind == HTTP_DIGEST_CRC64NVME))
        return S3_INVALID_REQUEST;
    g_autofree char *kept = g_strdup_printf("%s %s", http_digest_name(kind), type);
    g_autofree char *name = g_ascii_strup(http_digest_name(kind), -1);
    http_head_add(&request->multipart.meta.kept, META_CHECKSUM, kept);
    http_exchange_add_header(request->exchange, "x-amz-checksum-algorithm", name);
    http_exchange_add_header(request->exchange, "x-amz-checksum-type", type);
    return S3_OK;
}

static S3Fault begin_create(S3Request *request)
{
    if (bucket_is_reserved(request->bucket, request->key))
        return S3_RESERVED;
    if (g_str_has_suffix(request->key, "/"))
        return S3_INVALID_ARGUMENT;
    request->multipart.meta.key_id = g_strdup(request->key_id);
    if (!meta_set_headers(&request->multipart.meta, http_exchange_head(request->exchange)))
        return S3_INVALID_ARGUMENT;
    return read_checksum_kind(request);
}

static void run_create(S3Request *request)
{
    http_exchange_work(request->exchange, create, create_done, request);
}

S3Fault s3_open_upload(S3Request *request)
{
    return multipart_open(request->bucket, request->key, s3_parameter(request, "uploadId"),
                          &request->multipart);
}

S3Fault s3_open_part(S3Request *request)
{
    const char *text = s3_parameter(request, "partNumber");
    uint64_t number;
    S3Fault fault;

    if (!text || !scan_number(&text, MULTIPART_PARTS_MAX, &number) || *text || number == 0)
        return S3_INVALID_ARGUMENT;
    fault = s3_open_upload(request);
    if (fault != S3_OK)
        return fault;
    request->part_number = (unsigned)number;
    request->upload =
        upload_open_part(request->bucket, fcntl(request->multipart.fd, F_DUPFD_CLOEXEC, 0),
                         http_exchange_id(request->exchange), &fault);
    return request->upload ? S3_OK : fault;
}

static S3Fault begin_part(S3Request *request)
{
    if (body_length(request->body) > request->s3->config->max_put_size)
        return S3_ENTITY_TOO_LARGE;
    if (body_length(request->body) < 0)
        return S3_MISSING_LENGTH;
    return s3_open_part(request);
}

static void put_part(void *data)
{
    S3Request *request = data;
    g_autofree char *name = multipart_part_name(request->part_number, request->md5);

    request->fault = upload_finish_part(request->upload, name);
}

static void run_part(S3Request *request)
{
    body_copy_checksum(request->body, &upload_meta(request->upload)->kept);
    http_exchange_work(request->exchange, put_part, s3_put_done, request);
}

static void give_up(void *data)
{
    S3Request *request = data;

    request->fault = multipart_remove(request->bucket, request->multipart.id);
}

static void give_up_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;

    if (request->fault != S3_OK)
        s3_refuse(request, request->fault, NULL);
    else
        http_exchange_answer(exchange, 204, NULL, "", 0);
}

static void run_abort(S3Request *request)
{
    http_exchange_work(request->exchange, give_up, give_up_done, request);
}

const S3Operation s3_create_multipart = {"CreateMultipartUpload", RIGHT_WRITE, false, begin_create,
                                         run_create};
const S3Operation s3_upload_part = {"UploadPart", RIGHT_WRITE, false, begin_part, run_part};
const S3Operation s3_abort_multipart = {"AbortMultipartUpload", RIGHT_WRITE, false, s3_open_upload,
                                        run_abort};
