/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides whether the wall clock is right enough to delete old data by it. A clock that jumps years
 * ahead makes everything old at once, so a day of running has to confirm such a jump first. Plain
 * data and arithmetic: time is an argument, and the caller keeps the struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* State of the check. All zero at first: the first time that the clock shows is believed. */
typedef struct {
    /* Latest wall clock time that is believed; 0: no clock was read yet. */
    int64_t believed_us;
    /* Wall clock time that is in doubt; 0: the clock is believed. */
    int64_t doubted_us;
    /* Time that thumbq has run since the clock is in doubt. */
    int64_t running_us;
} ClockTrust;

/* Running time that confirms a clock in doubt. */
#define CLOCK_TRUST_RUNNING_US (INT64_C(86400) * 1000000)

/*
 * Checks the clock. `now_us` is the wall clock, `ran_us` the time since the previous check of this
 * process by a clock that cannot be set; 0 for the first check. Call it at least once an hour.
 * Returns true if the clock has become trusted or has become doubtful.
 */
bool clock_trust_check(ClockTrust *trust, int64_t now_us, int64_t ran_us);

/* True while the wall clock is ahead of the believed time: nothing may be deleted for its age. */
bool clock_trust_is_ahead(const ClockTrust *trust);
