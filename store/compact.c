/*
 * LMDB never gives pages back to the file system. Where much of the file is free, the store is
 * written anew beside the old one and takes its place in one step, lock file and all: whoever reads
 * the old one keeps reading it, as it was.
 */
#include "failpoint.h"
#include "file.h"
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes a folder that only ever holds a store. */
static void remove_store(const char *directory)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(directory, files[i], NULL);
        (void)FAILPOINT("compact.remove",
                        unlink(path)); /* left over, it is removed the next time */
    }
    (void)rmdir(directory);
}

/* A file, or what is in a folder, is on disk. */
static bool sync_path(const char *path, int flags)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    return fd >= 0 && FAILPOINT("compact.sync", fsync(fd)) == 0;
}

/* The folder above it, where its name is. */
static bool sync_parent(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    return sync_path(parent, O_DIRECTORY);
}

static bool copy_to(Store *store, const char *directory, GError **error)
{
    g_autofree char *data = g_build_filename(directory, "data.mdb", NULL);

    if (FAILPOINT("compact.mkdir", mkdir(directory, 0777)) != 0) {
        error_set_errno(error, errno, "cannot compact store into", directory);
        return false;
    }
    int rc = FAILPOINT("compact.copy", mdb_env_copy2(store->env, directory, MDB_CP_COMPACT));
    if (rc != 0)
        return env_fail(store, rc == -1 ? errno : rc, "cannot compact store", error);
    if (sync_path(data, 0) && sync_path(directory, O_DIRECTORY) && sync_parent(directory))
        return true;
    error_set_errno(error, errno, "cannot compact store into", directory);
    return false;
}

/* One takes the other's place: nobody ever sees neither. */
static bool swap(const char *directory, const char *other, GError **error)
{
    int rc =
        FAILPOINT("compact.swap", renameat2(AT_FDCWD, other, AT_FDCWD, directory, RENAME_EXCHANGE));

    if (rc != 0)
        error_set_errno(error, errno, "cannot put the compacted store in the place of", directory);
    else
        (void)sync_parent(directory); /* a power cut that undoes it is no harm */
    return rc == 0;
}

bool store_compact(const char *directory, int64_t min_free_bytes, StoreCompaction *ret_compaction,
                   GError **error)
{
    g_autofree char *other = g_strconcat(directory, ".compact", NULL);
    StoreCompaction compaction = {0};

    remove_store(other); /* of one that was cut off */
    g_autoptr(Store) store = env_open_any_schema(directory, error);
    if (!store || !upkeep_measure(store, &compaction.before_bytes, &compaction.free_bytes, error))
        return false;
    compaction.after_bytes = compaction.before_bytes;
    compaction.is_due =
        upkeep_is_worth_it(compaction.before_bytes, compaction.free_bytes, min_free_bytes);
    if (compaction.is_due) {
        struct stat st;
        g_autofree char *data = g_build_filename(directory, "data.mdb", NULL);
        bool ok = copy_to(store, other, error);
        g_clear_pointer(&store, store_close);
        ok = ok && swap(directory, other, error);
        remove_store(other);
        if (!ok)
            return false;
        if (stat(data, &st) == 0)
            compaction.after_bytes = st.st_size;
    }
    *ret_compaction = compaction;
    return true;
}
