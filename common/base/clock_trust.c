/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock_trust.h"

#define DAY_US CLOCK_TRUST_RUNNING_US

/*
 * A machine may stay off for a winter and may learn the time only after its start, so a jump ahead
 * of this length is still believed.
 */
#define OFF_MAX_US (100 * DAY_US)

/*
 * One check confirms at most this much running time: a machine that slept has not shown that its
 * clock is right.
 */
#define STEP_MAX_US (DAY_US / 24)

/*
 * True if `now_us` is plausible for a clock that showed `then_us` before `ran_us` of running time.
 */
static bool follows(int64_t then_us, int64_t now_us, int64_t ran_us)
{
    int64_t ahead_us = now_us - then_us - ran_us;

    return ahead_us >= -DAY_US && ahead_us <= OFF_MAX_US;
}

/* Takes the time of the clock as right. */
static void believe(ClockTrust *trust, int64_t now_us)
{
    *trust = (ClockTrust){.believed_us = now_us};
}

bool clock_trust_check(ClockTrust *trust, int64_t now_us, int64_t ran_us)
{
    bool was_doubted = trust->doubted_us != 0;

    if (trust->believed_us == 0 || follows(trust->believed_us, now_us, ran_us)) {
        believe(trust, now_us);
        return was_doubted;
    }
    trust->believed_us += ran_us;
    if (!was_doubted || !follows(trust->doubted_us, now_us, ran_us)) {
        trust->doubted_us = now_us;
        trust->running_us = 0;
        return true;
    }
    trust->doubted_us = now_us;
    trust->running_us += ran_us < STEP_MAX_US ? ran_us : STEP_MAX_US;
    if (trust->running_us < CLOCK_TRUST_RUNNING_US)
        return false;
    believe(trust, now_us);
    return true;
}

bool clock_trust_is_ahead(const ClockTrust *trust)
{
    return trust->doubted_us > trust->believed_us;
}
