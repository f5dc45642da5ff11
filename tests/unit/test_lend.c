/* SPDX-License-Identifier: Apache-2.0 */
/* The lending executor: each lent invocation ends exactly once. It ends by an answer, in any order,
 * or it is handed back when a borrower ends, does not read, or when a lease has expired. */
#include "lend_fixture.h"

static void wait_for(const TestInvocation *invocation)
{
    while (invocation->calls == 0)
        g_main_context_iteration(NULL, TRUE);
}

static void test_answers(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    g_assert_false(executor_has_room(fixture.lend));
    g_assert_cmpuint(invocation.opened, ==, 0);
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect(&fixture, LEND_SOURCE, invocation.id);
    g_assert_cmpuint(invocation.opened, ==, 1);
    WireResult result = good_result(&invocation);
    answer(&fixture, &invocation, &result, NULL);
    expect_verdict(&fixture, invocation.id, LEND_OK);
    check_done(&invocation);
    /* The figures of the borrower are believed as far as they can be true. */
    g_assert_cmpint(invocation.usage.duration_us, <, LONG_US);
    g_assert_cmpint(invocation.usage.memory_bytes, <, INT64_C(1) << 40);
    g_assert_cmpint(invocation.usage.cpu_us, ==, 5000);
    g_assert_cmpstr(invocation.worker, ==, "granite");
    g_assert_true(executor_has_room(fixture.lend));
    g_assert_cmpint(executor_busy(fixture.lend), ==, 0);
    close_fixture(&fixture);
}

static void test_memory(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    autofd memory = new_memory(sizeof thumbnail, true);
    WireResult result = memory_result(&invocation);
    answer(&fixture, &invocation, &result, &memory);
    expect_verdict(&fixture, invocation.id, LEND_OK);
    check_done(&invocation);
    close_fixture(&fixture);
}

/* An answer without a name was given by the machine of the HELLO. */
static void test_names(void)
{
    static const char *const names[][2] = {{"basalt", "basalt"}, {"", "borrower"}};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        ExecutorOptions options = make_options();
        Fixture fixture;
        TestInvocation invocation;
        LendFrame frame = {.type = LEND_HELLO, .room = 1};
        uint8_t inner[WIRE_FRAME_MAX];

        g_strlcpy(frame.name, names[i][0], sizeof frame.name);
        open_fixture(&fixture, &options);
        say_with(&fixture, &frame, NULL);
        expect(&fixture, LEND_WELCOME, 0);
        lend_one(&fixture, &invocation);
        WireResult result = good_result(&invocation);
        frame = (LendFrame){.type = LEND_RESULT, .id = invocation.id, .inner = inner};
        frame.inner_len = wire_encode_result(&result, inner);
        say_with(&fixture, &frame, NULL);
        expect_verdict(&fixture, invocation.id, LEND_OK);
        g_assert_cmpstr(invocation.worker, ==, names[i][1]);
        close_fixture(&fixture);
    }
}

/* An error is an answer like any other. */
static void test_error(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    const WireResult result = {
        .serial = invocation.serial, .error = ERROR_DAMAGED, .message = "broken"};
    answer(&fixture, &invocation, &result, NULL);
    expect_verdict(&fixture, invocation.id, LEND_OK);
    g_assert_cmpuint(invocation.calls, ==, 1);
    g_assert_cmpint(invocation.result.error, ==, ERROR_DAMAGED);
    g_assert_cmpstr(invocation.result.message, ==, "broken");
    close_fixture(&fixture);
}

#define MANY 300

/* Hundreds of invocations are lent at a time and answered in reverse order; every third one is
 * handed back. */
static void test_any_order(void)
{
    Fixture fixture;
    g_autofree TestInvocation *invocations = g_new(TestInvocation, MANY);

    open_usual(&fixture, MANY);
    for (unsigned i = 0; i < MANY; i++)
        lend_one(&fixture, &invocations[i]);
    g_assert_false(executor_has_room(fixture.lend));
    for (unsigned i = MANY; i-- > 0;) {
        if (i % 3 == 0) {
            say(&fixture, LEND_BACK, invocations[i].id, 0);
            check_handed_back(&invocations[i]);
            continue;
        }
        WireResult result = good_result(&invocations[i]);
        answer(&fixture, &invocations[i], &result, NULL);
        expect_verdict(&fixture, invocations[i].id, LEND_OK);
        check_done(&invocations[i]);
    }
    for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpuint(invocations[i].place, ==, MANY - 1 - i);
    close_fixture(&fixture);
}

