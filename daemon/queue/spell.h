/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spell of trouble that is logged once: its begin, and, if that was logged, its end. A spell that
 * begins within SPELL_QUIET_US of the end of the last one counts as the same trouble, and is logged
 * only if it lasts. All zero at first. Times are of the monotonic clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* One minute. */
#define SPELL_QUIET_US (60 * INT64_C(1000000))

typedef struct {
    bool is_on;
    bool is_logged;
    /* Time of the last spell_note. */
    int64_t noted_us;
    /* End of the last spell; 0: there was none. */
    int64_t ended_us;
} Spell;

/* Notes that the trouble exists. Returns true if the caller should log it. */
bool spell_note(Spell *spell, int64_t now_us);

/* Notes that the trouble does not exist. Returns true if a logged spell has ended. */
bool spell_end(Spell *spell, int64_t now_us);

/* For trouble without a visible end: ends the spell at its last note, if that is longer ago than
 * SPELL_QUIET_US. Call it before spell_note. */
void spell_lapse(Spell *spell, int64_t now_us);
