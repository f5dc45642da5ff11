/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/multipart.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/scan.h"
#include "http/target.h"
#include "model/upload_mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABOUT_MAX   16384
#define FOLDER_MODE 0770
#define FILE_MODE   0660
/* Room in the attribute for the metadata that the end of the upload adds: the state of the file,
 * the ETag, the checksum and the id of the upload. */
#define ROOM 256
/* Stands for the ETag, which an unfinished upload does not have. */
#define NO_ETAG "0"

void multipart_clear(Multipart *multipart)
{
    if (multipart->id)
        fd_clear(&multipart->fd);
    g_free(multipart->id);
    g_free(multipart->key);
    meta_clear(&multipart->meta);
    *multipart = (Multipart){0};
}

bool multipart_id_is_valid(const char *id)
{
    return strlen(id) == MULTIPART_ID_LEN && strspn(id, "0123456789abcdef") == MULTIPART_ID_LEN;
}

static bool write_file(int dir_fd, const char *text)
{
    autofd fd = openat(dir_fd, MULTIPART_ABOUT,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0 &&
           fsync(dir_fd) == 0;
}

S3Fault multipart_create(const S3Bucket *bucket, const char *key, const Meta *meta, const char *id)
{
    const struct stat none = {0};
    Meta kept = *meta;
    g_autoptr(GString) about = g_string_new(NULL);

    kept.etag = (char *)NO_ETAG;
    g_autofree char *text = meta_format(&kept, &none);
    if (!text || strlen(text) > UPLOAD_MARK_MAX - ROOM)
        return S3_INVALID_ARGUMENT;
    if (bucket->uploads_fd < 0)
        return S3_ACCESS_DENIED;
    http_percent_encode(about, key, true);
    g_string_append_printf(about, "\n%s", text);
    if (mkdirat(bucket->uploads_fd, id, FOLDER_MODE) != 0)
        return s3_fault_from_errno(errno);
    autofd fd = openat(bucket->uploads_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && write_file(fd, about->str) && fsync(bucket->uploads_fd) == 0)
        return S3_OK;
    S3Fault fault = s3_fault_from_errno(errno);
    /* If the removal fails, a sweep removes the upload later. */
    (void)multipart_remove(bucket, id);
    return fault;
}

static bool read_about(int dir_fd, Multipart *multipart)
{
    const struct stat none = {0};
    autofd fd = openat(dir_fd, MULTIPART_ABOUT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    size_t len = 0;
    g_autofree char *text =
        fd < 0 ? NULL : file_read_fd(fd, MULTIPART_ABOUT, ABOUT_MAX, &len, NULL);
    const char *end = text ? memchr(text, '\n', len) : NULL;

    if (!end)
        return false;
    multipart->key = http_percent_decode(text, (size_t)(end - text), false);
    return multipart->key &&
           meta_parse(end + 1, len - (size_t)(end + 1 - text), &none, &multipart->meta);
}

S3Fault multipart_open(const S3Bucket *bucket, const char *key, const char *id,
                       Multipart *ret_multipart)
{
    g_auto(Multipart) multipart = {0};

    if (!multipart_id_is_valid(id) || bucket->uploads_fd < 0)
        return S3_NO_SUCH_UPLOAD;
    multipart.fd = openat(bucket->uploads_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    multipart.id = g_strdup(id);
    if (multipart.fd < 0 && s3_fault_of_open(errno) != S3_NO_SUCH_KEY)
        return s3_fault_from_errno(errno);
    if (multipart.fd < 0 || !read_about(multipart.fd, &multipart) ||
        (key && strcmp(key, multipart.key) != 0))
        return S3_NO_SUCH_UPLOAD;
    *ret_multipart = multipart;
    multipart = (Multipart){0};
    return S3_OK;
}

char *multipart_part_name(unsigned number, const char *md5)
{
    return g_strdup_printf("%05u-%s", number, md5);
}

static bool parse_part_name(const char *name, MultipartPart *part)
{
    const char *at = name;
    uint64_t number;

    if (!scan_number(&at, MULTIPART_PARTS_MAX, &number) || at != name + 5 || !scan_text(&at, "-") ||
        strlen(at) != 32 || strspn(at, "0123456789abcdef") != 32)
        return false;
    part->number = (unsigned)number;
    g_strlcpy(part->md5, at, sizeof part->md5);
    return true;
}

static DIR *open_list(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir)
        fd_clear(&fd);
    return dir;
}

/* Compares by number. Of the same number, the newest comes first. */
static int compare_parts(const void *a, const void *b)
{
    const MultipartPart *first = a, *second = b;

    if (first->number != second->number)
        return first->number < second->number ? -1 : 1;
    return (first->mtime_us < second->mtime_us) - (first->mtime_us > second->mtime_us);
}

/* Reads the parts in the order of the folder. False with errno. */
static bool read_parts(const Multipart *multipart, DIR *dir, GArray *parts)
{
    const struct dirent *entry;

    for (errno = 0; (entry = readdir(dir)); errno = 0) {
        MultipartPart part = {0};
        struct stat st;
        if (!parse_part_name(entry->d_name, &part))
            continue;
        if (fstatat(multipart->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT)
                return false;
            continue;
        }
        part.size = st.st_size;
        part.mtime_us = st.st_mtim.tv_sec * CLOCK_US_PER_SEC + st.st_mtim.tv_nsec / 1000;
        g_array_append_val(parts, part);
    }
    return errno == 0;
}

GArray *multipart_list_parts(const Multipart *multipart, S3Fault *ret_fault)
{
    DIR *dir = open_list(multipart->fd);
    guint n = 0;

    if (!dir) {
        *ret_fault = s3_fault_from_errno(errno);
        return NULL;
    }
    GArray *parts = g_array_new(FALSE, TRUE, sizeof(MultipartPart));
    *ret_fault = read_parts(multipart, dir, parts) ? S3_OK : s3_fault_from_errno(errno);
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    if (*ret_fault != S3_OK) {
        g_array_unref(parts);
        return NULL;
    }
    g_array_sort(parts, compare_parts);
    for (guint i = 0; i < parts->len; i++) {
        const MultipartPart *part = &g_array_index(parts, MultipartPart, i);
        if (n == 0 || g_array_index(parts, MultipartPart, n - 1).number != part->number)
            g_array_index(parts, MultipartPart, n++) = *part;
    }
    g_array_set_size(parts, n);
    return parts;
}

static void clear_entry(void *data)
{
    MultipartEntry *entry = data;

    g_free(entry->key);
    g_free(entry->id);
}

static int compare_entries(const void *a, const void *b)
{
    const MultipartEntry *first = a, *second = b;
    int order = strcmp(first->key, second->key);

    return order ? order : g_strcmp0(first->id, second->id);
}

/* Sorts the entries, and keeps the first `max` + 1 that differ. */
static void sort_and_cut(GArray *entries, unsigned max)
{
    guint n = 0;

    g_array_sort(entries, compare_entries);
    for (guint i = 0; i < entries->len; i++) {
        MultipartEntry *entry = &g_array_index(entries, MultipartEntry, i);
        if (n > max ||
            (n > 0 && compare_entries(&g_array_index(entries, MultipartEntry, n - 1), entry) == 0))
            continue;
        MultipartEntry *place = &g_array_index(entries, MultipartEntry, n++);
        const MultipartEntry swapped = *place;
        *place = *entry;
        *entry = swapped;
    }
    g_array_set_size(entries, n);
}

/* True if the entry comes after the place at which the page begins. */
static bool is_after(const MultipartQuestion *question, const MultipartEntry *entry)
{
    int order = strcmp(entry->key, question->after_key);

    return order > 0 || (order == 0 && entry->id && *question->after_id &&
                         strcmp(entry->id, question->after_id) > 0);
}

/* Adds the upload if it is on the page, as far as is known. False with *ret_fault. */
static bool add_entry(const S3Bucket *bucket, const MultipartQuestion *question, const char *id,
                      GArray *entries, S3Fault *ret_fault)
{
    g_auto(Multipart) multipart = {0};
    struct stat st;

    *ret_fault = multipart_open(bucket, NULL, id, &multipart);
    /* The upload was completed or aborted since its name was read. */
    if (*ret_fault == S3_NO_SUCH_UPLOAD)
        return true;
    if (*ret_fault == S3_OK && fstat(multipart.fd, &st) != 0)
        *ret_fault = s3_fault_from_errno(errno);
    if (*ret_fault != S3_OK)
        return false;
    g_assert(multipart.key);
    if (!g_str_has_prefix(multipart.key, question->prefix) ||
        !g_str_has_prefix(multipart.key, question->key_prefix))
        return true;
    const char *rest = multipart.key + strlen(question->prefix);
    const char *found = *question->delimiter ? strstr(rest, question->delimiter) : NULL;
    size_t len = found ? (size_t)(found - multipart.key) + strlen(question->delimiter) : 0;
    MultipartEntry entry = {
        .key = found ? g_strndup(multipart.key, len) : g_strdup(multipart.key),
        .id = found ? NULL : g_strdup(id),
        .begun_us = st.st_mtim.tv_sec * CLOCK_US_PER_SEC + st.st_mtim.tv_nsec / 1000,
    };
    if (is_after(question, &entry))
        g_array_append_val(entries, entry);
    else
        clear_entry(&entry);
    /* The memory of a page is bounded, however many uploads there are. */
    if (entries->len > 4 * (question->max + 1))
        sort_and_cut(entries, question->max);
    return true;
}

static S3Fault read_entries(const S3Bucket *bucket, const MultipartQuestion *question, DIR *dir,
                            GArray *entries)
{
    const struct dirent *entry;
    S3Fault fault;

    for (errno = 0; (entry = readdir(dir)); errno = 0) {
        if (multipart_id_is_valid(entry->d_name) &&
            !add_entry(bucket, question, entry->d_name, entries, &fault))
            return fault;
    }
    return errno ? s3_fault_from_errno(errno) : S3_OK;
}

GArray *multipart_list(const S3Bucket *bucket, const MultipartQuestion *question,
                       S3Fault *ret_fault)
{
    GArray *entries = g_array_new(FALSE, TRUE, sizeof(MultipartEntry));
    DIR *dir = bucket->uploads_fd < 0 ? NULL : open_list(bucket->uploads_fd);

    g_array_set_clear_func(entries, clear_entry);
    *ret_fault = dir                      ? read_entries(bucket, question, dir, entries)
                 : bucket->uploads_fd < 0 ? S3_OK
                                          : s3_fault_from_errno(errno);
    if (dir)
        /* The folder was only read: an error has no effect. */
        (void)closedir(dir);
    if (*ret_fault == S3_OK) {
        sort_and_cut(entries, question->max);
        return entries;
    }
    g_array_unref(entries);
    return NULL;
}

void multipart_touch(const Multipart *multipart)
{
    /* Without the new time, the sweep may remove an old upload while it is being completed. */
    (void)futimens(multipart->fd, NULL);
}

S3Fault multipart_remove(const S3Bucket *bucket, const char *id)
{
    autofd fd = openat(bucket->uploads_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : open_list(fd);

    if (!dir)
        return S3_NO_SUCH_UPLOAD;
    /* The description goes first: without it, the rest is no upload, even if the removal ends too
     * early. Under the lock: a request that completes the upload either was first, or finds none.
     */
    bucket_lock(bucket);
    const bool was_there = unlinkat(fd, MULTIPART_ABOUT, 0) == 0 || errno != ENOENT;
    bucket_unlock(bucket);
    for (const struct dirent *entry; (entry = readdir(dir));)
        /* If a file stays, the folder stays, and its removal fails below. */
        (void)unlinkat(fd, entry->d_name, 0);
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    if (unlinkat(bucket->uploads_fd, id, AT_REMOVEDIR) != 0)
        return s3_fault_from_errno(errno);
    return was_there ? S3_OK : S3_NO_SUCH_UPLOAD;
}