/* The room of the borrower and the window limit the number of its invocations. */
static void test_room(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[3];

    options.window = 2;
    open_greeted(&fixture, &options, 1);
    lend_one(&fixture, &invocations[0]);
    g_assert_false(executor_has_room(fixture.lend));
    unsigned rooms = fixture.rooms;
    say(&fixture, LEND_ROOM, 0, 9);
    g_assert_cmpuint(fixture.rooms, ==, rooms + 1);
    lend_one(&fixture, &invocations[1]);
    g_assert_false(executor_has_room(fixture.lend));
    options.window = 3;
    executor_configure(fixture.lend, &options);
    lend_one(&fixture, &invocations[2]);
    say(&fixture, LEND_ROOM, 0, 0);
    for (unsigned i = 0; i < 3; i++)
        say(&fixture, LEND_BACK, invocations[i].id, 0);
    g_assert_false(executor_has_room(fixture.lend));
    close_fixture(&fixture);
}

/* A borrower that hands work back gets no more until it states its room, or answers. */
static void test_paused(void)
{
    Fixture fixture;
    TestInvocation invocations[3];

    open_usual(&fixture, 9);
    lend_one(&fixture, &invocations[0]);
    lend_one(&fixture, &invocations[1]);
    say(&fixture, LEND_BACK, invocations[0].id, 0);
    check_handed_back(&invocations[0]);
    g_assert_false(executor_has_room(fixture.lend));
    WireResult result = good_result(&invocations[1]);
    answer(&fixture, &invocations[1], &result, NULL);
    expect_verdict(&fixture, invocations[1].id, LEND_OK);
    lend_one(&fixture, &invocations[2]);
    say(&fixture, LEND_BACK, invocations[2].id, 0);
    g_assert_false(executor_has_room(fixture.lend));
    unsigned rooms = fixture.rooms;
    say(&fixture, LEND_ROOM, 0, 9);
    g_assert_cmpuint(fixture.rooms, ==, rooms + 1);
    g_assert_true(executor_has_room(fixture.lend));
    close_fixture(&fixture);
}

/* So does a borrower that lets a lease expire. */
static void test_paused_late(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.lease_us = SHORT_US;
    open_greeted(&fixture, &options, 9);
    lend_one(&fixture, &invocation);
    wait_for(&invocation);
    check_handed_back(&invocation);
    expect(&fixture, LEND_RECALL, invocation.id);
    g_assert_false(executor_has_room(fixture.lend));
    say(&fixture, LEND_ROOM, 0, 9);
    g_assert_true(executor_has_room(fixture.lend));
    close_fixture(&fixture);
}

/* Tests a source that is another file by the time of the loan. */
static void test_source_gone(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    invocation.is_gone = true;
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect(&fixture, LEND_RECALL, invocation.id);
    check_handed_back(&invocation);
    close_fixture(&fixture);
}

static void test_cancel(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[3];

    open_greeted(&fixture, &options, 9);
    for (unsigned i = 0; i < 3; i++)
        lend_one(&fixture, &invocations[i]);
    g_assert_true(executor_cancel(fixture.lend, invocations[1].serial));
    check_handed_back(&invocations[1]);
    expect(&fixture, LEND_RECALL, invocations[1].id);
    g_assert_false(executor_cancel(fixture.lend, invocations[1].serial));
    lend_stop(fixture.lend);
    check_handed_back(&invocations[0]);
    check_handed_back(&invocations[2]);
    g_assert_false(executor_has_room(fixture.lend));
    executor_configure(fixture.lend, &options);
    g_assert_true(executor_has_room(fixture.lend));
    close_fixture(&fixture);
}

