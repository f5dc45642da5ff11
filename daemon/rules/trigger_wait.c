/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_wait.h"

#include "base/clock.h"
#include "base/log.h"

#define SHORTEST_US     CLOCK_US_PER_SEC
#define DOUBLED_AT_MOST 10
/* A receiver may ask for a shorter wait, which would keep the loop busy. */
#define WANTED_MIN_US (100 * CLOCK_US_PER_MS)

static const char *name_of(const Trigger *trigger, const TriggerWait *wait)
{
    return wait == &trigger->wait ? "its events wait" : "its failed batches wait";
}

int64_t trigger_wait_begin(const Trigger *trigger, TriggerWait *wait, const char *why,
                           int64_t wanted_us, int64_t longest_us)
{
    int64_t wait_us = MIN(SHORTEST_US << MIN(wait->n, DOUBLED_AT_MOST), longest_us);

    if (wanted_us > 0)
        wait_us = MAX(wanted_us, WANTED_MIN_US);
    if (wait->n++ == 0)
        log_warning("trigger '%s': %s; %s", trigger->name, why, name_of(trigger, wait));
    wait->is_logged = true;
    wait->until_us = clock_monotonic_us() + wait_us;
    return wait_us;
}

void trigger_wait_end(const Trigger *trigger, TriggerWait *wait)
{
    if (wait->is_logged)
        log_info("trigger '%s': %s no longer", trigger->name, name_of(trigger, wait));
    wait->n = 0;
    wait->is_logged = false;
}

void trigger_wait_reset(TriggerWait *wait)
{
    wait->n = 0;
    wait->until_us = 0;
}
