/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the handler on one file at a time, against the least that the decoder needs (the floor)
 * and against a new process for each picture, and on several workers at once. Prints a JSON line
 * with the times for each file.
 */
#include "bench.h"

#include "base/clock.h"
#include "base/file.h"
#include "floor.h"
#include "handler_client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define JPEG_QUALITY  80
#define SOURCE_MAX    (INT64_C(512) << 20)
#define THUMBNAIL_MAX (INT64_C(64) << 20)
#define WORKERS_MAX   64

static const ForkRequest fork_request = {.version = FORKSERVER_VERSION,
                                         .memory_bytes = INT64_C(512) << 20,
                                         .timeout_us = CLOCK_MINUTE_US,
                                         .max_output_size = THUMBNAIL_MAX};

typedef struct {
    char *program;
    char *sizes;
    char *folder;
    int times;
    int workers;
    HandlerServer server;
    WireOrder order;
} HandlerBench;

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bench_fail("cannot open", path);
    return fd;
}

static void start_worker(HandlerBench *setup, HandlerWorker *worker)
{
    if (!handler_worker_start(&setup->server, &fork_request, worker))
        bench_fail("cannot start a worker of", setup->program);
}

/* A picture that the handler refuses would take no time, so a failure ends the bench. */
static void check_result(const char *path, const WireResult *result)
{
    if (result->error == ERROR_NONE)
        return;
    fprintf(stderr, "thumbq-bench: the handler refuses '%s': %s\n", path, result->message);
    exit(74);
}

/*
 * Runs one order and closes the descriptors of its thumbnails, except the first if the caller asks
 * for it.
 */
static void run_job(const HandlerBench *setup, HandlerWorker *worker, const char *path, int *ret_fd)
{
    autofd source = open_file(path);
    int fds[RENDITIONS_MAX];
    WireResult result;

    if (!handler_run(worker, &setup->order, source, setup->folder, fds, &result))
        bench_fail("the handler died of", path);
    check_result(path, &result);
    for (size_t i = 0; i < setup->order.n_renditions; i++) {
        if (i == 0 && ret_fd)
            *ret_fd = fds[0];
        else
            fd_clear(&fds[i]);
    }
}

static void run_fresh(HandlerBench *setup, const char *path)
{
    HandlerWorker worker;

    start_worker(setup, &worker);
    run_job(setup, &worker, path, NULL);
    (void)handler_worker_stop(&worker);
}

static GBytes *read_all(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size > SOURCE_MAX)
        bench_fail("cannot read", path);
    g_autofree char *data = g_malloc((gsize)st.st_size + 1);
    if (pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
        bench_fail("cannot read", path);
    return g_bytes_new_take(g_steal_pointer(&data), (gsize)st.st_size);
}

/* Returns NULL for a file that is no JPEG: there is no floor for other types. */
static Floor *make_floor(const HandlerBench *setup, HandlerWorker *worker, const char *path,
                         GBytes *source)
{
    autofd fd = -1;
    run_job(setup, worker, path, &fd);
    g_autoptr(GBytes) thumbnail = read_all(fd, path);
    return floor_new(g_bytes_get_data(source, NULL), g_bytes_get_size(source),
                     g_bytes_get_data(thumbnail, NULL), g_bytes_get_size(thumbnail), JPEG_QUALITY);
}

/* Runs the three variants in turn, so that other load on the machine affects all of them. */
static void measure_file(HandlerBench *setup, HandlerWorker *worker, const char *path)
{
    autofd fd = open_file(path);
    g_autoptr(GBytes) source = read_all(fd, path);
    g_autoptr(Floor) floor = make_floor(setup, worker, path, source);
    size_t n = (size_t)setup->times;
    g_autofree int64_t *floors = g_new(int64_t, n);
    g_autofree int64_t *warm = g_new(int64_t, n);
    g_autofree int64_t *fresh = g_new(int64_t, n);

    for (size_t i = 0; i < n; i++) {
        int64_t start_ns = bench_now_ns();
        if (floor && !floor_run(floor))
            bench_fail("TurboJPEG cannot do", path);
        int64_t floor_ns = bench_now_ns();
        run_job(setup, worker, path, NULL);
        int64_t warm_ns = bench_now_ns();
        run_fresh(setup, path);
        floors[i] = floor_ns - start_ns;
        warm[i] = warm_ns - floor_ns;
        fresh[i] = bench_now_ns() - warm_ns;
    }
    g_autofree char *name = g_path_get_basename(path);
    printf("{\"file\":\"%s\",\"scale\":%d", name, floor ? floor_denominator(floor) : 1);
    if (floor)
        bench_print_times("floor_ms", floors, n);
    bench_print_times("handler_ms", warm, n);
    bench_print_times("fresh_ms", fresh, n);
    printf("}\n");
    fflush(stdout);
}

