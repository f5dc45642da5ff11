/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the due times of a schedule that were missed. */
#include "clock/cron_private.h"

#include "base/clock.h"

/* The search window grows by this factor while it has too few times. */
#define WINDOW_STEP 8

/*
 * Finds the missed times of rate(...). Each multiple of the interval since `after_us` is a time;
 * only rate() counts from `after_us`.
 */
static bool missed_by_rate(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max,
                           int64_t *ret_us)
{
    int64_t n = (until_us - after_us) / cron->rate_us;

    if (n == 0)
        return false;
    *ret_us = after_us + MAX(n - max + 1, 1) * cron->rate_us;
    return true;
}

/*
 * Collects the newest `max` times in (from_us, until_us] in `ring`; returns the number of all
 * times.
 */
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

    /* No schedule is due before 1970. */
    after_us = MAX(after_us, -1);
    max = MIN(max, CRON_MISSED_MAX);
    if (max == 0 || until_us <= after_us)
        return false;
    if (cron->kind == CRON_RATE)
        return missed_by_rate(cron, after_us, until_us, max, ret_us);

    /*
     * The search begins at the end, so that it does not step through a year of minutes to find the
     * last ones.
     */
    for (int64_t window_us = max * CLOCK_MINUTE_US;; window_us *= WINDOW_STEP) {
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
