#include "lock.h"

#include "error.h"
#include "failpoint.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void report_holder(int fd, const char *state_path, GError **error)
{
    char pid[32] = "";

    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    pid[MAX(len, 0)] = '\0';
    g_strchomp(pid);
    g_set_error(error, THUMBQ_ERROR, ERROR_LOCKED,
                "another daemon%s%s has the lock of '%s'; stop it first, or leave the work to it",
                *pid ? ", process " : "", pid, state_path);
}

int lock_take(const char *state_path, GError **error)
{
    g_autofree char *path = g_build_filename(state_path, "lock", NULL);

    if (!file_make_folders(AT_FDCWD, state_path, error))
        return -1;
    autofd fd = FAILPOINT("lock.open", open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open the lock", path);
        return -1;
    }
    if (FAILPOINT("lock.take", flock(fd, LOCK_EX | LOCK_NB)) != 0) {
        if (errno == EWOULDBLOCK)
            report_holder(fd, state_path, error);
        else
            error_set_errno(error, errno, "cannot take the lock", path);
        return -1;
    }
    /* For people and for the message above only: what counts is the lock itself. */
    if (FAILPOINT("lock.truncate", ftruncate(fd, 0)) != 0 ||
        FAILPOINT("lock.write", dprintf(fd, "%d\n", (int)getpid())) < 0) {
        error_set_errno(error, errno, "cannot write the lock", path);
        return -1;
    }
    return fd_steal(&fd);
}
