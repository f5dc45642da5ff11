/* SPDX-License-Identifier: Apache-2.0 */
/* The command `doctor`: runs the checks of doctor/ and prints a row for each. */
#include "command.h"
#include "config/etc.h"
#include "doctor/doctor.h"
#include "locate.h"
#include "views/json_out.h"

typedef struct {
    bool all;
    bool json;
} DoctorOptions;

static const CommandOption options[] = {
    {"all", OPTION_FLAG, NULL, offsetof(DoctorOptions, all), "a row for each check"},
    {"json", OPTION_FLAG, NULL, offsetof(DoctorOptions, json), "print one JSON object"},
    {NULL},
};

const CommandUsage usage_doctor = {
    .about = "Checks machine, handlers and bucket by trying: starts real workers in their real\n"
             "sandbox, each of which tries one thing that it must not be able to do, and makes\n"
             "and reads a tiny picture of each type. Changes nothing. Exits 1 if anything fails.\n"
             "Without a bucket the checks that need one are left out.",
    .examples = "thumbq doctor\n"
                "thumbq doctor --json photos",
    .options = options,
    .values_size = sizeof(DoctorOptions),
};

/* Returns true if the user named a bucket: a missing bucket is an error only then. */
static bool is_bucket_meant(const Context *context)
{
    const char *named = g_getenv("THUMBQ_BUCKET");
    if (context->bucket_argument || context->config_path || (named && *named))
        return true;
    g_autofree char *directory = g_get_current_dir();
    g_autofree char *above = locate_bucket_above(ETC_FOLDER, directory);
    return above != NULL;
}

int cmd_doctor(Context *context, GError **error)
{
    const DoctorOptions *chosen = context->options;
    bool has_bucket = is_bucket_meant(context);
    if (has_bucket && !context_open_bucket(context, error))
        return -1;
    g_autoptr(Doctor) doctor = doctor_new();
    doctor_check_machine(doctor);
    doctor_check_handler(doctor);
    if (has_bucket) {
        doctor_check_bucket(doctor, context);
        doctor_check_store(doctor, context);
    } else {
        doctor_check_inotify(doctor, -1);
    }
    doctor_check_gateway(doctor);
    if (chosen->json)
        json_out_print(doctor_json(doctor));
    else
        doctor_print(doctor, chosen->all);
    return doctor_count(doctor, DOCTOR_FAILED) > 0 ? 1 : 0;
}
