/* SPDX-License-Identifier: Apache-2.0 */
/* GetObjectAttributes: what is known of an object, and of the parts that it was made of. */
#include "base/file.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/meta.h"
#include "s3/part_sizes.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PARTS_LISTED_MAX 1000

/* True if the client asks for the attribute. */
static bool wants(const S3Request *request, const char *attribute)
{
    const HttpHead *head = http_exchange_head(request->exchange);

    /* The header may occur several times. */
    for (size_t i = 0; i < head->n_headers; i++) {
        if (g_ascii_strcasecmp(head->headers[i].name, "x-amz-object-attributes") != 0)
            continue;
        g_auto(GStrv) words = g_strsplit(head->headers[i].value, ",", 0);
        for (size_t j = 0; words[j]; j++) {
            if (strcmp(g_strstrip(words[j]), attribute) == 0)
                return true;
        }
    }
    return false;
}

/* Reads a number from a header, `max` at the most. False: the header has none. */
static bool read_number(const S3Request *request, const char *name, uint64_t max, uint64_t *number)
{
    const char *text = http_head_get(http_exchange_head(request->exchange), name);

    if (!text)
        return true;
    if (!scan_number(&text, INT32_MAX, number) || *text)
        return false;
    *number = MIN(*number, max);
    return true;
}

char *s3_part_checksum(const HttpHead *kept, unsigned number, const HttpHeader **ret_header)
{
    const char *text = http_head_get(kept, META_PART_CHECKSUMS);
    g_auto(GStrv) values = text ? g_strsplit(text, ";", 0) : NULL;

    *ret_header = NULL;
    for (size_t i = 0; i < kept->n_headers && !*ret_header; i++) {
        if (meta_is_checksum(kept->headers[i].name))
            *ret_header = &kept->headers[i];
    }
    return values && *ret_header && number >= 1 && number <= g_strv_length(values)
               ? g_strdup(values[number - 1])
               : NULL;
}

static void add_part(GString *xml, const Meta *meta, unsigned number, int64_t size)
{
    const HttpHeader *header;
    g_autofree char *checksum = s3_part_checksum(&meta->kept, number, &header);

    http_xml_open(xml, "Part");
    if (checksum) {
        g_autofree char *name = s3_checksum_element(header->name);
        http_xml_add(xml, name, checksum);
    }
    http_xml_add_number(xml, "PartNumber", number);
    http_xml_add_number(xml, "Size", size);
    http_xml_close(xml, "Part");
}

static void add_checksum(GString *xml, const Meta *meta)
{
    for (size_t i = 0; i < meta->kept.n_headers; i++) {
        const HttpHeader *header = &meta->kept.headers[i];
        if (!meta_is_checksum(header->name))
            continue;
        http_xml_open(xml, "Checksum");
        s3_add_checksum_xml(xml, header);
        http_xml_close(xml, "Checksum");
        return;
    }
}

/* Adds `max` parts after the part `after` to the document. Nothing if the object has no parts. */
static void add_parts(GString *xml, const Meta *meta, unsigned after, unsigned max)
{
    const char *sizes = http_head_get(&meta->kept, META_PARTS);
    PartPlace place;
    unsigned count = 0;

    if (!sizes || (!part_sizes_find(sizes, 1, &place, &count) && count == 0))
        return;
    unsigned end = MIN(count, after + max);
    http_xml_open(xml, "ObjectParts");
    http_xml_add_number(xml, "PartsCount", count);
    http_xml_add_number(xml, "PartNumberMarker", after);
    http_xml_add_number(xml, "NextPartNumberMarker", end);
    http_xml_add_number(xml, "MaxParts", max);
    http_xml_add(xml, "IsTruncated", end < count ? "true" : "false");
    for (unsigned number = after + 1; number <= end; number++) {
        if (!part_sizes_find(sizes, number, &place, &count))
            break;
        add_part(xml, meta, number, place.len);
    }
    http_xml_close(xml, "ObjectParts");
}

static void answer(S3Request *request, const Meta *meta, const struct stat *st, unsigned after,
                   unsigned max)
{
    g_autofree char *date = http_date_format(st->st_mtim.tv_sec);
    GString *xml = g_string_new(NULL);

    http_exchange_add_header(request->exchange, "Last-Modified", date);
    http_xml_begin(xml, "GetObjectAttributesResponse", HTTP_XML_S3);
    if (wants(request, "ETag"))
        http_xml_add(xml, "ETag", meta->etag);
    if (wants(request, "Checksum"))
        add_checksum(xml, meta);
    if (wants(request, "ObjectParts"))
        add_parts(xml, meta, after, max);
    if (wants(request, "StorageClass"))
        http_xml_add(xml, "StorageClass", "STANDARD");
    if (wants(request, "ObjectSize"))
        http_xml_add_number(xml, "ObjectSize", st->st_size);
    http_xml_close(xml, "GetObjectAttributesResponse");
    s3_answer_xml(request, xml);
}

static void run_attributes(S3Request *request)
{
    g_auto(Meta) meta = {0};
    uint64_t after = 0, max = PARTS_LISTED_MAX;
    struct stat st;

    if (!http_head_get(http_exchange_head(request->exchange), "x-amz-object-attributes") ||
        !read_number(request, "x-amz-part-number-marker", MULTIPART_PARTS_MAX, &after) ||
        !read_number(request, "x-amz-max-parts", PARTS_LISTED_MAX, &max)) {
        s3_refuse(request, S3_INVALID_ARGUMENT, NULL);
        return;
    }
    if (bucket_is_private(request->key)) {
        s3_refuse(request, S3_RESERVED, NULL);
        return;
    }
    autofd fd = bucket_open_object(request->bucket, request->key, &st);
    if (fd < 0 || !S_ISREG(st.st_mode)) {
        s3_refuse(request, fd < 0 ? s3_fault_of_open(errno) : S3_NO_SUCH_KEY, NULL);
        return;
    }
    meta_read(fd, &st, &meta);
    answer(request, &meta, &st, (unsigned)after, (unsigned)max);
}

const S3Operation s3_get_attributes = {"GetObjectAttributes", RIGHT_READ, false, NULL,
                                       run_attributes};
