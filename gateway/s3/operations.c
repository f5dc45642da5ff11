/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the operation of a request. Runs the operations whose answer is the same for every bucket.
 */
#include "base/clock.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/request.h"

#include <string.h>

#define OWNER       "thumbq"
#define BUCKETS_MAX 10000

/* Query parameters that make a request another operation. */
static const char *const subresources[] = {"acl",
                                           "accelerate",
                                           "analytics",
                                           "attributes",
                                           "cors",
                                           "delete",
                                           "encryption",
                                           "intelligent-tiering",
                                           "inventory",
                                           "legal-hold",
                                           "lifecycle",
                                           "location",
                                           "logging",
                                           "metrics",
                                           "notification",
                                           "object-lock",
                                           "ownershipControls",
                                           "partNumber",
                                           "policy",
                                           "policyStatus",
                                           "publicAccessBlock",
                                           "replication",
                                           "requestPayment",
                                           "restore",
                                           "retention",
                                           "select",
                                           "tagging",
                                           "torrent",
                                           "uploadId",
                                           "uploads",
                                           "versionId",
                                           "versioning",
                                           "versions",
                                           "website",
                                           NULL};

typedef struct {
    const char *name;
    /* S3_OK: the answer is the document. */
    S3Fault fault;
    /* Name of the outermost element; NULL: the list of access rights. */
    const char *document;
} CannedRow;

/* Settings that clients can ask for, and that never change. */
static const CannedRow canned[] = {
    {"acl", S3_OK, NULL},
    {"versioning", S3_OK, "VersioningConfiguration"},
    {"notification", S3_OK, "NotificationConfiguration"},
    {"logging", S3_OK, "BucketLoggingStatus"},
    {"policy", S3_NO_SUCH_BUCKET_POLICY, NULL},
    {"cors", S3_NO_SUCH_CORS, NULL},
    {"tagging", S3_NO_SUCH_TAGS, NULL},
    {"website", S3_NO_SUCH_WEBSITE, NULL},
    {"lifecycle", S3_NO_SUCH_LIFECYCLE, NULL},
    {"encryption", S3_NO_SUCH_ENCRYPTION, NULL},
    {"object-lock", S3_NO_SUCH_OBJECT_LOCK, NULL},
};

static const CannedRow *find_canned(const HttpHead *head)
{
    for (size_t i = 0; i < G_N_ELEMENTS(canned); i++) {
        if (http_target_get(&head->target, canned[i].name))
            return &canned[i];
    }
    return NULL;
}

static const char *find_subresource(const HttpHead *head)
{
    const char *found = NULL;

    for (size_t i = 0; i < head->target.n_parameters; i++) {
        const char *name = head->target.parameters[i].name;
        /* Signed URLs have many parameters that begin with a capital letter, and no subresource
         * does. */
        for (size_t j = 0; g_ascii_islower(*name) && subresources[j]; j++) {
            if (strcmp(name, subresources[j]) == 0 && (!found || strcmp(name, found) < 0))
                found = subresources[j];
        }
    }
    return found;
}

static bool is_read(const HttpHead *head)
{
    return strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0;
}

static const S3Operation *of_bucket(const HttpHead *head, const char *subresource)
{
    if (g_strcmp0(subresource, "location") == 0 && is_read(head))
        return &s3_bucket_location;
    if (g_strcmp0(subresource, "delete") == 0 && strcmp(head->method, "POST") == 0)
        return &s3_delete_objects;
    if (g_strcmp0(subresource, "uploads") == 0 && strcmp(head->method, "GET") == 0)
        return &s3_list_uploads;
    if (g_strcmp0(subresource, "versions") == 0 && strcmp(head->method, "GET") == 0)
        return &s3_list_versions;
    if (subresource)
        return NULL;
    if (strcmp(head->method, "HEAD") == 0)
        return &s3_head_bucket;
    if (strcmp(head->method, "GET") == 0)
        return &s3_list_objects;
    if (strcmp(head->method, "DELETE") == 0)
        return &s3_delete_bucket;
    return strcmp(head->method, "PUT") == 0 ? &s3_create_bucket : NULL;
}

/* Finds the operation of a request with an uploadId. */
static const S3Operation *of_multipart(const HttpHead *head)
{
    bool has_number = http_target_get(&head->target, "partNumber") != NULL;

    if (strcmp(head->method, "PUT") == 0)
        return !has_number                                ? NULL
               : http_head_get(head, "x-amz-copy-source") ? &s3_upload_part_copy
                                                          : &s3_upload_part;
    if (has_number)
        return NULL;
    if (strcmp(head->method, "POST") == 0)
        return &s3_complete_multipart;
    if (strcmp(head->method, "GET") == 0)
        return &s3_list_parts;
    return strcmp(head->method, "DELETE") == 0 ? &s3_abort_multipart : NULL;
}

static const S3Operation *of_object(const HttpHead *head, const char *subresource)
{
    if (http_target_get(&head->target, "uploadId"))
        return of_multipart(head);
    if (g_strcmp0(subresource, "uploads") == 0)
        return strcmp(head->method, "POST") == 0 ? &s3_create_multipart : NULL;
    if (g_strcmp0(subresource, "attributes") == 0)
        return strcmp(head->method, "GET") == 0 ? &s3_get_attributes : NULL;
    if (is_read(head) && (!subresource || strcmp(subresource, "partNumber") == 0))
        return &s3_get_object;
    if (subresource)
        return NULL;
    if (strcmp(head->method, "PUT") == 0)
        return http_head_get(head, "x-amz-copy-source") ? &s3_copy_object : &s3_put_object;
    return strcmp(head->method, "DELETE") == 0 ? &s3_delete_object : NULL;
}

