/* SPDX-License-Identifier: Apache-2.0 */
/* CreateBucket and DeleteBucket: a bucket is a folder of the root. */
#include "s3/request.h"

/* Answers 200 also for a bucket that exists: some clients create their bucket before each run. */
static void create_bucket_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    g_autofree char *place = g_strconcat("/", request->bucket_name, NULL);

    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    http_exchange_add_header(exchange, "Location", place);
    http_exchange_answer(exchange, 200, NULL, "", 0);
}

static void make_bucket(void *data)
{
    S3Request *request = data;

    request->fault = bucket_make(request->root_fd, request->bucket_name, request->max_buckets);
}

static void run_create_bucket(S3Request *request)
{
    const Key *key = keys_find(request->s3->keys, request->key_id);

    if (request->bucket) {
        create_bucket_done(request->exchange, request);
        return;
    }
    /* A key with a prefix has rights to a part of the bucket only. */
    request->fault = S3_ACCESS_DENIED;
    if (key && !*key->prefix)
        request->root_fd =
            buckets_open_root(request->s3->buckets, request->bucket_name, &request->fault);
    /* A thread does not read the configuration, which SIGHUP may replace. */
    request->max_buckets = request->s3->config->max_buckets;
    if (request->root_fd < 0)
        s3_refuse(request, request->fault, NULL);
    else
        http_exchange_work(request->exchange, make_bucket, create_bucket_done, request);
}

static void remove_bucket(void *data)
{
    S3Request *request = data;

    request->fault = bucket_remove(request->bucket);
}

static void delete_bucket_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;

    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    buckets_forget(request->s3->buckets, request->bucket);
    http_exchange_answer(exchange, 204, NULL, "", 0);
}

static void run_delete_bucket(S3Request *request)
{
    const Key *key = keys_find(request->s3->keys, request->key_id);

    if (!key || *key->prefix || !buckets_may_remove(request->s3->buckets, request->bucket))
        s3_refuse(request, S3_ACCESS_DENIED, NULL);
    else
        http_exchange_work_long(request->exchange, remove_bucket, delete_bucket_done, request,
                                request->key_id);
}

const S3Operation s3_create_bucket = {"CreateBucket", RIGHT_WRITE, false, NULL, run_create_bucket};
const S3Operation s3_delete_bucket = {"DeleteBucket", RIGHT_WRITE, false, NULL, run_delete_bucket};
