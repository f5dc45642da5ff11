/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of thumbq-thumbnail: their sandbox, their deaths, and what they keep. */
#include "base/file.h"
#include "handler_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static void test_locked_in(void)
{
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_WEBP);
    WireResult result;
    /* The worker has answered, so it has entered its sandbox. */
    fixture_run(&order, "a.jpg", &result);
    g_assert_cmpint(fixture_status_number(fixture_worker.pid, "\nNoNewPrivs:"), ==, 1);
    g_assert_cmpint(fixture_status_number(fixture_server.server.pid, "\nThreads:"), ==, 1);
#ifndef THUMBQ_SANITIZE
    g_assert_cmpint(fixture_status_number(fixture_worker.pid, "\nSeccomp:"), ==, 2);
#endif
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)fixture_worker.pid);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL)
        /* These are the standard ones, the socket, and the file that resets the peak. */
        g_assert_cmpint(atoi(name), <=, 4);
}

/* The death of a worker affects no other process. */
static void test_killed(void)
{
    HandlerWorker victim;
    g_assert_true(handler_worker_start(&fixture_server, &fixture_request, &victim));
    g_assert_cmpint(kill(victim.pid, SIGKILL), ==, 0);
    int status = handler_worker_stop(&victim);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    g_assert_true(handler_worker_start(&fixture_server, &fixture_request, &victim));
    g_assert_cmpint(handler_worker_stop(&victim), ==, 0);
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_WEBP);
    WireResult result;
    fixture_run(&order, "a.jpg", &result);
    fixture_assert_error(&result, ERROR_NONE);
}

/* The pixels cannot be streamed and need more memory than allowed. The worker reports this, or dies
 * with the exit status for it. */
static void test_memory(void)
{
#ifdef THUMBQ_SANITIZE
    g_test_skip("memory is not limited under a sanitizer");
    return;
#endif
    g_free(pictures_run("convert -size 5000x5000 xc:red -interlace PNG PNG24:wide.png"));
    ForkRequest small = fixture_request;
    small.memory_bytes = 40 << 20;
    HandlerWorker poor;
    g_assert_true(handler_worker_start(&fixture_server, &small, &poor));
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_PNG);
    order.max_pixels = 100000000;
    g_autofree char *path = pictures_path("wide.png");
    g_autofree char *folder = pictures_path("");
    autofd source = open(path, O_RDONLY | O_CLOEXEC);
    int fd;
    WireResult result;
    bool answered = handler_run(&poor, &order, source, folder, &fd, &result);
    fd_clear(&fd);
    int status = handler_worker_stop(&poor);
    if (answered)
        fixture_assert_error(&result, ERROR_OUT_OF_MEMORY);
    else
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_MEMORY);
    /* With enough memory the order succeeds. */
    fixture_run(&order, "wide.png", &result);
    fixture_assert_error(&result, ERROR_NONE);
}

/* An order frees its memory, also when it fails. */
static void test_no_growth(void)
{
#ifdef THUMBQ_SANITIZE
    g_test_skip("a sanitizer keeps freed memory; it looks for leaks itself");
    return;
#endif
    const char *const names[] = {
        "a.jpg", "fields.png", "a.webp", "a.gif", "a.tif", "cut.png", "cut.webp", "text",
    };
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_WEBP);
    WireResult result;
    long warm_kib = 0;
    for (int i = 0; i < 60; i++) {
        for (size_t at = 0; at < G_N_ELEMENTS(names); at++)
            fixture_run(&order, names[at], &result);
        if (i == 19)
            warm_kib = fixture_status_number(fixture_worker.pid, "\nVmRSS:");
    }
    g_assert_cmpint(fixture_status_number(fixture_worker.pid, "\nVmRSS:"), <, warm_kib + 2048);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_start(THUMBNAIL_PROGRAM);
    g_free(pictures_run("convert -size 160x120 plasma:red-blue PNG24:fields.png && "
                        "for type in jpg gif tif; do convert fields.png a.$type; done && "
                        "cwebp -quiet fields.png -o a.webp && head -c 500 a.webp > cut.webp && "
                        "head -c 9000 fields.png > cut.png && echo hello > text"));
    g_test_add_func("/worker/locked-in", test_locked_in);
    g_test_add_func("/worker/killed", test_killed);
    g_test_add_func("/worker/memory", test_memory);
    g_test_add_func("/worker/no-growth", test_no_growth);
    int failed = g_test_run();
    fixture_stop();
    return failed;
}
