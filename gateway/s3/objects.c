/* SPDX-License-Identifier: Apache-2.0 */
/* Writes objects. */
#include "s3/request.h"

#include <string.h>

static S3Fault begin_put(S3Request *request)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    S3Fault fault = S3_OK;

    if (bucket_is_reserved(request->bucket, request->key))
        return S3_RESERVED;
    if (body_length(request->body) > request->s3->config->max_put_size)
        return S3_ENTITY_TOO_LARGE;
    if (body_length(request->body) < 0)
        return S3_MISSING_LENGTH;
    if (g_str_has_suffix(request->key, "/") && body_length(request->body) > 0)
        return S3_INVALID_ARGUMENT;
    request->upload =
        upload_open(request->bucket, request->key, http_exchange_id(request->exchange), &fault);
    if (!request->upload)
        return fault;
    if (!meta_set_headers(upload_meta(request->upload), head))
        return S3_INVALID_ARGUMENT;
    upload_meta(request->upload)->key_id = g_strdup(request->key_id);
    write_condition_read(head, &request->condition);
    upload_set_condition(request->upload, &request->condition);
    return S3_OK;
}

static void put(void *data)
{
    S3Request *request = data;

    request->fault = upload_finish(request->upload);
}

void s3_put_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    g_autofree char *etag = g_strdup_printf("\"%s\"", request->md5);

    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    s3_add_checksum(request, &upload_meta(request->upload)->kept);
    s3_add_ignored(request);
    /* An upload of a folder leaves its file. It is removed before the client gets the answer. */
    g_clear_pointer(&request->upload, upload_free);
    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_answer(exchange, 200, NULL, "", 0);
}

static void run_put(S3Request *request)
{
    upload_meta(request->upload)->etag = g_strdup(request->md5);
    body_copy_checksum(request->body, &upload_meta(request->upload)->kept);
    http_exchange_work(request->exchange, put, s3_put_done, request);
}

const S3Operation s3_put_object = {"PutObject", RIGHT_WRITE, false, begin_put, run_put};
