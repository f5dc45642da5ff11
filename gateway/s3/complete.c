/* SPDX-License-Identifier: Apache-2.0 */
/* CompleteMultipartUpload: joins the parts of an upload into an object. */
#include "base/file.h"
#include "base/scan.h"
#include "http/xml.h"
#include "model/upload_mark.h"
#include "s3/multipart.h"
#include "s3/part_sizes.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PART_CHECKSUM "CompleteMultipartUpload/Part/Checksum"

typedef struct {
    S3Request *request;
    /* The part that is being read. */
    MultipartPart part;
} CompleteReading;

/* Takes the MD5 from an ETag; some clients leave the quotes out. False: it is no MD5. */
static bool parse_etag(const char *text, char md5[static 33])
{
    g_autofree char *etag = g_strdup(text);
    char *begin = etag[0] == '"' ? etag + 1 : etag;
    size_t len = strlen(begin);

    if (len == 33 && begin[32] == '"')
        begin[32] = '\0';
    g_strlcpy(md5, begin, 33);
    return strlen(begin) == 32 && strspn(begin, "0123456789abcdef") == 32;
}

static bool on_text(const char *path, const char *text, void *data)
{
    CompleteReading *reading = data;
    uint64_t number;

    if (strcmp(path, "CompleteMultipartUpload/Part/ETag") == 0)
        return parse_etag(text, reading->part.md5);
    if (g_str_has_prefix(path, PART_CHECKSUM))
        return g_strlcpy(reading->part.checksum, text, sizeof reading->part.checksum) <
               sizeof reading->part.checksum;
    if (strcmp(path, "CompleteMultipartUpload/Part/PartNumber") != 0)
        return true;
    if (!scan_number(&text, MULTIPART_PARTS_MAX, &number) || *text || number == 0)
        return false;
    reading->part.number = (unsigned)number;
    return true;
}

static bool on_end(const char *path, void *data)
{
    CompleteReading *reading = data;
    GArray *parts = reading->request->parts;

    if (strcmp(path, "CompleteMultipartUpload/Part") != 0)
        return true;
    if (reading->part.number == 0 || !*reading->part.md5 || parts->len == MULTIPART_PARTS_MAX)
        return false;
    g_array_append_val(parts, reading->part);
    reading->part = (MultipartPart){0};
    return true;
}

static bool are_in_order(const GArray *parts)
{
    for (guint i = 1; i < parts->len; i++) {
        if (g_array_index(parts, MultipartPart, i - 1).number >=
            g_array_index(parts, MultipartPart, i).number)
            return false;
    }
    return true;
}

