/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/hidden.h"

#include "base/file.h"
#include "base/log.h"
#include "journal/named.h"
#include "journal/place.h"
#include "model/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Levels of folders. */
#define DEPTH_MAX 256

typedef struct {
    bool (*is_ours)(int folder_fd, const char *name, bool is_top);
    unsigned n_seen, n_foreign;
} HiddenCount;

/* Counts the files below a folder that are not thumbq's own, down to DEPTH_MAX levels and up to
 * HIDDEN_MAX entries. */
static void count_files(HiddenCount *count, int folder_fd, unsigned depth)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        fd_clear(&fd);
        return;
    }
    for (struct dirent *entry; count->n_seen < HIDDEN_MAX && (entry = readdir(dir));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count->n_seen++;
        if (count->is_ours(fd, entry->d_name, depth == 0))
            continue;
        count->n_foreign += S_ISREG(st.st_mode);
        autofd below =
            S_ISDIR(st.st_mode) && depth < DEPTH_MAX
                ? openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                : -1;
        if (below >= 0)
            count_files(count, below, depth + 1);
    }
    /* The folder was only read: a failure loses nothing. */
    (void)closedir(dir);
}

/* Warns of files in a folder of thumbq that thumbq did not make. */
static void warn(const HiddenCount *count, const char *what, const char *setting, const char *path)
{
    const char *at_least = count->n_seen >= HIDDEN_MAX ? "at least " : "";

    if (count->n_foreign > 0)
        log_warning("the folder of the %s '%s' holds %s%u file%s that thumbq did not make: "
                    "they are not examined, and get no thumbnails; set '%s' to a folder of its "
                    "own if they are uploads",
                    what, path, at_least, count->n_foreign, count->n_foreign == 1 ? "" : "s",
                    setting);
}

static bool is_in_bucket(const char *bucket, const char *setting)
{
    g_autofree char *place = layout_below_bucket(bucket, setting);

    return place[0] != '/';
}

/* Accepts a mark of any key: after the loss of a key, thumbnails bear marks of an unknown key. */
static bool is_thumbnail(int folder_fd, const char *name, bool is_top)
{
    return (is_top && g_str_has_prefix(name, NAMED_PREFIX)) || mark_is_there(folder_fd, name);
}

void hidden_warn_of_prefix(const PublisherOptions *options, int fd, const char *path)
{
    HiddenCount count = {.is_ours = is_thumbnail};

    /* If folders cannot have marks, only a bucket with a new key is known to have no thumbnails. */
    if (!is_in_bucket(options->bucket, options->prefix) || place_is_own(fd, options->mark) ||
        (!place_has_marks(fd) && !options->mark->is_new))
        return;
    count_files(&count, fd, 0);
    warn(&count, "thumbnails", "prefix", path);
}

static bool is_state(int folder_fd, const char *name, bool is_top)
{
    static const char *const names[] = {"thumbq.conf", "conf.d",  "mark.key", "session",
                                        "store",       "control", "logs",     NULL};

    (void)folder_fd;
    return is_top && (g_strv_contains(names, name) || g_str_has_prefix(name, "store.") ||
                      g_str_has_prefix(name, "thumbq.conf."));
}

void hidden_warn_of_state(const char *bucket, const char *path)
{
    HiddenCount count = {.is_ours = is_state};
    autofd fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    /* A folder with a lock has been the state folder of a daemon before. */
    if (fd < 0 || !is_in_bucket(bucket, path) ||
        faccessat(fd, "lock", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return;
    count_files(&count, fd, 0);
    warn(&count, "state", "state", path);
}
