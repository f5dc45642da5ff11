/* SPDX-License-Identifier: Apache-2.0 */
/* Sends and receives the frames of wire.h, and descriptors, at a socket. */
#include "handlers/wire.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Room for the control message with the descriptors, aligned as CMSG_FIRSTHDR needs it. */
typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX) + CMSG_SPACE(sizeof(struct timespec))];
} ControlBuffer;

static ssize_t send_message(int socket_fd, const void *data, size_t len, const int *fds,
                            size_t n_fds)
{
    ControlBuffer control = {0};
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    g_assert(n_fds <= WIRE_FDS_MAX);
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        /* The buffer has room for WIRE_FDS_MAX. */
        g_assert(header);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
    }
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

bool wire_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds,
               GError **error)
{
    if (send_message(socket_fd, data, len, fds, n_fds) == (ssize_t)len)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot send a frame: %s", g_strerror(errno));
    return false;
}

WireSent wire_try_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds)
{
    ssize_t sent = send_message(socket_fd, data, len, fds, n_fds);

    if (sent == (ssize_t)len)
        return WIRE_SENT;
    if (sent < 0 && (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM))
        return WIRE_LATER;
    return sent < 0 && errno == EAGAIN ? WIRE_FULL : WIRE_GONE;
}

/* Gathers the descriptors of a message. False if there are too many; closes all of them then. */
static bool collect_fds(struct msghdr *message, int *fds, size_t max_fds, size_t *ret_n_fds)
{
    size_t n = 0;
    bool fits = !(message->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n_here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n_here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (n < max_fds) {
                fds[n++] = fd;
            } else {
                fd_clear(&fd);
                fits = false;
            }
        }
    }
    if (!fits) {
        for (size_t i = 0; i < n; i++)
            fd_clear(&fds[i]);
        n = 0;
    }
    *ret_n_fds = n;
    return fits;
}

/*
 * Returns the time since the message was sent, microseconds, by the kernel's stamp on it; 0 without
 * a stamp.
 */
static int64_t age_us(struct msghdr *message)
{
    struct timespec sent, now;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS ||
            header->cmsg_len < CMSG_LEN(sizeof sent))
            continue;
        memcpy(&sent, CMSG_DATA(header), sizeof sent);
        if (clock_gettime(CLOCK_REALTIME, &now) != 0)
            return 0;
        int64_t us = (int64_t)(now.tv_sec - sent.tv_sec) * CLOCK_US_PER_SEC +
                     (now.tv_nsec - sent.tv_nsec) / 1000;
        /* The clock may have been set in the meantime. */
        return MAX(us, 0);
    }
    return 0;
}

/*
 * Receives one message and its descriptors. *ret_len is 0 at the end of the stream, and -1 if there
 * is no message yet.
 */
static bool receive(int socket_fd, struct msghdr *message, ssize_t *ret_len, int *fds,
                    size_t max_fds, size_t *ret_n_fds, GError **error)
{
    ssize_t len;
    size_t n_fds = 0;

    int resets = 0;

    /*
     * ECONNRESET: the peer is gone and has not read all that it was sent. The kernel reports that
     * once, before the frames that the peer has sent.
     */
    do
        len = recvmsg(socket_fd, message, MSG_CMSG_CLOEXEC);
    while (len < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
    if (len < 0 && errno == ECONNRESET)
        len = 0;
    if (len < 0 && errno != EAGAIN) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot receive a frame: %s", g_strerror(errno));
        return false;
    }
    bool fits = len < 0 || collect_fds(message, fds, max_fds, &n_fds);
    if (len > 0 && (!fits || message->msg_flags & MSG_TRUNC)) {
        for (size_t i = 0; i < n_fds; i++)
            fd_clear(&fds[i]);
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL,
                    "received a frame that is too long or has too many descriptors");
        return false;
    }
    *ret_len = len;
    *ret_n_fds = n_fds;
    return true;
}

bool wire_receive_stamped(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len,
                          int *fds, size_t max_fds, size_t *ret_n_fds, int64_t *ret_age_us,
                          GError **error)
{
    ControlBuffer control;
    struct iovec part = {.iov_base = buffer, .iov_len = WIRE_FRAME_MAX};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};

    if (!receive(socket_fd, &message, ret_len, fds, max_fds, ret_n_fds, error))
        return false;
    *ret_age_us = *ret_len > 0 ? age_us(&message) : 0;
    return true;
}

bool wire_receive(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len, int *fds,
                  size_t max_fds, size_t *ret_n_fds, GError **error)
{
    int64_t unused_age_us;

    return wire_receive_stamped(socket_fd, buffer, ret_len, fds, max_fds, ret_n_fds, &unused_age_us,
                                error);
}

void wire_enable_stamps(int socket_fd)
{
    const int on = 1;

    /* Without stamps a frame counts as sent when it is read. */
    (void)setsockopt(socket_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}
