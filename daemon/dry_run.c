/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sweep that changes nothing works with where no daemon runs: a copy of the store that has
 * no name, so that an older one can be brought up to date in it, and the thumbnails and the key as
 * they are.
 */
#include "daemon_private.h"

#include "error.h"
#include "file.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* One call copies at most so much: the kernel's own limit is 2 GiB. */
#define COPY_MAX (1u << 30)

/* A state folder that is not there yet is nobody's, and knows of nothing. */
static bool take_lock(Daemon *daemon, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (lock_take_existing(daemon->state_path, &daemon->lock, &failure) ||
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

/* Nobody writes to the store meanwhile: its lock is held. Where there is none, none is copied. */
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

static bool open_copy(Daemon *daemon, int folder_fd, const char *folder, GError **error)
{
    uint64_t recovered;

    if (!copy_store(daemon->lock.folder_fd, folder_fd, folder, error))
        return false;
    daemon->store = store_open_at(folder_fd, "store", STORE_WRITE, error);
    if (!daemon->store || !store_set_durable(daemon->store, false, error))
        return false;
    recovery_configure(daemon);
    return store_recover(daemon->store, &recovered, error) && store_commit(daemon->store, error);
}

/* What is open stays; the names are gone, however this process ends. */
static void remove_names(int folder_fd, const char *folder)
{
    (void)unlinkat(folder_fd, "store/data.mdb", 0);
    (void)unlinkat(folder_fd, "store/lock.mdb", 0);
    (void)unlinkat(folder_fd, "store", AT_REMOVEDIR);
    (void)rmdir(folder);
}

static bool open_thumbnails(Daemon *daemon, int folder_fd, GError **error)
{
    const PublisherOptions options = {
        .bucket = daemon->options->bucket,
        .prefix = daemon->config->prefix,
        .mark = &daemon->mark,
        .mode = daemon->config->mode,
        .read_only = true,
        .stand_in_fd = folder_fd,
    };

    daemon->publisher = publisher_open(&options, error);
    return daemon->publisher != NULL;
}

bool dry_run_open(Daemon *daemon, GError **error)
{
    if (!take_lock(daemon, error))
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
    int state_fd = daemon->lock.folder_fd >= 0 ? daemon->lock.folder_fd : folder_fd;
    bool opened = mark_key_open(state_fd, false, &daemon->mark, error) &&
                  open_copy(daemon, folder_fd, folder, error);
    remove_names(folder_fd, folder);
    return opened && clock_guard_open(daemon, error) && open_thumbnails(daemon, folder_fd, error);
}
