/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage plans: how many requests each key may make. A rate with a burst is a bucket of tokens in
 * memory, on the monotonic clock. A quota counts the requests of a period of the calendar (UTC), in
 * a file of the state folder: each request is written before it is served, so that a killed gateway
 * has lost none. A power cut can lose those of the last half minute, as the file is not synced.
 */
#pragma once

#include "gateway_config.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PLANS_FILE "usage"

typedef enum {
    PLAN_ALLOWED,
    /* More requests than the rate and the burst allow. */
    PLAN_RATE,
    /* The quota of the period is used up. */
    PLAN_QUOTA,
} PlanVerdict;

/* The time of a request, of both clocks. */
typedef struct {
    int64_t wall_us, monotonic_us;
} PlanTime;

typedef struct Plans Plans;

/*
 * Opens the counters in the state folder `state_fd`, which outlives them. A file that is not one of
 * counters is renamed to PLANS_FILE ".damaged"; *ret_damaged says so. `now_us` is of the wall
 * clock. Owner: plans_free. Errors: ERROR_NOT_TRUSTED, as error_set_errno.
 */
Plans *plans_open(int state_fd, int64_t now_us, bool *ret_damaged, GError **error);
void plans_free(Plans *plans);

/*
 * Makes this process the only one that counts in the state folder, until it ends. A gateway whose
 * configuration has usage plans needs that: two processes would each allow the whole plan. Errors:
 * ERROR_LOCKED if another gateway has claimed them, as error_set_errno.
 */
bool plans_claim(Plans *plans, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plans, plans_free)

/*
 * Counts a request of the key `id` under `plan`. If the verdict is not PLAN_ALLOWED, the request is
 * not counted, and *ret_retry_s is the number of seconds until another one is worthwhile. A counter
 * that cannot be written still counts in this process.
 */
PlanVerdict plans_count(Plans *plans, const char *id, const PlanConfig *plan, PlanTime now,
                        int64_t *ret_retry_s);

/* Number of requests of the key in the current period. */
int64_t plans_used(const Plans *plans, const char *id);

/* Start of the period that `wall_us` is in. *ret_end_us is its end. Both of the wall clock. Pure.
 */
int64_t plans_period(QuotaPeriod period, int64_t wall_us, int64_t *ret_end_us);
