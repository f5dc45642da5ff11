/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler that reads no picture. It speaks the protocol of thumbq-thumbnail and answers at once,
 * with a few bytes for each thumbnail, so that a bench measures everything except the pictures.
 * $THUMBQ_HANDLER selects it. Its workers are forked like the real ones
 * (handlers/thumbnail/fork_server.c).
 */
#include "base/file.h"
#include "fork_server.h"
#include "handlers/forkserver.h"
#include "handlers/wire.h"
#include "worker.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A source of this size counts as no image: it gets no thumbnails. */
#define NO_IMAGE_BYTES 2

#define THUMBNAIL_BYTES 16

/* The thumbnails: the first bytes of each type that renditions may have, no more. */
typedef struct {
    ImageType type;
    char bytes[THUMBNAIL_BYTES];
} NullThumbnail;

static const NullThumbnail thumbnails[] = {
    {IMAGE_JPEG, "\xff\xd8\xff\xd9"},
    {IMAGE_PNG, "\x89PNG\r\n\x1a\n"},
    {IMAGE_WEBP, "RIFF\4\0\0\0WEBP"},
};

/* The facts of each source. */
static const ImageFacts picture = {
    .type = IMAGE_JPEG, .width = 640, .height = 480, .pages = 1, .orientation = 1};

static bool is_image(int source_fd)
{
    struct stat st;
    return fstat(source_fd, &st) == 0 && st.st_size != NO_IMAGE_BYTES;
}

static size_t find_thumbnail(ImageType type)
{
    size_t i = 0;

    while (i < G_N_ELEMENTS(thumbnails) - 1 && thumbnails[i].type != type)
        i++;
    return i;
}

/* Delivers a thumbnail of the ordered type, in its file or in the answer. */
static bool deliver(const WireOrder *order, const int *fds, size_t i, WireResult *result)
{
    ImageType type = rendition_output_type(&order->renditions[i], picture.type, picture.alpha);
    size_t found = find_thumbnail(type);

    result->thumbnails[i] =
        (ThumbnailFacts){.type = type, .width = 1, .height = 1, .size = THUMBNAIL_BYTES};
    if (order->own_files)
        return write(fds[1 + i], thumbnails[found].bytes, THUMBNAIL_BYTES) == THUMBNAIL_BYTES;
    /* The answer's payload is the table. */
    result->places[i] = (WirePlace){
        PLACE_ANSWER, (int64_t)(found * sizeof(NullThumbnail) + offsetof(NullThumbnail, bytes))};
    result->payload = (const uint8_t *)thumbnails;
    result->payload_len = sizeof thumbnails;
    return true;
}

static void answer(const WireOrder *order, const int *fds, WireResult *ret_result)
{
    if (!is_image(fds[0])) {
        *ret_result = (WireResult){
            .serial = order->serial, .error = ERROR_NOT_AN_IMAGE, .memory_bytes = 1 << 20};
        return;
    }
    *ret_result = (WireResult){
        .serial = order->serial, .n_thumbnails = order->n_renditions, .memory_bytes = 1 << 20};
    ret_result->facts = picture;
    ret_result->facts.etag[0] = 1;
    ret_result->facts.etag[1] = order->serial;
    for (size_t i = 0; i < order->n_renditions; i++) {
        if (!deliver(order, fds, i, ret_result))
            ret_result->error = ERROR_IO;
    }
    if (ret_result->error != ERROR_NONE)
        ret_result->n_thumbnails = ret_result->payload_len = 0;
}

_Noreturn void worker_run(int socket_fd, const ForkRequest *request)
{
    (void)request;
    static uint8_t buffer[WIRE_FRAME_MAX];
    static WireOrder order;
    static WireResult result;
    int fds[WIRE_FDS_MAX];
    size_t n_fds;
    ssize_t len;

    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    if (!wire_send(socket_fd, &hello, sizeof hello, NULL, 0, NULL))
        _exit(WORKER_EXIT_PROTOCOL);
    while (wire_receive(socket_fd, buffer, &len, fds, WIRE_FDS_MAX, &n_fds, NULL) && len > 0) {
        /* The order may include a memory file, which this handler does not use. */
        if (!wire_decode_order(buffer, (size_t)len, &order, NULL) ||
            (order.own_files && n_fds != 1 + order.n_renditions))
            _exit(WORKER_EXIT_PROTOCOL);
        answer(&order, fds, &result);
        for (size_t i = 0; i < n_fds; i++)
            fd_clear(&fds[i]);
        size_t result_len = wire_encode_result(&result, buffer);
        if (!wire_send(socket_fd, buffer, result_len, NULL, 0, NULL))
            _exit(WORKER_EXIT_PROTOCOL);
    }
    _exit(WORKER_EXIT_OK);
}

int main(void)
{
    g_autoptr(GError) error = NULL;

    if (fork_server_run(FORKSERVER_FD, &error))
        return EXIT_SUCCESS;
    fprintf(stderr, "thumbq-bench-null: %s\n", error->message);
    return error_exit_status(error_code(error));
}