const S3Operation *s3_find_operation(const HttpHead *head, bool has_bucket, bool has_key)
{
    const char *subresource = find_subresource(head);

    if (!has_bucket)
        return is_read(head) ? &s3_list_buckets : NULL;
    if (is_read(head) && subresource && find_canned(head))
        return &s3_canned;
    return has_key ? of_object(head, subresource) : of_bucket(head, subresource);
}

static void append_owner(GString *xml, const char *name)
{
    http_xml_open(xml, name);
    http_xml_add(xml, "ID", OWNER);
    http_xml_add(xml, "DisplayName", OWNER);
    http_xml_close(xml, name);
}

static void answer_acl(S3Request *request)
{
    GString *xml = g_string_new(NULL);

    http_xml_begin(xml, "AccessControlPolicy", HTTP_XML_S3);
    append_owner(xml, "Owner");
    g_string_append(xml, "<AccessControlList><Grant><Grantee "
                         "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                         "xsi:type=\"CanonicalUser\">");
    http_xml_add(xml, "ID", OWNER);
    http_xml_add(xml, "DisplayName", OWNER);
    g_string_append(xml, "</Grantee><Permission>FULL_CONTROL</Permission></Grant>"
                         "</AccessControlList>");
    http_xml_close(xml, "AccessControlPolicy");
    s3_answer_xml(request, xml);
}

static void run_canned(S3Request *request)
{
    const CannedRow *row = find_canned(http_exchange_head(request->exchange));

    g_assert(row); /* s3_canned is chosen where there is a row */
    if (row->fault != S3_OK) {
        s3_refuse(request, row->fault, NULL);
        return;
    }
    if (!row->document) {
        answer_acl(request);
        return;
    }
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, row->document, HTTP_XML_S3);
    http_xml_close(xml, row->document);
    s3_answer_xml(request, xml);
}

static void run_location(S3Request *request)
{
    GString *xml = g_string_new(NULL);

    /* An empty element means us-east-1. */
    http_xml_begin(xml, "LocationConstraint", HTTP_XML_S3);
    http_xml_close(xml, "LocationConstraint");
    s3_answer_xml(request, xml);
}

static void run_head_bucket(S3Request *request)
{
    http_exchange_add_header(request->exchange, "x-amz-bucket-region", "us-east-1");
    http_exchange_answer(request->exchange, 200, NULL, "", 0);
}

/* Reads the question of ListBuckets: *ret_max buckets whose names come after *ret_after. */
static bool read_buckets_question(const S3Request *request, uint64_t *ret_max,
                                  const char **ret_after)
{
    const char *max = s3_parameter(request, "max-buckets");

    *ret_after = s3_parameter(request, "continuation-token");
    if (!*ret_after)
        *ret_after = "";
    *ret_max = BUCKETS_MAX;
    return !max || (scan_number(&max, BUCKETS_MAX, ret_max) && !*max && *ret_max > 0);
}

static void run_list_buckets(S3Request *request)
{
    g_autoptr(GPtrArray) buckets = buckets_list(request->s3->buckets);
    const Key *key = keys_find(request->s3->keys, request->key_id);
    const char *prefix = s3_parameter(request, "prefix"), *after, *last = NULL;
    uint64_t max, n = 0;

    if (!read_buckets_question(request, &max, &after)) {
        s3_refuse(request, S3_INVALID_ARGUMENT, NULL);
        return;
    }
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, "ListAllMyBucketsResult", HTTP_XML_S3);
    append_owner(xml, "Owner");
    http_xml_open(xml, "Buckets");
    for (guint i = 0; key && i < buckets->len && n <= max; i++) {
        const S3Bucket *bucket = buckets->pdata[i];
        char made[CLOCK_TEXT_MAX];
        if (!key_may(key, RIGHT_READ, bucket->name, NULL, key->prefix) ||
            strcmp(bucket->name, after) <= 0 ||
            !g_str_has_prefix(bucket->name, prefix ? prefix : "") || n++ == max)
            continue;
        last = bucket->name;
        http_xml_open(xml, "Bucket");
        http_xml_add(xml, "Name", bucket->name);
        http_xml_add(xml, "CreationDate", clock_format_millis(bucket->made_us, made));
        http_xml_close(xml, "Bucket");
    }
    http_xml_close(xml, "Buckets");
    if (n > max)
        http_xml_add(xml, "ContinuationToken", last);
    http_xml_close(xml, "ListAllMyBucketsResult");
    s3_answer_xml(request, xml);
}

const S3Operation s3_canned = {"GetConfiguration", RIGHT_READ, false, NULL, run_canned};
const S3Operation s3_bucket_location = {"GetBucketLocation", RIGHT_READ, false, NULL, run_location};
const S3Operation s3_head_bucket = {"HeadBucket", RIGHT_READ, false, NULL, run_head_bucket};
const S3Operation s3_list_buckets = {"ListBuckets", RIGHT_READ, false, NULL, run_list_buckets};
