/* SPDX-License-Identifier: Apache-2.0 */
/* Removes objects. */
#include "base/file.h"
#include "base/scan.h"
#include "http/xml.h"
#include "s3/conditions.h"
#include "s3/hollow.h"
#include "s3/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELETE_MAX 1000

/* An object to remove. */
typedef struct {
    char *key;
    WriteCondition condition;
    S3Fault fault;
} Removal;

static void clear_removal(void *data)
{
    Removal *removal = data;

    g_free(removal->key);
    write_condition_clear(&removal->condition);
}

static GArray *new_removals(void)
{
    GArray *removals = g_array_new(FALSE, TRUE, sizeof(Removal));

    g_array_set_clear_func(removals, clear_removal);
    return removals;
}

static Removal *removal_at(const S3Request *request, guint i)
{
    return &g_array_index(request->removals, Removal, i);
}

/* True if there is no such object to remove. */
static bool is_missing(int errnum)
{
    return s3_fault_of_open(errnum) == S3_NO_SUCH_KEY;
}

/* Checks that the object `name` may be removed. *ret_is_there false: there is no such object. */
static S3Fault check_removal(int parent_fd, const char *name, bool is_folder,
                             const WriteCondition *condition, const S3Bucket *bucket,
                             bool *ret_is_there)
{
    struct stat st;

    *ret_is_there = false;
    if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return is_missing(errno) ? S3_OK : s3_fault_from_errno(errno);
    if (is_folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
        return S3_OK;
    if (is_folder && reserved_find(bucket->reserved, st.st_dev, st.st_ino) != RESERVED_NOT)
        return S3_RESERVED;
    g_autofree char *etag =
        is_folder ? g_strdup(S3_EMPTY_ETAG) : meta_read_etag(parent_fd, name, &st);
    if (!etag)
        return s3_fault_from_errno(errno);
    *ret_is_there = true;
    return write_condition_holds(condition, etag, is_folder ? 0 : st.st_size, st.st_mtim.tv_sec)
               ? S3_OK
               : S3_PRECONDITION_FAILED;
}

/* Removes the file or the folder `name`. A killed gateway may have left hollow folders in it. False
 * with errno. */
static bool remove_name(const S3Bucket *bucket, int dir_fd, const char *name, bool is_folder)
{
    if (!is_folder)
        return unlinkat(dir_fd, name, 0) == 0;
    autofd fd = bucket_open_below(bucket, dir_fd, name, RESERVED_OUTPUT);
    if (fd >= 0)
        hollow_remove_below(bucket, fd);
    return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0;
}

/* Removes the object under the bucket's lock. *ret_fd: its folder, -1 if nothing was removed.
 * Owner: the caller closes. */
static S3Fault remove_locked(const S3Bucket *bucket, const char *path, bool is_folder,
                             const WriteCondition *condition, int *ret_fd)
{
    const char *name;
    bool is_there = false;
    autofd fd = bucket_open_parent(bucket, path, NULL, &name);

    if (fd < 0 && !is_missing(errno))
        return s3_fault_from_errno(errno);
    S3Fault fault =
        fd < 0 ? S3_OK : check_removal(fd, name, is_folder, condition, bucket, &is_there);
    if (fault == S3_OK && !is_there)
        /* A killed gateway may have left the folders of the object. */
        bucket_prune(bucket, path);
    if (fault != S3_OK || !is_there)
        return fault;
    if (!remove_name(bucket, fd, name, is_folder))
        return errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST
                   ? S3_OK
                   : s3_fault_from_errno(errno);
    bucket_prune(bucket, path);
    *ret_fd = fd_steal(&fd);
    return S3_OK;
}

/* Removes an object. A missing object counts as removed. */
static S3Fault remove_object(const S3Bucket *bucket, const char *key,
                             const WriteCondition *condition)
{
    bool is_folder = g_str_has_suffix(key, "/");
    g_autofree char *path = is_folder ? g_strndup(key, strlen(key) - 1) : g_strdup(key);
    S3Fault fault = bucket_check_key(key);
    autofd fd = -1;

    if (fault == S3_OK && bucket_is_reserved(bucket, key))
        fault = S3_RESERVED;
    if (fault != S3_OK)
        return fault;
    bucket_lock(bucket);
    fault = remove_locked(bucket, path, is_folder, condition, &fd);
    bucket_unlock(bucket);
    return fd < 0 || fsync(fd) == 0 ? fault : s3_fault_from_errno(errno);
}

static void remove_all(void *data)
{
    S3Request *request = data;

    for (guint i = 0; i < request->removals->len; i++) {
        Removal *removal = removal_at(request, i);
        if (removal->fault == S3_OK)
            removal->fault = remove_object(request->bucket, removal->key, &removal->condition);
    }
}

static void delete_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    S3Fault fault = removal_at(request, 0)->fault;

    if (fault != S3_OK)
        s3_refuse(request, fault, NULL);
    else
        http_exchange_answer(exchange, 204, NULL, "", 0);
}

