/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/window.h"

#include <string.h>

WindowTurn window_turn(const char *run)
{
    if (strcmp(run, "pause backfill") == 0)
        return WINDOW_PAUSE;
    return strcmp(run, "resume backfill") == 0 ? WINDOW_RESUME : WINDOW_NONE;
}

static bool has_turn(const Config *config, WindowTurn turn)
{
    for (size_t i = 0; i < config->n_schedules; i++) {
        if (window_turn(config->schedules[i].run) == turn)
            return true;
    }
    return false;
}

bool window_is_used(const Config *config)
{
    return has_turn(config, WINDOW_PAUSE) && has_turn(config, WINDOW_RESUME);
}

bool window_is_closed(const Config *config, const StoreWindow *window)
{
    return window->is_paused && window_is_used(config);
}

const char *window_objection(const Config *config, WindowTurn turn)
{
    if (turn == WINDOW_NONE || window_is_used(config))
        return NULL;
    return turn == WINDOW_PAUSE
               ? "run: no schedule has 'run = resume backfill': back-fill would wait for ever"
               : "run: no schedule has 'run = pause backfill': there is nothing to resume";
}
