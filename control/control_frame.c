/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control_frame.h"

#include "base/file.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* "tqc1". */
#define MAGIC UINT32_C(0x31637174)
/* The payload is in a memory file. */
#define FLAG_FILE 1
#define SEALS     (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
/* Room for the descriptors of one packet. Only one is allowed; the others are received so that they
 * can be closed. */
#define FDS_TAKEN 4

size_t control_frame_encode(const ControlFrame *frame, uint8_t buffer[static CONTROL_PACKET_MAX])
{
    Packer packer = {.data = buffer, .max = CONTROL_PACKET_MAX};
    size_t within = frame->in_memory_file ? 0 : frame->payload_len;

    g_assert(frame->fields_len <= CONTROL_FIELDS_MAX && within <= CONTROL_INLINE_MAX);
    pack_u32(&packer, MAGIC);
    pack_u32(&packer, (uint32_t)(CONTROL_HEADER + frame->fields_len + within));
    pack_u16(&packer, CONTROL_VERSION);
    pack_u16(&packer, frame->type);
    pack_u16(&packer, frame->row_version);
    pack_u16(&packer, frame->in_memory_file ? FLAG_FILE : 0);
    pack_u32(&packer, (uint32_t)frame->fields_len);
    pack_u32(&packer, (uint32_t)frame->payload_len);
    pack_bytes(&packer, frame->fields, frame->fields_len);
    pack_bytes(&packer, frame->payload, within);
    g_assert(!packer.failed);
    return packer.len;
}

static bool fail(GError **error, ErrorCode code, const char *text)
{
    g_set_error_literal(error, THUMBQ_ERROR, (int)code, text);
    return false;
}

bool control_frame_decode(const uint8_t *data, size_t len, ControlFrame *ret_frame, GError **error)
{
    Unpacker unpacker = {.data = data, .len = len};
    ControlFrame frame = {0};

    if (unpack_u32(&unpacker) != MAGIC)
        return fail(error, ERROR_USAGE, "the packet is not a frame");
    uint32_t length = unpack_u32(&unpacker);
    uint16_t version = unpack_u16(&unpacker);
    if (!unpacker.failed && version != CONTROL_VERSION)
        return fail(error, ERROR_CONFIG, "the frame is of another version");
    frame.type = unpack_u16(&unpacker);
    frame.row_version = unpack_u16(&unpacker);
    uint16_t flags = unpack_u16(&unpacker);
    frame.fields_len = unpack_u32(&unpacker);
    frame.payload_len = unpack_u32(&unpacker);
    frame.in_memory_file = flags == FLAG_FILE;
    size_t within = frame.in_memory_file ? 0 : frame.payload_len;
    bool fits = !unpacker.failed && length == len && flags <= FLAG_FILE &&
                frame.fields_len <= CONTROL_FIELDS_MAX && within <= CONTROL_INLINE_MAX &&
                frame.payload_len <= CONTROL_PAYLOAD_MAX &&
                len == CONTROL_HEADER + frame.fields_len + within;
    if (!fits)
        return fail(error, ERROR_PROTOCOL,
                    "the frame has another length than it declares, or is too long");
    frame.fields = unpack_bytes(&unpacker, frame.fields_len);
    frame.payload = frame.in_memory_file ? NULL : unpack_bytes(&unpacker, within);
    *ret_frame = frame;
    return true;
}

