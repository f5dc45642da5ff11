/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include "error.h"
#include "failpoint.h"
#include "file.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_MAX 32 /* bytes of the file that are read */

static void report_holder(int folder_fd, const char *state_path, GError **error)
{
    g_autofree char *text = trusted_read(folder_fd, "lock", PID_MAX, NULL, NULL);
    g_autofree char *pid = g_strndup(text ? text : "", text ? strspn(text, "0123456789") : 0);

    g_set_error(error, THUMBQ_ERROR, ERROR_LOCKED,
                "another daemon%s%s has the lock of '%s'; stop it first, or leave the work to it",
                *pid ? ", process " : "", pid, state_path);
}

/* False where another process has it. A file system that locks no folders is no obstacle. */
static bool lock_folder(int folder_fd)
{
    return FAILPOINT("lock.folder", flock(folder_fd, LOCK_EX | LOCK_NB)) == 0 ||
           errno != EWOULDBLOCK;
}

/* Opens the file, locks it, and writes down whose it is. -1 on error. */
static int take_file(int folder_fd, const char *state_path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd fd =
        FAILPOINT("lock.open", trusted_open_file(folder_fd, "lock", O_RDWR | O_CREAT, &reason));

    if (fd < 0) {
        if (reason)
            g_propagate_error(error, g_steal_pointer(&reason));
        else
            error_set_errno(error, errno, "cannot open the lock in", state_path);
        return -1;
    }
    if (FAILPOINT("lock.take", flock(fd, LOCK_EX | LOCK_NB)) != 0) {
        if (errno == EWOULDBLOCK)
            report_holder(folder_fd, state_path, error);
        else
            error_set_errno(error, errno, "cannot take the lock in", state_path);
        return -1;
    }
    /* For people and for the message above only: what counts is the lock itself. */
    if (FAILPOINT("lock.truncate", ftruncate(fd, 0)) != 0 ||
        FAILPOINT("lock.write", dprintf(fd, "%d\n", (int)getpid())) < 0) {
        error_set_errno(error, errno, "cannot write the lock in", state_path);
        return -1;
    }
    return fd_steal(&fd);
}

bool lock_take(const char *state_path, Lock *ret_lock, GError **error)
{
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, true, error);

    if (folder_fd < 0)
        return false;
    if (!lock_folder(folder_fd)) {
        report_holder(folder_fd, state_path, error);
        return false;
    }
    autofd file_fd = take_file(folder_fd, state_path, error);
    if (file_fd < 0)
        return false;
    *ret_lock = (Lock){.folder_fd = fd_steal(&folder_fd), .file_fd = fd_steal(&file_fd)};
    return true;
}

bool lock_take_existing(const char *state_path, Lock *ret_lock, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, false, error);

    if (folder_fd < 0)
        return false;
    autofd file_fd = trusted_open_file(folder_fd, "lock", O_RDONLY, &reason);
    if (file_fd < 0 && error_code(reason) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    bool is_free = lock_folder(folder_fd) &&
                   (file_fd < 0 || flock(file_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
    if (!is_free) {
        report_holder(folder_fd, state_path, error);
        return false;
    }
    *ret_lock = (Lock){.folder_fd = fd_steal(&folder_fd), .file_fd = fd_steal(&file_fd)};
    return true;
}

bool lock_is_in_place(const Lock *lock)
{
    struct stat named, held;

    return fstatat(lock->folder_fd, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(lock->file_fd, &held) == 0 && file_is_same(&named, &held);
}

bool lock_renew(Lock *lock, const char *state_path, GError **error)
{
    int fd = take_file(lock->folder_fd, state_path, error);

    if (fd < 0)
        return false;
    fd_clear(&lock->file_fd);
    lock->file_fd = fd;
    return true;
}

void lock_drop(Lock *lock)
{
    fd_clear(&lock->file_fd);
    fd_clear(&lock->folder_fd);
}
