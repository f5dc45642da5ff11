/* SPDX-License-Identifier: Apache-2.0 */
#include "handler_fixture.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

HandlerServer fixture_server;
HandlerWorker fixture_worker;

const ForkRequest fixture_request = {
    .version = FORKSERVER_VERSION,
    .memory_bytes = INT64_C(256) << 20,
    .timeout_us = 60 * G_USEC_PER_SEC,
    .max_output_size = 16 << 20,
};

const WireOrder fixture_order = {
    .serial = 7,
    .max_pixels = 1000000,
    .max_file_size = 16 << 20,
    .max_output_size = 16 << 20,
    .max_pages = 10,
};

WireOrder fixture_order_of(int width, int height, Fit fit, Format format)
{
    WireOrder order = fixture_order;
    order.renditions[0] = (Rendition){.name = "one",
                                      .width = width,
                                      .height = height,
                                      .fit = fit,
                                      .format = format,
                                      .quality = 95,
                                      .background = 0xffffff,
                                      .max_frames = 100};
    order.n_renditions = 1;
    return order;
}

void fixture_run(const WireOrder *order, const char *name, WireResult *ret_result)
{
    g_autofree char *path = pictures_path(name);
    g_autofree char *folder = pictures_path("");
    autofd source = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(source, >=, 0);
    int fds[RENDITIONS_MAX];
    g_assert_true(handler_run(&fixture_worker, order, source, folder, fds, ret_result));
    g_assert_cmpuint(ret_result->serial, ==, order->serial);
    for (size_t i = 0; i < order->n_renditions; i++) {
        char out[16];
        g_snprintf(out, sizeof out, "out%zu", i);
        g_autofree char *out_path = pictures_path(out);
        g_autofree char *data = g_malloc((gsize)order->max_output_size + 1);
        ssize_t len = read(fds[i], data, (size_t)order->max_output_size + 1);
        g_assert_cmpint(len, >=, 0);
        if (i < ret_result->n_thumbnails)
            g_assert_cmpint(len, ==, ret_result->thumbnails[i].size);
        g_assert_true(g_file_set_contents(out_path, data, len, NULL));
        fd_clear(&fds[i]);
    }
}

void fixture_assert_error(const WireResult *result, ErrorCode code)
{
    g_test_message("%s", result->message);
    g_assert_cmpstr(error_name(result->error), ==, error_name(code));
    g_assert_cmpint(result->message[0] != '\0', ==, code != ERROR_NONE);
    g_assert_true(g_utf8_validate(result->message, -1, NULL));
}

void fixture_assert_color(const Pixels *pixels, double x, double y, uint32_t color, int slack)
{
    const uint8_t *pixel = pixels_at(pixels, x, y);
    g_test_message("at %g,%g: %d %d %d, expected %06x", x, y, pixel[0], pixel[1], pixel[2], color);
    for (int band = 0; band < 3; band++)
        g_assert_cmpint(ABS(pixel[band] - (int)(color >> (16 - 8 * band) & 255)), <=, slack);
}

long fixture_status_number(pid_t pid, const char *field)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = file_read(path, 1 << 16, NULL, NULL);
    g_assert_nonnull(text);
    const char *line = strstr(text, field);
    g_assert_nonnull(line);
    return strtol(line + strlen(field), NULL, 10);
}

void fixture_start(const char *program)
{
    pictures_init();
    handler_server_start(&fixture_server, program);
    if (!handler_worker_start(&fixture_server, &fixture_request, &fixture_worker))
        g_error("no worker: %s", g_strerror(errno));
}

void fixture_stop(void)
{
    if (handler_worker_stop(&fixture_worker) != 0 || handler_server_stop(&fixture_server) != 0)
        g_error("a process did not end well");
    pictures_clear();
}
