/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/s3.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "http/xml.h"
#include "s3/cors.h"
#include "s3/request.h"

#include <string.h>

#define DOCUMENT_MAX ((guint)2 * 1024 * 1024)
/* Seconds after the last list of a large folder until its names are forgotten. */
#define NAMES_KEPT_S 60

S3 *s3_new(Buckets *buckets, Keys *keys, Plans *plans)
{
    S3 *s3 = g_new0(S3, 1);

    *s3 = (S3){.buckets = buckets, .keys = keys, .plans = plans, .names = folder_names_new()};
    return s3;
}

static gboolean forget_names(void *data)
{
    S3 *s3 = data;

    folder_names_forget(s3->names, clock_monotonic_us() - NAMES_KEPT_S * CLOCK_US_PER_SEC);
    if (folder_names_kept(s3->names) > 0)
        return G_SOURCE_CONTINUE;
    s3->forgetting = 0;
    return G_SOURCE_REMOVE;
}

void s3_forget_later(S3 *s3)
{
    if (!s3->forgetting && folder_names_kept(s3->names) > 0)
        s3->forgetting = g_timeout_add_seconds(NAMES_KEPT_S, forget_names, s3);
}

typedef struct {
    S3 *s3;
    GPtrArray *buckets;
    int64_t now_us, age_us;
} Sweep;

static void *run_sweep(void *data)
{
    Sweep *sweep = data;

    for (guint i = 0; i < sweep->buckets->len; i++)
        upload_sweep(sweep->buckets->pdata[i], sweep->now_us, sweep->age_us,
                     &sweep->s3->is_stopped);
    g_ptr_array_unref(sweep->buckets);
    g_atomic_int_set(&sweep->s3->sweep_is_done, 1);
    g_free(sweep);
    return NULL;
}

void s3_sweep(S3 *s3, int64_t now_us, int64_t age_us)
{
    if (s3->sweep && !g_atomic_int_get(&s3->sweep_is_done))
        return;
    if (s3->sweep)
        g_thread_join(s3->sweep);
    Sweep *sweep = g_new(Sweep, 1);
    *sweep = (Sweep){s3, buckets_list(s3->buckets), now_us, age_us};
    g_atomic_int_set(&s3->sweep_is_done, 0);
    s3->sweep = g_thread_new("sweep", run_sweep, sweep);
}

void s3_set_config(S3 *s3, const GatewayConfig *config)
{
    s3->config = config;
}

void s3_stop(S3 *s3)
{
    g_atomic_int_set(&s3->is_stopped, 1);
}

void s3_free(S3 *s3)
{
    if (!s3)
        return;
    s3_stop(s3);
    if (s3->sweep)
        g_thread_join(s3->sweep);
    if (s3->forgetting)
        g_source_remove(s3->forgetting);
    folder_names_free(s3->names);
    g_free(s3);
}

static void request_free(void *data)
{
    S3Request *request = data;

    body_free(request->body);
    upload_free(request->upload);
    fd_clear(&request->root_fd);
    fd_clear(&request->source_fd);
    multipart_clear(&request->multipart);
    meta_clear(&request->completed);
    write_condition_clear(&request->condition);
    g_free(request->upload_id);
    g_clear_pointer(&request->parts, g_array_unref);
    g_clear_pointer(&request->entries, g_array_unref);
    list_page_free(request->page);
    if (request->document)
        g_byte_array_unref(request->document);
    g_clear_pointer(&request->texts, g_ptr_array_unref);
    g_clear_pointer(&request->removals, g_array_unref);
    g_free(request->bucket_name);
    g_free(request->key);
    bucket_unref(request->bucket);
    g_free(request);
}

const char *s3_key_id(const HttpExchange *exchange)
{
    const S3Request *request = http_exchange_state(exchange);

    return request && *request->key_id ? request->key_id : NULL;
}

const char *s3_operation_name(const HttpExchange *exchange)
{
    const S3Request *request = http_exchange_state(exchange);

    if (!request || !request->operation)
        return "Unknown";
    if (request->operation == &s3_get_object &&
        strcmp(http_exchange_head(exchange)->method, "HEAD") == 0)
        return "HeadObject";
    return request->operation->name;
}

void s3_refuse(S3Request *request, S3Fault fault, const char *detail)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    g_autofree char *text =
        s3_fault_format(fault, detail, head->target.path, http_exchange_id(request->exchange));

    /* The file of the upload is removed before the client gets the answer. */
    g_clear_pointer(&request->upload, upload_free);
    http_exchange_answer(request->exchange, s3_fault_status(fault), HTTP_XML_TYPE, text,
                         strlen(text));
}

const char *s3_checksum_type(const char *value)
{
    return strchr(value, '-') ? "COMPOSITE" : "FULL_OBJECT";
}

