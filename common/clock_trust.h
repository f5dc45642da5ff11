/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the wall clock can be believed by whoever deletes what is old. A clock that jumped years
 * ahead makes everything old at once, so a jump has to be confirmed by a day of running first.
 * Plain data and arithmetic: time is an argument, the caller keeps the struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zero at first: the first clock that is seen is believed. */
typedef struct {
    int64_t believed_us; /* wall clock as far as it is believed; 0: none has been seen */
    int64_t doubted_us;  /* what the clock says instead; 0: it is believed */
    int64_t running_us;  /* time that thumbq has run with that clock */
} ClockTrust;

/* The time of running that confirms a clock. */
#define CLOCK_TRUST_RUNNING_US (INT64_C(86400) * 1000000)

/*
 * Takes a look at the clock: `now_us` is what it says, `ran_us` the time that has passed since the
 * last look of this process by a clock that nobody sets; 0 for its first. To be called at least
 * once an hour. Returns true if the belief in the clock has changed.
 */
bool clock_trust_look(ClockTrust *trust, int64_t now_us, int64_t ran_us);

/* True while the clock is ahead of what is believed: nothing may be deleted for its age. */
bool clock_trust_is_ahead(const ClockTrust *trust);
