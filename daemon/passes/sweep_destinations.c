/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 'sweep store' drops destination records older than [destination] keep, one file at a time. The
 * folders may belong to other users, so a file is removed only if its name and its first bytes are
 * those that destination.c writes.
 */
#include "passes/sweep_destinations.h"

#include "base/clock.h"
#include "base/file.h"
#include "rules/clock_guard.h"
#include "rules/destination.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    SweepTask *task;
    /* The open folder. */
    DIR *records;
    /* Number of folders begun. */
    size_t n_folders;
} Destinations;

/* Checks that a file is a record that thumbq wrote, from before `before_us`. */
static bool is_old_record(int folder_fd, const char *name, int64_t before_us)
{
    static const char start[] = DESTINATION_START;
    char bytes[sizeof start - 1];
    struct stat st;

    if (!destination_has_form(name, DESTINATION_ID ".json"))
        return false;
    autofd fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtim.tv_sec * CLOCK_US_PER_SEC < before_us &&
           pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
           memcmp(bytes, start, sizeof bytes) == 0;
}

/* Opens the next existing folder. Returns false if there is none left. */
static bool open_next(Destinations *part)
{
    const BucketState *state = part->task->parts->state;
    const char *const settings[] = {state->config->on_failure, state->config->on_success};

    while (!part->records && part->n_folders < G_N_ELEMENTS(settings)) {
        const char *setting = settings[part->n_folders++];
        /* The writers of records report a folder that is missing or not trusted. */
        int fd =
            *setting ? destination_open_folder(state->lock.folder_fd, setting, false, NULL) : -1;
        if (fd >= 0) {
            part->records = fdopendir(fd);
            if (!part->records)
                fd_clear(&fd);
        }
    }
    return part->records != NULL;
}

static void close_folder(Destinations *part)
{
    if (part->records)
        /* The folder was only read: a failure loses nothing. */
        (void)closedir(part->records);
    part->records = NULL;
}

static void *destinations_open(SweepTask *task)
{
    Destinations *part = g_new0(Destinations, 1);

    part->task = task;
    return part;
}

/* Examines the next file of the folders, and drops it if it is a record that is too old. */
static PassStep destinations_next(void *data, GError **error)
{
    Destinations *part = data;
    SweepTask *task = part->task;
    int64_t keep_us = task->parts->state->config->destination_keep_us;

    /* The part changes nothing in the store. */
    (void)error;
    if (keep_us == 0 || !open_next(part))
        return PASS_END;
    const struct dirent *entry = readdir(part->records);
    if (!entry) {
        close_folder(part);
        return PASS_MORE;
    }
    int folder_fd = dirfd(part->records);
    if (!is_old_record(folder_fd, entry->d_name,
                       clock_guard_now_us(task->parts->clock_guard) - keep_us))
        return PASS_MORE;
    /* A record that another daemon has dropped meanwhile is not counted; the next sweep tries the
     * others. */
    if (task->dry_run || unlinkat(folder_fd, entry->d_name, 0) == 0)
        task->counts.destinations++;
    return PASS_MORE;
}

static void destinations_close(void *data)
{
    Destinations *part = data;

    close_folder(part);
    g_free(part);
}

const SweepPart sweep_destinations = {destinations_open, destinations_next, destinations_close};