void s3_add_checksum(S3Request *request, const HttpHead *kept)
{
    for (size_t i = 0; i < kept->n_headers; i++) {
        const HttpHeader *header = &kept->headers[i];
        if (!meta_is_checksum(header->name))
            continue;
        http_exchange_add_header(request->exchange, header->name, header->value);
        http_exchange_add_header(request->exchange, "x-amz-checksum-type",
                                 s3_checksum_type(header->value));
    }
}

char *s3_checksum_element(const char *header)
{
    g_autofree char *upper = g_ascii_strup(strrchr(header, '-') + 1, -1);

    return g_strconcat("Checksum", upper, NULL);
}

void s3_add_checksum_xml(GString *xml, const HttpHeader *header)
{
    g_autofree char *name = s3_checksum_element(header->name);

    http_xml_add(xml, name, header->value);
    http_xml_add(xml, "ChecksumType", s3_checksum_type(header->value));
}

void s3_add_ignored(S3Request *request)
{
    if (bucket_ignores(request->bucket, request->key))
        http_exchange_add_header(request->exchange, "x-thumbq-ignored", "1");
}

void s3_answer_xml(S3Request *request, GString *xml)
{
    http_exchange_answer(request->exchange, 200, HTTP_XML_TYPE, xml->str, xml->len);
    g_string_free(xml, TRUE);
}

const char *s3_parameter(const S3Request *request, const char *name)
{
    return http_target_get(&http_exchange_head(request->exchange)->target, name);
}

static S3Fault fault_of_signature(SignatureFault fault)
{
    switch (fault) {
    case SIGNATURE_OK:
        return S3_OK;
    case SIGNATURE_NONE:
        return S3_ACCESS_DENIED;
    case SIGNATURE_MALFORMED:
        return S3_AUTHORIZATION_MALFORMED;
    case SIGNATURE_MISMATCH:
        return S3_SIGNATURE_MISMATCH;
    case SIGNATURE_SKEWED:
        return S3_SKEWED;
    case SIGNATURE_EXPIRED:
        return S3_EXPIRED;
    }
    return S3_INTERNAL;
}

/* The prefix that a request about a bucket asks for. */
static const char *prefix_of(const S3Request *request, const Key *key)
{
    const char *prefix = s3_parameter(request, "prefix");

    if (request->operation == &s3_list_objects || request->operation == &s3_list_versions)
        return prefix ? prefix : "";
    /* The other requests reveal no objects: the key's own prefix is allowed. */
    return key->prefix;
}

static bool may(const S3Request *request, const Key *key)
{
    if (!request->bucket_name)
        return key->rights & (RIGHT_READ | RIGHT_ADMIN);
    return key_may(key, request->operation->right, request->bucket_name, request->key,
                   prefix_of(request, key));
}

PlanVerdict s3_plan_verdict(const HttpExchange *exchange)
{
    const S3Request *request = http_exchange_state(exchange);

    return request ? request->plan : PLAN_ALLOWED;
}

/* Counts the request under the usage plan of its key. A plan that the configuration no longer has
 * allows nothing. */
static S3Fault check_plan(S3Request *request, const Key *key)
{
    const PlanConfig *plan =
        key->plan ? gateway_config_find_plan(request->s3->config, key->plan) : NULL;
    const PlanTime now = {clock_wall_us(), clock_monotonic_us()};
    int64_t retry_s = 0;

    if (!plan)
        return key->plan ? S3_ACCESS_DENIED : S3_OK;
    request->plan = plans_count(request->s3->plans, key->id, plan, now, &retry_s);
    if (request->plan == PLAN_ALLOWED)
        return S3_OK;
    g_autofree char *retry = g_strdup_printf("%" G_GINT64_FORMAT, retry_s);
    http_exchange_add_header(request->exchange, "Retry-After", retry);
    return S3_THROTTLED;
}

/* Text of the refusal; NULL: the text of the fault. */
static const char *detail_of(const S3Request *request, S3Fault fault)
{
    return fault == S3_THROTTLED && request->plan == PLAN_QUOTA
               ? "The quota of the key's usage plan is used up."
               : NULL;
}

/* True for a request that needs no key: it reads an object below a public prefix. */
static bool is_public(const S3Request *request)
{
    return request->operation == &s3_get_object && request->key &&
           gateway_config_is_public(request->s3->config, request->bucket_name, request->key);
}

static SignatureFault check_signature(Keys *keys, const Key *key, const Signature *signature,
                                      const HttpHead *head)
{
    const char *payload = http_head_get(head, "x-amz-content-sha256");
    const int64_t now_us = clock_wall_us();

    if (signature->kind == SIGNATURE_V2_QUERY)
        return signature_check(signature, head, key->secret, payload, now_us);
    return signature_check_with_key(signature, head, keys_derive(keys, key, signature), payload,
                                    now_us);
}

/* Checks the signature and the rights. *ret_key stays NULL for a request without a key. Owner of
 * *ret_signature: signature_clear. */
