/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep that changes nothing, without a running daemon, uses a copy of the store. The copy has no
 * name, and a store of an older version is upgraded in the copy only. The sweep reads the
 * thumbnails and the key in place.
 */
#include "journal/dry_run.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "journal/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that one call copies at the most. The kernel's own limit is 2 GiB. */
#define COPY_MAX (1u << 30)

/* Takes the lock of the state folder, if the folder exists. */
static bool acquire_lock(BucketState *state, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (lock_acquire_existing(state->path, &state->lock, &failure) ||
        error_code(failure) == ERROR_NOT_FOUND)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool copy_bytes(int from_fd, int to_fd)
{
    ssize_t n;

    do
        n = sendfile(to_fd, from_fd, NULL, COPY_MAX);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0;
}

/* Copies the store, if there is one. No other process writes to it meanwhile, because its lock is
 * held. */
static bool copy_store(int state_fd, int folder_fd, const char *folder, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (state_fd < 0)
        return true;
    autofd from_fd = trusted_open_file(state_fd, "store/data.mdb", O_RDONLY, &failure);
    if (from_fd < 0 && error_code(failure) == ERROR_NOT_FOUND)
        return true;
    if (from_fd < 0) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    autofd to_fd = mkdirat(folder_fd, "store", 0700) != 0
                       ? -1
                       : openat(folder_fd, "store/data.mdb",
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to_fd >= 0 && copy_bytes(from_fd, to_fd))
        return true;
    error_set_errno(error, errno, "cannot copy the store, which a dry run leaves as it is, to",
                    folder);
    return false;
}

/* Opens a copy of the store, which a dry run may change. */
static bool open_copy(BucketState *state, int folder_fd, const char *folder, GError **error)
{
    uint64_t recovered;

    if (!copy_store(state->lock.folder_fd, folder_fd, folder, error))
        return false;
    state->store = store_open_at(folder_fd, "store", STORE_WRITE, error);
    if (!state->store || !store_set_durable(state->store, false, error))
        return false;
    recovery_configure(state);
    return store_recover(state->store, &recovered, error) && store_commit(state->store, error);
}

/* Removes the names of the copy. The open files stay usable, and nothing remains on disk, no matter
 * how this process ends. */
static void remove_names(int folder_fd, const char *folder)
{
    (void)unlinkat(folder_fd, "store/data.mdb", 0);
    (void)unlinkat(folder_fd, "store/lock.mdb", 0);
    (void)unlinkat(folder_fd, "store", AT_REMOVEDIR);
    (void)rmdir(folder);
}

/* Opens the thumbnails for reading only; `folder_fd` stands in for their folder if there is none.
 * */
static bool open_thumbnails(BucketState *state, int folder_fd, GError **error)
{
    const PublisherOptions options = {
        .bucket = state->bucket_path,
        .prefix = state->config->prefix,
        .mark = &state->mark,
        .mode = state->config->mode,
        .read_only = true,
        .stand_in_fd = folder_fd,
    };

    state->publisher = publisher_open(&options, error);
    return state->publisher != NULL;
}

bool dry_run_open(BucketState *state, GError **error)
{
    if (!acquire_lock(state, error))
        return false;
    g_autofree char *folder = g_dir_make_tmp("thumbq-dry-run-XXXXXX", error);
    if (!folder)
        return false;
    autofd folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd < 0) {
        error_set_errno(error, errno, "cannot open", folder);
        (void)rmdir(folder);
        return false;
    }
    int state_fd = state->lock.folder_fd >= 0 ? state->lock.folder_fd : folder_fd;
    bool opened = mark_key_open(state_fd, false, &state->mark, error) &&
                  open_copy(state, folder_fd, folder, error);
    remove_names(folder_fd, folder);
    return opened && open_thumbnails(state, folder_fd, error);
}