/* Reads the conditions of a removal that are no ETag. False: they cannot be read. */
static bool parse_state(const char *size, const char *time, WriteCondition *condition)
{
    return (!size || http_parse_length(size, &condition->size)) &&
           (!time || http_date_parse(time, &condition->mtime_s));
}

static void run_delete(S3Request *request)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    Removal removal = {.key = g_strdup(request->key)};

    write_condition_read(head, &removal.condition);
    request->removals = new_removals();
    g_array_append_val(request->removals, removal);
    if (!parse_state(http_head_get(head, "x-amz-if-match-size"),
                     http_head_get(head, "x-amz-if-match-last-modified-time"),
                     &removal_at(request, 0)->condition))
        s3_refuse(request, S3_INVALID_ARGUMENT, NULL);
    else
        http_exchange_work(request->exchange, remove_all, delete_done, request);
}

typedef struct {
    S3Request *request;
    const Key *key;
    /* The object that is being read. */
    Removal removal;
} DeleteReading;

static bool on_text(const char *path, const char *text, void *data)
{
    DeleteReading *reading = data;
    Removal *removal = &reading->removal;

    if (strcmp(path, "Delete/Quiet") == 0)
        reading->request->is_quiet = strcmp(text, "true") == 0;
    if (strcmp(path, "Delete/Object/VersionId") == 0)
        return !*text || strcmp(text, "null") == 0;
    if (strcmp(path, "Delete/Object/Size") == 0)
        return parse_state(text, NULL, &removal->condition);
    if (strcmp(path, "Delete/Object/LastModifiedTime") == 0)
        return parse_state(NULL, text, &removal->condition);
    if (strcmp(path, "Delete/Object/ETag") == 0) {
        g_free(removal->condition.match);
        removal->condition.match = g_strdup(text);
    }
    if (strcmp(path, "Delete/Object/Key") == 0) {
        g_free(removal->key);
        removal->key = g_strdup(text);
    }
    return true;
}

static bool on_end(const char *path, void *data)
{
    DeleteReading *reading = data;
    S3Request *request = reading->request;
    Removal *removal = &reading->removal;

    if (strcmp(path, "Delete/Object") != 0)
        return true;
    if (!removal->key || request->removals->len == DELETE_MAX)
        return false;
    bool may =
        reading->key && key_may(reading->key, RIGHT_WRITE, request->bucket_name, removal->key, "");
    removal->fault = may ? S3_OK : S3_ACCESS_DENIED;
    g_array_append_val(request->removals, *removal);
    *removal = (Removal){.condition = {.size = -1, .mtime_s = -1}};
    return true;
}

static void delete_many_done(HttpExchange *exchange, void *data)
{
    S3Request *request = data;
    GString *xml = g_string_new(NULL);

    (void)exchange;
    http_xml_begin(xml, "DeleteResult", HTTP_XML_S3);
    for (guint i = 0; i < request->removals->len; i++) {
        const Removal *removal = removal_at(request, i);
        const char *element = removal->fault == S3_OK ? "Deleted" : "Error";
        /* The client may want errors only. */
        if (removal->fault == S3_OK && request->is_quiet)
            continue;
        http_xml_open(xml, element);
        http_xml_add(xml, "Key", removal->key);
        if (removal->fault != S3_OK) {
            http_xml_add(xml, "Code", s3_fault_code(removal->fault));
            http_xml_add(xml, "Message", s3_fault_text(removal->fault));
        }
        http_xml_close(xml, element);
    }
    http_xml_close(xml, "DeleteResult");
    s3_answer_xml(request, xml);
}

static void run_delete_many(S3Request *request)
{
    static const HttpXmlReader reader = {on_text, on_end};
    DeleteReading reading = {request,
                             keys_find(request->s3->keys, request->key_id),
                             {.condition = {.size = -1, .mtime_s = -1}}};

    request->removals = new_removals();
    bool ok = http_xml_read((const char *)request->document->data, request->document->len, &reader,
                            &reading, NULL);
    clear_removal(&reading.removal);
    if (!ok || request->removals->len == 0)
        s3_refuse(request, S3_MALFORMED_XML, NULL);
    else
        http_exchange_work_long(request->exchange, remove_all, delete_many_done, request,
                                request->key_id);
}

const S3Operation s3_delete_object = {"DeleteObject", RIGHT_WRITE, false, NULL, run_delete};
const S3Operation s3_delete_objects = {"DeleteObjects", RIGHT_WRITE, true, NULL, run_delete_many};
