/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/spell.h"

bool spell_note(Spell *spell, int64_t now_us)
{
    bool is_again = spell->ended_us > 0 && now_us - spell->ended_us < SPELL_QUIET_US;
    bool log = !spell->is_logged && !is_again;

    spell->is_on = true;
    spell->noted_us = now_us;
    spell->is_logged |= log;
    return log;
}

bool spell_end(Spell *spell, int64_t now_us)
{
    bool log = spell->is_logged;

    if (spell->is_on)
        spell->ended_us = now_us;
    spell->is_on = spell->is_logged = false;
    return log;
}

void spell_lapse(Spell *spell, int64_t now_us)
{
    if (spell->is_on && now_us - spell->noted_us > SPELL_QUIET_US)
        /* Only the begin of such a spell is logged. */
        (void)spell_end(spell, spell->noted_us);
}