static void set_up(HandlerBench *setup, const char *usage, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        {"program", 0, 0, G_OPTION_ARG_FILENAME, &setup->program, "the handler", "PATH"},
        {"sizes", 0, 0, G_OPTION_ARG_STRING, &setup->sizes, "of the JPEG renditions", "N,..."},
        {"times", 0, 0, G_OPTION_ARG_INT, &setup->times, "each file", "N"},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &setup->workers, "workers at once", "N"},
        {"folder", 0, 0, G_OPTION_ARG_FILENAME, &setup->folder, "for thumbnails", "PATH"},
        {0},
    };
    bench_parse(usage, entries, argc, argv);
    if (!setup->program || *argc < 2 || setup->times < 1 || setup->workers < 1 ||
        setup->workers > WORKERS_MAX) {
        fprintf(stderr, "usage: thumbq-bench %s --program PATH FILE...\n", (*argv)[0]);
        exit(2);
    }
    setup->order = (WireOrder){.serial = 1,
                               .max_pixels = 150000000,
                               .max_file_size = SOURCE_MAX,
                               .max_output_size = THUMBNAIL_MAX,
                               .max_pages = 200};
    setup->order.n_renditions = bench_renditions(setup->sizes ? setup->sizes : "256", JPEG_QUALITY,
                                                 setup->order.renditions);
    if (!setup->folder)
        setup->folder = g_strdup(g_get_tmp_dir());
    handler_server_start(&setup->server, setup->program);
}

static void tear_down(HandlerBench *setup)
{
    (void)handler_server_stop(&setup->server);
    g_free(setup->program);
    g_free(setup->sizes);
    g_free(setup->folder);
}

int bench_handler(int argc, char **argv)
{
    HandlerBench setup = {.times = 15, .workers = 1};
    HandlerWorker worker;

    set_up(&setup, "FILE... - the handler against the floor", &argc, &argv);
    start_worker(&setup, &worker);
    for (int i = 1; i < argc; i++)
        measure_file(&setup, &worker, argv[i]);
    (void)handler_worker_stop(&worker);
    tear_down(&setup);
    return 0;
}

typedef struct {
    HandlerBench *setup;
    HandlerWorker worker;
    char **files;
    int n_jobs;
    /* Shared. */
    gint *next;
} Lane;

static gpointer run_lane(gpointer data)
{
    Lane *lane = data;
    int n_files = (int)g_strv_length(lane->files);

    for (;;) {
        int at = g_atomic_int_add(lane->next, 1);
        if (at >= lane->n_jobs)
            return NULL;
        run_job(lane->setup, &lane->worker, lane->files[at % n_files], NULL);
    }
}

/* CPU seconds, user and system, of the workers that have ended. */
static double cpu_seconds(void)
{
    struct rusage usage;

    /* These arguments are always valid. */
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int bench_throughput(int argc, char **argv)
{
    HandlerBench setup = {.times = 3, .workers = 2};
    gint next = 0;

    set_up(&setup, "FILE... - many files on several workers", &argc, &argv);
    g_autofree Lane *lanes = g_new0(Lane, (gsize)setup.workers);
    g_autofree GThread **threads = g_new0(GThread *, (gsize)setup.workers);
    int n_files = argc - 1;
    for (int i = 0; i < setup.workers; i++) {
        lanes[i] = (Lane){
            .setup = &setup, .files = argv + 1, .n_jobs = n_files * setup.times, .next = &next};
        start_worker(&setup, &lanes[i].worker);
        run_job(&setup, &lanes[i].worker, argv[1], NULL);
    }
    int64_t start_ns = bench_now_ns();
    for (int i = 0; i < setup.workers; i++)
        threads[i] = g_thread_new("lane", run_lane, &lanes[i]);
    for (int i = 0; i < setup.workers; i++)
        (void)g_thread_join(threads[i]);
    int64_t took_ns = bench_now_ns() - start_ns;
    for (int i = 0; i < setup.workers; i++)
        (void)handler_worker_stop(&lanes[i].worker);
    printf("{\"images\":%d,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", n_files * setup.times,
           (double)took_ns / 1e9, cpu_seconds());
    tear_down(&setup);
    return 0;
}
