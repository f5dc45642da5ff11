/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's limit of descriptors that a user has sent and no process has received yet
 * (ETOOMANYREFS). A test uses it in a process of its own (g_test_subprocess).
 */
#pragma once

#include "handlers/wire.h"

#include <glib.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The limit of descriptors of the process, which is also the limit on their way. */
#define QUOTA 256

/*
 * Applies the limit to this process. Root gives up the capabilities that exempt it, and sends as a
 * user of its own, as other tests that run at this time also send descriptors.
 */
static inline void limit_quota(void)
{
    const uid_t uid = 64200 + (uid_t)getpid() % 1000;
    const struct rlimit limit = {QUOTA, QUOTA};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (geteuid() == 0)
        g_assert_cmpint(setresuid(uid, 0, 0), ==, 0);
    g_assert_cmpint(syscall(SYS_capget, &header, data), ==, 0);
    data[0].effective &= ~(1U << CAP_SYS_RESOURCE | 1U << CAP_SYS_ADMIN);
    g_assert_cmpint(syscall(SYS_capset, &header, data), ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

static inline void open_quota_pair(int pair[static 2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==,
                    0);
}

/* Leaves descriptors of this user unread in the socket until the kernel takes no more. The last
 * ones are single: each that is received makes room for one. */
static inline void fill_quota(int socket_fd)
{
    WireSent sent = WIRE_SENT;
    int fds[WIRE_FDS_MAX];
    unsigned n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = STDERR_FILENO;
    for (; n + WIRE_FDS_MAX < QUOTA && sent == WIRE_SENT; n += WIRE_FDS_MAX)
        sent = wire_try_send(socket_fd, "x", 1, fds, WIRE_FDS_MAX);
    while (sent == WIRE_SENT)
        sent = wire_try_send(socket_fd, "x", 1, fds, 1);
    g_assert_cmpint(sent, ==, WIRE_LATER);
}
