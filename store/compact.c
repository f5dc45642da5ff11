/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB never returns pages to the file system. If much of the file is free, compaction copies the
 * store beside the old one and exchanges the two folders in one step, lock file included. A process
 * that reads the old store continues to read it unchanged.
 */
#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/trusted.h"
#include "engine/env.h"
#include "schema.h"
#include "tables/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes a folder that contains nothing but a store. */
static void remove_store(int dir_fd, const char *directory)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    autofd fd = trusted_open_folder(dir_fd, directory, false, NULL);

    if (fd < 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        (void)FAILPOINT("compact.remove",
                        /* A file that is left over is removed by the next compaction. */
                        unlinkat(fd, files[i], 0));
    (void)unlinkat(dir_fd, directory, AT_REMOVEDIR);
}

static bool sync_fd(int fd)
{
    return fd >= 0 && FAILPOINT("compact.sync", fsync(fd)) == 0;
}

/* Syncs the folder that contains the store's folder. */
static bool sync_parent(int dir_fd, const char *directory)
{
    g_autofree char *parent = g_path_get_dirname(directory);
    autofd fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return sync_fd(fd);
}

/* Copies the store into the folder `fd` and syncs the copy. */
static bool copy_into(Store *store, int fd, const char *directory, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int rc = FAILPOINT("compact.copy", mdb_env_copy2(store->env, path, MDB_CP_COMPACT));

    if (rc != 0)
        return env_fail(store, rc == -1 ? errno : rc, "cannot compact store", error);
    autofd data_fd = openat(fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    if (data_fd >= 0)
        /* The folder denies access to other users in any case. */
        (void)fchmod(data_fd, 0600);
    if (sync_fd(data_fd) && sync_fd(fd))
        return true;
    error_set_errno(error, errno, "cannot compact store into", directory);
    return false;
}

/* Copies the store, without its free pages, into a new folder. */
static bool copy_to(Store *store, int dir_fd, const char *directory, GError **error)
{
    if (FAILPOINT("compact.mkdir", mkdirat(dir_fd, directory, 0700)) != 0) {
        error_set_errno(error, errno, "cannot compact store into", directory);
        return false;
    }
    autofd fd = trusted_open_folder(dir_fd, directory, false, error);
    if (fd < 0 || !copy_into(store, fd, directory, error))
        return false;
    if (sync_parent(dir_fd, directory))
        return true;
    error_set_errno(error, errno, "cannot compact store into", directory);
    return false;
}

/* Exchanges the two folders in one step, so that no process ever finds neither. */
static bool swap(int dir_fd, const char *directory, const char *other, GError **error)
{
    int rc =
        FAILPOINT("compact.swap", renameat2(dir_fd, other, dir_fd, directory, RENAME_EXCHANGE));

    if (rc != 0)
        error_set_errno(error, errno, "cannot put the compacted store in the place of", directory);
    else
        /* A power cut may undo the exchange; the old store is complete as well. */
        (void)sync_parent(dir_fd, directory);
    return rc == 0;
}

bool store_compact(int dir_fd, const char *directory, int64_t min_free_bytes,
                   StoreCompaction *ret_compaction, GError **error)
{
    g_autofree char *other = g_strconcat(directory, ".compact", NULL);
    StoreCompaction compaction = {0};

    /* Removes the remains of a compaction that was interrupted. */
    remove_store(dir_fd, other);
    g_autoptr(Store) store = schema_open_alone(dir_fd, directory, error);
    if (!store || !upkeep_measure(store, &compaction.before_bytes, &compaction.free_bytes, error))
        return false;
    compaction.after_bytes = compaction.before_bytes;
    compaction.is_due =
        upkeep_is_due(compaction.before_bytes, compaction.free_bytes, min_free_bytes);
    if (compaction.is_due) {
        struct stat st;
        g_autofree char *data = g_build_filename(directory, "data.mdb", NULL);
        bool ok = copy_to(store, dir_fd, other, error);
        g_clear_pointer(&store, store_close);
        ok = ok && swap(dir_fd, directory, other, error);
        remove_store(dir_fd, other);
        if (!ok)
            return false;
        if (fstatat(dir_fd, data, &st, AT_SYMLINK_NOFOLLOW) == 0)
            compaction.after_bytes = st.st_size;
    }
    *ret_compaction = compaction;
    return true;
}
