/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs files through thumbq-thumbnail as the daemon would. It prints a line for each file: the
 * error, or the facts and thumbnails; and the time.
 *
 * Usage: handler_driver [-f] [-n TIMES] [-m MIB] [-u UID] [-o FOLDER] PROGRAM RENDITIONS FILE...
 *
 * A rendition is WxH:fit:format:quality; commas separate several. With -f, each run has a fresh
 * worker, as with max_invocations = 1; the time to start the worker counts. With -o, thumbnails are
 * written to FOLDER. With -n, each file is done TIMES times, and the median is printed.
 */
#include "base/clock.h"
#include "base/file.h"
#include "handler_client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t parse_renditions(const char *text, Rendition *renditions)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", RENDITIONS_MAX);
    size_t n = 0;
    for (; parts[n] != NULL; n++) {
        Rendition *rendition = &renditions[n];
        char fit[16], format[16];
        *rendition = (Rendition){.background = 0xffffff, .max_frames = 100};
        if (sscanf(parts[n], "%dx%d:%15[a-z]:%15[a-z]:%d", &rendition->width, &rendition->height,
                   fit, format, &rendition->quality) != 5 ||
            !fit_from_name(fit, &rendition->fit) || !format_from_name(format, &rendition->format)) {
            fprintf(stderr, "handler_driver: '%s' is no rendition\n", parts[n]);
            exit(2);
        }
        g_snprintf(rendition->name, sizeof rendition->name, "r%zu", n);
    }
    return n;
}

static void print_result(const char *file, const WireResult *result)
{
    const ImageFacts *facts = &result->facts;
    printf("%s: %s%s%s", file, error_name(result->error), result->error ? ": " : "",
           result->message);
    printf(" | %s %dx%d pages %d orientation %d%s%s", image_type_name(facts->type), facts->width,
           facts->height, facts->pages, facts->orientation, facts->alpha ? " alpha" : "",
           facts->damaged ? " DAMAGED" : "");
    if (facts->has_date) {
        char text[CLOCK_TEXT_MAX];
        printf(" %s", clock_format_seconds(facts->date_us, text));
    }
    if (facts->has_color)
        printf(" #%06x", facts->color);
    if (facts->thumbhash_len > 0) {
        g_autofree char *hash = g_base64_encode(facts->thumbhash, facts->thumbhash_len);
        printf(" %s", hash);
    }
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const ThumbnailFacts *thumbnail = &result->thumbnails[i];
        printf(" [%s %dx%d %" G_GINT64_FORMAT "]", image_type_name(thumbnail->type),
               thumbnail->width, thumbnail->height, (gint64)thumbnail->size);
    }
}

static void keep_thumbnail(const char *folder, const char *file, size_t i,
                           const ThumbnailFacts *facts, int fd)
{
    g_autofree char *base = g_path_get_basename(file);
    g_autofree char *path =
        g_strdup_printf("%s/%s.%zu.%s", folder, base, i, image_type_extension(facts->type));
    g_autofree char *data = g_malloc((gsize)facts->size);
    g_autoptr(GError) error = NULL;
    if (pread(fd, data, (size_t)facts->size, 0) != facts->size ||
        !g_file_set_contents(path, data, (gssize)facts->size, &error))
        fprintf(stderr, "handler_driver: cannot write '%s'\n", path);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static long memory_kib(pid_t pid, const char *field)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = file_read(path, 1 << 16, NULL, NULL);
    const char *line = text != NULL ? strstr(text, field) : NULL;
    return line != NULL ? strtol(line + strlen(field), NULL, 10) : -1;
}

typedef struct {
    HandlerServer server;
    HandlerWorker worker;
    ForkRequest request;
    WireOrder order;
    int times;
    /* Each run has a fresh worker. */
    bool fresh;
    const char *folder;
} Driver;

/* CPU time of all handler processes, microseconds: ended workers, the current worker, and the fork
 * server. */
static int64_t cpu_us(const Driver *driver)
{
    struct rusage ended;
    /* getrusage fails only for a bad address. */
    (void)getrusage(RUSAGE_CHILDREN, &ended);
    return ((int64_t)ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) * CLOCK_US_PER_SEC +
           ended.ru_utime.tv_usec + ended.ru_stime.tv_usec +
           process_cpu_us(process_cpu_clock(driver->worker.pid)) +
           process_cpu_us(process_cpu_clock(driver->server.server.pid));
}

