/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/destination.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/trusted.h"
#include "base/uuid.h"
#include "journal/journal.h"
#include "model/lambda_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int destination_open_folder(int state_fd, const char *setting, bool make, GError **error)
{
    if (setting[0] != '/')
        return trusted_open_folder(state_fd, setting, make, error);
    if (make && !file_make_folders(AT_FDCWD, setting, error))
        return -1;
    int fd = open(setting, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the folder of destination records", setting);
    return fd;
}

/* Records of the current batch that go to one folder. */
typedef struct {
    char *setting;
    int folder_fd;
    /* Number of the bucket in the names of its temporary files. */
    unsigned bucket;
    /* char, owned: "ID" of ".ID.BUCKET.tmp" and "ID.json". */
    GPtrArray *ids;
} RecordGroup;

struct DestinationBatch {
    const BucketState *state;
    /* Group, owned: at most two between two configurations. */
    GPtrArray *groups;
};

/* Buckets may share a folder: each removes its own temporary files only. */
static unsigned number_of_bucket(const BucketState *state)
{
    return g_str_hash(state->bucket_path);
}

static char *temporary_name(const RecordGroup *group, const char *id)
{
    return g_strdup_printf(".%s.%08x.tmp", id, group->bucket);
}

bool destination_has_form(const char *name, const char *form)
{
    size_t i = 0;

    while (form[i] && (form[i] == 'x' ? g_ascii_isxdigit(name[i]) : name[i] == form[i]))
        i++;
    return form[i] == '\0' && name[i] == '\0';
}

/* Removes the temporary files of this bucket in the folder. */
static void clean(const BucketState *state, const char *setting)
{
    g_autofree char *form =
        g_strdup_printf("." DESTINATION_ID ".%08x.tmp", number_of_bucket(state));
    /* The first record reports a folder that is missing or not trusted. */
    int fd = *setting ? destination_open_folder(state->lock.folder_fd, setting, false, NULL) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        fd_clear(&fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (destination_has_form(entry->d_name, form))
            /* Readers ignore a file that cannot be removed. */
            (void)unlinkat(fd, entry->d_name, 0);
    }
    /* The folder was only read: a failure loses nothing. */
    (void)closedir(dir);
}

void destination_clean(const BucketState *state)
{
    if (!(journal_left(state->journal) & JOURNAL_LEFT_HALF_DONE))
        return;
    clean(state, state->config->on_failure);
    clean(state, state->config->on_success);
}

static void group_free(void *data)
{
    RecordGroup *group = data;

    fd_clear(&group->folder_fd);
    g_ptr_array_unref(group->ids);
    g_free(group->setting);
    g_free(group);
}

/* Logs and counts that `n` records could not be written. */
static void fail(Store *store, const GError *error, guint n)
{
    g_assert(error);
    /* The work itself is done: a failed destination is logged, and delays nothing. */
    log_warning("%s", error->message);
    store_measure(store, METRIC_DEAD_LETTER_ERRORS, clock_wall_us(), n);
}

DestinationBatch *destination_batch_new(const BucketState *state)
{
    DestinationBatch *batch = g_new(DestinationBatch, 1);

    *batch = (DestinationBatch){state, g_ptr_array_new_with_free_func(group_free)};
    return batch;
}

/* Returns the group of a folder, which is opened for its first record. NULL on error. */
static RecordGroup *find_group(const DestinationBatch *batch, const char *setting, GError **error)
{
    const BucketState *state = batch->state;
    GPtrArray *groups = batch->groups;

    for (guint i = 0; i < groups->len; i++) {
        RecordGroup *group = g_ptr_array_index(groups, i);
        if (strcmp(group->setting, setting) == 0)
            return group;
    }
    int folder_fd = destination_open_folder(state->lock.folder_fd, setting, true, error);
    if (folder_fd < 0)
        return NULL;
    RecordGroup *group = g_new(RecordGroup, 1);
    *group = (RecordGroup){g_strdup(setting), folder_fd, number_of_bucket(state),
                           g_ptr_array_new_with_free_func(g_free)};
    g_ptr_array_add(groups, group);
    return group;
}

/* Writes the record to a temporary file in its folder. */
static bool write_file(const RecordGroup *group, const char *id, const char *text, GError **error)
{
    g_autofree char *temporary = temporary_name(group, id);
    autofd fd =
        openat(group->folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
               group->setting[0] == '/' ? 0666 : 0600);

    if (fd >= 0 && FAILPOINT("destination.write", dprintf(fd, "%s\n", text)) >= 0)
        return true;
    int errnum = errno;
    if (fd >= 0)
        /* Readers ignore the temporary file if this fails. */
        (void)unlinkat(group->folder_fd, temporary, 0);
    g_autofree char *path = g_strdup_printf("%s/%s.json", group->setting, id);
    error_set_errno(error, errnum, "cannot write the destination record", path);
    return false;
}

void destination_write(DestinationBatch *batch, const WorkItem *item, const Record *record)
{
    const BucketState *state = batch->state;
    const Config *config = state->config;
    g_autoptr(GError) error = NULL;
    const char *setting = record->state == STATE_DEAD   ? config->on_failure
                          : record->state == STATE_DONE ? config->on_success
                                                        : "";

    if (!*setting)
        return;
    g_autofree char *id = uuid_format(item->request_id);
    ObjectInfo object = record_info(record);
    /* The key in the record may be a newer one by now. */
    object.key = item->key;
    json_t *json =
        lambda_record_json(&object, id, state->bucket_path, config->prefix, clock_wall_us());
    char *text = json_dumps(json, JSON_COMPACT);
    RecordGroup *group = find_group(batch, setting, &error);

    if (group && write_file(group, id, text, &error))
        g_ptr_array_add(group->ids, g_steal_pointer(&id));
    else
        fail(state->store, error, 1);
    free(text);
    json_decref(json);
}

/* Removes the temporary files of the records. */
static void discard(const RecordGroup *group)
{
    for (guint i = 0; i < group->ids->len; i++) {
        g_autofree char *temporary = temporary_name(group, g_ptr_array_index(group->ids, i));
        /* The file has its final name by now, or readers ignore it. */
        (void)unlinkat(group->folder_fd, temporary, 0);
    }
}

static bool rename_final(const RecordGroup *group, const char *id)
{
    g_autofree char *temporary = temporary_name(group, id);
    g_autofree char *name = g_strdup_printf("%s.json", id);

    return FAILPOINT("destination.rename",
                     renameat(group->folder_fd, temporary, group->folder_fd, name)) == 0;
}

/* Syncs contents first, then names: a file with its final name is complete, also after a power
 * cut. */
static bool sync_group(const RecordGroup *group, bool is_durable, GError **error)
{
    bool ok = !is_durable || FAILPOINT("destination.sync", syncfs(group->folder_fd)) == 0;

    for (guint i = 0; ok && i < group->ids->len; i++)
        ok = rename_final(group, g_ptr_array_index(group->ids, i));
    ok = ok && (!is_durable || FAILPOINT("destination.sync-names", fsync(group->folder_fd)) == 0);
    if (!ok)
        error_set_errno(error, errno, "cannot write the destination records in", group->setting);
    return ok;
}

void destination_sync(DestinationBatch *batch)
{
    bool is_durable = batch->state->config->durability != DURABILITY_NONE;
    GPtrArray *groups = batch->groups;

    for (guint i = 0; i < groups->len; i++) {
        const RecordGroup *group = g_ptr_array_index(groups, i);
        g_autoptr(GError) error = NULL;
        if (sync_group(group, is_durable, &error))
            continue;
        fail(batch->state->store, error, group->ids->len);
        discard(group);
    }
    g_ptr_array_set_size(groups, 0);
}

void destination_forget(DestinationBatch *batch)
{
    GPtrArray *groups = batch->groups;

    for (guint i = 0; i < groups->len; i++)
        discard(g_ptr_array_index(groups, i));
    g_ptr_array_set_size(groups, 0);
}

void destination_batch_free(DestinationBatch *batch)
{
    if (!batch)
        return;
    destination_forget(batch);
    g_ptr_array_unref(batch->groups);
    g_free(batch);
}
