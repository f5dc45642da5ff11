/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers as bytes: a written one is read as the same, and other bytes are refused. */
#include "base/error.h"
#include "base/file.h"
#include "control/control_request.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const ControlRequest valid[] = {
    {.type = CONTROL_SYNC},
    {.type = CONTROL_SWEEP, .sweep = {"orphans", true, false, true}},
    {.type = CONTROL_EDIT, .edit = {CONTROL_EDIT_DROP, "prefix=a%2F"}},
    {.type = CONTROL_JOB_SUBMIT, .job_submit = {UINT64_MAX, "state=dead"}},
    {.type = CONTROL_JOB_SUBMIT, .job_submit = {0, ""}},
    {.type = CONTROL_JOB_WAIT, .job = {1}},
    {.type = CONTROL_JOB_CANCEL, .job = {UINT32_MAX}},
    {.type = CONTROL_COMMIT},
    {.type = CONTROL_QUESTION,
     .question = {"", 1000, CONTROL_STYLES, 80, false},
     .payload = "stats\0--json\0",
     .payload_len = 13},
    {.type = CONTROL_QUESTION,
     .question = {"3.7.a/b", 1, 0, 0, true},
     .payload = "\0",
     .payload_len = 1},
    {.type = CONTROL_TRIGGER, .trigger = {CONTROL_TRIGGER_REWIND, INT64_MAX, "index"}},
    {.type = CONTROL_TRIGGER, .trigger = {CONTROL_TRIGGER_DROP, 0, ""}},
    {.type = CONTROL_INVOKE,
     .invoke = {"indexer:prod", "/srv/photos", "index", UINT64_MAX, 1, UINT64_MAX, UINT32_MAX, 1,
                UINT64_MAX},
     .payload = "{}",
     .payload_len = 3},
};

static const ControlRequest invalid[] = {
    {.type = 0},
    {.type = CONTROL_TYPES},
    {.type = CONTROL_SWEEP, .sweep = {.kinds = ""}},
    {.type = CONTROL_SWEEP, .sweep = {.kinds = NULL}},
    {.type = CONTROL_EDIT, .edit = {2, ""}},
    {.type = CONTROL_EDIT, .edit = {CONTROL_EDIT_DROP, NULL}},
    {.type = CONTROL_EDIT, .edit = {0, ""}, .payload = "a", .payload_len = 2},
    {.type = CONTROL_TRIGGER, .trigger = {5, 0, "index"}},
    {.type = CONTROL_TRIGGER, .trigger = {0, UINT64_MAX, "index"}},
    {.type = CONTROL_TRIGGER, .trigger = {0, 0, "a name that is longer than names may be"}},
    {.type = CONTROL_INVOKE, .invoke = {"f", "/b", "t", 0, 1, 1, 0, 1, 7}},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "/b", "t", 0, 1, 1, 0, 1, 7},
     .payload = "",
     .payload_len = 1},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "/b", "t", 0, 1, 1, 0, 1, 7},
     .payload = "ab",
     .payload_len = 2},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "/b", "t", 0, 1, 1, 0, 1, 7},
     .payload = "a\0b",
     .payload_len = 4},
    {.type = CONTROL_INVOKE,
     .invoke = {"", "/b", "t", 0, 1, 1, 0, 1, 7},
     .payload = "{}",
     .payload_len = 3},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "", "t", 0, 1, 1, 0, 1, 7},
     .payload = "{}",
     .payload_len = 3},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "/b", "t", 0, 0, 1, 0, 1, 7},
     .payload = "{}",
     .payload_len = 3},
    {.type = CONTROL_INVOKE,
     .invoke = {"f", "/b", "t", 0, 1, 1, 0, 0, 7},
     .payload = "{}",
     .payload_len = 3},
    {.type = CONTROL_JOB_WAIT, .job = {0}},
    {.type = CONTROL_JOB_CANCEL, .job = {0}},
    {.type = CONTROL_COMMIT, .payload = "a", .payload_len = 2},
    {.type = CONTROL_QUESTION, .question = {"", 1, 0, 0, false}},
    {.type = CONTROL_QUESTION, .question = {"", 1, 0, 0, false}, .payload = "ab", .payload_len = 2},
    {.type = CONTROL_QUESTION, .question = {"", 0, 0, 0, false}, .payload = "", .payload_len = 1},
    {.type = CONTROL_QUESTION, .question = {"", 1, 16, 0, false}, .payload = "", .payload_len = 1},
    {.type = CONTROL_QUESTION,
     .question = {"", CONTROL_ROWS_MAX + 1, 0, 0, false},
     .payload = "",
     .payload_len = 1},
};

