/* SPDX-License-Identifier: Apache-2.0 */
#include "cron_private.h"

#include "clock.h"

#define MINUTE_US (60 * CLOCK_US_PER_SEC)

/* How much further back is looked each time that too few have been found. */
#define WINDOW_STEP 8

/* Every interval since `after_us` is a time; only rate() counts from there. */
static bool missed_by_rate(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max,
                           int64_t *ret_us)
{
    int64_t n = (until_us - after_us) / cron->rate_us;

    if (n == 0)
        return false;
    *ret_us = after_us + MAX(n - max + 1, 1) * cron->rate_us;
    return true;
}

/* The newest `max` times in (from_us, until_us] end up in `ring`; returns how many there are. */
static uint64_t collect(const Cron *cron, int64_t from_us, int64_t until_us, unsigned max,
                        int64_t ring[static CRON_MISSED_MAX])
{
    uint64_t n = 0;

    for (int64_t at_us = from_us; cron_next(cron, at_us, &at_us) && at_us <= until_us;)
        ring[n++ % max] = at_us;
    return n;
}

bool cron_missed(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max,
                 int64_t *ret_us)
{
    int64_t ring[CRON_MISSED_MAX];
    uint64_t n;

    after_us = MAX(after_us, -1); /* no schedule is due before 1970 */
    max = MIN(max, CRON_MISSED_MAX);
    if (max == 0 || until_us <= after_us)
        return false;
    if (cron->kind == CRON_RATE)
        return missed_by_rate(cron, after_us, until_us, max, ret_us);

    /* From the end, so that a year of minutes is not gone through for the last of them. */
    for (int64_t window_us = max * MINUTE_US;; window_us *= WINDOW_STEP) {
        int64_t from_us = until_us - after_us > window_us ? until_us - window_us : after_us;
        n = collect(cron, from_us, until_us, max, ring);
        if (n >= max || from_us == after_us)
            break;
    }
    if (n == 0)
        return false;
    *ret_us = ring[n < max ? 0 : n % max];
    return true;
}