static void test_hang_up(void)
{
    Fixture fixture;
    TestInvocation invocations[3];

    open_usual(&fixture, 9);
    for (unsigned i = 0; i < 3; i++)
        lend_one(&fixture, &invocations[i]);
    WireResult result = good_result(&invocations[2]);
    uint8_t buffer[WIRE_FRAME_MAX], inner[WIRE_FRAME_MAX];
    LendFrame frame = {.type = LEND_RESULT, .id = invocations[2].id, .inner = inner};
    frame.inner_len = wire_encode_result(&result, inner);
    size_t len = lend_frame_encode(&frame, buffer);
    g_assert_cmpint(wire_try_send(fixture.borrower, buffer, len, NULL, 0), ==, WIRE_SENT);
    fd_clear(&fixture.borrower);
    turn();
    /* Earlier answers of the borrower count. */
    check_done(&invocations[2]);
    check_handed_back(&invocations[0]);
    check_handed_back(&invocations[1]);
    g_assert_cmpint(executor_busy(fixture.lend), ==, 0);
    g_assert_cmpint(lend_borrowers(fixture.lend), ==, 0);
    g_assert_null(lend_last_lie(fixture.lend));
    connect_borrower(&fixture);
    say(&fixture, LEND_HELLO, 0, 1);
    expect(&fixture, LEND_WELCOME, 0);
    close_fixture(&fixture);
}

/* An answer after the end of the lease is stale, and so is a second answer. */
static void test_late(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.lease_us = SHORT_US;
    open_greeted(&fixture, &options, 1);
    lend_one(&fixture, &invocation);
    wait_for(&invocation);
    check_handed_back(&invocation);
    expect(&fixture, LEND_RECALL, invocation.id);
    WireResult result = good_result(&invocation);
    for (int i = 0; i < 2; i++) {
        answer(&fixture, &invocation, &result, NULL);
        expect_verdict(&fixture, invocation.id, LEND_STALE);
    }
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect_verdict(&fixture, invocation.id, LEND_STALE);
    say(&fixture, LEND_BACK, invocation.id, 0);
    expect_verdict(&fixture, invocation.id, LEND_STALE);
    g_assert_cmpuint(invocation.calls, ==, 1);
    g_assert_cmpuint(invocation.opened, ==, 0);
    close_fixture(&fixture);
}

static void test_twice(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    WireResult result = good_result(&invocation);
    answer(&fixture, &invocation, &result, NULL);
    expect_verdict(&fixture, invocation.id, LEND_OK);
    answer(&fixture, &invocation, &result, NULL);
    expect_verdict(&fixture, invocation.id, LEND_STALE);
    check_done(&invocation);
    close_fixture(&fixture);
}

/* A borrower can neither answer nor open an invocation that is lent to another one. */
static void test_of_another(void)
{
    Fixture fixture;
    TestInvocation invocation;

    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    autofd first = fd_steal(&fixture.borrower);
    connect_borrower(&fixture);
    say(&fixture, LEND_HELLO, 0, 0);
    expect(&fixture, LEND_WELCOME, 0);
    WireResult result = good_result(&invocation);
    answer(&fixture, &invocation, &result, NULL);
    expect_verdict(&fixture, invocation.id, LEND_STALE);
    say(&fixture, LEND_OPEN, invocation.id, 0);
    expect_verdict(&fixture, invocation.id, LEND_STALE);
    g_assert_cmpuint(invocation.calls + invocation.opened, ==, 0);
    close_fixture(&fixture);
}

/* A borrower that does not read gets no more than its socket holds. The leases end its invocations.
 * It continues when it reads again. */
static void test_slow(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    g_autofree TestInvocation *invocations = g_new(TestInvocation, 5000);
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    unsigned n = 0, orders = 0, recalls = 0;
    int fd;

    options.window = 5000;
    options.lease_us = CLOCK_US_PER_SEC;
    open_greeted(&fixture, &options, 5000);
    while (n < 5000 && executor_has_room(fixture.lend))
        submit(&fixture, &invocations[n++]);
    g_assert_cmpuint(n, >, 10);
    g_assert_cmpuint(n, <, 5000);
    for (unsigned i = 0; i < n; i++)
        wait_for(&invocations[i]);
    for (unsigned i = 0; i < n; i++)
        check_handed_back(&invocations[i]);
    g_assert_false(executor_has_room(fixture.lend));
    while (hear(&fixture, buffer, &frame, &fd)) {
        orders += frame.type == LEND_ORDER;
        recalls += frame.type == LEND_RECALL;
    }
    g_assert_cmpuint(orders, ==, n);
    g_assert_cmpuint(recalls, ==, n);
    say(&fixture, LEND_ROOM, 0, 5000);
    TestInvocation invocation;
    lend_one(&fixture, &invocation);
    say(&fixture, LEND_BACK, invocation.id, 0);
    check_handed_back(&invocation);
    close_fixture(&fixture);
}

