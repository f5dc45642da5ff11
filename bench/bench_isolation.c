/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what each value of `isolation` costs per picture, and what sealing and copying of a
 * thumbnail cost. Prints a JSON line for each value. */
#include "bench.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/memory_output.h"
#include "handlers/pool.h"
#include "handlers/thumbnail_kind.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The same number as in the daemon. */
#define KEEP_IDLE 32

typedef struct {
    char *program;
    char *folder;
    int times;
    ThumbnailOrder order;
    int files[RENDITIONS_MAX];
    bool done;
} IsolationBench;

/* Distributions of invocations over groups. */
static const struct {
    const char *name;
    bool own_files;
    int groups;
} modes[] = {
    {"none", false, 1},
    {"owner", false, 1},
    {"owner, 8 groups in turn", false, 8},
    {"owner, 100 groups in turn", false, 100},
    {"file", true, 1},
};

static int new_file(const IsolationBench *setup)
{
    int fd = open(setup->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        bench_fail("cannot make a file in", setup->folder);
    return fd;
}

/* Does the daemon's work with an answer, except for naming the file. */
static void on_done(const Answer *answer, const InvocationUsage *usage, void *data)
{
    IsolationBench *setup = data;
    WireResult result;

    (void)usage;
    if (!answer || answer->error != ERROR_NONE) {
        fprintf(stderr, "thumbq-bench: the handler refuses a picture: %s\n",
                answer ? answer->message : "it was handed back");
        exit(74);
    }
    thumbnail_result(answer, &result);
    for (size_t i = 0; i < result.n_thumbnails; i++) {
        if (!setup->order.wire.own_files)
            setup->files[i] = new_file(setup);
        if (!setup->order.wire.own_files && output_copy(&result, i, setup->files[i]) != 0)
            bench_fail("cannot copy a thumbnail into", setup->folder);
        fd_clear(&setup->files[i]);
    }
    setup->done = true;
}

static void run_job(IsolationBench *setup, Executor *pool, const char *path, const char *group)
{
    autofd source = open(path, O_RDONLY | O_CLOEXEC);
    if (source < 0)
        bench_fail("cannot open", path);
    for (size_t i = 0; setup->order.wire.own_files && i < setup->order.wire.n_renditions; i++)
        setup->files[i] = new_file(setup);
    setup->order.wire.serial++;
    setup->done = false;
    const Invocation invocation = {.serial = setup->order.wire.serial,
                                   .kind = &thumbnail_kind,
                                   .order = &setup->order,
                                   .source_fd = source,
                                   .own_files = setup->order.wire.own_files,
                                   .files = setup->files,
                                   .n_files = setup->order.wire.n_renditions,
                                   .group = group};
    executor_submit(pool, &invocation, on_done, setup);
    while (!setup->done)
        g_main_context_iteration(NULL, TRUE);
}

/* CPU time of this process and of the processes that it has reaped. */
static int64_t cpu_us(void)
{
    struct rusage self, children;

    /* These arguments are always valid. */
    (void)getrusage(RUSAGE_SELF, &self);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return clock_cpu_us(&self) + clock_cpu_us(&children);
}

static void measure_mode(IsolationBench *setup, size_t mode, char **files, int n_files)
{
    const ExecutorOptions options = {.program = setup->program,
                                     .concurrency = 1,
                                     .idle_max = KEEP_IDLE,
                                     .max_invocations = 100,
                                     .patience_us = CLOCK_US_PER_SEC,
                                     .timeout_us = CLOCK_MINUTE_US,
                                     .idle_us = CLOCK_MINUTE_US,
                                     .memory_bytes = INT64_C(512) << 20,
                                     .max_output_size = setup->order.wire.max_output_size};
    Executor *pool = pool_new(&options);
    int64_t cpu_before_us = cpu_us();
    int64_t start_ns = bench_now_ns();

    setup->order.wire.own_files = modes[mode].own_files;
    for (int i = 0; i < setup->times; i++) {
        g_autofree char *group = g_strdup_printf("%d", i % modes[mode].groups);
        run_job(setup, pool, files[i % n_files], group);
    }
    int64_t wall_ns = bench_now_ns() - start_ns;
    executor_free(pool);
    printf("{\"isolation\":\"%s\",\"n\":%d,\"wall_ms\":%.3f,\"cpu_ms\":%.3f}\n", modes[mode].name,
           setup->times, (double)wall_ns / 1e6 / setup->times,
           (double)(cpu_us() - cpu_before_us) / 1e3 / setup->times);
    fflush(stdout);
}

/* Measures a memory file of `size` bytes, from its creation to its copy on the disk. */
static void measure_copy(const IsolationBench *setup, size_t size)
{
    g_autofree uint8_t *bytes = g_malloc0(size);
    int64_t make_ns = 0, seal_ns = 0, copy_ns = 0;
    WireResult result = {.n_thumbnails = 1, .filled_memory = true};

    result.thumbnails[0].size = (int64_t)size;
    result.places[0].kind = PLACE_MEMORY;
    for (int i = 0; i < setup->times; i++) {
        int64_t start_ns = bench_now_ns();
        autofd memory = output_new_memory();
        make_ns += bench_now_ns() - start_ns;
        if (memory < 0 || write(memory, bytes, size) != (ssize_t)size)
            bench_fail("cannot make a file in", "memory");
        start_ns = bench_now_ns();
        if (!output_seal(memory) || !output_is_whole(&result, memory))
            bench_fail("cannot seal a file in", "memory");
        seal_ns += bench_now_ns() - start_ns;
        autofd file = new_file(setup);
        result.memory_fd = memory;
        start_ns = bench_now_ns();
        if (output_copy(&result, 0, file) != 0)
            bench_fail("cannot copy a thumbnail into", setup->folder);
        copy_ns += bench_now_ns() - start_ns;
    }
    printf("{\"memory_file_bytes\":%zu,\"n\":%d,\"make_us\":%.2f,\"seal_us\":%.2f,"
           "\"copy_us\":%.2f}\n",
           size, setup->times, (double)make_ns / 1e3 / setup->times,
           (double)seal_ns / 1e3 / setup->times, (double)copy_ns / 1e3 / setup->times);
}

int bench_isolation(int argc, char **argv)
{
    IsolationBench setup = {.times = 200,
                            .order.wire = {.max_pixels = 150000000,
                                           .max_file_size = INT64_C(512) << 20,
                                           .max_output_size = INT64_C(64) << 20,
                                           .max_pages = 200}};
    const GOptionEntry entries[] = {
        {"program", 0, 0, G_OPTION_ARG_FILENAME, &setup.program, "the handler", "PATH"},
        {"times", 0, 0, G_OPTION_ARG_INT, &setup.times, "pictures, at each value", "N"},
        {"folder", 0, 0, G_OPTION_ARG_FILENAME, &setup.folder, "for thumbnails", "PATH"},
        {0},
    };

    bench_parse("FILE... - the price of each isolation", entries, &argc, &argv);
    if (!setup.program || argc < 2 || setup.times < 1) {
        fprintf(stderr, "usage: thumbq-bench %s --program PATH FILE...\n", argv[0]);
        return 2;
    }
    if (!setup.folder)
        setup.folder = g_strdup(g_get_tmp_dir());
    setup.order.wire.n_renditions = bench_renditions("256", 80, setup.order.wire.renditions);
    for (size_t mode = 0; mode < G_N_ELEMENTS(modes); mode++)
        measure_mode(&setup, mode, argv + 1, argc - 1);
    measure_copy(&setup, 10000);
    measure_copy(&setup, 100000);
    measure_copy(&setup, 1000000);
    g_free(setup.program);
    g_free(setup.folder);
    return 0;
}
