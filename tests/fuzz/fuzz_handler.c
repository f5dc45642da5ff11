/* SPDX-License-Identifier: Apache-2.0 */
/* A complete order on arbitrary bytes, in this process and without a sandbox. Whatever the decoders
 * do, the result stays within its limits, and the files have the sizes that it states. */
#include "fuzz.h"
#include "library.h"
#include "wire_limits.h"
#include "worker_order.h"

#include "base/file.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define RENDITIONS 2

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_autoptr(GError) error = NULL;
    (void)argc;
    (void)argv;
    if (!library_start(&error))
        g_error("%s", error->message);
    return 0;
}

static int file_with(const uint8_t *data, size_t len)
{
    autofd fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
    return fd_steal(&fd);
}

static int64_t size_of(int fd)
{
    struct stat st;
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    return st.st_size;
}

/* Checks that the result can be sent, and is the same after decoding. */
static void check_result(const WireOrder *order, const WireResult *result, const int *outputs)
{
    uint8_t frame[WIRE_FRAME_MAX];
    WireResult decoded;
    size_t len = wire_encode_result(result, frame);
    g_assert_true(wire_decode_result(frame, len, &decoded, NULL));
    wire_limits_check_result(&decoded);
    g_assert_cmpuint(result->serial, ==, order->serial);
    g_assert_cmpint(result->error != ERROR_NONE, ==, result->message[0] != '\0');
    g_assert_cmpuint(result->n_thumbnails, ==, result->error == ERROR_NONE ? RENDITIONS : 0);
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const ThumbnailFacts *thumbnail = &result->thumbnails[i];
        g_assert_cmpint(size_of(outputs[i]), ==, thumbnail->size);
        g_assert_cmpint(thumbnail->width, <=, order->renditions[i].width);
        g_assert_cmpint(thumbnail->height, <=, order->renditions[i].height);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* JPEG is scaled in planes if the picture is not cropped, else as RGB. Both ways are tested. */
    const Fit fit = len % 2 == 0 ? FIT_FILL : FIT_ATTENTION;
    const WireOrder order = {
        .serial = 1,
        .max_pixels = 1 << 20,
        .max_file_size = 1 << 20,
        .max_output_size = 1 << 20,
        .max_pages = 20,
        .own_files = true,
        .renditions = {{.name = "small",
                        .width = 48,
                        .height = 48,
                        .fit = FIT_INSIDE,
                        .format = FORMAT_JPEG,
                        .quality = 80,
                        .max_frames = 8},
                       {.name = "crop",
                        .width = 24,
                        .height = 16,
                        .fit = fit,
                        .format = FORMAT_WEBP,
                        .quality = 60,
                        .max_frames = 1}},
        .n_renditions = RENDITIONS,
    };
    autofd source = file_with(data, len);
    autofd small = file_with(NULL, 0);
    autofd crop = file_with(NULL, 0);
    WireResult result;
    OutputDelivery delivery;
    const int files[] = {small, crop};
    delivery_begin(&delivery, &order, files, -1);
    worker_order_run(&order, source, &delivery, &result);
    check_result(&order, &result, files);
    return 0;
}
