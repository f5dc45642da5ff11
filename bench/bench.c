/* SPDX-License-Identifier: Apache-2.0 */
/* thumbq-bench PART [OPTION...]: the measurements behind bench/run. */
#include "bench.h"

#include "base/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} parts[] = {
    {"handler", bench_handler, "one file at a time: handler, floor, a process per image"},
    {"isolation", bench_isolation, "the price of each isolation; sealing and copying"},
    {"throughput", bench_throughput, "many files on several workers"},
    {"files", bench_files, "make many small files"},
    {"latency", bench_latency, "from the close of an upload to its thumbnail"},
    {"fill", bench_fill, "make a store of many records"},
};

void bench_fail(const char *what, const char *subject)
{
    fprintf(stderr, "thumbq-bench: %s '%s': %s\n", what, subject, g_strerror(errno));
    exit(74);
}

void bench_parse(const char *usage, const GOptionEntry *entries, int *argc, char ***argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(usage);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "thumbq-bench: %s\n", error->message);
        exit(2);
    }
}

size_t bench_renditions(const char *sizes, int quality,
                        Rendition ret_renditions[static RENDITIONS_MAX])
{
    g_auto(GStrv) parts_of_it = g_strsplit(sizes, ",", RENDITIONS_MAX + 1);
    size_t n = g_strv_length(parts_of_it);

    for (size_t i = 0; i < n && n <= RENDITIONS_MAX; i++) {
        const char *at = parts_of_it[i];
        int size = 0;
        if (!scan_int(&at, RENDITION_SIZE_MAX, &size) || *at || size < 1)
            n = 0;
        ret_renditions[i] = (Rendition){.width = size,
                                        .height = size,
                                        .fit = FIT_INSIDE,
                                        .format = FORMAT_JPEG,
                                        .quality = quality,
                                        .max_frames = 1,
                                        .background = 0xffffff};
        g_snprintf(ret_renditions[i].name, sizeof ret_renditions[i].name, "r%d", size);
        rendition_compute_recipe(&ret_renditions[i]);
    }
    if (n < 1 || n > RENDITIONS_MAX) {
        fprintf(stderr, "thumbq-bench: '%s' are no sizes\n", sizes);
        exit(2);
    }
    return n;
}

int64_t bench_now_ns(void)
{
    struct timespec now;

    /* This clock always exists. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_print_times(const char *name, const int64_t *times_ns, size_t n)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        printf("%s%.4f", i > 0 ? "," : "", (double)times_ns[i] / 1e6);
    printf("]");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(parts); i++) {
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "usage: thumbq-bench PART [OPTION...]\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        fprintf(stderr, "  %-12s %s\n", parts[i].name, parts[i].help);
    fprintf(stderr, "\nbench/run runs all parts and explains their figures.\n");
    return 2;
}
