/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trigger_edit.h"

#include "base/clock.h"
#include "base/error.h"

/* Changes the state. Returns false if it is so already. */
static bool change_state(TriggerState *state, const ControlTrigger *request)
{
    bool was_paused = state->is_paused;

    if (request->action == CONTROL_TRIGGER_REWIND) {
        state->cursor = MIN(state->cursor, request->to);
        /*
         * The result of a command that runs now moves no cursor. The time makes it a generation
         * that neither a retried dead letter nor an earlier trigger of this name has had: a
         * receiver would take its batches for known ones.
         */
        state->generation =
            MAX(state->generation + 1, (uint32_t)(clock_wall_us() / CLOCK_US_PER_SEC));
        return true;
    }
    state->is_paused = request->action == CONTROL_TRIGGER_PAUSE;
    return state->is_paused != was_paused;
}

bool trigger_edit(Store *store, const ControlTrigger *request, DeliveryEdit *edit, GError **error)
{
    bool is_retry = request->action == CONTROL_TRIGGER_RETRY;
    TriggerState state;
    bool found = false;

    if (is_retry || request->action == CONTROL_TRIGGER_DROP) {
        edit->trigger = request->name;
        edit->drops = !is_retry;
        edit->now_us = clock_wall_us();
        return store_edit_deliveries(store, edit, error);
    }
    edit->has_ended = true;
    if (*request->name && !store_peek_trigger(store, request->name, &found, &state, error))
        return false;
    if (!found) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "no daemon has run with a trigger '%s' yet; 'thumbq trigger' lists them",
                    request->name);
        return false;
    }
    edit->changed = change_state(&state, request);
    return edit->changed == 0 || store_put_trigger(store, request->name, &state, error);
}
