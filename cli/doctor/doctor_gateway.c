/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway checks itself: its program knows the configuration, and this one links none of it. */
#include "doctor/doctor.h"

#include "gateway_child.h"
#include "handler_path.h"

#include <string.h>

#define GROUP "gateway"

static DoctorStatus parse_status(const char *name)
{
    return strcmp(name, "ok") == 0        ? DOCTOR_OK
           : strcmp(name, "warning") == 0 ? DOCTOR_WARNING
                                          : DOCTOR_FAILED;
}

/* Adds the row in a line of JSON. False: the line has none. */
static bool add_row(Doctor *doctor, const char *line)
{
    json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *status = json_string_value(json_object_get(row, "status"));
    const char *result = json_string_value(json_object_get(row, "result"));
    const char *advice = json_string_value(json_object_get(row, "advice"));
    bool ok = name && status && result;

    if (ok) {
        doctor_add(doctor, GROUP, g_intern_string(name), parse_status(status), "%s", result);
        if (advice)
            doctor_advise(doctor, "%s", advice);
    }
    json_decref(row);
    return ok;
}

void doctor_check_gateway(Doctor *doctor)
{
    g_autofree char *program = handler_path_of(GATEWAY_PROGRAM, NULL, NULL);
    const char *const words[] = {program, "check", NULL};
    g_autofree char *output = NULL, *log = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    /* The package is optional. */
    if (!program)
        return;
    if (!g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, &log,
                      &status, &error) ||
        !g_spawn_check_wait_status(status, &error)) {
        doctor_add(doctor, GROUP, "program", DOCTOR_FAILED, "'%s': %s: %s", program, error->message,
                   log ? g_strstrip(log) : "");
        return;
    }
    g_auto(GStrv) lines = g_strsplit(output, "\n", 0);
    for (char **line = lines; *line; line++) {
        if (**line && !add_row(doctor, *line))
            doctor_add(doctor, GROUP, "program", DOCTOR_FAILED,
                       "'%s' is of another version than this program", program);
    }
}
