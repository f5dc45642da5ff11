/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_space.h"

#include "base/file.h"

#include <fcntl.h>

static int open_folder(const char *bucket, const char *folder)
{
    g_autofree char *path = g_canonicalize_filename(folder, bucket);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void disk_space_open(const char *bucket, const Config *config, int ret_fds[DISK_SPACE_FOLDERS])
{
    ret_fds[0] = open_folder(bucket, config->prefix);
    ret_fds[1] = open_folder(bucket, config->state);
}

bool disk_space_is_low(const Context *context, ReserveSpace *ret_space)
{
    const int *given = context->disk_fds;
    int fds[DISK_SPACE_FOLDERS];
    bool is_low = false;

    if (!given)
        disk_space_open(context->bucket, context->config, fds);
    for (size_t i = 0; i < DISK_SPACE_FOLDERS && !is_low; i++) {
        int fd = given ? given[i] : fds[i];
        is_low =
            fd >= 0 && reserve_read(&context->config->reserve, fd, ret_space) && ret_space->is_low;
    }
    for (size_t i = 0; !given && i < DISK_SPACE_FOLDERS; i++)
        fd_clear(&fds[i]);
    return is_low;
}
