/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/prepare.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "journal/journal.h"
#include "model/upload_mark.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Refuses thumbnails: thumbnails of thumbnails would never end. */
static bool check_origin(const WorkItem *item, GError **error)
{
    if (!mark_is_true(&item->state->mark, item->source_fd))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_MADE_BY_THUMBQ,
                "the file is a thumbnail of this bucket; write it anew to have it taken for a "
                "picture");
    return false;
}

static bool check_size(const WorkItem *item, GError **error)
{
    if (item->version.size == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_EMPTY_FILE, "the file has no bytes");
        return false;
    }
    if (item->version.size > item->state->config->max_file_size) {
        g_set_error(error, THUMBQ_ERROR, ERROR_FILE_TOO_LARGE,
                    "%" G_GINT64_FORMAT " bytes; the limit is %" G_GINT64_FORMAT,
                    item->version.size, item->state->config->max_file_size);
        return false;
    }
    return true;
}

/* Opens the source, which may be another version by now. */
static bool open_source(WorkItem *item, GError **error)
{
    const BucketState *state = item->state;
    Journal *journal = state->journal;
    ObjectVersion version;
    StoreSeen seen;
    uint64_t id;

    item->source_fd = bucket_open_object(bucket_fd(state->bucket), item->key, &version, error);
    if (item->source_fd < 0)
        return false;
    if (!object_version_equal(&version, &item->version)) {
        item->version = version;
        item->attempts = 0;
        /* start_item checks the journal. */
        (void)journal_check(journal,
                            store_seen(state->store, item->key, &version, PRIORITY_UPLOAD,
                                       clock_wall_us(), &seen, &id, journal_error(journal)));
    }
    return true;
}

bool prepare_source(WorkItem *item, GError **error)
{
    return open_source(item, error) && check_origin(item, error) && check_size(item, error);
}

bool prepare_again(WorkItem *item, bool own_files, GError **error)
{
    ObjectVersion version;

    fd_clear(&item->source_fd);
    item->source_fd =
        bucket_open_object(bucket_fd(item->state->bucket), item->key, &version, error);
    if (item->source_fd < 0)
        return false;
    if (!object_version_equal(&version, &item->version)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_SOURCE_CHANGED,
                            "the file changed while it was read");
        return false;
    }
    if (!own_files || item->kind->open_outputs(item, error))
        return true;
    item->refused = g_error_matches(*error, THUMBQ_ERROR, ERROR_ACCESS_DENIED);
    return false;
}

/* Returns the group of the work item: pictures of one group may share a worker. A worker under an
 * attacker's control can read and replace the pictures that it is given, so it gets only those of
 * one user in one top folder, or a single file. The user is that of the open file: a name may come
 * to belong to another file. A file's owner can forge the key of a file, and comes into another
 * group of the same user. Owner: the caller frees. */
static char *find_owner_group(const WorkItem *item, Isolation isolation)
{
    char key[UPLOAD_MARK_KEY_MAX] = "";
    struct stat st;
    const char *slash = strchr(item->key, '/');
    int folder_len = slash ? (int)(slash - item->key) : 0;

    if (isolation == ISOLATION_NONE)
        return g_strdup("");
    if (isolation == ISOLATION_FILE || fstat(item->source_fd, &st) != 0)
        return g_strdup_printf("file %" PRIu64, item->serial);
    /* All files of a gateway have one user: the key that uploaded a file stands for its client. */
    const bool has_key = upload_mark_read_key(item->source_fd, &st, key);
    return g_strdup_printf("user %u%s%s folder %.*s", st.st_uid, has_key ? " key " : "", key,
                           folder_len, item->key);
}

/* Sets the group. A nice process cannot lower its nice value again, so it gets no uploads. */
void prepare_group(WorkItem *item)
{
    g_autofree char *group = find_owner_group(item, item->state->config->isolation);

    g_free(item->group);
    item->group =
        item->nice > 0 ? g_strdup_printf("nice %d %s", item->nice, group) : g_steal_pointer(&group);
}
