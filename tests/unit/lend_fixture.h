/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the tests of the lending executor: a borrower that the test plays itself at the
 * other end of a socket pair, and invocations that count their ends. */
#pragma once

#include "base/clock.h"
#include "base/file.h"
#include "handlers/lend.h"
#include "handlers/lend_frame.h"
#include "handlers/memory_output.h"
#include "handlers/thumbnail_kind.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG_US  (600 * CLOCK_US_PER_SEC)
#define SHORT_US (20 * CLOCK_US_PER_MS)

static const char thumbnail[] = "\xff\xd8\xff as it was made";

typedef struct {
    Executor *lend;
    /* The test's end of the socket pair; -1: closed. */
    int borrower;
    uint64_t serial;
    unsigned rooms;
    /* Counts the ends of invocations. */
    unsigned order_of_ends;
} Fixture;

typedef struct {
    Fixture *fixture;
    ThumbnailOrder order;
    /* `id` is that of its ORDER, once the test has read the frame. */
    uint64_t serial, id;
    /* The source cannot be opened. */
    bool is_gone;
    unsigned opened, calls, place;
    bool handed_back;
    WireResult result;
    InvocationUsage usage;
    char worker[WORKER_NAME_MAX];
    /* Bytes of the first thumbnail. */
    char made[32];
} TestInvocation;

static inline ExecutorOptions make_options(void)
{
    return (ExecutorOptions){
        .window = 1000, .lease_us = LONG_US, .max_output_size = 4096, .memory_bytes = 1 << 20};
}

static inline void count_room(void *data)
{
    ((Fixture *)data)->rooms++;
}

static inline void turn(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static inline void connect_borrower(Fixture *fixture)
{
    int pair[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_true(g_unix_set_fd_nonblocking(pair[1], TRUE, NULL));
    fd_clear(&fixture->borrower);
    fixture->borrower = pair[1];
    lend_accept(fixture->lend, pair[0]);
}

static inline void say_with(const Fixture *fixture, const LendFrame *frame, const int *fd)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    size_t len = lend_frame_encode(frame, buffer);

    g_assert_cmpint(wire_try_send(fixture->borrower, buffer, len, fd, fd ? 1 : 0), ==, WIRE_SENT);
    turn();
}

static inline void say(const Fixture *fixture, LendType type, uint64_t id, int room)
{
    const LendFrame frame = {.type = type, .id = id, .room = room};

    say_with(fixture, &frame, NULL);
}

/* Reads one frame into `buffer`, which the frame borrows from. False if there is none. */
static inline bool hear(const Fixture *fixture, uint8_t buffer[static WIRE_FRAME_MAX],
                        LendFrame *ret_frame, int *ret_fd)
{
    size_t n_fds;
    ssize_t len;

    turn();
    *ret_fd = -1;
    g_assert_true(wire_receive(fixture->borrower, buffer, &len, ret_fd, 1, &n_fds, NULL) ||
                  len == 0);
    if (len <= 0)
        return false;
    g_assert_true(lend_frame_decode(buffer, (size_t)len, ret_frame, NULL));
    return true;
}

static inline void expect(const Fixture *fixture, LendType type, uint64_t id)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    int fd;

    g_assert_true(hear(fixture, buffer, &frame, &fd));
    g_assert_cmpint(frame.type, ==, type);
    g_assert_cmpuint(frame.id, ==, id);
    fd_clear(&fd);
}

static inline void expect_verdict(const Fixture *fixture, uint64_t id, LendVerdict verdict)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    int fd;

    g_assert_true(hear(fixture, buffer, &frame, &fd));
    g_assert_cmpint(frame.type, ==, LEND_VERDICT);
    g_assert_cmpuint(frame.id, ==, id);
    g_assert_cmpint(frame.verdict, ==, verdict);
}

static inline void expect_silence(const Fixture *fixture)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    int fd;

    g_assert_false(hear(fixture, buffer, &frame, &fd));
}

/* Asserts that the daemon has closed the connection. */
static inline void expect_end(const Fixture *fixture)
{
    uint8_t byte;

    turn();
    g_assert_cmpint(recv(fixture->borrower, &byte, 1, MSG_DONTWAIT), ==, 0);
}

/* Makes an answer with its thumbnail in the frame. */
static inline WireResult good_result(const TestInvocation *invocation)
{
    WireResult result = {
        .serial = invocation->serial,
        .facts = {.type = IMAGE_PNG, .width = 9, .height = 9, .pages = 1, .orientation = 1},
        .n_thumbnails = 1,
        .memory_bytes = 1 << 20,
        .payload = (const uint8_t *)thumbnail,
        .payload_len = sizeof thumbnail,
    };

    result.thumbnails[0] = (ThumbnailFacts){IMAGE_JPEG, 1, 1, sizeof thumbnail};
    result.places[0].kind = PLACE_ANSWER;
    return result;
}

static inline WireResult memory_result(const TestInvocation *invocation)
{
    WireResult result = good_result(invocation);

    result.places[0].kind = PLACE_MEMORY;
    result.filled_memory = true;
    result.payload_len = 0;
    return result;
}