static void run_file(Driver *driver, const char *file)
{
    int64_t cpu_before_us = cpu_us(driver);
    g_autofree int64_t *times_us = g_new(int64_t, (gsize)driver->times);
    WireResult result;
    for (int i = 0; i < driver->times; i++) {
        autofd source = open(file, O_RDONLY | O_CLOEXEC);
        int fds[RENDITIONS_MAX];
        if (driver->fresh)
            (void)handler_worker_stop(&driver->worker);
        int64_t start_us = clock_monotonic_us();
        if (driver->fresh &&
            !handler_worker_start(&driver->server, &driver->request, &driver->worker))
            exit(1);
        bool alive =
            handler_run(&driver->worker, &driver->order, source, g_get_tmp_dir(), fds, &result);
        times_us[i] = clock_monotonic_us() - start_us;
        if (!alive) {
            int status = handler_worker_stop(&driver->worker);
            printf("%s: worker died: signal %d, status %d\n", file,
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
            if (!handler_worker_start(&driver->server, &driver->request, &driver->worker))
                exit(1);
        }
        for (size_t at = 0; at < driver->order.n_renditions; at++) {
            if (alive && driver->folder != NULL && i == 0 && at < result.n_thumbnails)
                keep_thumbnail(driver->folder, file, at, &result.thumbnails[at], fds[at]);
            fd_clear(&fds[at]);
        }
        if (!alive)
            return;
    }
    qsort(times_us, (size_t)driver->times, sizeof *times_us, compare_times);
    print_result(file, &result);
    size_t n = (size_t)driver->times;
    double cpu_ms = (double)(cpu_us(driver) - cpu_before_us) / 1000 / driver->times;
    printf(
        " | median %.2f ms, 10%% %.2f ms, 90%% %.2f ms, CPU %.2f ms, peak %ld KiB, now %ld KiB\n",
        (double)times_us[n / 2] / 1000, (double)times_us[n / 10] / 1000,
        (double)times_us[n * 9 / 10] / 1000, cpu_ms, memory_kib(driver->worker.pid, "VmHWM:"),
        memory_kib(driver->worker.pid, "VmRSS:"));
}

int main(int argc, char **argv)
{
    Driver driver = {.times = 1,
                     .request = {.version = FORKSERVER_VERSION,
                                 .memory_bytes = INT64_C(512) << 20,
                                 .timeout_us = 60 * CLOCK_US_PER_SEC,
                                 .max_output_size = INT64_C(64) << 20},
                     .order = {.serial = 1,
                               .max_pixels = 150000000,
                               .max_file_size = INT64_C(512) << 20,
                               .max_output_size = INT64_C(64) << 20,
                               .max_pages = 200}};
    int option;
    while ((option = getopt(argc, argv, "fn:m:o:u:")) != -1) {
        if (option == 'n')
            driver.times = MAX(1, atoi(optarg));
        else if (option == 'f')
            driver.fresh = true;
        else if (option == 'm')
            driver.request.memory_bytes = (int64_t)atoi(optarg) << 20;
        else if (option == 'u')
            driver.request.uid = driver.request.gid = (uint32_t)atoi(optarg);
        else if (option == 'o')
            driver.folder = optarg;
        else
            return 2;
    }
    if (argc - optind < 2) {
        fprintf(stderr, "usage: handler_driver [-f] [-n TIMES] [-m MIB] [-u UID] [-o FOLDER] "
                        "PROGRAM RENDITIONS "
                        "[FILE...]\n");
        return 2;
    }
    driver.order.n_renditions = parse_renditions(argv[optind + 1], driver.order.renditions);

    int64_t start_us = clock_monotonic_us();
    handler_server_start(&driver.server, argv[optind]);
    if (!handler_worker_start(&driver.server, &driver.request, &driver.worker))
        return 1;
    int64_t ready_us = clock_monotonic_us();
    HandlerWorker second;
    if (!handler_worker_start(&driver.server, &driver.request, &second))
        return 1;
    int64_t second_us = clock_monotonic_us();
    printf("fork server started and made a worker in %.2f ms, another in %.2f ms; server %ld KiB, "
           "worker %ld KiB\n",
           (double)(ready_us - start_us) / 1000, (double)(second_us - ready_us) / 1000,
           memory_kib(driver.server.server.pid, "VmRSS:"), memory_kib(second.pid, "VmRSS:"));
    int status = handler_worker_stop(&second);
    if (status != 0)
        printf("worker ended with %d\n", status);
    for (int i = optind + 2; i < argc; i++)
        run_file(&driver, argv[i]);
    (void)handler_worker_stop(&driver.worker);
    return handler_server_stop(&driver.server);
}
