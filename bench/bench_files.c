/* SPDX-License-Identifier: Apache-2.0 */
/* Makes many small files, and measures the time from the close of an upload to its thumbnail in the
 * bucket of a running daemon. Prints JSON lines: the time for all files, or
 * one for each upload. */
#include "bench.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LEN 64

static void write_all(int fd, const void *data, size_t len, const char *path)
{
    if (write(fd, data, len) != (ssize_t)len)
        bench_fail("cannot write", path);
}

/* Makes one file; returns the time when it was closed. */
static int64_t make_file(int folder_fd, const char *name, const void *data, size_t len)
{
    autofd fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        bench_fail("cannot make", name);
    write_all(fd, data, len, name);
    fd_clear(&fd);
    return bench_now_ns();
}

static int open_folder(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        bench_fail("cannot make", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        bench_fail("cannot open", path);
    return fd;
}

int bench_files(int argc, char **argv)
{
    int count = 1000, per_folder = 1000, bytes = 64, first = 0;
    g_autofree char *copy = NULL;
    const GOptionEntry entries[] = {
        {"count", 0, 0, G_OPTION_ARG_INT, &count, "files", "N"},
        {"first", 0, 0, G_OPTION_ARG_INT, &first, "number of the first", "N"},
        {"per-folder", 0, 0, G_OPTION_ARG_INT, &per_folder, "files in each folder", "N"},
        {"bytes", 0, 0, G_OPTION_ARG_INT, &bytes, "size of each", "N"},
        {"copy", 0, 0, G_OPTION_ARG_FILENAME, &copy, "each a copy of this", "PATH"},
        {0},
    };
    bench_parse("FOLDER - makes many files", entries, &argc, &argv);
    g_autofree char *data = NULL;
    gsize len = (gsize)MAX(bytes, 0);
    if (argc != 2 || count < 1 || per_folder < 1 || first < 0) {
        fprintf(stderr, "usage: thumbq-bench files [OPTION...] FOLDER\n");
        return 2;
    }
    if (copy && !g_file_get_contents(copy, &data, &len, NULL))
        bench_fail("cannot read", copy);
    if (!data)
        data = g_malloc0(len + 1);

    int64_t start_ns = bench_now_ns();
    autofd folder_fd = -1;
    int folder = -1;
    for (int i = first; i < first + count; i++) {
        char name[NAME_MAX_LEN];
        if (i / per_folder != folder) {
            folder = i / per_folder;
            g_autofree char *path = g_strdup_printf("%s/%04d", argv[1], folder);
            fd_clear(&folder_fd);
            folder_fd = open_folder(path);
        }
        g_snprintf(name, sizeof name, "%07d.jpg", i);
        (void)make_file(folder_fd, name, data, len);
    }
    printf("{\"files\":%d,\"seconds\":%.6f}\n", count, (double)(bench_now_ns() - start_ns) / 1e9);
    return 0;
}

/* Waits until a file with that name part appears in the watched folder; returns the time. */
static int64_t await_name(int inotify_fd, const char *name)
{
    _Alignas(struct inotify_event) char buffer[4096];

    for (;;) {
        ssize_t len = read(inotify_fd, buffer, sizeof buffer);
        int64_t now_ns = bench_now_ns();
        if (len <= 0)
            bench_fail("cannot watch for", name);
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
            if (event->len > 0 && g_str_has_prefix(event->name, name))
                return now_ns;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
}

int bench_latency(int argc, char **argv)
{
    int count = 100, pause_ms = 60;
    g_autofree char *copy = NULL, *seen_in = NULL;
    const GOptionEntry entries[] = {
        {"count", 0, 0, G_OPTION_ARG_INT, &count, "uploads", "N"},
        {"pause", 0, 0, G_OPTION_ARG_INT, &pause_ms, "after each thumbnail", "MS"},
        {"copy", 0, 0, G_OPTION_ARG_FILENAME, &copy, "the upload", "PATH"},
        {"seen-in", 0, 0, G_OPTION_ARG_FILENAME, &seen_in, "where thumbnails appear", "FOLDER"},
        {0},
    };
    bench_parse("FOLDER - from the close of an upload to its thumbnail", entries, &argc, &argv);
    g_autofree char *data = NULL;
    gsize len = 0;
    if (argc != 2 || !copy || !seen_in || count < 1) {
        fprintf(stderr, "usage: thumbq-bench latency --copy FILE --seen-in FOLDER FOLDER\n");
        return 2;
    }
    if (!g_file_get_contents(copy, &data, &len, NULL))
        bench_fail("cannot read", copy);
    autofd folder_fd = open_folder(argv[1]);
    autofd inotify_fd = inotify_init1(IN_CLOEXEC);
    if (inotify_fd < 0 || inotify_add_watch(inotify_fd, seen_in, IN_CREATE | IN_MOVED_TO) < 0)
        bench_fail("cannot watch", seen_in);
    for (int i = 0; i < count; i++) {
        char name[NAME_MAX_LEN];
        g_snprintf(name, sizeof name, "upload-%06d.jpg", i);
        int64_t closed_ns = make_file(folder_fd, name, data, len);
        int64_t seen_ns = await_name(inotify_fd, name);
        printf("{\"name\":\"%s\",\"ms\":%.4f}\n", name, (double)(seen_ns - closed_ns) / 1e6);
        /* The pause makes the machine idle, since the wake-up is part of the measurement. */
        g_usleep((gulong)pause_ms * 1000);
    }
    return 0;
}