static void check_same(const ControlRequest *a, const ControlRequest *b)
{
    ControlPacket first, second;

    g_assert_true(control_request_format(a, &first, NULL));
    g_assert_true(control_request_format(b, &second, NULL));
    g_assert_cmpmem(first.data, first.len, second.data, second.len);
    control_packet_clear(&first);
    control_packet_clear(&second);
}

static void test_round_trip(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
        g_autoptr(GError) error = NULL;
        ControlRequest request;
        ControlPacket packet;
        ControlFrame frame;

        g_assert_true(control_request_format(&valid[i], &packet, &error));
        g_assert_cmpint(packet.fd, ==, -1);
        g_assert_true(control_frame_decode(packet.data, packet.len, &frame, &error));
        g_assert_true(control_request_parse(&frame, &request, &error));
        g_assert_no_error(error);
        check_same(&request, &valid[i]);
        control_packet_clear(&packet);
    }
}

static void test_invalid(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autoptr(GError) error = NULL;
        ControlPacket packet;

        g_assert_false(control_request_format(&invalid[i], &packet, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    }
}

/* Each shorter part of a frame is refused, and each frame that is longer by a byte. */
static void test_cut_off(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
        uint8_t longer[CONTROL_PACKET_MAX] = {0};
        ControlPacket packet;
        ControlFrame frame;

        g_assert_true(control_request_format(&valid[i], &packet, NULL));
        for (size_t len = 0; len < packet.len; len++)
            g_assert_false(control_frame_decode(packet.data, len, &frame, NULL));
        memcpy(longer, packet.data, packet.len);
        g_assert_false(control_frame_decode(longer, packet.len + 1, &frame, NULL));
        control_packet_clear(&packet);
    }
}

