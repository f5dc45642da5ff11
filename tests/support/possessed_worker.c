/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbq-thumbnail with a decoder that a hostile picture has taken over. It replaces
 * worker_order_run (the linker's --wrap) in a real worker in its real sandbox. A source that
 * begins or ends with ORDER makes it obey that order, as a picture could. Any other source is
 * handled as usual.
 */
#include "handlers/forkserver.h"
#include "worker_order.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ORDER     "possess: "
#define ORDER_MAX 64
/* The descriptor of the socket in worker.c. */
#define SOCKET_FD 3

void __real_worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                             WireResult *ret_result);
void __wrap_worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                             WireResult *ret_result);

/* The arguments of an order. */
typedef struct {
    const WireOrder *order;
    int source_fd;
    OutputDelivery *delivery;
} Act;

/* Asserts that the kernel has refused a call. The order then continues normally. */
static void must_be_refused(ssize_t status)
{
    if (status >= 0)
        _exit(77);
}

static void call_home(const Act *act)
{
    (void)act;
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void read_a_path(const Act *act)
{
    (void)act;
    must_be_refused(open("/etc/passwd", O_RDONLY));
}

static void reopen_for_writing(const Act *act)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", act->source_fd);
    must_be_refused(open(path, O_WRONLY));
}

static void start_a_program(const Act *act)
{
    char *const arguments[] = {(char *)"sh", NULL};
    (void)act;
    (void)!execv("/bin/sh", arguments);
}

static void multiply(const Act *act)
{
    (void)act;
    (void)!syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void kill_the_daemon(const Act *act)
{
    (void)act;
    (void)!kill(getppid(), SIGKILL);
}

static void trace_the_daemon(const Act *act)
{
    (void)act;
    (void)!ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static void write_to_the_source(const Act *act)
{
    must_be_refused(pwrite(act->source_fd, "defaced", strlen("defaced"), 0));
}

/* The descriptor that a thumbnail is written to. */
static int output_of(const Act *act)
{
    return act->order->own_files ? act->delivery->files[0] : act->delivery->memory_fd;
}

static void outgrow(const Act *act)
{
    static const char block[1 << 16];
    while (write(output_of(act), block, sizeof block) >= 0)
        continue;
}

static void hoard(const Act *act)
{
    (void)act;
    for (;;)
        memset(g_malloc(1 << 20), 1, 1 << 20);
}

static void spin(const Act *act)
{
    (void)act;
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

static void lie(const Act *act)
{
    static const char frame[] = "all is well";
    (void)act;
    (void)!write(SOCKET_FD, frame, sizeof frame);
}

static void hand_over_a_descriptor(const Act *act)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    char frame[] = "take this";
    struct iovec part = {.iov_base = frame, .iov_len = sizeof frame};
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &act->source_fd, sizeof(int));
    (void)!sendmsg(SOCKET_FD, &message, 0);
}

static void leave(const Act *act)
{
    (void)act;
    _exit(0);
}

static void send_answer(const WireResult *result)
{
    static uint8_t frame[WIRE_FRAME_MAX];
    size_t len = wire_encode_result(result, frame);
    (void)!write(SOCKET_FD, frame, len);
}

/* Moves the thumbnails of the answer into the memory file, so that the worker can still write to
 * them. */
static void move_to_memory(const Act *act, WireResult *result)
{
    int64_t end = 0;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        WirePlace *place = &result->places[i];
        int64_t size = result->thumbnails[i].size;
        if (place->kind == PLACE_ANSWER &&
            pwrite(act->delivery->memory_fd, result->payload + place->offset, (size_t)size, end) >
                0)
            *place = (WirePlace){PLACE_MEMORY, end};
        end += size;
    }
    result->filled_memory = true;
    result->payload_len = 0;
}

/* Answers correctly, and writes to its thumbnails from then on. */
static void write_after_publishing(const Act *act)
{
    static WireResult result;
    __real_worker_order_run(act->order, act->source_fd, act->delivery, &result);
    if (!act->order->own_files)
        move_to_memory(act, &result);
    send_answer(&result);
    for (;;)
        (void)!pwrite(output_of(act), "defaced", strlen("defaced"), 0);
}

/* Answers an order with the bytes that it has read from the source. */
static void answer_with_loot(const WireOrder *order, const int *fds, WireResult *result)
{
    static uint8_t loot[64] = "stolen: ";
    (void)!pread(fds[0], loot + 8, sizeof loot - 8, 0);
    result->serial = order->serial;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        result->thumbnails[i].size = sizeof loot;
        result->places[i] = (WirePlace){PLACE_ANSWER, 0};
    }
    result->filled_memory = false;
    result->payload = loot;
    result->payload_len = sizeof loot;
    send_answer(result);
}

/* Answers correctly, and steals the sources of all later orders. */
static void spy_on_the_next(const Act *act)
{
    static uint8_t frame[WIRE_FRAME_MAX];
    static WireResult result;
    static WireOrder next;
    int fds[WIRE_FDS_MAX];
    size_t n_fds;
    ssize_t len;
    __real_worker_order_run(act->order, act->source_fd, act->delivery, &result);
    send_answer(&result);
    while (wire_receive(SOCKET_FD, frame, &len, fds, WIRE_FDS_MAX, &n_fds, NULL) && len > 0) {
        if (wire_decode_order(frame, (size_t)len, &next, NULL))
            answer_with_loot(&next, fds, &result);
    }
    _exit(WORKER_EXIT_OK);
}

_Noreturn static void *burn(void *data)
{
    (void)data;
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

/* Starts a thread that keeps running; the answer is correct. */
static void spin_while_idle(const Act *act)
{
    pthread_t thread;
    (void)act;
    (void)!pthread_create(&thread, NULL, burn, NULL);
}

static const struct {
    const char *order;
    void (*obey)(const Act *act);
} orders[] = {
    {"call home", call_home},
    {"read a path", read_a_path},
    {"reopen for writing", reopen_for_writing},
    {"start a program", start_a_program},
    {"multiply", multiply},
    {"kill the daemon", kill_the_daemon},
    {"trace the daemon", trace_the_daemon},
    {"write to the source", write_to_the_source},
    {"outgrow", outgrow},
    {"hoard", hoard},
    {"spin", spin},
    {"lie", lie},
    {"hand over a descriptor", hand_over_a_descriptor},
    {"leave", leave},
    {"write after publishing", write_after_publishing},
    {"spy on the next", spy_on_the_next},
    {"spin while idle", spin_while_idle},
};

/* Reads the order that the source begins or ends with; "" if it has none. */
static void read_order(int source_fd, char text[static ORDER_MAX])
{
    struct stat st = {0};
    (void)fstat(source_fd, &st);
    memset(text, 0, ORDER_MAX);
    (void)!pread(source_fd, text, ORDER_MAX - 1, MAX(st.st_size - (ORDER_MAX - 1), 0));
    for (size_t i = 0; i + strlen(ORDER) < ORDER_MAX; i++) {
        if (memcmp(text + i, ORDER, strlen(ORDER)) == 0) {
            memmove(text, text + i + strlen(ORDER), ORDER_MAX - i - strlen(ORDER));
            return;
        }
    }
    text[0] = '\0';
}

void __wrap_worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                             WireResult *ret_result)
{
    const Act act = {order, source_fd, delivery};
    char text[ORDER_MAX];
    read_order(source_fd, text);
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        if (strcmp(text, orders[i].order) == 0)
            orders[i].obey(&act);
    }
    __real_worker_order_run(order, source_fd, delivery, ret_result);
}
