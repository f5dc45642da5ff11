/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/list_page.h"

#include "base/clock.h"
#include "base/file.h"
#include "s3/hollow.h"
#include "s3/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct {
    FolderNames *names;
    const S3Bucket *bucket;
    const ListQuestion *question;
    ListPage *page;
    /* Number of folders that may be opened to find hollow ones. */
    unsigned hollow_left;
} Walk;

/* Notes an error. Returns false: the walk ends. */
static bool fail(Walk *walk, S3Fault fault)
{
    walk->page->fault = fault;
    return false;
}

static void clear_entry(void *data)
{
    ListEntry *entry = data;

    g_free(entry->key);
    g_free(entry->etag);
}

void list_page_free(ListPage *page)
{
    if (!page)
        return;
    g_array_free(page->entries, TRUE);
    g_free(page);
}

/* True if the page has room; else there is more, and the page is truncated. */
static bool has_room(Walk *walk)
{
    walk->page->is_truncated = walk->page->entries->len == walk->question->max;
    return !walk->page->is_truncated;
}

/* The key up to the first delimiter after the requested prefix; NULL: there is no delimiter. Owner:
 * the caller frees. */
static char *common_prefix(const ListQuestion *question, const char *key)
{
    const char *rest = key + strlen(question->prefix);
    const char *found = *question->delimiter ? strstr(rest, question->delimiter) : NULL;

    return found ? g_strndup(key, (size_t)(found - key) + strlen(question->delimiter)) : NULL;
}

static bool add_prefix(Walk *walk, char *prefix)
{
    const GArray *entries = walk->page->entries;
    const ListEntry *last =
        entries->len ? &g_array_index(entries, ListEntry, entries->len - 1) : NULL;

    if (strcmp(prefix, walk->question->after) <= 0 ||
        (last && last->is_prefix && strcmp(last->key, prefix) == 0)) {
        g_free(prefix);
        return true;
    }
    if (!has_room(walk)) {
        g_free(prefix);
        return false;
    }
    const ListEntry entry = {.key = prefix, .is_prefix = true};
    g_array_append_val(walk->page->entries, entry);
    return true;
}

/* Adds an object, or its common prefix. False: the page is full, or there was an error. */
static bool add_key(Walk *walk, int dir_fd, const char *name, const char *key,
                    const struct stat *st)
{
    const ListQuestion *question = walk->question;

    if (!g_str_has_prefix(key, question->prefix) || strcmp(key, question->after) <= 0)
        return true;
    char *prefix = common_prefix(question, key);
    if (prefix)
        return add_prefix(walk, prefix);
    if (!has_room(walk))
        return false;
    char *etag = S_ISREG(st->st_mode) ? meta_read_etag(dir_fd, name, st) : g_strdup(S3_EMPTY_ETAG);
    if (!etag)
        return fail(walk, s3_fault_from_errno(errno));
    const ListEntry entry = {
        .key = g_strdup(key),
        .size = S_ISREG(st->st_mode) ? st->st_size : 0,
        .mtime_us = st->st_mtim.tv_sec * CLOCK_US_PER_SEC + st->st_mtim.tv_nsec / 1000,
        .etag = etag,
    };
    g_array_append_val(walk->page->entries, entry);
    return true;
}

/* True if a key below the folder `path` (with its '/') can be on the page. */
static bool is_of_interest(const ListQuestion *question, const char *path)
{
    size_t len = strlen(path), prefix_len = strlen(question->prefix);

    return strncmp(path, question->prefix, MIN(len, prefix_len)) == 0 &&
           strncmp(question->after, path, len) <= 0;
}

static bool walk_folder(Walk *walk, int dir_fd, const char *path);

/* Adds the common prefix of all keys below the folder `path`, unless there is none. */
static bool add_folder_prefix(Walk *walk, const char *name, const char *path)
{
    autofd fd = bucket_open_at(walk->bucket, name, O_RDONLY | O_DIRECTORY);

    if (fd < 0 && errno == EACCES)
        /* The gateway may not read the folder, and yet there may be objects to read below it. */
        fd = bucket_open_at(walk->bucket, name, O_PATH | O_DIRECTORY);
    if (fd < 0)
        return hollow_is_no_place(errno) || fail(walk, s3_fault_from_errno(errno));
    return hollow_check(walk->bucket, fd, strlen(path), &walk->hollow_left) ||
           add_prefix(walk, common_prefix(walk->question, path));
}

/* Adds the keys of a folder. False: the page is full, or there was an error. An empty folder is a
 * key itself. */
