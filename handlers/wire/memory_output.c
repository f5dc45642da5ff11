/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/memory_output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int output_new_memory(void)
{
    return memfd_create("thumbnails", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool output_is_sealed(int memory_fd)
{
    int seals = fcntl(memory_fd, F_GET_SEALS);

    /* Further seals, such as F_SEAL_EXEC, do no harm. */
    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

bool output_seal(int memory_fd)
{
    /* The result is ignored: the seals that the kernel reports afterwards count. */
    (void)fcntl(memory_fd, F_ADD_SEALS, ALL_SEALS);
    return output_is_sealed(memory_fd);
}

bool output_is_whole(const WireResult *result, int memory_fd)
{
    struct stat st;

    if (fstat(memory_fd, &st) != 0)
        return false;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        if (result->places[i].kind == PLACE_MEMORY &&
            result->places[i].offset > st.st_size - result->thumbnails[i].size)
            return false;
    }
    return true;
}

/* Checks that the thumbnail begins like a file of its type. */
static bool begins_as_said(const WireResult *result, size_t i, int memory_fd)
{
    const WirePlace *place = &result->places[i];
    const ThumbnailFacts *thumbnail = &result->thumbnails[i];
    size_t len = (size_t)MIN(thumbnail->size, IMAGE_START_BYTES);
    uint8_t start[IMAGE_START_BYTES];

    if (place->kind == PLACE_ANSWER)
        return image_type_begins(thumbnail->type, result->payload + place->offset, len);
    return pread(memory_fd, start, len, place->offset) == (ssize_t)len &&
           image_type_begins(thumbnail->type, start, len);
}

bool output_is_typed(const WireResult *result, int memory_fd)
{
    bool is_typed = true;

    for (size_t i = 0; is_typed && i < result->n_thumbnails; i++)
        is_typed = begins_as_said(result, i, memory_fd);
    return is_typed;
}

static bool write_all(int fd, const uint8_t *at, size_t left)
{
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        left -= (size_t)n;
    }
    return true;
}

static bool copy_all(int memory_fd, off_t offset, int fd, size_t left)
{
    while (left > 0) {
        ssize_t n = sendfile(fd, memory_fd, &offset, left);
        if (n < 0 && errno == EINTR)
            continue;
        /* The file is sealed and was long enough, so this is a fault of the medium. */
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        left -= (size_t)n;
    }
    return true;
}

int output_copy(const WireResult *result, size_t i, int fd)
{
    const WirePlace *place = &result->places[i];
    size_t size = (size_t)result->thumbnails[i].size;
    bool copied = place->kind == PLACE_ANSWER
                      ? write_all(fd, result->payload + place->offset, size)
                      : copy_all(result->memory_fd, place->offset, fd, size);

    return copied ? 0 : -1;
}
