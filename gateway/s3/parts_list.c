/* SPDX-License-Identifier: Apache-2.0 */
/* ListParts and ListMultipartUploads. */
#include "base/clock.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/multipart.h"
#include "s3/request.h"

#include <string.h>

static void add_people(GString *xml)
{
    g_string_append(xml, "<Initiator><ID>thumbq</ID><DisplayName>thumbq</DisplayName></Initiator>"
                         "<Owner><ID>thumbq</ID><DisplayName>thumbq</DisplayName></Owner>"
                         "<StorageClass>STANDARD</StorageClass>");
}

static void add_part(GString *xml, const MultipartPart *part)
{
    g_autofree char *etag = g_strdup_printf("\"%s\"", part->md5);
    char time[CLOCK_TEXT_MAX];

    http_xml_open(xml, "Part");
    http_xml_add_number(xml, "PartNumber", part->number);
    http_xml_add(xml, "LastModified", clock_format_millis(part->mtime_us, time));
    http_xml_add(xml, "ETag", etag);
    http_xml_add_number(xml, "Size", part->size);
    http_xml_close(xml, "Part");
}

/* Reads the number `name` of the query, at most INT32_MAX; `fallback`: the query has none. False:
 * it is no number. */
static bool number_of(const S3Request *request, const char *name, uint64_t fallback,
                      uint64_t *ret_number)
{
    const char *text = s3_parameter(request, name);

    *ret_number = fallback;
    return !text || (scan_number(&text, INT32_MAX, ret_number) && !*text);
}

static S3Fault begin_list_parts(S3Request *request)
{
    uint64_t max, after;

    if (!number_of(request, "max-parts", LIST_KEYS_MAX, &max) ||
        !number_of(request, "part-number-marker", 0, &after))
        return S3_INVALID_ARGUMENT;
    request->question.max = (unsigned)MIN(max, LIST_KEYS_MAX);
    request->part_number = (unsigned)after;
    return s3_open_upload(request);
}

static void list_parts(void *data)
{
    S3Request *request = data;

    request->parts = multipart_list_parts(&request->multipart, &request->fault);
}

static void list_parts_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    unsigned n = 0, last = 0;
    bool is_truncated = false;

    (void)exchange;
    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    g_autoptr(GString) body = g_string_new(NULL);
    for (guint i = 0; i < request->parts->len && !is_truncated; i++) {
        const MultipartPart *part = &g_array_index(request->parts, MultipartPart, i);
        if (part->number <= request->part_number)
            continue;
        is_truncated = n == request->question.max;
        if (is_truncated)
            break;
        add_part(body, part);
        last = part->number;
        n++;
    }
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, "ListPartsResult", HTTP_XML_S3);
    http_xml_add(xml, "Bucket", request->bucket_name);
    http_xml_add(xml, "Key", request->key);
    http_xml_add(xml, "UploadId", request->multipart.id);
    add_people(xml);
    http_xml_add_number(xml, "PartNumberMarker", request->part_number);
    http_xml_add_number(xml, "NextPartNumberMarker", last);
    http_xml_add_number(xml, "MaxParts", request->question.max);
    http_xml_add(xml, "IsTruncated", is_truncated ? "true" : "false");
    g_string_append(xml, body->str);
    http_xml_close(xml, "ListPartsResult");
    s3_answer_xml(request, xml);
}

static void run_list_parts(S3Request *request)
{
    http_exchange_work(request->exchange, list_parts, list_parts_done, request);
}

static const char *text_of(const S3Request *request, const char *name)
{
    const char *text = s3_parameter(request, name);

    return text ? text : "";
}

static S3Fault begin_list_uploads(S3Request *request)
{
    const char *encoding = text_of(request, "encoding-type");
    const Key *key = keys_find(request->s3->keys, request->key_id);
    uint64_t max;

    if (!number_of(request, "max-uploads", LIST_KEYS_MAX, &max) ||
        (*encoding && strcmp(encoding, "url") != 0))
        return S3_INVALID_ARGUMENT;
    /* The keys may change while the thread runs. */
    request->texts = g_ptr_array_new_with_free_func(g_free);
    char *key_prefix = g_strdup(key ? key->prefix : "");
    g_ptr_array_add(request->texts, key_prefix);
    request->uploads_question = (MultipartQuestion){
        .prefix = text_of(request, "prefix"),
        .key_prefix = key_prefix,
        .delimiter = text_of(request, "delimiter"),
        .after_key = text_of(request, "key-marker"),
        .after_id = text_of(request, "upload-id-marker"),
        .max = (unsigned)MIN(max, LIST_KEYS_MAX),
    };
    return S3_OK;
}

static void list_uploads(void *data)
{
    S3Request *request = data;

    request->entries = multipart_list(request->bucket, &request->uploads_question, &request->fault);
}

static void add_entry(const S3Request *request, GString *xml, const MultipartEntry *entry)
{
    const char *element = entry->id ? "Upload" : "CommonPrefixes";
    char time[CLOCK_TEXT_MAX];

    http_xml_open(xml, element);
    s3_add_name(request, xml, entry->id ? "Key" : "Prefix", entry->key);
    if (entry->id) {
        http_xml_add(xml, "UploadId", entry->id);
        add_people(xml);
        http_xml_add(xml, "Initiated", clock_format_millis(entry->begun_us, time));
    }
    http_xml_close(xml, element);
}

static void list_uploads_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    const MultipartQuestion *question = &request->uploads_question;

    (void)exchange;
    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    const bool is_truncated = request->entries->len > question->max;
    const guint n = MIN(request->entries->len, question->max);
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, "ListMultipartUploadsResult", HTTP_XML_S3);
    http_xml_add(xml, "Bucket", request->bucket_name);
    s3_add_name(request, xml, "KeyMarker", question->after_key);
    http_xml_add(xml, "UploadIdMarker", question->after_id);
    s3_add_name(request, xml, "Prefix", question->prefix);
    if (*question->delimiter)
        s3_add_name(request, xml, "Delimiter", question->delimiter);
    if (*text_of(request, "encoding-type"))
        http_xml_add(xml, "EncodingType", "url");
    http_xml_add_number(xml, "MaxUploads", question->max);
    http_xml_add(xml, "IsTruncated", is_truncated ? "true" : "false");
    if (is_truncated && n > 0) {
        const MultipartEntry *last = &g_array_index(request->entries, MultipartEntry, n - 1);
        s3_add_name(request, xml, "NextKeyMarker", last->key);
        http_xml_add(xml, "NextUploadIdMarker", last->id ? last->id : "");
    }
    for (guint i = 0; i < n; i++)
        add_entry(request, xml, &g_array_index(request->entries, MultipartEntry, i));
    http_xml_close(xml, "ListMultipartUploadsResult");
    s3_answer_xml(request, xml);
}

static void run_list_uploads(S3Request *request)
{
    http_exchange_work_long(request->exchange, list_uploads, list_uploads_done, request,
                            request->key_id);
}

const S3Operation s3_list_parts = {"ListParts", RIGHT_READ, false, begin_list_parts,
                                   run_list_parts};
const S3Operation s3_list_uploads = {"ListMultipartUploads", RIGHT_READ, false, begin_list_uploads,
                                     run_list_uploads};
