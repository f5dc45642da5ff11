/* SPDX-License-Identifier: Apache-2.0 */
/* ListObjects, ListObjectsV2 and ListObjectVersions: reads the question of a request, and formats
 * the page as XML. */
#include "base/clock.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/request.h"

#include <string.h>

/* Bytes that the text of an entry takes, about. */
#define ENTRY_BYTES 300

/* Each object has one version, "null". */
static bool is_versions(const S3Request *request)
{
    return request->operation == &s3_list_versions;
}

static bool is_v2(const S3Request *request)
{
    return !is_versions(request) && g_strcmp0(s3_parameter(request, "list-type"), "2") == 0;
}

static const char *text_of(const S3Request *request, const char *name)
{
    const char *text = s3_parameter(request, name);

    return text ? text : "";
}

/* Parses a continuation token: the last key before the page, in base64 with the digits that a URL
 * may hold. NULL: it is none. Owner: the caller frees. */
static char *parse_token(const char *token)
{
    g_autofree char *text = g_strdup(token);
    gsize len;

    g_strdelimit(g_strdelimit(text, "-", '+'), "_", '/');
    g_autofree guchar *bytes = g_base64_decode(text, &len);
    return len > 0 && !memchr(bytes, '\0', len) ? g_strndup((const char *)bytes, len) : NULL;
}

/* Formats a continuation token. Owner: the caller frees. */
static char *format_token(const char *key)
{
    char *token = g_base64_encode((const guchar *)key, strlen(key));

    return g_strdelimit(g_strdelimit(token, "+", '-'), "/", '_');
}

static S3Fault begin_list(S3Request *request)
{
    const char *max = text_of(request, "max-keys");
    const char *encoding = text_of(request, "encoding-type");
    const char *after = text_of(request, is_versions(request) ? "key-marker"
                                         : is_v2(request)     ? "start-after"
                                                              : "marker");
    const char *token = is_v2(request) ? s3_parameter(request, "continuation-token") : NULL;
    uint64_t n = LIST_KEYS_MAX;

    if ((*max && (!scan_number(&max, INT32_MAX, &n) || *max)) ||
        (*encoding && strcmp(encoding, "url") != 0))
        return S3_INVALID_ARGUMENT;
    request->texts = g_ptr_array_new_with_free_func(g_free);
    char *from = token && *token ? parse_token(token) : g_strdup(after);
    if (!from)
        return S3_INVALID_ARGUMENT;
    g_ptr_array_add(request->texts, from);
    request->question = (ListQuestion){
        .prefix = text_of(request, "prefix"),
        .delimiter = text_of(request, "delimiter"),
        .after = from,
        .max = (unsigned)MIN(n, LIST_KEYS_MAX),
    };
    return S3_OK;
}

static void read_page(void *data)
{
    S3Request *request = data;

    request->page = list_read(request->s3->names, request->bucket, &request->question);
}

void s3_add_name(const S3Request *request, GString *xml, const char *element, const char *name)
{
    if (!*text_of(request, "encoding-type")) {
        http_xml_add(xml, element, name);
        return;
    }
    g_autoptr(GString) encoded = g_string_new(NULL);
    http_percent_encode(encoded, name, true);
    http_xml_add(xml, element, encoded->str);
}

static void add_entry(const S3Request *request, GString *xml, const ListEntry *entry)
{
    g_autofree char *etag = g_strconcat("\"", entry->etag, "\"", NULL);
    char time[CLOCK_TEXT_MAX];

    http_xml_open(xml, is_versions(request) ? "Version" : "Contents");
    s3_add_name(request, xml, "Key", entry->key);
    http_xml_add(xml, "LastModified", clock_format_millis(entry->mtime_us, time));
    http_xml_add(xml, "ETag", etag);
    http_xml_add_number(xml, "Size", entry->size);
    if (!is_v2(request) || strcmp(text_of(request, "fetch-owner"), "true") == 0)
        g_string_append(xml, "<Owner><ID>thumbq</ID><DisplayName>thumbq</DisplayName></Owner>");
    http_xml_add(xml, "StorageClass", "STANDARD");
    if (is_versions(request)) {
        http_xml_add(xml, "VersionId", "null");
        http_xml_add(xml, "IsLatest", "true");
    }
    http_xml_close(xml, is_versions(request) ? "Version" : "Contents");
}

