/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler that looks at nothing: it speaks the protocol of thumbq-thumbnail and answers at once,
 * with a few bytes for each thumbnail, so that what is measured is everything but the pictures.
 * Named by $THUMBQ_HANDLER. Its workers are made as the real ones are
 * (handlers/thumbnail/server.c).
 */
#include "file.h"
#include "forkserver.h"
#include "server.h"
#include "wire.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A source of this size is no image: nothing is written for it. */
#define NO_IMAGE_BYTES 2

static const char thumbnail[] = "\xff\xd8\xff\xd9 no picture";

static bool is_image(int source_fd)
{
    struct stat st;
    return fstat(source_fd, &st) == 0 && st.st_size != NO_IMAGE_BYTES;
}

/* In its file, or in the answer. */
static bool deliver(const WireJob *job, const int *fds, size_t i, WireResult *result)
{
    result->thumbnails[i] = (ThumbnailFacts){
        .type = IMAGE_JPEG, .width = 1, .height = 1, .size = (int64_t)sizeof thumbnail};
    if (job->own_files)
        return write(fds[1 + i], thumbnail, sizeof thumbnail) == (ssize_t)sizeof thumbnail;
    result->places[i] = (WirePlace){PLACE_ANSWER, 0}; /* the same for all of them */
    result->payload = (const uint8_t *)thumbnail;
    result->payload_len = sizeof thumbnail;
    return true;
}

static void answer(const WireJob *job, const int *fds, WireResult *ret_result)
{
    if (!is_image(fds[0])) {
        *ret_result = (WireResult){
            .serial = job->serial, .error = ERROR_NOT_AN_IMAGE, .memory_bytes = 1 << 20};
        return;
    }
    *ret_result = (WireResult){
        .serial = job->serial, .n_thumbnails = job->n_renditions, .memory_bytes = 1 << 20};
    ret_result->facts = (ImageFacts){.type = IMAGE_JPEG,
                                     .width = 640,
                                     .height = 480,
                                     .pages = 1,
                                     .orientation = 1,
                                     .etag = {1, job->serial}};
    for (size_t i = 0; i < job->n_renditions; i++) {
        if (!deliver(job, fds, i, ret_result))
            ret_result->error = ERROR_IO;
    }
    if (ret_result->error != ERROR_NONE)
        ret_result->n_thumbnails = ret_result->payload_len = 0;
}

_Noreturn void worker_run(int socket_fd, const ForkRequest *request)
{
    (void)request;
    static uint8_t buffer[WIRE_FRAME_MAX];
    static WireJob job;
    static WireResult result;
    int fds[WIRE_FDS_MAX];
    size_t n_fds;
    ssize_t len;

    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    if (!wire_send(socket_fd, &hello, sizeof hello, NULL, 0, NULL))
        _exit(WORKER_EXIT_PROTOCOL);
    while (wire_receive(socket_fd, buffer, &len, fds, WIRE_FDS_MAX, &n_fds, NULL) && len > 0) {
        /* A memory file may come with it, and is not needed. */
        if (!wire_decode_job(buffer, (size_t)len, &job, NULL) ||
            (job.own_files && n_fds != 1 + job.n_renditions))
            _exit(WORKER_EXIT_PROTOCOL);
        answer(&job, fds, &result);
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

    if (server_run(FORKSERVER_FD, &error))
        return EXIT_SUCCESS;
    fprintf(stderr, "thumbq-bench-null: %s\n", error->message);
    return error_exit_status(error_code(error));
}
