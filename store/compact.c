/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB never gives pages back to the file system. Where much of the file is free, the store is
 * written anew beside the old one and takes its place in one step, lock file and all: whoever reads
 * the old one keeps reading it, as it was.
 */
#include "failpoint.h"
#include "file.h"
#include "store_internal.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes a folder that only ever holds a store. */
static void remove_store(int dir_fd, const char *directory)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    autofd fd = trusted_open_folder(dir_fd, directory, false, NULL);

    if (fd < 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        (void)FAILPOINT("compact.remove",
                        unlinkat(fd, files[i], 0)); /* left over, it is removed the next time */
    (void)unlinkat(dir_fd, directory, AT_REMOVEDIR);
}

static bool sync_fd(int fd)
{
    return fd >= 0 && FAILPOINT("compact.sync", fsync(fd)) == 0;
}

/* The folder above it, where its name is, is on disk. */
static bool sync_parent(int dir_fd, const char *directory)
{
    g_autofree char *parent = g_path_get_dirname(directory);
    autofd fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return sync_fd(fd);
}

/* Copies into the folder `fd`, and has all of it on disk. */
static bool copy_into(Store *store, int fd, const char *directory, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int rc = FAILPOINT("compact.copy", mdb_env_copy2(store->env, path, MDB_CP_COMPACT));

    if (rc != 0)
        return env_fail(store, rc == -1 ? errno : rc, "cannot compact store", error);
    autofd data_fd = openat(fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    if (data_fd >= 0)
        (void)fchmod(data_fd, 0600); /* its folder is closed to others all the same */
    if (sync_fd(data_fd) && sync_fd(fd))
        return true;
    error_set_errno(error, errno, "cannot compact store into", directory);
    return false;
}

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

/* One takes the other's place: nobody ever sees neither. */
static bool swap(int dir_fd, const char *directory, const char *other, GError **error)
{
    int rc =
        FAILPOINT("compact.swap", renameat2(dir_fd, other, dir_fd, directory, RENAME_EXCHANGE));

    if (rc != 0)
        error_set_errno(error, errno, "cannot put the compacted store in the place of", directory);
    else
        (void)sync_parent(dir_fd, directory); /* a power cut that undoes it is no harm */
    return rc == 0;
}

bool store_compact(int dir_fd, const char *directory, int64_t min_free_bytes,
                   StoreCompaction *ret_compaction, GError **error)
{
    g_autofree char *other = g_strconcat(directory, ".compact", NULL);
    StoreCompaction compaction = {0};

    remove_store(dir_fd, other); /* of one that was cut off */
    g_autoptr(Store) store = env_open_any_schema(dir_fd, directory, error);
    if (!store || !upkeep_measure(store, &compaction.before_bytes, &compaction.free_bytes, error))
        return false;
    compaction.after_bytes = compaction.before_bytes;
    compaction.is_due =
        upkeep_is_worth_it(compaction.before_bytes, compaction.free_bytes, min_free_bytes);
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
