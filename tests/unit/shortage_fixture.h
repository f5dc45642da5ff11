/* SPDX-License-Identifier: Apache-2.0 */
/* A shortage of descriptors in this process, which a test begins and ends. */
#pragma once

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/resource.h>

#define DESCRIPTORS_MAX 256

typedef struct {
    struct rlimit before;
    int fds[DESCRIPTORS_MAX];
    int n;
} Shortage;

/* Leaves `left` descriptors free. */
static inline void begin_shortage(Shortage *shortage, int left)
{
    int fd;

    shortage->n = 0;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &shortage->before), ==, 0);
    const struct rlimit few = {DESCRIPTORS_MAX, shortage->before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        shortage->fds[shortage->n++] = fd;
    g_assert_cmpint(errno, ==, EMFILE);
    while (left-- > 0)
        fd_clear(&shortage->fds[--shortage->n]);
}

static inline void end_shortage(Shortage *shortage)
{
    while (shortage->n > 0)
        fd_clear(&shortage->fds[--shortage->n]);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &shortage->before), ==, 0);
}
