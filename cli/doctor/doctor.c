/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "views/json_out.h"
#include "views/terminal.h"

typedef struct {
    const char *group, *name;
    DoctorStatus status;
    char *text;
    char *advice;
} DoctorCheck;

struct Doctor {
    /* Elements of type Check. */
    GArray *checks;
};

static const char *const status_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARNING] = "warning", [DOCTOR_FAILED] = "failed"};

static void clear_check(void *data)
{
    DoctorCheck *check = data;
    g_free(check->text);
    g_free(check->advice);
}

Doctor *doctor_new(void)
{
    Doctor *doctor = g_new(Doctor, 1);
    doctor->checks = g_array_new(FALSE, FALSE, sizeof(DoctorCheck));
    g_array_set_clear_func(doctor->checks, clear_check);
    return doctor;
}

void doctor_free(Doctor *doctor)
{
    g_array_unref(doctor->checks);
    g_free(doctor);
}

void doctor_add(Doctor *doctor, const char *group, const char *name, DoctorStatus status,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    DoctorCheck check = {group, name, status, terminal_safe(text), NULL};
    g_array_append_val(doctor->checks, check);
}

void doctor_advise(Doctor *doctor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    DoctorCheck *check = &g_array_index(doctor->checks, DoctorCheck, doctor->checks->len - 1);
    g_free(check->advice);
    check->advice = terminal_safe(text);
}

static const DoctorCheck *check_at(const Doctor *doctor, guint i)
{
    return &g_array_index(doctor->checks, DoctorCheck, i);
}

unsigned doctor_count(const Doctor *doctor, DoctorStatus status)
{
    unsigned n = 0;
    for (guint i = 0; i < doctor->checks->len; i++)
        n += check_at(doctor, i)->status == status;
    return n;
}

bool doctor_row(const Doctor *doctor, unsigned i, DoctorRow *ret_row)
{
    if (i >= doctor->checks->len)
        return false;
    const DoctorCheck *check = check_at(doctor, i);
    *ret_row = (DoctorRow){check->group, check->name, check->status, check->text, check->advice};
    return true;
}

json_t *doctor_json(const Doctor *doctor)
{
    json_t *rows = json_array();
    for (guint i = 0; i < doctor->checks->len; i++) {
        const DoctorCheck *check = check_at(doctor, i);
        json_t *row = json_object();
        json_object_set_new(row, "group", json_string(check->group));
        json_object_set_new(row, "name", json_string(check->name));
        json_object_set_new(row, "status", json_string(status_names[check->status]));
        json_object_set_new(row, "result", json_value_text(check->text));
        json_object_set_new(row, "advice",
                            check->advice ? json_value_text(check->advice) : json_null());
        json_array_append_new(rows, row);
    }
    json_t *all = json_object();
    json_object_set_new(all, "ok", json_boolean(doctor_count(doctor, DOCTOR_FAILED) == 0));
    json_object_set_new(all, "version", json_string(THUMBQ_VERSION));
    json_object_set_new(all, "checks", rows);
    return all;
}
