/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destination records that are older than [destination] keep: dropped by 'sweep store', a file at a
 * time. The folders may be anybody's, so a file goes only if its name and its first bytes are those
 * that destination.c writes.
 */
#include "clock.h"
#include "file.h"
#include "sweep_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "01234567-89ab-4cde-8f01-23456789abcd.json" */
static bool is_record_name(const char *name)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.json";

    if (strlen(name) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'x' ? !g_ascii_isxdigit(name[i]) : name[i] != form[i])
            return false;
    }
    return true;
}

static bool is_old_record(int folder_fd, const char *name, int64_t before_us)
{
    static const char start[] = DESTINATION_START;
    char bytes[sizeof start - 1];
    struct stat st;

    if (!is_record_name(name))
        return false;
    autofd fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtim.tv_sec * CLOCK_US_PER_SEC < before_us &&
           pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
           memcmp(bytes, start, sizeof bytes) == 0;
}

/* The next folder there is. False if there is none left. */
static bool open_next(Sweep *sweep)
{
    const Config *config = sweep->daemon->config;
    const char *const settings[] = {config->on_failure, config->on_success};

    while (!sweep->records && sweep->n_folders < G_N_ELEMENTS(settings)) {
        const char *setting = settings[sweep->n_folders++];
        /* One that is not there, or may not be used, has been told of by those who write to it. */
        int fd = *setting ? destination_open_folder(sweep->daemon, setting, false, NULL) : -1;
        if (fd >= 0) {
            sweep->records = fdopendir(fd);
            if (!sweep->records)
                fd_clear(&fd);
        }
    }
    return sweep->records != NULL;
}

bool sweep_step_destinations(Sweep *sweep)
{
    int64_t keep_us = sweep->daemon->config->destination_keep_us;

    if (keep_us == 0 || !open_next(sweep))
        return false;
    const struct dirent *entry = readdir(sweep->records);
    if (!entry) {
        sweep_close_destinations(sweep);
        return true;
    }
    int folder_fd = dirfd(sweep->records);
    if (!is_old_record(folder_fd, entry->d_name, clock_guard_now_us(sweep->daemon) - keep_us))
        return true;
    /* One that another daemon has dropped meanwhile is not counted; the next sweep tries others. */
    if (sweep->dry_run || unlinkat(folder_fd, entry->d_name, 0) == 0)
        sweep->counts.destinations++;
    return true;
}

void sweep_close_destinations(Sweep *sweep)
{
    if (sweep->records)
        (void)closedir(sweep->records); /* it was only read */
    sweep->records = NULL;
}
