/* SPDX-License-Identifier: Apache-2.0 */
/* The events of an object are listed in their order, whatever the clocks showed. */
#include "views/story.h"

#include "base/clock.h"

#define START_US (1700000000 * CLOCK_US_PER_SEC)

static void add_event(Story *story, EventType type, int64_t at_us)
{
    Event event = {.time_us = START_US + at_us, .type = type, .key = "a.png", .detail = ""};
    story_add_event(story, &event);
}

static void add_attempt(Story *story, int64_t at_us, int64_t duration_us)
{
    Attempt attempt = {.start_us = START_US + at_us, .duration_us = duration_us};
    story_add_attempt(story, &attempt);
}

/* Asserts that `words` are the first words of the moments, and that the times never go back. */
static void check(Story *story, const char *const *words)
{
    story_sort(story);
    for (size_t i = 0; i < story_length(story); i++) {
        const Moment *moment = story_moment(story, i);
        g_assert_nonnull(words[i]);
        g_assert_true(g_str_has_prefix(moment->text, words[i]));
        if (i > 0)
            g_assert_cmpint(moment->time_us, >=, story_moment(story, i - 1)->time_us);
    }
    g_assert_null(words[story_length(story)]);
}

static void test_in_order(void)
{
    static const char *const words[] = {"uploaded", "attempt", "ended", "done", NULL};
    g_autoptr(Story) story = story_new();
    add_event(story, EVENT_CREATED, 0);
    add_event(story, EVENT_DONE, 9000);
    add_attempt(story, 1000, 7000);
    check(story, words);
    g_assert_cmpint(story_moment(story, 2)->time_us, ==, START_US + 8000);
}

/* The monotonic clock of the duration ran faster than the wall clock of the event. */
static void test_end_after_its_outcome(void)
{
    static const char *const words[] = {"uploaded", "attempt", "ended", "done", NULL};
    g_autoptr(Story) story = story_new();
    add_event(story, EVENT_CREATED, 0);
    add_event(story, EVENT_DONE, 9000);
    add_attempt(story, 1000, 8300);
    check(story, words);
}

static void test_same_time(void)
{
    static const char *const words[] = {"uploaded", "attempt", "ended", "done", NULL};
    g_autoptr(Story) story = story_new();
    add_event(story, EVENT_CREATED, 1000);
    add_event(story, EVENT_DONE, 9000);
    add_attempt(story, 1000, 8000);
    check(story, words);
}

/* Each attempt ends no later than its own outcome. */
static void test_attempts(void)
{
    static const char *const words[] = {"uploaded", "attempt", "ended", "to be tried",
                                        "attempt",  "ended",   "done",  NULL};
    g_autoptr(Story) story = story_new();
    add_event(story, EVENT_CREATED, 0);
    add_event(story, EVENT_RETRY, 2000);
    add_event(story, EVENT_DONE, 4000);
    add_attempt(story, 1000, 1001);
    add_attempt(story, 3000, 1900);
    check(story, words);
    g_assert_cmpint(story_moment(story, 2)->time_us, ==, START_US + 2000);
}

/* An attempt without an outcome in the log ends after its duration. */
static void test_no_outcome(void)
{
    static const char *const words[] = {"uploaded", "attempt", "ended", NULL};
    g_autoptr(Story) story = story_new();
    add_event(story, EVENT_CREATED, 0);
    add_attempt(story, 1000, 5000);
    check(story, words);
    g_assert_cmpint(story_moment(story, 2)->time_us, ==, START_US + 6000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/story/in-order", test_in_order);
    g_test_add_func("/story/end-after-its-outcome", test_end_after_its_outcome);
    g_test_add_func("/story/same-time", test_same_time);
    g_test_add_func("/story/attempts", test_attempts);
    g_test_add_func("/story/no-outcome", test_no_outcome);
    return g_test_run();
}
