/* SPDX-License-Identifier: Apache-2.0 */
/* Passes: their order, their slices and their waits. */
#include "pass_fixture.h"

/* Runs until a queue has nothing to do. */
static void run(House *house)
{
    g_main_loop_run(house->loop);
}

static void test_one_after_another(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 1);
    start(house, &sweep, 'b', 1);
    /* The pass runs from the loop, and not before. */
    expect(house, "");
    g_assert_false(passes_is_empty(house->passes, PASS_SWEEPS));
    run(house);
    expect(house, "a( a1 a) a. b( b1 b) b. ");
    g_assert_true(passes_is_empty(house->passes, PASS_SWEEPS));
    g_assert_cmpint(house->rests, ==, 1);
    free_house(house);
}

static void test_queues_by_priority(void)
{
    House *house = new_house();

    start(house, &sweep, 's', 4);
    start(house, &walk, 'w', 4);
    run_all();
    expect(house, "w( w1 w2 w| w3 w4 w) w. s( s1 s2 s| s3 s4 s) s. ");
    g_assert_cmpint(house->rests, ==, 2);
    free_house(house);
}

/* Two queues of the same priority do not wait for each other's end. */
static void test_queues_beside_each_other(void)
{
    House *house = new_house();

    start(house, &sweep, 's', 5);
    start(house, &job, 'j', 5);
    run_all();
    expect(house, "s( s1 s2 s| j( j1 j2 j| s3 s4 s5 s| j3 j4 j5 j| s) s. j) j. ");
    free_house(house);
}

static void test_end_starts_another(void)
{
    House *house = new_house();
    Work *first = start(house, &sweep, 'a', 1);

    first->next_kind = &sweep;
    first->next_work = work_of(house, 'b', 0);
    run(house);
    expect(house, "a( a1 a) a. b( b) b. ");
    free_house(house);
}

static void test_time(void)
{
    House *house = new_house();
    Work *slow = start(house, &sweep, 'a', 4);

    /* The second row ends the slice, which may take 1000 microseconds. */
    slow->row_us = 600;
    run(house);
    expect(house, "a( a1 a2 a| a3 a4 a| a) a. ");
    free_house(house);
}

static void test_rows(void)
{
    House *house = new_house();

    start(house, &bare, 'a', 7);
    g_main_context_iteration(NULL, FALSE);
    expect(house, "a1 a2 a3 ");
    g_main_context_iteration(NULL, FALSE);
    expect(house, "a4 a5 a6 ");
    g_main_context_iteration(NULL, FALSE);
    expect(house, "a7 a. ");
    free_house(house);
}

static void test_small_ones_share_a_slice(void)
{
    static const PassKind roomy = {
        .queue = PASS_SWEEPS, .budget = {1000, 100}, .next = next, .free = free_work};
    House *house = new_house();

    start(house, &roomy, 'a', 1);
    /* This row ends the slice. */
    start(house, &roomy, 'b', 1)->row_us = 1000;
    start(house, &roomy, 'c', 1);
    g_main_context_iteration(NULL, FALSE);
    expect(house, "a1 a. b1 ");
    g_main_context_iteration(NULL, FALSE);
    expect(house, "b. c1 c. ");
    free_house(house);
}

static void test_freed_in_the_middle(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 7);
    start(house, &sweep, 'b', 7);
    g_main_context_iteration(NULL, FALSE);
    passes_free(house->passes);
    /* Neither pass has ended or is lost. */
    expect(house, "a( a1 a2 a| a. b. ");
    house->passes = NULL;
    run_all();
    expect(house, "");
    free_house(house);
}

static void test_waiting_lets_others_go_first(void)
{
    House *house = new_house();
    Work *first = start(house, &sweep, 'a', 2);

    first->waits_at = 2;
    start(house, &sweep, 'b', 0);
    run(house);
    expect(house, "a( a1 a? a| b( b) b. ");
    g_assert_true(passes_is_idle(house->passes, PASS_SWEEPS));
    g_assert_false(passes_is_empty(house->passes, PASS_SWEEPS));
    run_all();
    expect(house, "");
    passes_wake(house->passes, PASS_SWEEPS);
    run(house);
    expect(house, "a2 a) a. ");
    free_house(house);
}

static void test_waiting_before_it_begins(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 1)->waits_first = true;
    run(house);
    expect(house, "a( a| ");
    passes_wake(house->passes, PASS_SWEEPS);
    run(house);
    expect(house, "a( a1 a) a. ");
    free_house(house);
}

/* The wake-up comes before the pass has said that it waits. */
static void test_woken_within_a_row(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 1)->wakes_at = 1;
    run(house);
    expect(house, "a( a| a1 a) a. ");
    free_house(house);
}

static bool has_name(const void *work, const void *name)
{
    return ((const Work *)work)->name == *(const char *)name;
}

static void test_find(void)
{
    House *house = new_house();
    void *second;

    start(house, &sweep, 'a', 1);
    second = start(house, &sweep, 'b', 1);
    g_assert_true(passes_find(house->passes, &sweep, has_name, "b") == second);
    g_assert_null(passes_find(house->passes, &sweep, has_name, "c"));
    g_assert_null(passes_find(house->passes, &bare, NULL, NULL));
    run_all();
    g_assert_null(passes_find(house->passes, &sweep, has_name, "b"));
    free_house(house);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pass/order/one-after-another", test_one_after_another);
    g_test_add_func("/pass/order/priority", test_queues_by_priority);
    g_test_add_func("/pass/order/beside", test_queues_beside_each_other);
    g_test_add_func("/pass/order/end-starts-another", test_end_starts_another);
    g_test_add_func("/pass/slice/time", test_time);
    g_test_add_func("/pass/slice/rows", test_rows);
    g_test_add_func("/pass/slice/shared", test_small_ones_share_a_slice);
    g_test_add_func("/pass/slice/freed", test_freed_in_the_middle);
    g_test_add_func("/pass/wait/others-first", test_waiting_lets_others_go_first);
    g_test_add_func("/pass/wait/before-it-begins", test_waiting_before_it_begins);
    g_test_add_func("/pass/wait/woken-within-a-row", test_woken_within_a_row);
    g_test_add_func("/pass/find", test_find);
    return g_test_run();
}
