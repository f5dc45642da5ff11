#include "doctor.h"

#include "json_out.h"
#include "table.h"
#include "terminal.h"

#include <stdio.h>

typedef struct {
    const char *group, *name;
    DoctorStatus status;
    char *text;
} Check;

struct Doctor {
    GArray *checks; /* Check */
};

static const struct {
    const char *for_json, *for_people;
} status_names[] = {
    [DOCTOR_OK] = {"ok", "ok"},
    [DOCTOR_WARNING] = {"warning", "warning"},
    [DOCTOR_FAILED] = {"failed", "FAILED"},
};

static void clear_check(void *data)
{
    Check *check = data;
    g_free(check->text);
}

Doctor *doctor_new(void)
{
    Doctor *doctor = g_new(Doctor, 1);
    doctor->checks = g_array_new(FALSE, FALSE, sizeof(Check));
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
    Check check = {group, name, status, terminal_safe(text)};
    g_array_append_val(doctor->checks, check);
}

static const Check *check_at(const Doctor *doctor, guint i)
{
    return &g_array_index(doctor->checks, Check, i);
}

unsigned doctor_count(const Doctor *doctor, DoctorStatus status)
{
    unsigned n = 0;
    for (guint i = 0; i < doctor->checks->len; i++)
        n += check_at(doctor, i)->status == status;
    return n;
}

void doctor_print(const Doctor *doctor)
{
    static const TableColumn columns[] = {
        {"GROUP", false}, {"CHECK", false}, {"STATUS", false}, {"RESULT", false}};
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    for (guint i = 0; i < doctor->checks->len; i++) {
        const Check *check = check_at(doctor, i);
        const char *const cells[] = {check->group, check->name,
                                     status_names[check->status].for_people, check->text};
        table_add(table, cells, check->status == DOCTOR_OK ? TABLE_NO_PROBLEM : 2);
    }
    table_print(table);
    g_autofree char *checks = terminal_count(doctor->checks->len, "check", "checks");
    g_autofree char *warnings =
        terminal_count(doctor_count(doctor, DOCTOR_WARNING), "warning", "warnings");
    printf("\n%s: %u ok, %s, %u failed\n", checks, doctor_count(doctor, DOCTOR_OK), warnings,
           doctor_count(doctor, DOCTOR_FAILED));
}

json_t *doctor_json(const Doctor *doctor)
{
    json_t *rows = json_array();
    for (guint i = 0; i < doctor->checks->len; i++) {
        const Check *check = check_at(doctor, i);
        json_t *row = json_object();
        json_object_set_new(row, "group", json_string(check->group));
        json_object_set_new(row, "name", json_string(check->name));
        json_object_set_new(row, "status", json_string(status_names[check->status].for_json));
        json_object_set_new(row, "result", json_out_text(check->text));
        json_array_append_new(rows, row);
    }
    json_t *all = json_object();
    json_object_set_new(all, "ok", json_boolean(doctor_count(doctor, DOCTOR_FAILED) == 0));
    json_object_set_new(all, "version", json_string(THUMBQ_VERSION));
    json_object_set_new(all, "checks", rows);
    return all;
}
