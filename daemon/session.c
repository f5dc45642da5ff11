#include "session.h"

#include "error.h"
#include "failpoint.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 128

/* What is in the file after a clean end: it changes with each write to the store. */
static bool describe_end(const char *state_path, char text[static TEXT_MAX])
{
    g_autofree char *path = g_build_filename(state_path, "store", "data.mdb", NULL);
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    g_snprintf(text, TEXT_MAX, "ended %" PRId64 " %" PRId64 ".%09ld\n", (int64_t)st.st_size,
               (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return true;
}

/* "running full", "ended SIZE TIME" */
static void read_last(const char *state_path, SessionLast *last)
{
    g_autofree char *path = g_build_filename(state_path, "session", NULL);
    g_autofree char *text = file_read(path, TEXT_MAX, NULL, NULL);
    char now[TEXT_MAX];
    bool is_there = describe_end(state_path, now);

    /* Without a file that can be read: a store of unknown past, or none. */
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

/* Replaces the file, so that it says the one or the other whatever happens. */
static bool write_session(const char *state_path, const char *text, GError **error)
{
    autofd folder_fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autofd fd =
        folder_fd < 0
            ? -1
            : FAILPOINT("session.create",
                        openat(folder_fd, "session.new",
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));

    if (fd >= 0 && write_text(fd, text) &&
        FAILPOINT("session.rename", renameat(folder_fd, "session.new", folder_fd, "session")) ==
            0 &&
        FAILPOINT("session.sync-name", fsync(folder_fd)) == 0)
        return true;
    error_set_errno(error, errno, "cannot write the session in", state_path);
    return false;
}

bool session_begin(const char *state_path, Durability durability, SessionLast *ret_last,
                   GError **error)
{
    g_autofree char *text = g_strdup_printf("running %s\n", durability_name(durability));
    SessionLast last;

    read_last(state_path, &last);
    if (!write_session(state_path, text, error))
        return false;
    *ret_last = last;
    return true;
}

bool session_end(const char *state_path, GError **error)
{
    char text[TEXT_MAX];

    if (!describe_end(state_path, text)) {
        error_set_errno(error, errno, "cannot read the store in", state_path);
        return false;
    }
    return write_session(state_path, text, error);
}
