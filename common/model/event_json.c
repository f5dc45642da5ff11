/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event_json.h"

#include "model/json_value.h"

#include <inttypes.h>

json_t *event_json(const Event *event)
{
    json_t *object = json_object();

    json_object_set_new(object, "sequencer", json_sprintf("%016" PRIX64, event->sequencer));
    json_object_set_new(object, "time", json_value_millis(event->time_us));
    json_object_set_new(object, "event", json_string(event_type_name(event->type)));
    json_object_set_new(object, "size", json_integer(event->size));
    json_object_set_new(object, "error", json_value_error_name(event->error));
    return object;
}
