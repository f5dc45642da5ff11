/* SPDX-License-Identifier: Apache-2.0 */
/* Passes whose batch is lost. */
#include "pass_fixture.h"

static void test_lost_within_a_row(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 5)->loses_at = 2;
    start(house, &sweep, 'b', 5);
    run_all();
    expect(house, "a( a1 a2 a! a. b! b. ");
    /* No failure has to be reported. */
    g_assert_cmpint(house->failures, ==, 0);
    free_house(house);
}

static void test_row_fails(void)
{
    House *house = new_house();

    start(house, &walk, 'w', 5)->fails_at = 1;
    start(house, &sweep, 's', 5);
    run_all();
    expect(house, "w( w1 failed w! w. s! s. ");
    g_assert_cmpint(house->failures, ==, 1);
    free_house(house);
}

static void test_other_functions_fail(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 1)->fails_first = true;
    run_all();
    expect(house, "a( failed a! a. ");
    passes_resumed(house->passes);
    start(house, &sweep, 'b', 5)->fails_to_rest = true;
    run_all();
    expect(house, "b( b1 b2 b| failed b! b. ");
    passes_resumed(house->passes);
    start(house, &sweep, 'c', 0)->fails_at_end = true;
    run_all();
    expect(house, "c( c) failed c! c. ");
    passes_resumed(house->passes);
    start(house, &sweep, 'd', 0)->commits_at_end = true;
    run_all();
    expect(house, "d( d) d! d. ");
    g_assert_cmpint(house->failures, ==, 3);
    free_house(house);
}

/* The batch is lost from outside in the middle of a pass; other passes wait. */
static void test_lost_between_slices(void)
{
    House *house = new_house();

    start(house, &sweep, 'a', 5)->waits_at = 1;
    start(house, &sweep, 'b', 5);
    g_main_context_iteration(NULL, FALSE);
    expect(house, "a( a? a| b( b| ");
    passes_lost(house->passes);
    /* The caller may be anywhere, so the passes end from the loop. */
    expect(house, "");
    g_assert_false(passes_is_idle(house->passes, PASS_SWEEPS));
    run_all();
    expect(house, "a! a. b! b. ");
    free_house(house);
}

/* The loop was busy, so the store accepts changes again before the lost passes have ended. */
static void test_resumed_before_the_end(void)
{
    House *house = new_house();
    void *first = start(house, &sweep, 'a', 1);

    g_assert_true(passes_find(house->passes, &sweep, NULL, NULL) == first);
    passes_lost(house->passes);
    passes_resumed(house->passes);
    g_assert_null(passes_find(house->passes, &sweep, NULL, NULL));
    start(house, &sweep, 'b', 1);
    run_all();
    expect(house, "a! a. b( b1 b) b. ");
    free_house(house);
}

/* A pass that starts while nothing can be changed runs if the store accepts changes again before
 * its turn. */
static void test_started_while_lost(void)
{
    House *house = new_house();

    passes_lost(house->passes);
    start(house, &sweep, 'a', 1);
    run_all();
    expect(house, "a! a. ");
    start(house, &sweep, 'b', 1);
    passes_resumed(house->passes);
    run_all();
    expect(house, "b( b1 b) b. ");
    free_house(house);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pass/lost/within-a-row", test_lost_within_a_row);
    g_test_add_func("/pass/lost/row-fails", test_row_fails);
    g_test_add_func("/pass/lost/others-fail", test_other_functions_fail);
    g_test_add_func("/pass/lost/between-slices", test_lost_between_slices);
    g_test_add_func("/pass/lost/resumed", test_resumed_before_the_end);
    g_test_add_func("/pass/lost/started", test_started_while_lost);
    return g_test_run();
}