static inline void answer(const Fixture *fixture, const TestInvocation *invocation,
                          const WireResult *result, const int *fd)
{
    uint8_t inner[WIRE_FRAME_MAX];
    LendFrame frame = {.type = LEND_RESULT, .id = invocation->id, .inner = inner};

    frame.inner_len = wire_encode_result(result, inner);
    frame.figures = (LendFigures){LONG_US, 5000, 3, INT64_C(1) << 40, "granite"};
    say_with(fixture, &frame, fd);
}

/* Makes a memory file of `size` bytes that begins with the thumbnail. */
static inline int new_memory(size_t size, bool is_sealed)
{
    int fd = output_new_memory();

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pwrite(fd, thumbnail, sizeof thumbnail, 0), ==, sizeof thumbnail);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    if (is_sealed)
        g_assert_true(output_seal(fd));
    return fd;
}

static inline void open_fixture(Fixture *fixture, const ExecutorOptions *options)
{
    *fixture = (Fixture){.lend = lend_new(options), .borrower = -1};
    executor_set_room_callback(fixture->lend, count_room, fixture);
    g_assert_false(executor_has_room(fixture->lend));
    connect_borrower(fixture);
}

/* Opens the fixture with a borrower that takes so many invocations. */
static inline void open_greeted(Fixture *fixture, const ExecutorOptions *options, int room)
{
    open_fixture(fixture, options);
    g_assert_cmpint(lend_borrowers(fixture->lend), ==, 0);
    say(fixture, LEND_HELLO, 0, room);
    expect(fixture, LEND_WELCOME, 0);
    g_assert_cmpint(lend_borrowers(fixture->lend), ==, 1);
    g_assert_true(executor_has_room(fixture->lend));
}

/* As open_greeted, with the usual options. */
static inline void open_usual(Fixture *fixture, int room)
{
    const ExecutorOptions options = make_options();

    open_greeted(fixture, &options, room);
}

static inline void close_fixture(Fixture *fixture)
{
    executor_free(fixture->lend);
    fd_clear(&fixture->borrower);
}

static inline int open_source(void *data)
{
    TestInvocation *invocation = data;

    invocation->opened++;
    return invocation->is_gone ? -1 : memfd_create("source", MFD_CLOEXEC);
}

static inline void on_done(const Answer *given, const InvocationUsage *usage, void *data)
{
    TestInvocation *invocation = data;
    autofd copy = memfd_create("copy", MFD_CLOEXEC);

    invocation->calls++;
    invocation->place = invocation->fixture->order_of_ends++;
    invocation->handed_back = !given;
    invocation->usage = *usage;
    if (usage->worker)
        g_strlcpy(invocation->worker, usage->worker, sizeof invocation->worker);
    if (!given)
        return;
    thumbnail_result(given, &invocation->result);
    if (!given->has_output)
        return;
    g_assert_cmpint(output_copy(&invocation->result, 0, copy), ==, 0);
    g_assert_cmpint(pread(copy, invocation->made, sizeof invocation->made, 0), ==,
                    sizeof thumbnail);
}

static inline void submit(Fixture *fixture, TestInvocation *invocation)
{
    *invocation = (TestInvocation){.fixture = fixture, .serial = ++fixture->serial};
    invocation->order.wire = (WireOrder){
        .serial = invocation->serial,
        .max_pixels = 1,
        .max_file_size = 1,
        .max_output_size = 4096,
        .max_pages = 1,
        .renditions = {{.name = "small", .width = 1, .height = 1, .quality = 80, .max_frames = 1}},
        .n_renditions = 1,
    };
    const Invocation work = {.serial = invocation->serial,
                             .kind = &thumbnail_kind,
                             .order = &invocation->order,
                             .source_fd = -1,
                             .open_source = open_source,
                             .source_size = 77,
                             .group = "",
                             .nice = 10};

    g_assert_true(executor_has_room(fixture->lend));
    int busy = executor_busy(fixture->lend);
    executor_submit(fixture->lend, &work, on_done, invocation);
    g_assert_cmpuint(invocation->calls, ==, 0);
    g_assert_cmpint(executor_busy(fixture->lend), ==, busy + 1);
}

/* Reads the order, and checks its fields. */
static inline void receive_order(const Fixture *fixture, TestInvocation *invocation)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    WireOrder wire;
    int fd;

    g_assert_true(hear(fixture, buffer, &frame, &fd));
    g_assert_cmpint(frame.type, ==, LEND_ORDER);
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpint(frame.source_size, ==, 77);
    g_assert_cmpint(frame.nice, ==, 10);
    g_assert_cmpint(frame.max_output_size, ==, 4096);
    g_assert_cmpstr(frame.kind, ==, "thumbnail");
    g_assert_true(wire_decode_order(frame.inner, frame.inner_len, &wire, NULL));
    g_assert_cmpuint(wire.serial, ==, invocation->serial);
    invocation->id = frame.id;
}

static inline void lend_one(Fixture *fixture, TestInvocation *invocation)
{
    submit(fixture, invocation);
    receive_order(fixture, invocation);
}

static inline void check_done(const TestInvocation *invocation)
{
    g_assert_cmpuint(invocation->calls, ==, 1);
    g_assert_false(invocation->handed_back);
    g_assert_cmpint(invocation->result.error, ==, ERROR_NONE);
    g_assert_cmpstr(invocation->made, ==, thumbnail);
}

static inline void check_handed_back(const TestInvocation *invocation)
{
    g_assert_cmpuint(invocation->calls, ==, 1);
    g_assert_true(invocation->handed_back);
}