/* Creates a sealed memory file with these bytes. Returns -1 on error. */
static int make_file(const uint8_t *bytes, size_t len, GError **error)
{
    autofd fd = memfd_create("thumbq-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t at = 0;

    while (fd >= 0 && at < len) {
        ssize_t n = write(fd, bytes + at, len - at);
        if (n <= 0 && errno != EINTR)
            break;
        at += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || at < len || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        error_set_errno(error, errno, "cannot make", "a memory file");
        return -1;
    }
    return fd_steal(&fd);
}

bool control_packet_make(ControlFrame frame, ControlPacket *ret_packet, GError **error)
{
    uint8_t buffer[CONTROL_PACKET_MAX];
    autofd fd = -1;

    g_assert(frame.payload_len <= CONTROL_PAYLOAD_MAX);
    frame.in_memory_file = frame.payload_len > CONTROL_INLINE_MAX;
    if (frame.in_memory_file) {
        fd = make_file(frame.payload, frame.payload_len, error);
        if (fd < 0)
            return false;
    }
    size_t len = control_frame_encode(&frame, buffer);
    *ret_packet = (ControlPacket){g_memdup2(buffer, len), len, fd_steal(&fd)};
    return true;
}

void control_packet_clear(ControlPacket *packet)
{
    g_clear_pointer(&packet->data, g_free);
    packet->len = 0;
    fd_clear(&packet->fd);
}

/* Buffer for control messages, aligned as cmsg(3) requires. */
typedef union {
    char bytes[CMSG_SPACE(FDS_TAKEN * sizeof(int))];
    struct cmsghdr header;
} Beside;

ControlSent control_packet_send(const ControlPacket *packet, int socket_fd, int flags)
{
    struct iovec part = {.iov_base = packet->data, .iov_len = packet->len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    Beside beside = {.bytes = {0}};
    ssize_t sent;

    if (packet->fd >= 0) {
        message.msg_control = beside.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &packet->fd, sizeof(int));
    }
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return CONTROL_SENT;
    return errno == EAGAIN ? CONTROL_FULL : CONTROL_GONE;
}

void control_received_clear(ControlReceived *received)
{
    g_clear_pointer(&received->payload, g_free);
    received->payload_len = 0;
    received->len = 0;
}

/* Takes the descriptor out of a message. Returns false, and closes all, if there are several. */
static bool extract_fd(struct msghdr *message, int *ret_fd)
{
    size_t taken = 0;

    *ret_fd = -1;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            if (taken++ == 0)
                *ret_fd = fd;
            else
                fd_clear(&fd);
        }
    }
    return taken <= 1 && !(message->msg_flags & MSG_CTRUNC);
}

/* Copies a memory file. Its seals must forbid any later change. */
static bool copy_file(int fd, ControlReceived *received, GError **error)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size <= 0 ||
        st.st_size > CONTROL_PAYLOAD_MAX)
        return fail(error, ERROR_PROTOCOL,
                    "the descriptor beside the frame is not a sealed memory file");
    size_t len = (size_t)st.st_size, at = 0;
    g_autofree char *copy = g_malloc(len + 1);
    while (at < len) {
        ssize_t n = pread(fd, copy + at, len - at, (off_t)at);
        if (n <= 0 && errno != EINTR)
            return fail(error, ERROR_IO, "cannot read the memory file that came with the frame");
        at += n > 0 ? (size_t)n : 0;
    }
    copy[len] = '\0';
    received->payload = g_steal_pointer(&copy);
    received->payload_len = len;
    return true;
}

bool control_receive(int socket_fd, ControlReceived *received, bool *ret_got, GError **error)
{
    Beside beside;
    struct iovec part = {.iov_base = received->data, .iov_len = sizeof received->data};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = beside.bytes,
                             .msg_controllen = sizeof beside.bytes};
    int resets = 0;
    ssize_t len;

    control_received_clear(received);
    /* A reset of the connection is reported once, before the data that the peer sent. It means that
     * the peer closed its end with unread data, so receiving again gives that data. */
    do
        len = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    while (len < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
    *ret_got = len >= 0 || errno != EAGAIN;
    if (len < 0 && errno == EAGAIN)
        return true;
    if (len < 0 && errno != ECONNRESET) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot receive: %s", g_strerror(errno));
        return false;
    }
    if (len <= 0)
        return true;
    int first;
    bool fits = extract_fd(&message, &first) && !(message.msg_flags & MSG_TRUNC);
    autofd fd = first;
    if (!fits)
        return fail(error, ERROR_PROTOCOL, "the packet is too long, or has too many descriptors");
    received->len = (size_t)len;
    return fd < 0 || copy_file(fd, received, error);
}

bool control_received_frame(const ControlReceived *received, ControlFrame *ret_frame,
                            GError **error)
{
    ControlFrame frame;

    if (!control_frame_decode(received->data, received->len, &frame, error))
        return false;
    if (frame.in_memory_file != (received->payload != NULL) ||
        (frame.in_memory_file && frame.payload_len != received->payload_len))
        return fail(error, ERROR_PROTOCOL, "the frame and its memory file do not belong together");
    if (frame.in_memory_file)
        frame.payload = (const uint8_t *)received->payload;
    *ret_frame = frame;
    return true;
}
