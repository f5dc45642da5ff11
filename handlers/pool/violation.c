/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/violation.h"

#include <poll.h>
#include <seccomp.h>
#include <stdlib.h>

bool violation_is_pending(int listener_fd)
{
    struct pollfd listener = {.fd = listener_fd, .events = POLLIN};
    return listener_fd >= 0 && poll(&listener, 1, 0) == 1 && (listener.revents & POLLIN) != 0;
}

void violation_describe(int number, char message[static WIRE_MESSAGE_MAX])
{
    char *name = number >= 0 ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number) : NULL;

    if (name)
        g_snprintf(message, WIRE_MESSAGE_MAX, "it called '%s', which its sandbox forbids", name);
    else if (number >= 0)
        g_snprintf(message, WIRE_MESSAGE_MAX, "it made system call %d, which its sandbox forbids",
                   number);
    else
        g_strlcpy(message, "it made a system call that its sandbox forbids", WIRE_MESSAGE_MAX);
    /* libseccomp allocates it by malloc. */
    free(name);
}

int violation_read(int listener_fd)
{
    struct seccomp_notif *call = NULL;
    int number = -1;

    if (violation_is_pending(listener_fd) && seccomp_notify_alloc(&call, NULL) == 0) {
        if (seccomp_notify_receive(listener_fd, call) == 0)
            number = call->data.nr;
        seccomp_notify_free(call, NULL);
    }
    return number;
}