/* Frames of such a borrower are not read either, so that verdicts do not accumulate. No frame is
 * lost. */
static void test_slow_talker(void)
{
    Fixture fixture;
    uint8_t frame[WIRE_FRAME_MAX], buffer[WIRE_FRAME_MAX];
    const LendFrame back = {.type = LEND_BACK, .id = 1};
    size_t len = lend_frame_encode(&back, frame);
    unsigned said = 0, heard = 0;
    LendFrame verdict;
    int fd;

    open_usual(&fixture, 1);
    while (said < 100000 && wire_try_send(fixture.borrower, frame, len, NULL, 0) == WIRE_SENT) {
        said++;
        turn();
    }
    g_assert_cmpuint(said, <, 100000);
    g_assert_false(executor_has_room(fixture.lend));
    while (hear(&fixture, buffer, &verdict, &fd)) {
        g_assert_cmpint(verdict.verdict, ==, LEND_STALE);
        heard++;
    }
    g_assert_cmpuint(heard, ==, said);
    g_assert_true(executor_has_room(fixture.lend));
    expect_silence(&fixture);
    close_fixture(&fixture);
}

/* The end of the invocation submits the next one, perhaps to the borrower that has just ended. */
static void submit_again(const Answer *given, const InvocationUsage *usage, void *data)
{
    TestInvocation *invocation = data;
    const Invocation next = {
        .serial = 99, .kind = &thumbnail_kind, .order = &invocation->order, .source_fd = -1};

    on_done(given, usage, data);
    if (invocation->calls < 3)
        executor_submit(invocation->fixture->lend, &next, submit_again, invocation);
}

/* Without room, an invocation is handed back from the loop, and never within its submit. */
static void test_submit_at_an_end(void)
{
    Fixture fixture;
    TestInvocation invocation = {.fixture = &fixture};
    const Invocation work = {
        .serial = 1, .kind = &thumbnail_kind, .order = &invocation.order, .source_fd = -1};

    open_usual(&fixture, 1);
    executor_submit(fixture.lend, &work, submit_again, &invocation);
    g_assert_cmpuint(invocation.calls, ==, 0);
    fd_clear(&fixture.borrower);
    while (invocation.calls < 3) {
        unsigned before = invocation.calls;
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(invocation.calls, <=, before + 2);
    }
    g_assert_cmpint(executor_busy(fixture.lend), ==, 0);
    close_fixture(&fixture);
}

static void test_too_many(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    int kept[LEND_BORROWERS_MAX];

    open_fixture(&fixture, &options);
    for (int i = 1; i < LEND_BORROWERS_MAX; i++) {
        kept[i] = fd_steal(&fixture.borrower);
        connect_borrower(&fixture);
    }
    kept[0] = fd_steal(&fixture.borrower);
    connect_borrower(&fixture);
    expect_end(&fixture);
    for (int i = 0; i < LEND_BORROWERS_MAX; i++)
        fd_clear(&kept[i]);
    turn();
    connect_borrower(&fixture);
    say(&fixture, LEND_HELLO, 0, 1);
    expect(&fixture, LEND_WELCOME, 0);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lend/answers", test_answers);
    g_test_add_func("/lend/memory", test_memory);
    g_test_add_func("/lend/names", test_names);
    g_test_add_func("/lend/error", test_error);
    g_test_add_func("/lend/any-order", test_any_order);
    g_test_add_func("/lend/room", test_room);
    g_test_add_func("/lend/paused", test_paused);
    g_test_add_func("/lend/paused-late", test_paused_late);
    g_test_add_func("/lend/source-gone", test_source_gone);
    g_test_add_func("/lend/cancel", test_cancel);
    g_test_add_func("/lend/hang-up", test_hang_up);
    g_test_add_func("/lend/late", test_late);
    g_test_add_func("/lend/twice", test_twice);
    g_test_add_func("/lend/of-another", test_of_another);
    g_test_add_func("/lend/slow", test_slow);
    g_test_add_func("/lend/slow-talker", test_slow_talker);
    g_test_add_func("/lend/submit-at-an-end", test_submit_at_an_end);
    g_test_add_func("/lend/too-many", test_too_many);
    return g_test_run();
}
