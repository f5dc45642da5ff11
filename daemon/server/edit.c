/* SPDX-License-Identifier: Apache-2.0 */
#include "server/edit.h"

#include "base/clock.h"
#include "base/error.h"
#include "model/object.h"

bool edit_object(Store *store, ControlEditAction action, const char *key, bool *ret_changed,
                 GError **error)
{
    Record record;
    bool found;

    if (!object_key_is_valid(key)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "no object can have this name: '%s'", key);
        return false;
    }
    if (!store_peek(store, key, &found, &record, error))
        return false;
    *ret_changed = found && record.state == STATE_DEAD;
    if (!*ret_changed)
        return true;
    return action == CONTROL_EDIT_DROP
               ? store_drop(store, key, clock_wall_us(), &found, error)
               : store_requeue(store, key, PRIORITY_UPLOAD, clock_wall_us(), &found, error);
}