/* Adds the elements about the page as a whole. */
static void add_page(const S3Request *request, GString *xml)
{
    const ListPage *page = request->page;
    const GArray *entries = page->entries;
    const ListEntry *last =
        entries->len ? &g_array_index(entries, ListEntry, entries->len - 1) : NULL;

    http_xml_add(xml, "Name", request->bucket_name);
    s3_add_name(request, xml, "Prefix", request->question.prefix);
    http_xml_add_number(xml, "MaxKeys", request->question.max);
    if (*request->question.delimiter)
        s3_add_name(request, xml, "Delimiter", request->question.delimiter);
    if (*text_of(request, "encoding-type"))
        http_xml_add(xml, "EncodingType", "url");
    http_xml_add(xml, "IsTruncated", page->is_truncated ? "true" : "false");
    if (is_versions(request)) {
        s3_add_name(request, xml, "KeyMarker", text_of(request, "key-marker"));
        http_xml_add(xml, "VersionIdMarker", text_of(request, "version-id-marker"));
        if (page->is_truncated && last) {
            s3_add_name(request, xml, "NextKeyMarker", last->key);
            http_xml_add(xml, "NextVersionIdMarker", last->is_prefix ? "" : "null");
        }
        return;
    }
    if (!is_v2(request)) {
        s3_add_name(request, xml, "Marker", text_of(request, "marker"));
        if (page->is_truncated && last)
            s3_add_name(request, xml, "NextMarker", last->key);
        return;
    }
    http_xml_add_number(xml, "KeyCount", entries->len);
    if (s3_parameter(request, "continuation-token"))
        http_xml_add(xml, "ContinuationToken", text_of(request, "continuation-token"));
    if (s3_parameter(request, "start-after"))
        s3_add_name(request, xml, "StartAfter", text_of(request, "start-after"));
    if (page->is_truncated && last) {
        g_autofree char *token = format_token(last->key);
        http_xml_add(xml, "NextContinuationToken", token);
    }
}

static void answer_page(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    const GArray *entries = request->page->entries;
    const char *root = is_versions(request) ? "ListVersionsResult" : "ListBucketResult";
    GString *xml;

    (void)exchange;
    s3_forget_later(request->s3);
    if (request->page->fault != S3_OK) {
        s3_refuse(request, request->page->fault, NULL);
        return;
    }
    xml = g_string_sized_new(ENTRY_BYTES * (entries->len + 1));
    http_xml_begin(xml, root, HTTP_XML_S3);
    add_page(request, xml);
    for (guint i = 0; i < entries->len; i++) {
        const ListEntry *entry = &g_array_index(entries, ListEntry, i);
        if (!entry->is_prefix) {
            add_entry(request, xml, entry);
            continue;
        }
        http_xml_open(xml, "CommonPrefixes");
        s3_add_name(request, xml, "Prefix", entry->key);
        http_xml_close(xml, "CommonPrefixes");
    }
    http_xml_close(xml, root);
    s3_answer_xml(request, xml);
}

static void run_list(S3Request *request)
{
    const char *delimiter = request->question.delimiter;

    /* Many keys can have one common prefix, and only with '/' is this known without reading them
     * all. */
    if (*delimiter && strcmp(delimiter, "/") != 0)
        http_exchange_work_long(request->exchange, read_page, answer_page, request,
                                request->key_id);
    else
        http_exchange_work(request->exchange, read_page, answer_page, request);
}

const S3Operation s3_list_versions = {"ListObjectVersions", RIGHT_READ, false, begin_list,
                                      run_list};
const S3Operation s3_list_objects = {"ListObjects", RIGHT_READ, false, begin_list, run_list};
