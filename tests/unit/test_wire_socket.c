/* SPDX-License-Identifier: Apache-2.0 */
/* Frames at a socket: their limits, their ends, and descriptors that are never lost. */
#include "base/file.h"
#include "handlers/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int a, b;
} Pair;

static void open_pair(Pair *pair)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==,
                    0);
    *pair = (Pair){fds[0], fds[1]};
}

static void close_pair(Pair *pair)
{
    fd_clear(&pair->a);
    fd_clear(&pair->b);
}

static guint count_fds(void)
{
    guint n = 0;
    DIR *dir = opendir("/proc/self/fd");

    g_assert_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void test_send(void)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    g_autoptr(GError) error = NULL;
    int received[WIRE_FDS_MAX];
    int sent[WIRE_FDS_MAX];
    size_t n_fds;
    ssize_t len;
    Pair pair;
    guint before = count_fds();

    open_pair(&pair);
    for (size_t i = 0; i < WIRE_FDS_MAX; i++)
        sent[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_assert_true(wire_send(pair.a, "frame", 5, sent, WIRE_FDS_MAX, &error));
    g_assert_true(wire_receive(pair.b, buffer, &len, received, WIRE_FDS_MAX, &n_fds, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(buffer, (size_t)len, "frame", 5);
    g_assert_cmpuint(n_fds, ==, WIRE_FDS_MAX);
    for (size_t i = 0; i < WIRE_FDS_MAX; i++) {
        g_assert_cmpint(fcntl(received[i], F_GETFD), ==, FD_CLOEXEC);
        fd_clear(&received[i]);
        fd_clear(&sent[i]);
    }
    close_pair(&pair);
    g_assert_cmpuint(count_fds(), ==, before);
}

typedef struct {
    const char *name;
    size_t len, n_fds, max_fds;
    bool ok;
} ReceiveCase;

static const ReceiveCase receives[] = {
    {"none", 1, 0, 0, true},
    {"fewer", 1, 1, 3, true},
    {"not-wanted", 1, 1, 0, false},
    {"one-too-many", 1, 3, 2, false},
    {"far-too-many", 1, 100, 2, false},
    {"far-too-many-for-all", 1, 200, WIRE_FDS_MAX, false},
    {"largest-frame", WIRE_FRAME_MAX, 1, 1, true},
    {"frame-too-long", WIRE_FRAME_MAX + 1, 0, 0, false},
    {"frame-too-long-with-descriptor", WIRE_FRAME_MAX + 1, 1, 1, false},
};

/* Sends a packet without the limits of wire_send. */
static void send_anything(int socket_fd, size_t len, size_t n_fds)
{
    g_autofree uint8_t *data = g_malloc0(len);
    g_autofree char *control = g_malloc0(CMSG_SPACE(sizeof(int) * (n_fds + 1)));
    struct iovec part = {.iov_base = data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        for (size_t i = 0; i < n_fds; i++) {
            int fd = STDERR_FILENO;
            memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
        }
    }
    g_assert_cmpint(sendmsg(socket_fd, &message, MSG_NOSIGNAL), ==, (gssize)len);
}

static void test_receive(const void *data)
{
    const ReceiveCase *row = data;
    uint8_t buffer[WIRE_FRAME_MAX];
    g_autoptr(GError) error = NULL;
    int fds[WIRE_FDS_MAX];
    size_t n_fds = 0;
    ssize_t len;
    Pair pair;

    open_pair(&pair);
    guint before = count_fds();
    send_anything(pair.a, row->len, row->n_fds);
    g_assert_cmpint(wire_receive(pair.b, buffer, &len, fds, row->max_fds, &n_fds, &error), ==,
                    row->ok);
    if (row->ok) {
        g_assert_no_error(error);
        g_assert_cmpint(len, ==, (gssize)row->len);
        g_assert_cmpuint(n_fds, ==, row->n_fds);
    } else {
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    }
    for (size_t i = 0; i < n_fds; i++)
        fd_clear(&fds[i]);
    g_assert_cmpuint(count_fds(), ==, before);
    close_pair(&pair);
}

static void test_ends(void)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    g_autoptr(GError) error = NULL;
    size_t n_fds;
    ssize_t len = 42;
    Pair pair;

    open_pair(&pair);
    g_assert_true(wire_receive(pair.b, buffer, &len, NULL, 0, &n_fds, &error));
    g_assert_cmpint(len, ==, -1);
    g_assert_cmpuint(n_fds, ==, 0);
    fd_clear(&pair.a);
    g_assert_true(wire_receive(pair.b, buffer, &len, NULL, 0, &n_fds, &error));
    g_assert_cmpint(len, ==, 0);
    g_assert_no_error(error);
    g_assert_false(wire_send(pair.b, "x", 1, NULL, 0, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
    g_clear_error(&error);
    close_pair(&pair);
    g_assert_false(wire_receive(-1, buffer, &len, NULL, 0, &n_fds, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire/send", test_send);
    for (size_t i = 0; i < G_N_ELEMENTS(receives); i++) {
        g_autofree char *path = g_strdup_printf("/wire/receive/%s", receives[i].name);
        g_test_add_data_func(path, &receives[i], test_receive);
    }
    g_test_add_func("/wire/ends", test_ends);
    return g_test_run();
}