static S3Fault authorize(S3Request *request, Signature *ret_signature, const Key **ret_key)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    const char *payload = http_head_get(head, "x-amz-content-sha256");
    g_autoptr(GError) error = NULL;
    SignatureFault fault = signature_read(head, ret_signature);

    if (fault == SIGNATURE_NONE && is_public(request))
        return S3_OK;
    if (fault != SIGNATURE_OK)
        return fault_of_signature(fault);
    if (!keys_renew(request->s3->keys, &error))
        log_warning("the keys stay what they were: %s", error->message);
    const Key *key = keys_find(request->s3->keys, ret_signature->key_id);
    if (!key)
        return S3_INVALID_ACCESS_KEY;
    if (ret_signature->kind != SIGNATURE_V2_QUERY && strcmp(ret_signature->service, "s3") != 0)
        return S3_NOT_IMPLEMENTED;
    if (ret_signature->kind == SIGNATURE_V4_HEADER && !payload)
        return S3_INVALID_ARGUMENT;
    fault = check_signature(request->s3->keys, key, ret_signature, head);
    if (fault != SIGNATURE_OK)
        return fault_of_signature(fault);
    g_strlcpy(request->key_id, key->id, sizeof request->key_id);
    *ret_key = key;
    const S3Fault throttled = check_plan(request, key);
    if (throttled != S3_OK)
        return throttled;
    return may(request, key) ? S3_OK : S3_ACCESS_DENIED;
}

/* Splits a path "/bucket/key" into the names of the bucket and of the key. */
static void split_path(S3Request *request, const char *path)
{
    const char *slash = strchr(path + 1, '/');

    if (!path[1])
        return;
    request->bucket_name =
        slash ? g_strndup(path + 1, (size_t)(slash - path - 1)) : g_strdup(path + 1);
    if (slash && slash[1])
        request->key = g_strdup(slash + 1);
}

static S3Fault find_bucket(S3Request *request)
{
    if (!request->bucket_name)
        return S3_OK;
    S3Fault fault;
    request->bucket = buckets_find(request->s3->buckets, request->bucket_name,
                                   request->operation != &s3_get_object, &fault);
    if (!request->bucket && request->operation == &s3_create_bucket && fault == S3_NO_SUCH_BUCKET)
        return S3_OK;
    if (!request->bucket)
        return fault;
    return request->key ? bucket_check_key(request->key) : S3_OK;
}

static S3Fault open_request(S3Request *request)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    g_auto(Signature) signature = {0};
    const Key *key = NULL;

    split_path(request, head->target.path);
    request->operation =
        s3_find_operation(head, request->bucket_name != NULL, request->key != NULL);
    if (!request->operation)
        return S3_NOT_IMPLEMENTED;
    S3Fault fault = authorize(request, &signature, &key);
    if (fault == S3_OK)
        fault = find_bucket(request);
    if (fault != S3_OK)
        return fault;
    request->body =
        body_open(head, http_exchange_length(request->exchange), &signature, key ? key->secret : "",
                  request->operation == &s3_complete_multipart, &fault);
    if (!request->body)
        return fault;
    if (request->operation->has_body)
        request->document = g_byte_array_new();
    return request->operation->begin ? request->operation->begin(request) : S3_OK;
}

void s3_begin(HttpExchange *exchange, void *data)
{
    S3Request *request = g_new0(S3Request, 1);

    request->s3 = data;
    request->exchange = exchange;
    request->root_fd = request->source_fd = -1;
    http_exchange_set_state(exchange, request, request_free);
    cors_add_headers(request);
    if (strcmp(http_exchange_head(exchange)->method, "OPTIONS") == 0) {
        cors_answer_preflight(request);
        return;
    }
    S3Fault fault = open_request(request);
    if (fault != S3_OK)
        s3_refuse(request, fault, detail_of(request, fault));
}

static bool append_body(const void *bytes, size_t len, void *data)
{
    S3Request *request = data;

    if (request->upload) {
        /* The body is read to its end, even if a write fails: upload_finish returns the reason. */
        (void)upload_write(request->upload, bytes, len);
        return true;
    }
    /* The operation does not use the body, but its signature is checked. */
    if (!request->document)
        return true;
    if (len > DOCUMENT_MAX - request->document->len)
        return false;
    g_byte_array_append(request->document, bytes, (guint)len);
    return true;
}

void s3_body(HttpExchange *exchange, const void *bytes, size_t len, void *data)
{
    S3Request *request = http_exchange_state(exchange);
    S3Fault fault = body_push(request->body, bytes, len, append_body, request);

    (void)data;
    if (request->document && fault == S3_INTERNAL)
        fault = S3_ENTITY_TOO_LARGE;
    if (fault != S3_OK)
        s3_refuse(request, fault, NULL);
}

void s3_end(HttpExchange *exchange, void *data)
{
    S3Request *request = http_exchange_state(exchange);
    S3Fault fault = body_finish(request->body, request->md5);

    (void)data;
    if (fault != S3_OK)
        s3_refuse(request, fault, NULL);
    else
        request->operation->run(request);
}
