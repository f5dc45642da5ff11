/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/window_switch.h"

struct WindowSwitch {
    /* All zero without schedules that turn the switch. */
    StoreWindow state;
    /* The state is that of the store, or newer. */
    bool is_known;
};

WindowSwitch *window_switch_new(void)
{
    return g_new0(WindowSwitch, 1);
}

void window_switch_free(WindowSwitch *window)
{
    g_free(window);
}

bool window_switch_read(WindowSwitch *window, StoreSnapshot *snapshot, GError **error)
{
    if (!window->is_known && !store_get_window(snapshot, &window->state, error))
        return false;
    window->is_known = true;
    return true;
}

bool window_switch_is_closed(const WindowSwitch *window, const Config *config)
{
    return window_is_closed(config, &window->state);
}

void window_switch_apply(const WindowSwitch *window, const Config *config, Store *store)
{
    if (store)
        store_hold_backfill(store, window_switch_is_closed(window, config));
}

const char *window_switch_turn(WindowSwitch *window, WindowTurn turn, int64_t due_us)
{
    if (due_us < window->state.due_us)
        return "no change: another schedule was due later";
    window->state = (StoreWindow){.is_paused = turn == WINDOW_PAUSE, .due_us = due_us};
    return turn == WINDOW_PAUSE ? "back-fill is paused" : "back-fill goes on";
}

const StoreWindow *window_switch_state(const WindowSwitch *window)
{
    return &window->state;
}
