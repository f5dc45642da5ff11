/* SPDX-License-Identifier: Apache-2.0 */
#include "model/invocation_json.h"

#include "base/uuid.h"
#include "model/json_value.h"

#include <glib.h>

json_t *invocation_json(const Attempt *attempt)
{
    g_autofree char *request_id = uuid_format(attempt->request_id);
    json_t *json = json_object();

    json_object_set_new(json, "request_id", json_string(request_id));
    json_object_set_new(json, "start", json_value_millis(attempt->start_us));
    json_object_set_new(json, "duration_ms", json_value_ms(attempt->duration_us));
    json_object_set_new(json, "cpu_ms", json_value_ms(attempt->cpu_us));
    json_object_set_new(json, "memory_bytes", json_integer(attempt->memory_bytes));
    json_object_set_new(json, "error", json_value_error_name(attempt->error));
    return json;
}
