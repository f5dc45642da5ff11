/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/meta.h"

#include "base/file.h"
#include "http/digest.h"
#include "model/upload_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Number of the system call getxattrat, the same on all architectures but Alpha. */
#define GETXATTRAT   464
#define AMZ_META     "x-amz-meta-"
#define AMZ_CHECKSUM "x-amz-checksum-"

static const char *const kept_headers[] = {"content-type",
                                           "cache-control",
                                           "content-disposition",
                                           "content-language",
                                           "content-encoding",
                                           "expires",
                                           NULL};

void meta_clear(Meta *meta)
{
    g_free(meta->etag);
    g_free(meta->key_id);
    http_head_clear(&meta->kept);
    *meta = (Meta){0};
}

bool meta_is_kept(const char *header)
{
    g_autofree char *name = g_ascii_strdown(header, -1);

    return g_str_has_prefix(name, AMZ_META) || g_strv_contains(kept_headers, name) ||
           meta_is_checksum(name);
}

bool meta_is_internal(const char *header)
{
    return strcmp(header, META_UPLOAD) == 0 || strcmp(header, META_PARTS) == 0 ||
           strcmp(header, META_PART_CHECKSUMS) == 0 || strcmp(header, META_CHECKSUM) == 0;
}

bool meta_is_checksum(const char *header)
{
    HttpDigestKind kind;

    return g_ascii_strncasecmp(header, AMZ_CHECKSUM, strlen(AMZ_CHECKSUM)) == 0 &&
           http_digest_from_name(header + strlen(AMZ_CHECKSUM), &kind);
}

/* Removes `aws-chunked` from a Content-Encoding: it is not a part of the object. Owner: the caller
 * frees. */
static char *without_aws_chunked(const char *encoding)
{
    g_auto(GStrv) parts = g_strsplit(encoding, ",", 0);
    g_autoptr(GString) rest = g_string_new(NULL);

    for (size_t i = 0; parts[i]; i++) {
        const char *part = g_strstrip(parts[i]);
        if (*part && g_ascii_strcasecmp(part, "aws-chunked") != 0)
            g_string_append_printf(rest, "%s%s", rest->len ? ", " : "", part);
    }
    return g_string_free(g_steal_pointer(&rest), FALSE);
}

bool meta_set_headers(Meta *meta, const HttpHead *head)
{
    size_t len = 0;

    for (size_t i = 0; i < head->n_headers; i++) {
        const HttpHeader *header = &head->headers[i];
        if (!meta_is_kept(header->name) || meta_is_checksum(header->name) ||
            http_head_get(&meta->kept, header->name))
            continue;
        g_autoptr(GString) joined = g_string_new(NULL);
        for (size_t j = i; j < head->n_headers; j++) {
            if (g_ascii_strcasecmp(head->headers[j].name, header->name) == 0)
                g_string_append_printf(joined, "%s%s", joined->len ? "," : "",
                                       head->headers[j].value);
        }
        /* A tab means the same as a blank (RFC 9110, section 5.6.3), and libmicrohttpd sends no
         * header with a tab. */
        g_strdelimit(joined->str, "\t", ' ');
        g_autofree char *name = g_ascii_strdown(header->name, -1);
        g_autofree char *value = strcmp(name, "content-encoding") == 0
                                     ? without_aws_chunked(joined->str)
                                     : g_strdup(joined->str);
        if (g_str_has_prefix(name, AMZ_META))
            len += strlen(name) - strlen(AMZ_META) + strlen(value);
        if (*value)
            http_head_add(&meta->kept, name, value);
    }
    return len <= META_HEADERS_MAX;
}