static bool visit_folder(Walk *walk, const char *path)
{
    const ListQuestion *question = walk->question;
    g_autofree char *name = g_strndup(path, strlen(path) - 1);
    g_autofree char *prefix = NULL;

    if (bucket_is_private(name) || !is_of_interest(question, path) || strlen(path) > S3_KEY_MAX)
        return true;
    /* All keys below the folder have the same common prefix, so not all of it need be read. */
    if (g_str_has_prefix(path, question->prefix) && strcmp(question->delimiter, "/") == 0)
        prefix = common_prefix(question, path);
    if (prefix && strcmp(prefix, question->after) <= 0)
        return true;
    if (prefix)
        return add_folder_prefix(walk, name, path);
    autofd fd = bucket_open_at(walk->bucket, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return hollow_is_no_place(errno) || fail(walk, s3_fault_from_errno(errno));
    return walk_folder(walk, fd, path);
}

static bool visit_file(Walk *walk, int dir_fd, const char *name, const char *key)
{
    struct stat st;

    if (strlen(key) > S3_KEY_MAX)
        return true;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return hollow_is_no_place(errno) || fail(walk, s3_fault_from_errno(errno));
    return !S_ISREG(st.st_mode) || add_key(walk, dir_fd, name, key, &st);
}

/* The text below the folder `path` with which the key `text` goes on, up to its next '/'. "": the
 * key is not below the folder. Owner: the caller frees. */
static char *component_below(const char *path, const char *text)
{
    const char *rest = g_str_has_prefix(text, path) ? text + strlen(path) : "";

    return g_strndup(rest, strcspn(rest, "/") + (strchr(rest, '/') ? 1 : 0));
}

/* Adds the keys of some names of a folder. All keys of the page come before those names that are
 * above `limit` and do not begin with it. False: the page is complete, or there was an error. */
static bool visit_names(Walk *walk, int dir_fd, const char *path, const GPtrArray *names,
                        const char *limit)
{
    bool ok = true;

    for (guint i = 0; ok && i < names->len; i++) {
        const char *name = names->pdata[i];
        if (strncmp(name, limit, strlen(limit)) > 0)
            return false;
        g_autofree char *key = g_strconcat(path, name, NULL);
        ok = g_str_has_suffix(name, "/") ? visit_folder(walk, key)
                                         : visit_file(walk, dir_fd, name, key);
    }
    return ok;
}

/* Adds the folder itself, if it is a key: the gateway has not made it for an object. */
static bool add_folder(Walk *walk, int dir_fd, const char *path)
{
    struct stat st;

    return !*path || bucket_made_folder(dir_fd) || fstat(dir_fd, &st) != 0 ||
           add_key(walk, dir_fd, ".", path, &st);
}

/* True if a folder with these names counts as empty: it has nothing but hollow folders. */
static bool is_like_empty(Walk *walk, int dir_fd, const char *path, const GPtrArray *names)
{
    if (names->len == 0)
        return true;
    for (guint i = 0; i < names->len; i++) {
        if (!g_str_has_suffix(names->pdata[i], "/"))
            return false;
    }
    /* The bucket and folders that the gateway has made are no keys, empty or not. */
    return *path && walk->hollow_left > 0 && !bucket_made_folder(dir_fd) &&
           hollow_check_below(walk->bucket, dir_fd, strlen(path), &walk->hollow_left);
}

static bool walk_folder(Walk *walk, int dir_fd, const char *path)
{
    g_autofree char *limit = component_below(path, walk->question->prefix);
    g_autofree char *after = component_below(path, walk->question->after);
    g_autofree char *from = g_strdup(strcmp(after, limit) > 0 ? after : limit);
    const bool is_whole = !*from;
    bool has_more = true;

    for (bool is_first = true; has_more; is_first = false) {
        g_autoptr(GPtrArray) names = folder_names_read(walk->names, dir_fd, from, &has_more);
        if (!names)
            return hollow_is_no_place(errno) || fail(walk, s3_fault_from_errno(errno));
        if (is_first && is_whole && is_like_empty(walk, dir_fd, path, names))
            return add_folder(walk, dir_fd, path);
        if (names->len == 0)
            return true;
        if (!visit_names(walk, dir_fd, path, names, limit))
            return false;
        /* The smallest text after the last name. */
        g_free(from);
        from = g_strconcat(names->pdata[names->len - 1], "\001", NULL);
    }
    return true;
}

ListPage *list_read(FolderNames *names, const S3Bucket *bucket, const ListQuestion *question)
{
    ListPage *page = g_new0(ListPage, 1);
    Walk walk = {names, bucket, question, page, HOLLOW_OPENED_MAX};
    autofd fd = bucket_open_at(bucket, "", O_RDONLY | O_DIRECTORY);

    page->entries = g_array_new(FALSE, FALSE, sizeof(ListEntry));
    g_array_set_clear_func(page->entries, clear_entry);
    if (fd < 0)
        page->fault = errno == ENOENT ? S3_NO_SUCH_BUCKET : s3_fault_from_errno(errno);
    else if (question->max > 0)
        /* The page says whether it is truncated, and has an error. */
        (void)walk_folder(&walk, fd, "");
    return page;
}
