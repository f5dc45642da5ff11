/* SPDX-License-Identifier: Apache-2.0 */
/* Tries each forbidden action in a real worker in its real sandbox. */
#include "handlers/prober.h"

#include "base/clock.h"
#include "base/error.h"
#include "handlers/programs.h"
#include "handlers/user.h"
#include "probe_judge.h"

#include <string.h>
#include <unistd.h>

static Prober *prober;

#ifdef THUMBQ_SANITIZE
#define SKIP_SANITIZED()                                                                           \
    do {                                                                                           \
        g_test_skip("under a sanitizer, workers are not locked in");                               \
        return;                                                                                    \
    } while (0)
#else
#define SKIP_SANITIZED()                                                                           \
    do {                                                                                           \
    } while (0)
#endif

static void test_probe(const void *data)
{
    SKIP_SANITIZED();
    Probe probe = (Probe)GPOINTER_TO_INT(data);
    if (probe == PROBE_THREADS && !user_is_needed() && geteuid() == 0) {
        g_test_skip("the threads of root are not counted, and workers are no other users here");
        return;
    }
    if (!prober_can_try(probe)) {
        g_test_skip("the kernel's Landlock is too old for it, or not there");
        return;
    }
    g_autoptr(GError) error = NULL;
    ProberFinding finding;
    g_assert_true(prober_try(prober, probe, &finding, &error));
    g_assert_no_error(error);
    g_test_message("%s", finding.text);
    g_assert_cmpint(finding.verdict, ==, PROBER_CONTAINED);
    if (probe_rows[probe].end != PROBE_ANSWERED)
        g_assert_cmpstr(finding.text, !=, "");
}

/* Scripts use the names of the rows. */
static void test_rows(void)
{
    for (int i = PROBE_NONE + 1; i < PROBES_END; i++) {
        g_assert_nonnull(probe_rows[i].name);
        g_assert_nonnull(probe_rows[i].about);
        for (int other = PROBE_NONE + 1; other < i; other++)
            g_assert_cmpstr(probe_rows[i].name, !=, probe_rows[other].name);
    }
}

static void test_read_worker(void)
{
    SKIP_SANITIZED();
    g_autoptr(GError) error = NULL;
    ProberWorker worker;
    g_assert_true(prober_read_worker(prober, &worker, &error));
    g_assert_no_error(error);
    g_assert_true(worker.no_new_privileges);
    g_assert_true(worker.filtered);
    g_assert_false(worker.dumpable);
    g_assert_false(worker.privileged && worker.uid != 0);
    g_assert_cmpint(worker.core_max, ==, 0);
    g_assert_cmpint(worker.output_max, ==, PROBER_OUTPUT_BYTES);
    g_assert_cmpint(worker.memory_max, >, PROBER_MEMORY_BYTES);
    g_assert_cmpint(worker.memory_max, <, 4 * PROBER_MEMORY_BYTES);
    g_assert_cmpint(worker.descriptors_max, >, 0);
    if (user_is_needed())
        g_assert_cmpuint(worker.uid - USER_FIRST, <, USERS_N);
    else
        g_assert_cmpuint(worker.uid, ==, geteuid());
}

/* A limit that is not reached, or is reached too early, is detected. */
static void test_amounts(void)
{
    SKIP_SANITIZED();
    static const struct {
        Probe probe;
        int64_t least, most;
    } rows[] = {
        {PROBE_OUTPUT, PROBER_OUTPUT_BYTES, PROBER_OUTPUT_BYTES},
        {PROBE_MEMORY, PROBER_MEMORY_BYTES / 2, PROBER_MEMORY_BYTES},
        {PROBE_DESCRIPTORS, 20, 64},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ProberFinding finding;
        g_assert_true(prober_try(prober, rows[i].probe, &finding, NULL));
        const char *after = strstr(finding.text, "after ");
        g_assert_nonnull(after);
        int64_t amount = g_ascii_strtoll(after + strlen("after "), NULL, 10);
        g_assert_cmpint(amount, >=, rows[i].least);
        g_assert_cmpint(amount, <=, rows[i].most);
    }
}

/* An attempt that got no processor proves nothing about the sandbox. */
static void test_no_end(void)
{
    static const struct {
        bool starved;
        ProberVerdict verdict;
        const char *text;
    } rows[] = {
        {false, PROBER_OPEN, "it still runs after 20 seconds"},
        {true, PROBER_UNPROVEN, "it got too little of a processor in 20 seconds"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const ProbeEnding ending = {.starved = rows[i].starved, .waited_us = 20 * CLOCK_US_PER_SEC};
        for (Probe probe = PROBE_NONE + 1; probe < PROBES_END; probe++) {
            ProberFinding finding;
            probe_judge(&probe_rows[probe], &ending, &finding);
            g_assert_cmpint(finding.verdict, ==, rows[i].verdict);
            g_assert_cmpstr(finding.text, ==, rows[i].text);
        }
    }
}

static void test_convert(void)
{
    /* A GIF of 2 x 2 red pixels with a palette. */
    static const uint8_t gif[] = "GIF89a\x02\0\x02\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x02\0\x02\0\0"
                                 "\x02\x02\x84Q\0;";
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) source = g_bytes_new_static(gif, sizeof gif - 1);
    ImageFacts facts;
    g_autoptr(GBytes) png = prober_convert(prober, source, FORMAT_PNG, &facts, &error);
    g_assert_no_error(error);
    g_assert_cmpint(facts.type, ==, IMAGE_GIF);
    g_assert_cmpint(facts.width, ==, 2);
    g_autoptr(GBytes) webp = prober_convert(prober, png, FORMAT_WEBP, &facts, &error);
    g_assert_no_error(error);
    g_assert_cmpint(facts.type, ==, IMAGE_PNG);

    g_autoptr(GBytes) text = g_bytes_new_static("hello", 5);
    g_assert_null(prober_convert(prober, text, FORMAT_PNG, &facts, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_AN_IMAGE);
}

/* Returns the calls of the first handler program. */
static unsigned first_profile(void)
{
    size_t n;

    return program_table(&n)[PROGRAM_FIRST].calls;
}

static void test_cannot_open(void)
{
    static const char *const programs[] = {"/nonexistent/program", "/bin/true", "/bin/cat"};
    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(prober_open(programs[i], first_profile(), &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GError) error = NULL;
    prober = prober_open(THUMBNAIL_PROGRAM, first_profile(), &error);
    g_assert_no_error(error);
    g_test_add_func("/prober/rows", test_rows);
    for (int i = PROBE_NONE + 1; i < PROBES_END; i++) {
        g_autofree char *path = g_strconcat("/prober/probe/", probe_rows[i].name, NULL);
        g_test_add_data_func(path, GINT_TO_POINTER(i), test_probe);
    }
    g_test_add_func("/prober/worker", test_read_worker);
    g_test_add_func("/prober/amounts", test_amounts);
    g_test_add_func("/prober/no-end", test_no_end);
    g_test_add_func("/prober/convert", test_convert);
    g_test_add_func("/prober/cannot-open", test_cannot_open);
    int failed = g_test_run();
    prober_free(prober);
    return failed;
}