/* Numbers that no command writes are refused: job 0, an unknown action, a bool of 2. */
static void test_numbers(void)
{
    static const struct {
        size_t request, at;
        uint8_t byte;
    } rows[] = {{5, CONTROL_HEADER, 0}, {2, CONTROL_HEADER, 2}, {1, CONTROL_HEADER + 10, 2}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        ControlRequest request;
        ControlPacket packet;
        ControlFrame frame;

        g_assert_true(control_request_format(&valid[rows[i].request], &packet, NULL));
        g_assert_cmpint(packet.data[rows[i].at], !=, rows[i].byte);
        packet.data[rows[i].at] = rows[i].byte;
        g_assert_true(control_frame_decode(packet.data, packet.len, &frame, NULL));
        g_assert_false(control_request_parse(&frame, &request, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
        control_packet_clear(&packet);
    }
}

static void test_versions(void)
{
    g_autoptr(GError) error = NULL;
    ControlRequest request;
    ControlPacket packet;
    ControlFrame frame;

    g_assert_false(control_frame_decode((const uint8_t *)"sync", 4, &frame, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_clear_error(&error);
    g_assert_true(control_request_format(&valid[0], &packet, NULL));
    /* Version of the row. */
    packet.data[12]++;
    g_assert_true(control_frame_decode(packet.data, packet.len, &frame, NULL));
    g_assert_false(control_request_parse(&frame, &request, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    g_clear_error(&error);
    /* Version of the frames. */
    packet.data[8]++;
    g_assert_false(control_frame_decode(packet.data, packet.len, &frame, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    control_packet_clear(&packet);
}

/* The answer to each request about a job has the job. */
static void test_job_answers(void)
{
    static const ControlType types[] = {CONTROL_JOB_SUBMIT, CONTROL_JOB_WAIT, CONTROL_JOB_CANCEL};
    const ControlAnswer job = {.job = {.id = 7,
                                       .state = 5,
                                       .is_cancelled = true,
                                       .total = UINT64_MAX,
                                       .queued = 3,
                                       .done = 2,
                                       .failed = 1,
                                       .submitted_us = INT64_MAX,
                                       .filter = "type=png",
                                       .changed = true}};

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(GError) error = NULL;
        ControlAnswer read;
        ControlPacket packet;
        ControlFrame frame;

        g_assert_true(control_answer_format(types[i], &job, &packet, &error));
        g_assert_true(control_frame_decode(packet.data, packet.len, &frame, &error));
        g_assert_true(control_answer_parse(types[i], &frame, &read, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(read.job.id, ==, 7);
        g_assert_cmpuint(read.job.total, ==, UINT64_MAX);
        g_assert_cmpuint(read.job.submitted_us, ==, INT64_MAX);
        g_assert_cmpstr(read.job.filter, ==, "type=png");
        g_assert_true(read.job.is_cancelled && read.job.changed && !read.job.is_new);
        control_packet_clear(&packet);
    }
}

/* An answer about a batch has the batch, and each value within its limits. */
static void test_invoke_answers(void)
{
    static const struct {
        ControlAnswer answer;
        bool is_valid;
    } rows[] = {
        {{.invoke = {CONTROL_INVOKE_ACCEPTED, 1, UINT64_MAX, UINT32_MAX, 0, ""}}, true},
        {{.invoke = {CONTROL_INVOKE_KNOWN, 7, 9, 1, 0, ""}}, true},
        {{.invoke = {CONTROL_INVOKE_THROTTLED, 7, 9, 1, CONTROL_INVOKE_RETRY_MAX_MS, "full"}},
         true},
        {{.invoke = {CONTROL_INVOKE_REFUSED, 7, 9, 1, 0, "no such function"}}, true},
        {{.invoke = {CONTROL_INVOKE_REFUSED + 1, 7, 9, 1, 0, ""}}, false},
        {{.invoke = {CONTROL_INVOKE_THROTTLED, 7, 9, 1, CONTROL_INVOKE_RETRY_MAX_MS + 1, ""}},
         false},
        {{.invoke = {CONTROL_INVOKE_ACCEPTED, 0, 9, 1, 0, ""}}, false},
        {{.invoke = {CONTROL_INVOKE_ACCEPTED, 7, 0, 1, 0, ""}}, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const ControlAnswer *answer = &rows[i].answer;
        g_autoptr(GError) error = NULL;
        ControlAnswer read;
        ControlPacket packet;
        ControlFrame frame;

        g_assert_cmpint(control_answer_format(CONTROL_INVOKE, answer, &packet, &error), ==,
                        rows[i].is_valid);
        if (!rows[i].is_valid)
            continue;
        g_assert_true(control_frame_decode(packet.data, packet.len, &frame, &error));
        g_assert_true(control_answer_parse(CONTROL_INVOKE, &frame, &read, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(read.invoke.verdict, ==, answer->invoke.verdict);
        g_assert_cmpuint(read.invoke.first, ==, answer->invoke.first);
        g_assert_cmpuint(read.invoke.last, ==, answer->invoke.last);
        g_assert_cmpuint(read.invoke.generation, ==, answer->invoke.generation);
        g_assert_cmpuint(read.invoke.retry_ms, ==, answer->invoke.retry_ms);
        g_assert_cmpstr(read.invoke.text, ==, answer->invoke.text);
        control_packet_clear(&packet);
    }
}

static ControlReceived *received_new(void)
{
    return g_new0(ControlReceived, 1);
}

static void received_free(ControlReceived *received)
{
    control_received_clear(received);
    g_free(received);
}

static void open_pair(int fds[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==,
                    0);
}

/* Many words are passed in a memory file that is sealed against changes. */
static void test_large_payload(void)
{
    const size_t len = CONTROL_PAYLOAD_MAX;
    g_autofree char *names = g_malloc(len);
    ControlReceived *received = received_new();
    g_autoptr(GError) error = NULL;
    ControlRequest request;
    ControlPacket packet;
    ControlFrame frame;
    size_t n = 0;
    int fds[2];
    bool got;

    for (size_t i = 0; i < len; i++)
        names[i] = i % 64 == 63 ? '\0' : 'n';
    open_pair(fds);
    const ControlRequest large = {.type = CONTROL_QUESTION,
                                  .question = {"", 1, 0, 0, false},
                                  .payload = names,
                                  .payload_len = len};
    g_assert_true(control_request_format(&large, &packet, &error));
    g_assert_cmpint(packet.fd, >=, 0);
    g_assert_cmpint(pwrite(packet.fd, "x", 1, 0), ==, -1);
    g_assert_cmpint(control_packet_send(&packet, fds[0], 0), ==, CONTROL_SENT);
    control_packet_clear(&packet);
    g_assert_true(control_receive(fds[1], received, &got, &error));
    g_assert_true(got);
    g_assert_true(control_received_frame(received, &frame, &error));
    g_assert_true(control_request_parse(&frame, &request, &error));
    g_assert_no_error(error);
    for (const char *name = NULL; (name = control_request_next(&request, name)); n++)
        g_assert_cmpuint(strlen(name), ==, 63);
    g_assert_cmpuint(n, ==, len / 64);
    received_free(received);
    fd_clear(&fds[0]);
    fd_clear(&fds[1]);
}

/* A descriptor that is not such a memory file is closed, and the frame is refused. */
static void test_hostile_descriptors(void)
{
    static const struct {
        unsigned seals;
        off_t size;
        /* False: the descriptor is a pipe. */
        bool is_file;
    } rows[] = {
        {0, 100000, true},
        {F_SEAL_WRITE, 100000, true},
        {F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, CONTROL_PAYLOAD_MAX + 1, true},
        {F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, 0, true},
        /* The size differs from that in the frame. */
        {F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, 99999, true},
        {0, 0, false},
    };
    uint8_t bytes[CONTROL_PACKET_MAX];
    const ControlFrame hostile = {.type = CONTROL_QUESTION,
                                  .row_version = 1,
                                  .fields = (const uint8_t *)"\0\0\0\0",
                                  .fields_len = 4,
                                  .payload_len = 100000,
                                  .in_memory_file = true};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ControlReceived *received = received_new();
        g_autoptr(GError) error = NULL;
        ControlFrame frame;
        int fds[2], ends[2];
        bool got;

        open_pair(fds);
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        autofd file = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        g_assert_cmpint(ftruncate(file, rows[i].size), ==, 0);
        g_assert_cmpint(fcntl(file, F_ADD_SEALS, rows[i].seals), ==, 0);
        const ControlPacket packet = {bytes, control_frame_encode(&hostile, bytes),
                                      rows[i].is_file ? file : ends[0]};
        g_assert_cmpint(control_packet_send(&packet, fds[0], 0), ==, CONTROL_SENT);
        bool ok = control_receive(fds[1], received, &got, &error) &&
                  control_received_frame(received, &frame, &error);
        g_assert_false(ok);
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
        received_free(received);
        for (int end = 0; end < 2; end++) {
            fd_clear(&fds[end]);
            fd_clear(&ends[end]);
        }
    }
}

/* A frame is refused if it states a payload in a memory file and comes without one. */
static void test_missing_descriptor(void)
{
    uint8_t bytes[CONTROL_PACKET_MAX];
    const ControlFrame alone = {.type = CONTROL_QUESTION,
                                .row_version = 1,
                                .fields = (const uint8_t *)"\0\0\0\0",
                                .fields_len = 4,
                                .payload_len = 100000,
                                .in_memory_file = true};
    ControlReceived *received = received_new();
    g_autoptr(GError) error = NULL;
    ControlFrame frame;
    int fds[2];
    bool got;

    open_pair(fds);
    const ControlPacket packet = {bytes, control_frame_encode(&alone, bytes), -1};
    g_assert_cmpint(control_packet_send(&packet, fds[0], 0), ==, CONTROL_SENT);
    g_assert_true(control_receive(fds[1], received, &got, &error));
    g_assert_false(control_received_frame(received, &frame, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    received_free(received);
    fd_clear(&fds[0]);
    fd_clear(&fds[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control-request/round-trip", test_round_trip);
    g_test_add_func("/control-request/invalid", test_invalid);
    g_test_add_func("/control-request/cut-off", test_cut_off);
    g_test_add_func("/control-request/numbers", test_numbers);
    g_test_add_func("/control-request/versions", test_versions);
    g_test_add_func("/control-request/job-answers", test_job_answers);
    g_test_add_func("/control-request/invoke-answers", test_invoke_answers);
    g_test_add_func("/control-request/large-payload", test_large_payload);
    g_test_add_func("/control-request/hostile-descriptors", test_hostile_descriptors);
    g_test_add_func("/control-request/missing-descriptor", test_missing_descriptor);
    return g_test_run();
}
