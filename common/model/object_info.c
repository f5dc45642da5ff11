/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object_info.h"

#include <string.h>

static const char *const state_names[STATES_END] = {
    [STATE_PENDING] = "pending", [STATE_RUNNING] = "running", [STATE_DONE] = "done",
    [STATE_SKIPPED] = "skipped", [STATE_DEAD] = "dead",
};

const char *state_name(ObjectState state)
{
    bool is_known = state >= STATE_PENDING && state < STATES_END;
    return is_known ? state_names[state] : "unknown";
}

bool state_from_name(const char *name, ObjectState *ret_state)
{
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        if (strcmp(state_names[state], name) == 0) {
            *ret_state = (ObjectState)state;
            return true;
        }
    }
    return false;
}

const char *priority_name(Priority priority)
{
    switch (priority) {
    case PRIORITY_UPLOAD:
        return "upload";
    case PRIORITY_SCAN:
        return "scan";
    case PRIORITY_BACKFILL:
        return "backfill";
    }
    return "unknown";
}
