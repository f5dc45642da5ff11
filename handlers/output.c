/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

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

bool output_seal(int memory_fd)
{
    /* Only what the kernel says afterwards counts. */
    (void)fcntl(memory_fd, F_ADD_SEALS, ALL_SEALS);
    return fcntl(memory_fd, F_GET_SEALS) == ALL_SEALS;
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
        if (n == 0)
            errno = EIO; /* it is sealed, and was long enough */
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
