/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/lock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Bytes of the file that are read. */
#define PID_MAX 32

/* A daemon that was killed while it started a process leaves its locks to that process, until the
 * process executes its program or ends. */
#define HEIR_DEADLINE_US (2 * CLOCK_US_PER_SEC)
#define HEIR_POLL_US     10000

/* Returns the digits at the beginning of the file `lock`: the process id of its last holder. Owner:
 * the caller frees. */
static char *read_holder(int folder_fd)
{
    g_autofree char *text = trusted_read(folder_fd, "lock", PID_MAX, NULL, NULL);

    return g_strndup(text ? text : "", text ? strspn(text, "0123456789") : 0);
}

static bool holder_has_ended(int folder_fd)
{
    g_autofree char *pid = read_holder(folder_fd);

    return *pid && kill((pid_t)g_ascii_strtoll(pid, NULL, 10), 0) != 0 && errno == ESRCH;
}

static void report_holder(int folder_fd, const char *state_path, GError **error)
{
    g_autofree char *pid = read_holder(folder_fd);

    g_set_error(error, THUMBQ_ERROR, ERROR_LOCKED,
                "another daemon%s%s has the lock of '%s'; stop it first, or leave the work to it",
                *pid ? ", process " : "", pid, state_path);
}

/* Locks as flock(2) does. Does not wait for a daemon that holds the lock; waits for processes that
 * a dead daemon had started. */
static int acquire(int fd, int folder_fd)
{
    int64_t end_us = clock_monotonic_us() + HEIR_DEADLINE_US;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return -1;
        if (clock_monotonic_us() >= end_us || !holder_has_ended(folder_fd)) {
            errno = EWOULDBLOCK;
            return -1;
        }
        g_usleep(HEIR_POLL_US);
    }
    return 0;
}

/* Returns false if another process has the lock. A file system that cannot lock folders is no
 * error. */
static bool lock_folder(int folder_fd)
{
    return FAILPOINT("lock.folder", acquire(folder_fd, folder_fd)) == 0 || errno != EWOULDBLOCK;
}

/* Opens the file, locks it, and writes the process id into it. Returns -1 on error. */
static int acquire_file(int folder_fd, const char *state_path, GError **error)
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
    if (FAILPOINT("lock.take", acquire(fd, folder_fd)) != 0) {
        if (errno == EWOULDBLOCK)
            report_holder(folder_fd, state_path, error);
        else
            error_set_errno(error, errno, "cannot take the lock in", state_path);
        return -1;
    }
    /* The text is only for people and for the message above: the lock itself decides. */
    if (FAILPOINT("lock.truncate", ftruncate(fd, 0)) != 0 ||
        FAILPOINT("lock.write", dprintf(fd, "%d\n", (int)getpid())) < 0) {
        error_set_errno(error, errno, "cannot write the lock in", state_path);
        return -1;
    }
    return fd_steal(&fd);
}

bool lock_acquire(const char *state_path, Lock *ret_lock, GError **error)
{
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, true, error);

    if (folder_fd < 0)
        return false;
    if (!lock_folder(folder_fd)) {
        report_holder(folder_fd, state_path, error);
        return false;
    }
    autofd file_fd = acquire_file(folder_fd, state_path, error);
    if (file_fd < 0)
        return false;
    *ret_lock = (Lock){.folder_fd = fd_steal(&folder_fd), .file_fd = fd_steal(&file_fd)};
    return true;
}

bool lock_acquire_existing(const char *state_path, Lock *ret_lock, GError **error)
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
                   (file_fd < 0 || acquire(file_fd, folder_fd) == 0 || errno != EWOULDBLOCK);
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
    int fd = acquire_file(lock->folder_fd, state_path, error);

    if (fd < 0)
        return false;
    fd_clear(&lock->file_fd);
    lock->file_fd = fd;
    return true;
}

void lock_release(Lock *lock)
{
    fd_clear(&lock->file_fd);
    fd_clear(&lock->folder_fd);
}
