/* SPDX-License-Identifier: Apache-2.0 */
/* Reads objects: GetObject and HeadObject. */
#include "base/file.h"
#include "base/scan.h"
#include "s3/conditions.h"
#include "s3/meta.h"
#include "s3/part_sizes.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_TYPE "binary/octet-stream"

#define OVERRIDE "response-"

/* Parameters of the query that override a header of the answer. The header's name comes after
 * OVERRIDE. */
static const char *const overrides[] = {OVERRIDE "content-type",        OVERRIDE "cache-control",
                                        OVERRIDE "content-disposition", OVERRIDE "content-encoding",
                                        OVERRIDE "content-language",    OVERRIDE "expires"};

static const char *override_of(const S3Request *request, const char *header)
{
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++) {
        if (g_ascii_strcasecmp(overrides[i] + strlen(OVERRIDE), header) == 0)
            return s3_parameter(request, overrides[i]);
    }
    return NULL;
}

static bool has_overrides(const S3Request *request)
{
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++) {
        if (s3_parameter(request, overrides[i]))
            return true;
    }
    return false;
}

typedef struct {
    const char *ending, *type;
} TypeRow;

/* Only pictures get a type by their names. A type that makes a browser run code must never be a
 * guess. */
static const TypeRow types[] = {
    {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"}, {".png", "image/png"},
    {".gif", "image/gif"},   {".webp", "image/webp"}, {".avif", "image/avif"},
    {".heic", "image/heic"}, {".tif", "image/tiff"},  {".tiff", "image/tiff"},
};

static const char *type_of(const S3Request *request, const Meta *meta)
{
    const char *asked = override_of(request, "content-type");
    const char *kept = http_head_get(&meta->kept, "content-type");
    const char *dot = strrchr(request->key, '.');

    if (asked || kept)
        return asked ? asked : kept;
    for (size_t i = 0; dot && i < G_N_ELEMENTS(types); i++) {
        if (g_ascii_strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    }
    return DEFAULT_TYPE;
}

/* True if the client asks for checksums. */
static bool wants_checksum(const S3Request *request)
{
    const char *mode = http_head_get(http_exchange_head(request->exchange), "x-amz-checksum-mode");

    return mode && g_ascii_strcasecmp(mode, "ENABLED") == 0;
}

/* Adds the checksum of the part `number` to the answer. Its type is that of the object's. */
static void add_part_checksum(S3Request *request, const Meta *meta, unsigned number)
{
    const HttpHeader *header;
    g_autofree char *value = s3_part_checksum(&meta->kept, number, &header);

    if (!value)
        return;
    http_exchange_add_header(request->exchange, header->name, value);
    http_exchange_add_header(request->exchange, "x-amz-checksum-type",
                             s3_checksum_type(header->value));
}

static void add_headers(S3Request *request, const Meta *meta, const struct stat *st)
{
    HttpExchange *exchange = request->exchange;
    g_autofree char *etag = g_strdup_printf("\"%s\"", meta->etag);
    g_autofree char *date = http_date_format(st->st_mtim.tv_sec);

    s3_add_ignored(request);
    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_add_header(exchange, "Last-Modified", date);
    http_exchange_add_header(exchange, "Accept-Ranges", "bytes");
    http_exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < meta->kept.n_headers; i++) {
        const HttpHeader *header = &meta->kept.headers[i];
        if (g_ascii_strcasecmp(header->name, "content-type") != 0 &&
            !meta_is_checksum(header->name) && !meta_is_internal(header->name) &&
            !override_of(request, header->name))
            http_exchange_add_header(exchange, header->name, header->value);
    }
    for (size_t i = 1; i < G_N_ELEMENTS(overrides); i++) {
        const char *value = s3_parameter(request, overrides[i]);
        if (value)
            http_exchange_add_header(exchange, overrides[i] + strlen(OVERRIDE), value);
    }
}

/* Finds the bytes of the part that the query names, and adds the number of parts to the answer. An
 * object that was not made of parts is its own part 1. */
static S3Fault find_part(S3Request *request, const Meta *meta, const char *text,
                         RangeKind *ret_kind, PartPlace *ret_place)
{
    const char *sizes = http_head_get(&meta->kept, META_PARTS);
    uint64_t number;
    unsigned count = 0;

    if (http_head_get(http_exchange_head(request->exchange), "Range"))
        return S3_INVALID_REQUEST;
    if (!scan_number(&text, MULTIPART_PARTS_MAX, &number) || *text || number == 0)
        return S3_INVALID_ARGUMENT;
    if (!sizes && http_head_get(&meta->kept, META_UPLOAD))
        /* The parts have too many different sizes. */
        return S3_NOT_IMPLEMENTED;
    if (!sizes && number == 1 && wants_checksum(request))
        s3_add_checksum(request, &meta->kept);
    if (!sizes)
        return number == 1 ? S3_OK : S3_INVALID_PART;
    if (!part_sizes_find(sizes, (unsigned)number, ret_place, &count))
        return S3_INVALID_PART;
    g_autofree char *header = g_strdup_printf("%u", count);
    http_exchange_add_header(request->exchange, "x-amz-mp-parts-count", header);
    if (wants_checksum(request))
        add_part_checksum(request, meta, (unsigned)number);
    /* An empty part has no range. */
    *ret_kind = ret_place->len > 0 ? RANGE_PART : RANGE_NONE;
    return S3_OK;
}

/* Answers with the object, or with the range or the part that the client asks for. Takes ownership
 * of `fd`. */
static void answer_file(S3Request *request, const Meta *meta, const struct stat *st, int fd)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    const char *number = s3_parameter(request, "partNumber");
    const char *type = type_of(request, meta);
    int64_t offset = 0, len = st->st_size;
    RangeKind kind = RANGE_NONE;

    if (number) {
        PartPlace place = {0, st->st_size};
        S3Fault fault = find_part(request, meta, number, &kind, &place);
        if (fault != S3_OK) {
            (void)close(fd);
            s3_refuse(request, fault, NULL);
            return;
        }
        offset = place.offset;
        len = place.len;
    } else {
        kind = range_parse(http_head_get(head, "Range"), st->st_size, &offset, &len);
    }
    if (kind == RANGE_BAD) {
        g_autofree char *all = g_strdup_printf("bytes */%lld", (long long)st->st_size);
        (void)close(fd);
        http_exchange_add_header(request->exchange, "Content-Range", all);
        s3_refuse(request, S3_INVALID_RANGE, NULL);
        return;
    }
    add_headers(request, meta, st);
    if (kind == RANGE_NONE && !number && wants_checksum(request))
        s3_add_checksum(request, &meta->kept);
    if (kind == RANGE_PART) {
        g_autofree char *part =
            g_strdup_printf("bytes %lld-%lld/%lld", (long long)offset,
                            (long long)(offset + len - 1), (long long)st->st_size);
        http_exchange_add_header(request->exchange, "Content-Range", part);
    }
    http_exchange_answer_file(request->exchange, kind == RANGE_PART ? 206 : 200, type, fd, offset,
                              len);
}

