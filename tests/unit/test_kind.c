/* SPDX-License-Identifier: Apache-2.0 */
/* A second kind of invocations, which counts the letters of a text. It is all in this file: the
 * executors and the frames of borrowers have no part of it. */
#include "handlers/null_executor.h"
#include "lend_fixture.h"

#include <sys/stat.h>

/* The order is a text; the answer says how many of its bytes are the letter. */
typedef struct {
    const char *text;
    char letter;
} CountOrder;

typedef struct {
    uint64_t serial;
    uint32_t count;
    /* The letters were also written to the memory file. */
    uint8_t filled_memory;
    char letter;
} CountBody;

static size_t encode(const void *order, uint8_t frame[static WIRE_FRAME_MAX])
{
    const CountOrder *count = order;
    size_t len = strlen(count->text);

    g_assert_cmpuint(len, <, WIRE_FRAME_MAX);
    frame[0] = (uint8_t)count->letter;
    memcpy(frame + 1, count->text, len);
    return 1 + len;
}

static bool decode(const uint8_t *frame, size_t len, void *ret_body, Answer *ret_answer)
{
    CountBody *body = ret_body;

    if (len != sizeof *body)
        return false;
    memcpy(body, frame, sizeof *body);
    *ret_answer = (Answer){.serial = body->serial,
                           .message = "",
                           .has_output = body->filled_memory,
                           .filled_memory = body->filled_memory,
                           .memory_fd = -1,
                           .body = body};
    return true;
}

static bool is_sound(const void *order, const Answer *answer)
{
    const CountOrder *count = order;
    const CountBody *body = answer->body;

    return body->count <= strlen(count->text) && body->letter == count->letter;
}

static bool is_whole(const Answer *answer, int memory_fd)
{
    const CountBody *body = answer->body;
    struct stat st;

    return fstat(memory_fd, &st) == 0 && st.st_size >= (off_t)body->count;
}

static bool is_typed(const Answer *answer, int memory_fd)
{
    const CountBody *body = answer->body;
    char first;

    return !body->filled_memory || body->count == 0 ||
           (pread(memory_fd, &first, 1, 0) == 1 && first == body->letter);
}

static bool is_suspect(const void *order, const Answer *answer)
{
    (void)order;
    (void)answer;
    return false;
}

static const InvocationKind count_kind = {
    .name = "count-letters",
    .body_size = sizeof(CountBody),
    .encode = encode,
    .decode = decode,
    .is_sound = is_sound,
    .is_whole = is_whole,
    .is_typed = is_typed,
    .is_suspect = is_suspect,
};

static const CountOrder order = {"a word or two, or four", 'o'};

typedef struct {
    unsigned calls;
    bool handed_back;
    CountBody body;
} Ending;

static void on_count(const Answer *answer, const InvocationUsage *usage, void *data)
{
    Ending *ending = data;

    g_assert_nonnull(usage);
    ending->calls++;
    ending->handed_back = !answer;
    if (answer && answer->body)
        ending->body = *(const CountBody *)answer->body;
}

static bool count_letters(const Invocation *invocation, Answer *ret_answer, void *data)
{
    const CountOrder *count = invocation->order;
    CountBody *body = data;

    *body = (CountBody){.serial = invocation->serial, .letter = count->letter};
    for (const char *at = count->text; *at; at++)
        body->count += *at == count->letter;
    ret_answer->body = body;
    return invocation->kind->is_sound(invocation->order, ret_answer);
}

static void test_null(void)
{
    const ExecutorOptions options = {.concurrency = 1};
    const Invocation invocation = {.serial = 5, .kind = &count_kind, .order = &order};
    CountBody body;
    Executor *executor = null_executor_new(&options, count_letters, &body);
    Ending ending = {0};

    executor_submit(executor, &invocation, on_count, &ending);
    while (ending.calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(ending.handed_back);
    g_assert_cmpuint(ending.body.count, ==, 5);
    executor_free(executor);
}

typedef struct {
    const char *name;
    CountBody body;
    /* Bytes of the memory file; 0: there is none. */
    size_t memory_size;
    char memory_letter;
    LendVerdict verdict;
} LentCase;

static const LentCase lent[] = {
    {"answer", {5, 5, 0, 'o'}, 0, 0, LEND_OK},
    {"memory", {5, 5, 1, 'o'}, 5, 'o', LEND_OK},
    {"not-sound", {5, 99, 0, 'o'}, 0, 0, LEND_BAD},
    {"another-letter", {5, 5, 0, 'a'}, 0, 0, LEND_BAD},
    {"another-serial", {6, 5, 0, 'o'}, 0, 0, LEND_BAD},
    {"not-whole", {5, 5, 1, 'o'}, 4, 'o', LEND_BAD},
    {"not-typed", {5, 5, 1, 'o'}, 5, 'x', LEND_BAD},
};

/* Reads the order as a borrower does, and returns its id. */
static uint64_t receive_count_order(const Fixture *fixture)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    int fd;

    g_assert_true(hear(fixture, buffer, &frame, &fd));
    g_assert_cmpint(frame.type, ==, LEND_ORDER);
    g_assert_cmpstr(frame.kind, ==, "count-letters");
    g_assert_cmpmem(frame.inner, frame.inner_len, "oa word or two, or four", 23);
    return frame.id;
}

static int fill_memory(const LentCase *row)
{
    int fd = output_new_memory();

    for (size_t i = 0; i < row->memory_size; i++)
        g_assert_cmpint(pwrite(fd, &row->memory_letter, 1, (off_t)i), ==, 1);
    g_assert_true(output_seal(fd));
    return fd;
}

static void test_lent(const void *data)
{
    const LentCase *row = data;
    const Invocation invocation = {
        .serial = 5, .kind = &count_kind, .order = &order, .source_fd = -1, .group = ""};
    LendFrame frame = {.type = LEND_RESULT};
    Ending ending = {0};
    Fixture fixture;

    open_usual(&fixture, 1);
    executor_submit(fixture.lend, &invocation, on_count, &ending);
    frame.id = receive_count_order(&fixture);
    frame.inner = (const uint8_t *)&row->body;
    frame.inner_len = sizeof row->body;
    autofd memory = row->memory_size > 0 ? fill_memory(row) : -1;
    say_with(&fixture, &frame, memory >= 0 ? &memory : NULL);
    expect_verdict(&fixture, frame.id, row->verdict);
    turn();
    g_assert_cmpuint(ending.calls, ==, 1);
    g_assert_cmpint(ending.handed_back, ==, row->verdict == LEND_BAD);
    g_assert_cmpuint(ending.body.count, ==, row->verdict == LEND_BAD ? 0 : 5);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kind/null", test_null);
    for (size_t i = 0; i < G_N_ELEMENTS(lent); i++) {
        g_autofree char *path = g_strdup_printf("/kind/lent/%s", lent[i].name);
        g_test_add_data_func(path, &lent[i], test_lent);
    }
    return g_test_run();
}
