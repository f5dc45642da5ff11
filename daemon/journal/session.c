/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/session.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 128

/* Formats the text of the file after a clean end. The text changes with each write to the store. */
static bool describe_end(int state_fd, char text[static TEXT_MAX])
{
    struct stat st;

    if (fstatat(state_fd, "store/data.mdb", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    g_snprintf(text, TEXT_MAX, "ended %" PRId64 " %" PRId64 ".%09ld\n", (int64_t)st.st_size,
               (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return true;
}

/* Parses "running full" or "ended SIZE TIME". */
static void read_last(int state_fd, SessionLast *last)
{
    g_autofree char *text = trusted_read(state_fd, "session", TEXT_MAX, NULL, NULL);
    char now[TEXT_MAX];
    bool is_there = describe_end(state_fd, now);

    /* Without a readable file: a store of unknown past, or no store. */
    *last = (SessionLast){.end = is_there ? SESSION_CRASHED : SESSION_FIRST};
    if (!text)
        return;
    if (g_str_has_prefix(text, "ended "))
        last->end = is_there && strcmp(text, now) == 0 ? SESSION_ENDED : SESSION_CHANGED;
    for (int i = DURABILITY_FULL; i <= DURABILITY_NONE; i++) {
        g_autofree char *running = g_strdup_printf("running %s\n", durability_name((Durability)i));
        if (strcmp(text, running) == 0)
            *last = (SessionLast){SESSION_CRASHED, (Durability)i};
    }
}

static bool write_text(int fd, const char *text)
{
    ssize_t len = (ssize_t)strlen(text);

    return FAILPOINT("session.write", write(fd, text, (size_t)len)) == len &&
           FAILPOINT("session.sync", fdatasync(fd)) == 0;
}

/* Replaces the session file, so that after a power cut either the old or the new one is there. */
static bool replace_session(int state_fd, const char *text, GError **error)
{
    autofd fd = FAILPOINT("session.create", trusted_open_file(state_fd, "session.new",
                                                              O_WRONLY | O_CREAT | O_TRUNC, error));

    return fd >= 0 && write_text(fd, text) &&
           FAILPOINT("session.rename", renameat(state_fd, "session.new", state_fd, "session")) ==
               0 &&
           FAILPOINT("session.sync-name", fsync(state_fd)) == 0;
}

/* Replaces the file atomically: it has the old text or the new one. */
static bool write_session(int state_fd, const char *text, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (replace_session(state_fd, text, &reason))
        return true;
    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    int errnum = errno;
    g_autofree char *path = trusted_path(state_fd, "session");
    error_set_errno(error, errnum, "cannot write the session", path);
    return false;
}

bool session_begin(int state_fd, Durability durability, SessionLast *ret_last, GError **error)
{
    g_autofree char *text = g_strdup_printf("running %s\n", durability_name(durability));
    SessionLast last;

    read_last(state_fd, &last);
    if (!write_session(state_fd, text, error))
        return false;
    *ret_last = last;
    return true;
}

bool session_end(int state_fd, GError **error)
{
    char text[TEXT_MAX];

    if (!describe_end(state_fd, text)) {
        int errnum = errno;
        g_autofree char *path = trusted_path(state_fd, "store");
        error_set_errno(error, errnum, "cannot read the store", path);
        return false;
    }
    return write_session(state_fd, text, error);
}
