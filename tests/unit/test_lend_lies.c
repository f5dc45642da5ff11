/* SPDX-License-Identifier: Apache-2.0 */
/* The lending executor against borrowers that lie: their answer does not count, their connection
 * ends, and all of their invocations are handed back. */
#include "lend_fixture.h"

#include <stdio.h>

typedef struct {
    const char *name;
    void (*change)(WireResult *result);
    /* Size of the memory file; 0: the answer has none. */
    size_t memory_size;
    bool is_not_sealed;
    const char *reason;
} LieCase;

static void of_another_order(WireResult *result)
{
    result->serial++;
}

static void with_two(WireResult *result)
{
    result->n_thumbnails = 2;
    result->thumbnails[1] = result->thumbnails[0];
    result->places[1] = result->places[0];
}

static void of_another_type(WireResult *result)
{
    result->thumbnails[0].type = IMAGE_PNG;
}

static void too_large(WireResult *result)
{
    result->thumbnails[0].size = 5000;
}

static void unchanged(WireResult *result)
{
    *result = (WireResult){.serial = result->serial, .unchanged = true};
}

static void by_memory(WireResult *result)
{
    result->places[0].kind = PLACE_MEMORY;
    result->filled_memory = true;
    result->payload_len = 0;
}

static void by_memory_too_far(WireResult *result)
{
    by_memory(result);
    result->places[0].offset = 4000;
}

static void by_file(WireResult *result)
{
    result->places[0].kind = PLACE_FILE;
}

static void of_another_start(WireResult *result)
{
    static const char text[] = "GIF89a, and so on";

    result->payload = (const uint8_t *)text;
    result->payload_len = sizeof text;
    result->thumbnails[0].size = sizeof text;
}

static void too_short_for_a_start(WireResult *result)
{
    result->thumbnails[0].size = 2;
}

static void by_memory_of_zeros(WireResult *result)
{
    by_memory(result);
    result->places[0].offset = 50;
}

static const LieCase lies[] = {
    {"another-order", of_another_order, 0, false, "another order"},
    {"count", with_two, 0, false, "cannot be one"},
    {"type", of_another_type, 0, false, "cannot be one"},
    {"beyond-payload", too_large, 0, false, "cannot be one"},
    {"unchanged-that-was-not-offered", unchanged, 0, false, "cannot be one"},
    {"own-file", by_file, 0, false, "cannot be one"},
    {"no-memory-file", by_memory, 0, false, "did not come"},
    {"memory-file-unsaid", NULL, 100, false, "no answer names"},
    {"unsealed", by_memory, 100, true, "not sealed"},
    {"memory-too-large", by_memory, 4097, false, "larger than the limit"},
    {"another-start", of_another_start, 0, false, "another type"},
    {"too-short-for-a-start", too_short_for_a_start, 0, false, "another type"},
    {"another-start-in-memory", by_memory_of_zeros, 100, false, "another type"},
    {"memory-too-short", by_memory_too_far, 100, false, "shorter than"},
};

/* The verdict is bad, the connection ends, all invocations are handed back, and the borrower is
 * refused for a while. */
static void test_lie(const void *data)
{
    const LieCase *row = data;
    Fixture fixture;
    TestInvocation invocations[2];

    open_usual(&fixture, 2);
    lend_one(&fixture, &invocations[0]);
    lend_one(&fixture, &invocations[1]);
    WireResult result = good_result(&invocations[0]);
    if (row->change)
        row->change(&result);
    autofd memory = row->memory_size > 0 ? new_memory(row->memory_size, !row->is_not_sealed) : -1;
    answer(&fixture, &invocations[0], &result, memory >= 0 ? &memory : NULL);
    expect_verdict(&fixture, invocations[0].id, LEND_BAD);
    expect_end(&fixture);
    check_handed_back(&invocations[0]);
    check_handed_back(&invocations[1]);
    g_assert_nonnull(strstr(lend_last_lie(fixture.lend), row->reason));
    connect_borrower(&fixture);
    expect_end(&fixture);
    close_fixture(&fixture);
}

/* A memory file that the borrower can still write to is a lie, and so is a file that is not a
 * memory file. */
static void test_false_memory(void)
{
    for (int i = 0; i < 2; i++) {
        Fixture fixture;
        TestInvocation invocation;
        FILE *file = tmpfile();

        open_usual(&fixture, 1);
        lend_one(&fixture, &invocation);
        autofd memory = i == 0 ? new_memory(100, false) : dup(fileno(file));
        WireResult result = memory_result(&invocation);
        answer(&fixture, &invocation, &result, &memory);
        expect_verdict(&fixture, invocation.id, LEND_BAD);
        expect_end(&fixture);
        check_handed_back(&invocation);
        close_fixture(&fixture);
        fclose(file);
    }
}

typedef struct {
    const char *name;
    bool greets;
    /* Type of the frame; 0: the bytes are not a frame. */
    LendType type;
} TurnCase;

static const TurnCase turns[] = {
    {"garbage", true, 0},
    {"garbage-first", false, 0},
    {"hello-twice", true, LEND_HELLO},
    {"welcome", true, LEND_WELCOME},
    {"order-first", false, LEND_BACK},
    {"source", true, LEND_SOURCE},
    {"verdict", true, LEND_VERDICT},
    {"recall", true, LEND_RECALL},
    {"open-first", false, LEND_OPEN},
};

static void test_out_of_turn(const void *data)
{
    const TurnCase *row = data;
    ExecutorOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    if (row->greets) {
        say(&fixture, LEND_HELLO, 0, 1);
        expect(&fixture, LEND_WELCOME, 0);
    }
    if (row->type != 0)
        say(&fixture, row->type, 7, 0);
    else
        g_assert_cmpint(send(fixture.borrower, "nonsense", 8, 0), ==, 8);
    expect_verdict(&fixture,
                   row->type == 0 || row->type == LEND_HELLO || row->type == LEND_WELCOME ? 0 : 7,
                   LEND_BAD);
    expect_end(&fixture);
    g_assert_false(executor_has_room(fixture.lend));
    close_fixture(&fixture);
}

/* Descriptors that were not asked for are closed, which the other end of a pipe shows. */
static void test_descriptors(void)
{
    Fixture fixture;
    int ends[2];
    char byte;

    open_usual(&fixture, 1);
    g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
    const LendFrame frame = {.type = LEND_ROOM, .room = 1};
    say_with(&fixture, &frame, &ends[1]);
    fd_clear(&ends[1]);
    expect_verdict(&fixture, 0, LEND_BAD);
    g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
    fd_clear(&ends[0]);
    close_fixture(&fixture);
}

/* A source is opened once for a lease. */
static void test_open_twice(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect(&fixture, LEND_SOURCE, invocation.id);
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect_verdict(&fixture, invocation.id, LEND_BAD);
    expect_end(&fixture);
    check_handed_back(&invocation);
    g_assert_cmpuint(invocation.opened, ==, 1);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_autofree char *path = g_strdup_printf("/lend/lie/%s", lies[i].name);
        g_test_add_data_func(path, &lies[i], test_lie);
    }
    g_test_add_func("/lend/lie/false-memory", test_false_memory);
    for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
        g_autofree char *path = g_strdup_printf("/lend/out-of-turn/%s", turns[i].name);
        g_test_add_data_func(path, &turns[i], test_out_of_turn);
    }
    g_test_add_func("/lend/descriptors", test_descriptors);
    g_test_add_func("/lend/open-twice", test_open_twice);
    return g_test_run();
}