char *meta_format(const Meta *meta, const struct stat *st)
{
    g_autoptr(GString) out = g_string_new(UPLOAD_MARK_FIRST "\n");

    upload_mark_append_state(out, st);
    g_string_append_printf(out, "\n%s\n%s\n", meta->etag, meta->key_id ? meta->key_id : "");
    for (size_t i = 0; i < meta->kept.n_headers; i++)
        g_string_append_printf(out, "%s:%s\n", meta->kept.headers[i].name,
                               meta->kept.headers[i].value);
    return out->len <= UPLOAD_MARK_MAX ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

static bool is_etag(const char *text)
{
    return *text && strspn(text, "0123456789abcdef-") == strlen(text) && strlen(text) < 64;
}

/* True for a legal value of a header: it has no control characters except tabs. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    }
    return true;
}

bool meta_parse(const char *text, size_t len, const struct stat *st, Meta *ret_meta)
{
    g_autoptr(GString) state = g_string_new(NULL);
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", 0);
    g_auto(Meta) meta = {0};

    upload_mark_append_state(state, st);
    if (strlen(copy) != len || g_strv_length(lines) < 5 ||
        strcmp(lines[0], UPLOAD_MARK_FIRST) != 0 || strcmp(lines[1], state->str) != 0 ||
        !is_etag(lines[2]))
        return false;
    meta.etag = g_strdup(lines[2]);
    meta.key_id = *lines[3] ? g_strdup(lines[3]) : NULL;
    for (char **line = lines + 4; **line; line++) {
        char *colon = strchr(*line, ':');
        if (!colon || !line[1] || meta.kept.n_headers == HTTP_HEADERS_MAX)
            return false;
        *colon = '\0';
        if ((!meta_is_kept(*line) && !meta_is_internal(*line)) || !is_plain(colon + 1))
            return false;
        http_head_add(&meta.kept, *line, colon + 1);
    }
    *ret_meta = meta;
    meta = (Meta){0};
    return true;
}

/* Makes an ETag of the state of a file. It ends in "-0": clients would take 32 digits alone for an
 * MD5, and the file for damaged. */
static char *etag_of_state(const struct stat *st)
{
    g_autoptr(GString) state = g_string_new(NULL);
    char hash[HTTP_HEX_SHA256_MAX];

    upload_mark_append_state(state, st);
    http_sha256_hex(state->str, state->len, hash);
    g_strlcpy(hash + 32, "-0", sizeof hash - 32);
    return g_strdup(hash);
}

/* Takes the metadata out of the attribute, of which `len` bytes were read. */
static void take_meta(const char *text, ssize_t len, const struct stat *st, Meta *ret_meta)
{
    if (len <= 0 || !meta_parse(text, (size_t)len, st, ret_meta))
        *ret_meta = (Meta){.etag = etag_of_state(st)};
}

void meta_read(int fd, const struct stat *st, Meta *ret_meta)
{
    char text[UPLOAD_MARK_MAX];

    take_meta(text, fgetxattr(fd, UPLOAD_MARK_ATTRIBUTE, text, sizeof text), st, ret_meta);
}

/* Reads the attribute of a file by its name, which needs no descriptor. -1 with errno: ENODATA, or
 * another one if the kernel is older than 6.13, a filter refuses the call, or the reading failed.
 * Source: getxattrat(2). */
static ssize_t read_attribute_at(int dir_fd, const char *name, char text[static UPLOAD_MARK_MAX])
{
    static gint is_refused;
    struct {
        uint64_t value;
        uint32_t size, flags;
    } arguments = {(uintptr_t)text, UPLOAD_MARK_MAX, 0};

    if (g_atomic_int_get(&is_refused)) {
        errno = ENOSYS;
        return -1;
    }
    ssize_t len = syscall(GETXATTRAT, dir_fd, name, AT_SYMLINK_NOFOLLOW, UPLOAD_MARK_ATTRIBUTE,
                          &arguments, sizeof arguments);
    if (len < 0 && (errno == ENOSYS || errno == EPERM))
        g_atomic_int_set(&is_refused, 1);
    return len;
}

char *meta_read_etag(int dir_fd, const char *name, const struct stat *st)
{
    g_auto(Meta) meta = {0};
    char text[UPLOAD_MARK_MAX];
    struct stat now;
    const ssize_t len = read_attribute_at(dir_fd, name, text);

    /* The attribute names the state of its file: one of another file that has the name now does not
     * count. */
    if (len >= 0 || errno == ENODATA) {
        take_meta(text, len, st, &meta);
        return g_steal_pointer(&meta.etag);
    }
    autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 && errno != ENOENT && errno != EACCES && errno != EPERM && errno != ELOOP &&
        errno != ENXIO)
        return NULL;
    if (fd < 0 || fstat(fd, &now) != 0 || !file_is_same(st, &now))
        return etag_of_state(st);
    meta_read(fd, st, &meta);
    return g_steal_pointer(&meta.etag);
}

static bool write_attribute(int fd, const Meta *meta, const struct stat *st)
{
    g_autofree char *text = meta_format(meta, st);

    if (!text) {
        errno = E2BIG;
        return false;
    }
    return fsetxattr(fd, UPLOAD_MARK_ATTRIBUTE, text, strlen(text), 0) == 0;
}

/* Copies the metadata, but not the lists of the parts. The ETag and the key id are borrowed. */
static Meta without_lists(const Meta *meta)
{
    Meta few = {.etag = meta->etag, .key_id = meta->key_id};

    for (size_t i = 0; i < meta->kept.n_headers; i++) {
        const HttpHeader *header = &meta->kept.headers[i];
        if (strcmp(header->name, META_PARTS) != 0 && strcmp(header->name, META_PART_CHECKSUMS) != 0)
            http_head_add(&few.kept, header->name, header->value);
    }
    return few;
}

bool meta_write(int fd, const Meta *meta, const struct stat *st)
{
    if (write_attribute(fd, meta, st))
        return true;
    if (errno != ENOSPC && errno != E2BIG)
        return false;
    int errnum = errno;
    Meta few = without_lists(meta);
    errno = errnum;
    const bool ok = few.kept.n_headers < meta->kept.n_headers && write_attribute(fd, &few, st);
    errnum = errno;
    http_head_clear(&few.kept);
    errno = errnum;
    return ok;
}