/* Checks that a part exists and is large enough, and reads its size. */
static S3Fault check_part(const S3Request *request, guint i)
{
    MultipartPart *part = &g_array_index(request->parts, MultipartPart, i);
    g_autofree char *name = multipart_part_name(part->number, part->md5);
    struct stat st;

    if (fstatat(request->multipart.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return S3_INVALID_PART;
    part->size = st.st_size;
    if (i + 1 < request->parts->len && part->size < MULTIPART_PART_MIN)
        return S3_ENTITY_TOO_SMALL;
    return S3_OK;
}

/* Digests of the object while its parts are joined. */
typedef struct {
    HttpDigest *md5s;
    /* Checksum of the object's bytes, or of the parts' checksums; NULL: none is wanted. */
    HttpDigest *checksum;
    bool is_composite;
    /* Checksums of the parts, with ';' between; longer than PART_SIZES_MAX: they are not kept. */
    GString *parts;
} Digests;

/* Reads which checksum the object shall have. */
static void open_checksum(const Meta *meta, Digests *digests)
{
    const char *text = http_head_get(&meta->kept, META_CHECKSUM);
    HttpDigestKind kind;

    if (!text)
        return;
    g_auto(GStrv) words = g_strsplit(text, " ", 2);
    if (!words[0] || !words[1] || !http_digest_from_name(words[0], &kind))
        return;
    digests->checksum = http_digest_new(kind);
    digests->is_composite = strcmp(words[1], "COMPOSITE") == 0;
}

/* Finishes a digest, as text in base64. Owner: the caller frees. */
static char *finish_base64(HttpDigest *digest)
{
    uint8_t value[HTTP_DIGEST_BYTES_MAX];

    return g_base64_encode(value, http_digest_finish(digest, value));
}

/* Appends the bytes of the part, and compares its checksum with the one that the client states. */
static S3Fault append_bytes(const S3Request *request, const MultipartPart *part, int fd,
                            Digests *digests)
{
    uint8_t value[HTTP_DIGEST_BYTES_MAX];
    g_autoptr(HttpDigest) own =
        digests->checksum ? http_digest_new(http_digest_kind(digests->checksum)) : NULL;

    /* The digests of a part that was not read to its end would be wrong ones. */
    if (!upload_append_file(request->upload, fd, 0, part->size, own,
                            digests->is_composite ? NULL : digests->checksum,
                            &request->s3->is_stopped))
        return upload_finish(request->upload);
    if (!own)
        return S3_OK;
    size_t len = http_digest_finish(own, value);
    g_autofree char *text = g_base64_encode(value, len);
    if (*part->checksum && strcmp(part->checksum, text) != 0)
        return S3_INVALID_PART;
    if (digests->parts->len <= PART_SIZES_MAX)
        g_string_append_printf(digests->parts, "%s%s", digests->parts->len ? ";" : "", text);
    if (digests->is_composite)
        http_digest_update(digests->checksum, value, len);
    return S3_OK;
}

/* Appends the part to the object, and its MD5 to those of the other parts. */
static S3Fault append_part(const S3Request *request, const MultipartPart *part, Digests *digests)
{
    g_autofree char *name = multipart_part_name(part->number, part->md5);
    uint8_t md5[16];
    autofd fd = openat(request->multipart.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || !http_parse_hex(part->md5, md5, sizeof md5))
        return S3_INVALID_PART;
    http_digest_update(digests->md5s, md5, sizeof md5);
    return append_bytes(request, part, fd, digests);
}

/* Keeps a list of the parts with the object, if the attribute has room for it beside the client's
 * metadata. */
static void save_list(Meta *meta, const char *name, const char *list)
{
    /* Room for the state of the file, the ETag, the key and the checksum. */
    size_t len = 512 + strlen(name) + strlen(list) + 2;

    for (size_t i = 0; i < meta->kept.n_headers; i++)
        len += strlen(meta->kept.headers[i].name) + strlen(meta->kept.headers[i].value) + 2;
    if (len <= UPLOAD_MARK_MAX)
        http_head_add(&meta->kept, name, list);
}

/* Fills the metadata of the object. S3_BAD_DIGEST: the client states another checksum. */
static S3Fault fill_meta(S3Request *request, const Digests *digests)
{
    const HttpHead *described = &request->multipart.meta.kept;
    Meta *meta = upload_meta(request->upload);
    g_autofree char *sizes = part_sizes_format(request->parts);

    meta->key_id = g_strdup(request->multipart.meta.key_id);
    meta->etag = g_strdup_printf("%s-%u", request->md5, request->parts->len);
    for (size_t i = 0; i < described->n_headers; i++) {
        if (!meta_is_internal(described->headers[i].name))
            http_head_add(&meta->kept, described->headers[i].name, described->headers[i].value);
    }
    http_head_add(&meta->kept, META_UPLOAD, request->multipart.id);
    if (sizes)
        save_list(meta, META_PARTS, sizes);
    if (!digests->checksum)
        return S3_OK;
    if (digests->parts->len <= PART_SIZES_MAX)
        save_list(meta, META_PART_CHECKSUMS, digests->parts->str);
    g_autofree char *name =
        g_strconcat("x-amz-checksum-", http_digest_name(http_digest_kind(digests->checksum)), NULL);
    g_autofree char *value = finish_base64(digests->checksum);
    g_autofree char *counted = digests->is_composite
                                   ? g_strdup_printf("%s-%u", value, request->parts->len)
                                   : g_strdup(value);
    const char *stated = http_head_get(http_exchange_head(request->exchange), name);
    if (stated && strcmp(stated, counted) != 0 && strcmp(stated, value) != 0)
        return S3_BAD_DIGEST;
    http_head_add(&meta->kept, name, counted);
    return S3_OK;
}

/* Joins the parts into the file of the upload, and computes its metadata. */
static S3Fault join_parts(S3Request *request)
{
    g_autoptr(HttpDigest) md5s = http_digest_new(HTTP_DIGEST_MD5);
    g_autoptr(GString) parts = g_string_new(NULL);
    Digests digests = {.md5s = md5s, .parts = parts};
    uint8_t value[HTTP_DIGEST_BYTES_MAX];
    S3Fault fault = S3_OK;

    open_checksum(&request->multipart.meta, &digests);
    for (guint i = 0; fault == S3_OK && i < request->parts->len; i++)
        fault = append_part(request, &g_array_index(request->parts, MultipartPart, i), &digests);
    http_hex(value, http_digest_finish(md5s, value), request->md5);
    if (fault == S3_OK)
        fault = fill_meta(request, &digests);
    http_digest_free(digests.checksum);
    return fault;
}

static S3Fault join(S3Request *request)
{
    S3Fault fault = are_in_order(request->parts) ? S3_OK : S3_INVALID_PART_ORDER;

    multipart_touch(&request->multipart);
    for (guint i = 0; fault == S3_OK && i < request->parts->len; i++)
        fault = check_part(request, i);
    if (fault != S3_OK)
        return fault;
    request->upload =
        upload_open(request->bucket, request->key, http_exchange_id(request->exchange), &fault);
    if (!request->upload)
        return fault;
    fault = join_parts(request);
    if (fault != S3_OK)
        return fault;
    upload_set_condition(request->upload, &request->condition);
    upload_set_multipart(request->upload, request->multipart.fd);
    fault = upload_finish(request->upload);
    /* If parts stay, a sweep removes them later. */
    if (fault == S3_OK)
        (void)multipart_remove(request->bucket, request->multipart.id);
    return fault;
}

/* Computes the ETag of the parts, without their number. */
static bool compute_etag(S3Request *request)
{
    g_autoptr(HttpDigest) md5s = http_digest_new(HTTP_DIGEST_MD5);
    uint8_t md5[HTTP_DIGEST_BYTES_MAX];

    for (guint i = 0; i < request->parts->len; i++) {
        if (!http_parse_hex(g_array_index(request->parts, MultipartPart, i).md5, md5, 16))
            return false;
        http_digest_update(md5s, md5, 16);
    }
    http_hex(md5, http_digest_finish(md5s, md5), request->md5);
    return true;
}

/* True if the object was made by this upload from these parts: the client has not got the answer,
 * and asks again. Its metadata is then in `completed`. */
static bool was_completed(S3Request *request)
{
    const char *id = s3_parameter(request, "uploadId");
    struct stat st;
    autofd fd = bucket_open_object(request->bucket, request->key, &st);

    if (fd < 0 || !S_ISREG(st.st_mode) || !compute_etag(request))
        return false;
    g_autofree char *etag = g_strdup_printf("%s-%u", request->md5, request->parts->len);
    meta_clear(&request->completed);
    meta_read(fd, &st, &request->completed);
    return g_strcmp0(http_head_get(&request->completed.kept, META_UPLOAD), id) == 0 &&
           strcmp(request->completed.etag, etag) == 0;
}

static void complete(void *data)
{
    S3Request *request = data;
    g_auto(Multipart) again = {0};

    request->fault = request->multipart.id ? join(request) : S3_NO_SUCH_UPLOAD;
    /* The upload may have ended since it was opened: the request was sent twice. Its end by this
     * request itself is another thing: the object may not be on disk yet. */
    if (request->fault == S3_OK || (request->upload && upload_is_in_place(request->upload)) ||
        multipart_open(request->bucket, request->key, s3_parameter(request, "uploadId"), &again) !=
            S3_NO_SUCH_UPLOAD)
        return;
    g_clear_pointer(&request->upload, upload_free);
    request->fault = was_completed(request) ? S3_OK : S3_NO_SUCH_UPLOAD;
}

/* Adds the checksum to the document of the answer. */
static void add_checksum(GString *xml, const HttpHead *kept)
{
    for (size_t i = 0; i < kept->n_headers; i++) {
        const HttpHeader *header = &kept->headers[i];
        if (meta_is_checksum(header->name))
            s3_add_checksum_xml(xml, header);
    }
}

static void complete_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    g_autofree char *place = g_strdup_printf("/%s/%s", request->bucket_name, request->key);
    g_autofree char *etag = NULL;

    (void)exchange;
    if (request->fault != S3_OK) {
        s3_refuse(request, request->fault, NULL);
        return;
    }
    etag = g_strdup_printf("\"%s-%u\"", request->md5, request->parts->len);
    GString *xml = g_string_new(NULL);
    http_xml_begin(xml, "CompleteMultipartUploadResult", HTTP_XML_S3);
    http_xml_add(xml, "Location", place);
    http_xml_add(xml, "Bucket", request->bucket_name);
    http_xml_add(xml, "Key", request->key);
    http_xml_add(xml, "ETag", etag);
    add_checksum(xml,
                 request->upload ? &upload_meta(request->upload)->kept : &request->completed.kept);
    http_xml_close(xml, "CompleteMultipartUploadResult");
    s3_answer_xml(request, xml);
}

/* An upload that has gone may be completed already. */
static S3Fault begin_complete(S3Request *request)
{
    S3Fault fault = s3_open_upload(request);

    return fault == S3_NO_SUCH_UPLOAD && multipart_id_is_valid(s3_parameter(request, "uploadId"))
               ? S3_OK
               : fault;
}

static void run_complete(S3Request *request)
{
    static const HttpXmlReader reader = {on_text, on_end};
    CompleteReading reading = {.request = request};

    write_condition_read(http_exchange_head(request->exchange), &request->condition);
    request->parts = g_array_new(FALSE, TRUE, sizeof(MultipartPart));
    if (!http_xml_read((const char *)request->document->data, request->document->len, &reader,
                       &reading, NULL) ||
        request->parts->len == 0)
        s3_refuse(request, S3_MALFORMED_XML, NULL);
    else
        http_exchange_work_long(request->exchange, complete, complete_done, request,
                                request->key_id);
}

const S3Operation s3_complete_multipart = {"CompleteMultipartUpload", RIGHT_WRITE, true,
                                           begin_complete, run_complete};
