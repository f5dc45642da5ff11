/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second handler program for tests, in the real sandbox with a profile of its own. It reads a
 * made-up type of files, which begin as QOI does: "qoif WIDTH HEIGHT RRGGBB DEED", a picture of one
 * colour. DEED is `make`, `pid` (state the process id as the colour), `crash`, `back` (answer that
 * the first program reads the file), or one that its profile forbids: `thread` (start one), `open`
 * (open a file), `machine` (ask how much memory there is).
 *
 * In a folder named `stuck` its workers wait instead of working.
 */
#include "base/error.h"
#include "fork_server.h"
#include "formats/describe.h"
#include "formats/jpeg.h"
#include "formats/webp.h"
#include "handlers/forkserver.h"
#include "handlers/programs.h"
#include "pixels/geometry.h"
#include "sandbox/sandbox.h"
#include "source.h"
#include "worker_order.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define DEED_MAX 16
#define TEXT_MAX 64

typedef struct {
    int width, height;
    unsigned color;
    char deed[DEED_MAX];
} Made;

static bool read_source(const WireOrder *order, int source_fd, ImageFacts *facts, Made *ret_made,
                        GError **error)
{
    g_auto(Source) source = {0};
    char text[TEXT_MAX] = "";

    if (!source_open(source_fd, order->max_file_size, &source, error))
        return false;
    memcpy(facts->etag, source.etag, sizeof facts->etag);
    memcpy(text, source.data, MIN(source.size, sizeof text - 1));
    if (sscanf(text, "qoif %d %d %x %15s", &ret_made->width, &ret_made->height, &ret_made->color,
               ret_made->deed) == 4)
        return true;
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_NOT_AN_IMAGE, "it does not begin like this");
    return false;
}

static void *do_nothing(void *data)
{
    return data;
}

static void obey(const Made *made, WireResult *result)
{
    pthread_t thread;
    struct sysinfo machine;

    if (strcmp(made->deed, "crash") == 0)
        abort();
    if (strcmp(made->deed, "thread") == 0)
        (void)pthread_create(&thread, NULL, do_nothing, NULL);
    if (strcmp(made->deed, "open") == 0)
        (void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (strcmp(made->deed, "machine") == 0)
        (void)sysinfo(&machine);
    if (strcmp(made->deed, "back") == 0)
        g_strlcpy(result->needs, "thumbnail", sizeof result->needs);
}

static GBytes *encode(const Rendition *rendition, const Made *made, ThumbnailFacts *ret_facts,
                      GError **error)
{
    Geometry size = geometry_for(rendition, made->width, made->height);
    g_autoptr(Picture) picture = picture_new(size.width, size.height, 3, error);
    if (!picture)
        return NULL;
    for (size_t i = 0; i < picture_stride(picture) * (size_t)picture->height; i++)
        picture->pixels[i] = (uint8_t)(made->color >> (16 - i % 3 * 8));
    ret_facts->type = rendition_output_type(rendition, IMAGE_QOI, false);
    ret_facts->width = size.width;
    ret_facts->height = size.height;
    GBytes *bytes = ret_facts->type == IMAGE_WEBP ? webp_encode(picture, rendition->quality, error)
                                                  : jpeg_encode(picture, rendition->quality, error);
    ret_facts->size = bytes ? (int64_t)g_bytes_get_size(bytes) : 0;
    return bytes;
}

static bool make(const WireOrder *order, const Made *made, OutputDelivery *delivery,
                 WireResult *result, GError **error)
{
    for (size_t i = 0; i < order->n_renditions; i++) {
        g_autoptr(GBytes) bytes =
            encode(&order->renditions[i], made, &result->thumbnails[i], error);
        if (!bytes ||
            !delivery_put(delivery, i, order->renditions[i].name, bytes, &result->places[i], error))
            return false;
    }
    result->n_thumbnails = order->n_renditions;
    return true;
}

static bool run(const WireOrder *order, int source_fd, OutputDelivery *delivery, WireResult *result,
                GError **error)
{
    ImageFacts *facts = &result->facts;
    Made made;

    if (!read_source(order, source_fd, facts, &made, error))
        return false;
    facts->type = IMAGE_QOI;
    facts->width = made.width;
    facts->height = made.height;
    facts->pages = facts->orientation = 1;
    facts->has_color = true;
    facts->color = strcmp(made.deed, "pid") == 0 ? (unsigned)getpid() & 0xffffff : made.color;
    obey(&made, result);
    if (!*result->needs)
        return make(order, &made, delivery, result, error);
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE, "it is for another program");
    return false;
}

void worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                      WireResult *ret_result)
{
    g_autoptr(GError) error = NULL;

    while (strstr(program_invocation_name, "/stuck/"))
        sleep(1);
    *ret_result = (WireResult){.serial = order->serial, .memory_fd = -1};
    if (!run(order, source_fd, delivery, ret_result, &error)) {
        ret_result->error = error_code(error);
        ret_result->n_thumbnails = 0;
        g_strlcpy(ret_result->message, error->message, sizeof ret_result->message);
    }
    delivery_end(delivery, ret_result);
}

void describe_environment(char *ret_text, size_t size)
{
    g_strlcpy(ret_text, environ && *environ ? *environ : "", size);
}

void describe_libraries(char *ret_text, size_t size)
{
    g_strlcpy(ret_text, "none", size);
}

void describe_simd(char *ret_text, size_t size)
{
    g_strlcpy(ret_text, "", size);
}

int main(void)
{
    g_autoptr(GError) error = NULL;
    size_t n, second;
    const HandlerProgram *rows = program_table(&n);

    if (program_from_name("second", &second) && sandbox_prepare(rows[second].calls, &error) &&
        fork_server_run(FORKSERVER_FD, &error))
        return EXIT_SUCCESS;
    fprintf(stderr, "thumbq-second: %s\n", error ? error->message : "there is no such row");
    return EXIT_FAILURE;
}
