/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks that are trusted when objects are to be deleted because of their age. */
#include "base/clock_trust.h"

#include <glib.h>

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US  (24 * HOUR_US)
#define NOW_US  (20000 * DAY_US)

/* A number of hours of running, with a check in each, and the days since NOW_US that the clock
 * shows at their end. */
typedef struct {
    double days;
    /* 0: the first check of a process. */
    int hours;
    /* Expected result after the hours. */
    bool is_ahead;
} ClockCheck;

#define CHECKS_MAX 8

typedef struct {
    const char *name;
    /* The last one is all zero. */
    ClockCheck checks[CHECKS_MAX];
} Case;

static const Case cases[] = {
    {"runs", {{0.01, 0, false}, {0.5, 12, false}, {1, 12, false}}},
    {"was-off-for-months", {{0.01, 0, false}, {90, 0, false}}},
    {"slept-for-a-month", {{0.01, 0, false}, {30, 1, false}}},
    {"ahead-while-off", {{0.01, 0, false}, {1461, 0, true}}},
    {"ahead-while-running", {{0.01, 0, false}, {1461, 1, true}}},
    {"restarts-confirm-nothing",
     {{0.01, 0, false}, {1461, 0, true}, {1462, 0, true}, {1530, 0, true}}},
    {"a-day-of-running-confirms",
     {{0.01, 0, false}, {1461, 0, true}, {1461.5, 12, true}, {1461.9, 10, true}, {1462, 2, false}}},
    {"a-day-in-parts-confirms",
     {{0.01, 0, false}, {1461, 0, true}, {1461.75, 18, true}, {1470, 0, true}, {1470.3, 7, false}}},
    {"set-right-again", {{0.01, 0, false}, {1461, 1, true}, {0.2, 1, false}}},
    {"jumps-once-more",
     {{0.01, 0, false}, {1461, 0, true}, {1461.9, 22, true}, {5000, 1, true}, {5000.1, 2, true}}},
    /* The clock is at 1970 at each start, until the network sets it. */
    {"no-battery",
     {{0.01, 0, false}, {-19999, 0, false}, {1, 0, false}, {-19999, 0, false}, {2, 0, false}}},
    /* A clock that was set back is trusted after a day of running, too. */
    {"was-wrong-before",
     {{0.01, 0, false}, {-1461, 0, false}, {-1460, 24, false}, {0.01, 1, true}}},
};

static void test_case(const void *data)
{
    const Case *row = data;
    ClockTrust trust = {0};

    for (size_t i = 0; i < CHECKS_MAX && row->checks[i].days != 0; i++) {
        const ClockCheck *check = &row->checks[i];
        int64_t end_us = NOW_US + (int64_t)(check->days * DAY_US);
        for (int left = MAX(check->hours, 1); left > 0; left--)
            (void)clock_trust_check(&trust, end_us - (left - 1) * HOUR_US,
                                    check->hours > 0 ? HOUR_US : 0);
        g_test_message("check %zu", i);
        g_assert_cmpint(clock_trust_is_ahead(&trust), ==, check->is_ahead);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/clock_trust/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