/* Answers for the key "dir/": for a folder that the gateway has not made for an object. Takes
 * ownership of `fd`. */
static void answer_folder(S3Request *request, const struct stat *st, int fd)
{
    const bool is_folder = S_ISDIR(st->st_mode) && !bucket_made_folder(fd);
    g_autofree char *date = is_folder ? http_date_format(st->st_mtim.tv_sec) : NULL;

    (void)close(fd);
    if (!is_folder) {
        s3_refuse(request, S3_NO_SUCH_KEY, NULL);
        return;
    }
    http_exchange_add_header(request->exchange, "ETag", "\"" S3_EMPTY_ETAG "\"");
    http_exchange_add_header(request->exchange, "Last-Modified", date);
    http_exchange_answer(request->exchange, 200, "application/x-directory", "", 0);
}

static void run_get(S3Request *request)
{
    g_auto(Meta) meta = {0};
    struct stat st;

    if (bucket_is_private(request->key)) {
        s3_refuse(request, S3_RESERVED, NULL);
        return;
    }
    /* Without a key, any site could have a browser take a public object for a page, as in S3. */
    if (!*request->key_id && has_overrides(request)) {
        s3_refuse(request, S3_INVALID_REQUEST, NULL);
        return;
    }
    autofd fd = bucket_open_object(request->bucket, request->key, &st);
    if (fd >= 0 && g_str_has_suffix(request->key, "/")) {
        answer_folder(request, &st, fd_steal(&fd));
        return;
    }
    if (fd < 0 || !S_ISREG(st.st_mode)) {
        s3_refuse(request, fd < 0 ? s3_fault_of_open(errno) : S3_NO_SUCH_KEY, NULL);
        return;
    }
    meta_read(fd, &st, &meta);
    switch (conditions_check(http_exchange_head(request->exchange), meta.etag, st.st_mtim.tv_sec)) {
    case CONDITION_FAILED:
        s3_refuse(request, S3_PRECONDITION_FAILED, NULL);
        return;
    case CONDITION_NOT_MODIFIED:
        add_headers(request, &meta, &st);
        http_exchange_answer(request->exchange, 304, NULL, "", 0);
        return;
    case CONDITION_HOLDS:
        break;
    }
    answer_file(request, &meta, &st, fd_steal(&fd));
}

const S3Operation s3_get_object = {"GetObject", RIGHT_READ, false, NULL, run_get};
